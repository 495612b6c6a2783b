package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

type command struct {
	ID      string `json:"id"`
	Source  string `json:"source"`
	Type    string `json:"type"`
	Subject string `json:"subject"`
	Actor   string `json:"actor"`
	Data    struct {
		WorkflowID        string   `json:"workflow_id,omitempty"`
		Title             string   `json:"title,omitempty"`
		Description       string   `json:"description,omitempty"`
		TicketType        string   `json:"ticket_type,omitempty"`
		Priority          string   `json:"priority,omitempty"`
		Tags              []string `json:"tags,omitempty"`
		NewStatus         string   `json:"new_status,omitempty"`
		CommentText       string   `json:"comment_text,omitempty"`
		ResolutionComment string   `json:"resolution_comment,omitempty"`
		Updates           *struct {
			Title    string `json:"title"`
			Priority string `json:"priority"`
		} `json:"updates,omitempty"`
	} `json:"data"`
}

type ticket struct {
	id, workflow, status, title, priority string
	version                               int64
	started                               *time.Time
	updated                               time.Time
}

const stamp = "2006-01-02T15:04:05.000000Z"

// turn gathers what one command writes; everything goes out in one round trip.
type turn struct {
	c      *command
	agent  string
	now    time.Time
	batch  pgx.Batch
	outbox strings.Builder
	body   [32]byte
	job    int64
}

type fields map[string]any

func (t *turn) event(kind string, tk *ticket, index, count int, data fields, description string) {
	data["workflow_id"] = tk.workflow
	data["rule"] = kind
	data["agent_id"] = t.agent
	data["occurred_at"] = t.now.Format(stamp)
	data["description"] = description
	body, _ := json.Marshal(map[string]any{
		"specversion": "1.0", "id": "evt-" + uuid.NewSHA1(uuid.NameSpaceURL, []byte(t.c.ID+kind)).String(),
		"source": "/ticketbus/worker", "type": "ticket." + kind, "subject": tk.id, "time": t.now.Format(stamp),
		"datacontenttype": "application/json", "sequence": fmt.Sprint(tk.version), "actor": t.agent,
		"actortype": "worker_agent", "causationid": t.c.ID, "causationsource": t.c.Source, "causationindex": index,
		"causationcount": count, "data": data,
	})
	fmt.Fprintf(&t.outbox, "E %d %d\n%s%s\n", len(tk.id), len(body), tk.id, body)
}

func (t *turn) history(tk *ticket, change string, field, old, new any, description string, metadata any) {
	t.batch.Queue(`INSERT INTO ticket_history (ticket_id, agent_id, change_type, field_name, old_value, new_value,
		change_description, metadata, changed_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		tk.id, t.agent, change, field, old, new, description, metadata, t.now, tk.version)
}

func (t *turn) log(tk *ticket, source, id, kind string) {
	t.batch.Queue(`INSERT INTO command_log (stable_time, source, id, body_hash, topic_partition, record_offset, subject,
		type, actor, outcome, rule, version, applied_at, outbox)
		VALUES ($1, $2, $3, $4, 0, $5, $6, $7, $8, 'applied', 'rule', $9, clock_timestamp(), $10) ON CONFLICT DO NOTHING`,
		t.now, source, id, t.body[:], t.job, tk.id, kind, t.agent, tk.version, t.outbox.String())
	t.outbox.Reset()
}

func (t *turn) comment(tk *ticket, text, kind string, index, count int) {
	id := "comment-" + uuid.NewSHA1(uuid.NameSpaceURL, []byte(t.c.ID)).String()
	tk.version++
	t.batch.Queue(`INSERT INTO ticket_comments (id, ticket_id, agent_id, comment_text, comment_type, created_at)
		VALUES ($1, $2, $3, $4, $5, $6)`, id, tk.id, t.agent, text, kind, t.now)
	t.history(tk, "commented", nil, nil, nil, kind+" comment added", map[string]string{"comment_id": id})
	t.event("commented", tk, index, count, fields{
		"before": fields{"updated_at": tk.updated.Format(stamp)}, "after": fields{"updated_at": t.now.Format(stamp)},
		"comment": fields{"id": id, "agent_id": t.agent, "comment_text": text, "comment_type": kind, "mentions": []int{},
			"attachments": []int{}, "created_at": t.now.Format(stamp), "updated_at": nil, "is_edited": false},
	}, kind+" comment added")
}

func (t *turn) create() {
	d := &t.c.Data
	tk := &ticket{id: t.c.Subject, workflow: d.WorkflowID, version: 1, updated: t.now}
	t.batch.Queue(`INSERT INTO tickets (id, version, workflow_id, created_by_agent_id, title, description, ticket_type,
		priority, status, tags, created_at, updated_at) VALUES ($1, 1, $2, $3, $4, $5, $6, $7, 'todo', $8, $9, $9)`,
		tk.id, d.WorkflowID, t.agent, d.Title, d.Description, d.TicketType, d.Priority, d.Tags, t.now)
	t.history(tk, "created", nil, nil, nil, "created in todo", nil)
	t.event("created", tk, 1, 1, fields{"before": nil, "after": fields{"workflow_id": d.WorkflowID,
		"created_by_agent_id": t.agent, "title": d.Title, "description": d.Description, "ticket_type": d.TicketType,
		"priority": d.Priority, "status": "todo", "tags": d.Tags, "created_at": t.now.Format(stamp),
		"updated_at": t.now.Format(stamp)}}, "created in todo")
	t.log(tk, t.c.Source, t.c.ID, t.c.Type)
}

func (t *turn) changeStatus(tk *ticket) {
	old, new := tk.status, t.c.Data.NewStatus
	tk.version++
	why := "moved from " + old + " to " + new
	before := fields{"status": old, "updated_at": tk.updated.Format(stamp)}
	after := fields{"status": new, "updated_at": t.now.Format(stamp)}
	t.history(tk, "status_changed", "status", old, new, why, nil)
	started := tk.started
	if started == nil && new == "in_progress" {
		started = &t.now
		before["started_at"], after["started_at"] = nil, t.now.Format(stamp)
		t.history(tk, "status_changed", "started_at", nil, t.now.Format(stamp), why, nil)
	}
	t.batch.Queue(`UPDATE tickets SET version = $2, status = $3, started_at = $4, updated_at = $5 WHERE id = $1`,
		tk.id, tk.version, new, started, t.now)
	t.event("status_changed", tk, 1, 1, fields{"before": before, "after": after}, why)
	t.log(tk, t.c.Source, t.c.ID, t.c.Type)
}

func (t *turn) update(tk *ticket) {
	u := t.c.Data.Updates
	tk.version++
	t.batch.Queue(`UPDATE tickets SET version = $2, title = $3, priority = $4, updated_at = $5 WHERE id = $1`,
		tk.id, tk.version, u.Title, u.Priority, t.now)
	t.history(tk, "updated", "title", tk.title, u.Title, "changed title, priority", nil)
	t.history(tk, "updated", "priority", tk.priority, u.Priority, "changed title, priority", nil)
	t.event("updated", tk, 1, 1, fields{
		"before": fields{"title": tk.title, "priority": tk.priority, "updated_at": tk.updated.Format(stamp)},
		"after":  fields{"title": u.Title, "priority": u.Priority, "updated_at": t.now.Format(stamp)},
	}, "changed title, priority")
	t.log(tk, t.c.Source, t.c.ID, t.c.Type)
}

func (t *turn) resolve(tk *ticket, dependents []*ticket) {
	now := t.now.Format(stamp)
	tk.version++
	for _, f := range [][3]any{{"status", tk.status, "done"}, {"is_resolved", "false", "true"},
		{"completed_at", nil, now}, {"resolved_at", nil, now}} {
		t.history(tk, "resolved", f[0], f[1], f[2], "resolved", nil)
	}
	t.event("resolved", tk, 1, 2, fields{
		"before": fields{"status": tk.status, "is_resolved": false, "updated_at": tk.updated.Format(stamp),
			"completed_at": nil, "resolved_at": nil},
		"after": fields{"status": "done", "is_resolved": true, "updated_at": now, "completed_at": now,
			"resolved_at": now}}, "resolved")
	t.comment(tk, t.c.Data.ResolutionComment, "resolution", 2, 2)
	t.batch.Queue(`UPDATE tickets SET version = $2, status = 'done', is_resolved = true, completed_at = $3,
		resolved_at = $3, updated_at = $3 WHERE id = $1`, tk.id, tk.version, t.now)
	t.log(tk, t.c.Source, t.c.ID, t.c.Type)
	t.agent = "ticketbus"
	for _, d := range dependents {
		d.version++
		why := "waits for no other ticket"
		t.batch.Queue(`UPDATE tickets SET version = $2, is_blocked = false, blocked_by_ticket_ids = '[]',
			updated_at = $3 WHERE id = $1`, d.id, d.version, t.now)
		t.history(d, "unblocked", "blocked_by_ticket_ids", `["`+tk.id+`"]`, "[]", why, nil)
		t.history(d, "unblocked", "is_blocked", "true", "false", why, nil)
		t.event("unblocked", d, 1, 1, fields{
			"before": fields{"blocked_by_ticket_ids": []string{tk.id}, "is_blocked": true,
				"updated_at": d.updated.Format(stamp)},
			"after": fields{"blocked_by_ticket_ids": []string{}, "is_blocked": false, "updated_at": now}}, why)
		id := "internal-" + uuid.NewSHA1(uuid.NameSpaceURL, []byte(t.c.ID+d.id)).String()
		t.log(d, "/ticketbus/worker", id, "ticket.recheck")
	}
}

// load locks the command's ticket and, where it is resolved, those it blocks.
func load(ctx context.Context, tx pgx.Tx, c *command) (*ticket, []*ticket, error) {
	const columns = `SELECT id, workflow_id, status, title, priority, version, started_at, updated_at FROM tickets`
	which := ` WHERE id = $1 FOR NO KEY UPDATE`
	if c.Type == "ticket.resolve" {
		which = ` WHERE id = ANY (ARRAY(SELECT ticket_id::text FROM ticket_dependencies WHERE depends_on = $1) || $1::text)
			ORDER BY id FOR NO KEY UPDATE`
	}
	rows, err := tx.Query(ctx, columns+which, c.Subject)
	if err != nil {
		return nil, nil, err
	}
	var subject *ticket
	var dependents []*ticket
	for rows.Next() {
		tk := &ticket{}
		if err := rows.Scan(&tk.id, &tk.workflow, &tk.status, &tk.title, &tk.priority, &tk.version, &tk.started,
			&tk.updated); err != nil {
			return nil, nil, err
		}
		if tk.id == c.Subject {
			subject = tk
		} else {
			dependents = append(dependents, tk)
		}
	}
	return subject, dependents, rows.Err()
}

func apply(ctx context.Context, tx pgx.Tx, c *command, job int64) error {
	t := &turn{c: c, agent: c.Actor, now: time.Now().UTC(), job: job, body: sha256.Sum256([]byte(c.ID + c.Subject))}
	if c.Type == "ticket.create" {
		t.create()
	} else {
		tk, dependents, err := load(ctx, tx, c)
		if err != nil {
			return err
		}
		switch c.Type {
		case "ticket.change_status":
			t.changeStatus(tk)
		case "ticket.update":
			t.update(tk)
		case "ticket.comment":
			t.comment(tk, c.Data.CommentText, "general", 1, 1)
			t.batch.Queue(`UPDATE tickets SET version = $2, updated_at = $3 WHERE id = $1`, tk.id, tk.version, t.now)
			t.log(tk, c.Source, c.ID, c.Type)
		case "ticket.resolve":
			t.resolve(tk, dependents)
		default:
			return fmt.Errorf("no such command: %s", c.Type)
		}
	}
	return tx.SendBatch(ctx, &t.batch).Close()
}
