// The same work as River jobs: every command is a job, its worker writes the rows the commands' worker writes, and the
// job completes in the same transaction. Nothing is published: the log row that holds the events is where it ends.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

type commandArgs struct {
	Command command `json:"command"`
}

func (commandArgs) Kind() string { return "ticket_command" }

type commandWorker struct {
	river.WorkerDefaults[commandArgs]
	pool *pgxpool.Pool
	done *atomic.Int64
}

func (w *commandWorker) Work(ctx context.Context, job *river.Job[commandArgs]) error {
	tx, err := w.pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(ctx)
	if err := apply(ctx, tx, &job.Args.Command, job.ID); err != nil {
		return err
	}
	if _, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	w.done.Add(1)
	return nil
}

func read(path string) ([]river.InsertManyParams, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var jobs []river.InsertManyParams
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	for lines.Scan() {
		_, body, _ := strings.Cut(lines.Text(), "\t")
		var c command
		if err := json.Unmarshal([]byte(body), &c); err != nil {
			return nil, err
		}
		jobs = append(jobs, river.InsertManyParams{Args: commandArgs{Command: c}})
	}
	return jobs, lines.Err()
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(usage.Utime) + seconds(usage.Stime)
}

func run(ctx context.Context, file string, workers int) error {
	address := fmt.Sprintf("postgres://%s:%s@%s:%s/%s?pool_max_conns=%d", os.Getenv("DB_USER"),
		os.Getenv("DB_PASSWORD"), os.Getenv("DB_HOST"), os.Getenv("DB_PORT"), os.Getenv("DB_NAME"), min(workers, 40)+4)
	pool, err := pgxpool.New(ctx, address)
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	jobs, err := read(file)
	if err != nil {
		return err
	}
	var done atomic.Int64
	registry := river.NewWorkers()
	river.AddWorker(registry, &commandWorker{pool: pool, done: &done})
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		FetchCooldown:     time.Millisecond,
		FetchPollInterval: 20 * time.Millisecond,
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}},
		Workers:           registry,
		Logger:            slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	for i := 0; i < len(jobs); i += 1000 {
		if _, err := client.InsertManyFast(ctx, jobs[i:min(i+1000, len(jobs))]); err != nil {
			return err
		}
	}
	// Only working the jobs counts, not bringing them in.
	cpu := cpuSeconds()
	if err := client.Start(ctx); err != nil {
		return err
	}
	skip := int64(len(jobs) / 20)
	var begin time.Time
	for done.Load() < int64(len(jobs)) {
		if begin.IsZero() && done.Load() >= skip {
			begin = time.Now()
			skip = done.Load()
		}
		time.Sleep(time.Millisecond)
	}
	rate := float64(int64(len(jobs))-skip) / time.Since(begin).Seconds()
	cpu = cpuSeconds() - cpu
	stop, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := client.Stop(stop); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{"commands_per_s": rate, "cpu_s": cpu})
}

func main() {
	file := flag.String("file", "", "commands, one a line: key, tab, message")
	workers := flag.Int("workers", 100, "jobs worked at once")
	flag.Parse()
	if err := run(context.Background(), *file, *workers); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
