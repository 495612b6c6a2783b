"""Workers under load: commands on Kafka in, events on Kafka out."""

import itertools
import subprocess
import time
from pathlib import Path

from lib.stack import Meter, cpu_of
from lib.workload import SOURCE, Workload

PARTITIONS = 8
serial = itertools.count(1)


class Run:
    """Topics, a group and a database of its own, and worker processes on them."""

    def __init__(self, stack, database):
        self.stack = stack
        self.database = database
        self.name = f"bench-{int(time.time())}-{next(serial)}"
        self.commands = self.name + ".commands"
        self.events = self.name + ".events"
        self.workers = []
        self.env = {
            **stack.env,
            "DB_NAME": database,
            "TICKETBUS_TOPIC_COMMANDS": self.commands,
            "TICKETBUS_TOPIC_EVENTS": self.events,
            "TICKETBUS_TOPIC_DLQ": self.name + ".dlq",
            "TICKETBUS_WORKER_GROUP": self.name,
        }
        stack.bench("topic", self.commands, PARTITIONS)
        # The broker's clock tells when each event was there; nobody needs to watch meanwhile.
        stack.bench("topic", self.events, PARTITIONS, "message.timestamp.type=LogAppendTime")
        stack.bench("topic", self.name + ".dlq", 1)

    def produce(self, path):
        self.stack.bench("produce", self.commands, path)

    def start(self, n, **settings):
        log = self.stack.state / "log/bench-worker.log"
        for _ in range(n):
            with log.open("a") as out:
                worker = subprocess.Popen(
                    [self.stack.program("ticketbus-worker")], env={**self.env, **settings}, stderr=out
                )
            self.workers.append(worker)

    def progress(self):
        rows = self.stack.sql_rows(
            "SELECT COALESCE(sum(next_offset), 0), COALESCE(sum(published_offset), 0) FROM partition_watermarks"
            f" WHERE topic = '{self.commands}'",
            self.database,
        )
        return int(rows[0][0]), int(rows[0][1])

    def settle(self, seconds=60):
        """Waits until every partition is claimed and none has changed hands for a while."""
        deadline = time.monotonic() + seconds
        last, since = None, time.monotonic()
        while time.monotonic() < deadline:
            rows = self.stack.sql_rows(
                "SELECT count(*) FILTER (WHERE owner_epoch > 0), sum(owner_epoch) FROM partition_watermarks"
                f" WHERE topic = '{self.commands}'",
                self.database,
            )
            if rows != last:
                last, since = rows, time.monotonic()
            if rows[0][0] == str(PARTITIONS) and time.monotonic() - since > 3:
                return
            time.sleep(0.25)
        raise SystemExit("the workers do not settle; see log/bench-worker.log")

    def wait(self, records, seconds=180):
        deadline = time.monotonic() + seconds
        while self.progress()[1] < records:
            if time.monotonic() > deadline:
                raise SystemExit(f"{self.progress()} of {records} records after {seconds} s; see the worker's log")
            if any(worker.poll() is not None for worker in self.workers):
                raise SystemExit("a worker has ended; see log/bench-worker.log")
            time.sleep(0.5)  # each look costs a connection

    def rss_mb(self):
        """The most any worker ever held in memory."""
        peaks = []
        for worker in self.workers:
            status = Path(f"/proc/{worker.pid}/status").read_text()
            peaks.append(int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]))
        return round(max(peaks) / 1024, 1)

    def worker_cpu(self):
        return sum(cpu_of(worker.pid)[0] for worker in self.workers)

    def stop(self):
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.wait(30)
        self.workers = []

    def events_seen(self):
        return self.stack.bench("scan", self.events, SOURCE)


def throughput(stack, database, tickets, commands, workers, hot=False, delayed=False):
    """One measurement: the workers are up, then all commands are sent at once. The rate is that of the last 95 % of the
    commands, by the broker's clock, to the last event of all."""
    run = Run(stack, database)
    load = Workload(tickets, next(serial))
    messages = load.hot(commands) if hot else load.mixed(commands)
    path = load.write(stack.state / "commands.txt", messages)
    if delayed:
        stack.sql_file(Path(__file__).parent.parent / "sql/slow_commit.sql", database)
    run.start(workers)
    run.settle()
    with Meter(stack) as meter:
        run.produce(path)
        run.wait(commands + load.resolved)
    cpu, rss = run.worker_cpu(), run.rss_mb()
    run.stop()
    seen = run.events_seen()
    refused = {kind: n for kind, n in seen["types"].items() if kind.startswith("command.")}
    if seen["commands"] != commands or seen["repeats"] or refused:
        raise SystemExit(f"{commands} commands, but the events say {seen}")
    begin = seen["done_us"][1]
    return {
        "commands_per_s": round(commands * 0.95 / ((seen["last_us"] - begin) / 1e6), 1),
        "workers": workers,
        "events": seen["records"],
        "published_again": seen["again"],
        "event_bytes": round(seen["bytes"] / seen["records"]),
        "cpu_us_per_command": {
            "worker": round(cpu / commands * 1e6, 1),
            "postgres": round(meter.postgres / commands * 1e6, 1),
            "kafka": round(meter.kafka / commands * 1e6, 1),
        },
        "wal_bytes_per_command": round(meter.wal / commands),
        "rss_mb": rss,
        "counts": load.counts,
    }
