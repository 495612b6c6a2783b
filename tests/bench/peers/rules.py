"""The rules of the load in Python, as little as they can be: from a command and its tickets to rows and events."""

import hashlib
import json
import uuid
from datetime import datetime, timezone


class Changes:
    """What a transaction writes, and publishes once it is committed."""

    def __init__(self):
        self.created = []  # rows of tickets
        self.tickets = {}  # id -> row, changed
        self.history = []
        self.comments = []
        self.log = []
        self.messages = []  # key, value


def spelled(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else None


def value(v):
    return spelled(v) if isinstance(v, datetime) else v


class Turn:
    """One command's turn."""

    def __init__(self, changes, command, raw, partition, offset):
        self.changes = changes
        self.command = command
        self.raw = raw
        self.place = (partition, offset)
        self.now = datetime.now(timezone.utc)
        self.agent = command["actor"]
        self.frames = []

    def event(self, kind, ticket, index, count, data, description):
        event = {
            "specversion": "1.0",
            "id": f"evt-{uuid.uuid5(uuid.NAMESPACE_URL, self.command['id'] + kind + str(index))}",
            "source": "/ticketbus/worker",
            "type": f"ticket.{kind}",
            "subject": ticket["id"],
            "time": spelled(self.now),
            "datacontenttype": "application/json",
            "sequence": str(ticket["version"]),
            "actor": self.agent,
            "actortype": self.command.get("actortype"),
            "causationid": self.command["id"],
            "causationsource": self.command["source"],
            "causationindex": index,
            "causationcount": count,
            "data": {
                "workflow_id": ticket["workflow_id"],
                "rule": kind,
                **data,
                "agent_id": self.agent,
                "occurred_at": spelled(self.now),
                "description": description,
            },
        }
        body = json.dumps(event, separators=(",", ":"))
        self.frames.append(f"E {len(ticket['id'])} {len(body)}\n{ticket['id']}{body}\n")
        self.changes.messages.append((ticket["id"], body))

    def record(self, ticket, change, field=None, old=None, new=None, description=None, metadata=None):
        self.changes.history.append(
            (ticket["id"], self.agent, change, field, value(old), value(new), description, metadata, self.now,
             ticket["version"])
        )  # fmt: skip

    def change(self, ticket, kind, fields, description, index=1, count=1):
        """One event that sets fields, a row of history for each."""
        before = {name: value(ticket[name]) for name in (*fields, "updated_at")}
        old = {name: ticket[name] for name in fields}
        ticket.update(fields, updated_at=self.now, version=ticket["version"] + 1)
        after = {name: value(ticket[name]) for name in before}
        self.changes.tickets[ticket["id"]] = ticket
        for name in fields:
            as_text = [json.dumps(v) if isinstance(v, (bool, list)) else v for v in (old[name], ticket[name])]
            self.record(ticket, kind, name, *as_text, description)
        self.event(kind, ticket, index, count, {"before": before, "after": after}, description)

    def comment(self, ticket, text, kind, index=1, count=1):
        comment_id = f"comment-{uuid.uuid5(uuid.NAMESPACE_URL, self.command['id'])}"
        before = {"updated_at": value(ticket["updated_at"])}
        ticket.update(updated_at=self.now, version=ticket["version"] + 1)
        self.changes.tickets[ticket["id"]] = ticket
        self.changes.comments.append((comment_id, ticket["id"], self.agent, text, kind, self.now))
        self.record(
            ticket, "commented", description=f"{kind} comment added", metadata=json.dumps({"comment_id": comment_id})
        )
        data = {
            "before": before,
            "after": {"updated_at": spelled(self.now)},
            "comment": {
                "id": comment_id, "agent_id": self.agent, "comment_text": text, "comment_type": kind, "mentions": [],
                "attachments": [], "created_at": spelled(self.now), "updated_at": None, "is_edited": False,
            },
        }  # fmt: skip
        self.event("commented", ticket, index, count, data, f"{kind} comment added")

    def logged(self, ticket, source=None, command_id=None, kind=None):
        self.changes.log.append(
            (self.now, source or self.command["source"], command_id or self.command["id"],
             hashlib.sha256(self.raw).digest(), *self.place, ticket["id"], kind or self.command["type"], self.agent,
             "applied", "rule", ticket["version"], "".join(self.frames))
        )  # fmt: skip
        self.frames = []


def create(turn):
    data = turn.command["data"]
    ticket = {
        "id": turn.command["subject"], "version": 1, "workflow_id": data["workflow_id"],
        "created_by_agent_id": turn.agent, "title": data["title"], "description": data.get("description", ""),
        "ticket_type": data["ticket_type"], "priority": data["priority"], "status": "todo",
        "tags": json.dumps(data["tags"]), "created_at": turn.now, "updated_at": turn.now,
    }  # fmt: skip
    turn.changes.created.append(ticket)
    turn.record(ticket, "created", description="created in todo")
    after = {name: value(v) for name, v in ticket.items() if name != "tags"} | {"tags": data["tags"]}
    turn.event("created", ticket, 1, 1, {"before": None, "after": after}, "created in todo")
    turn.logged(ticket)


def change_status(turn, ticket):
    new = turn.command["data"]["new_status"]
    fields = {"status": new}
    if ticket["started_at"] is None and new == "in_progress":
        fields["started_at"] = turn.now
    turn.change(ticket, "status_changed", fields, f"moved from {ticket['status']} to {new}")
    turn.logged(ticket)


def update(turn, ticket):
    updates = turn.command["data"]["updates"]
    turn.change(ticket, "updated", updates, f"changed {', '.join(updates)}")
    turn.logged(ticket)


def comment(turn, ticket):
    turn.comment(ticket, turn.command["data"]["comment_text"], "general")
    turn.logged(ticket)


def resolve(turn, ticket, dependents):
    done = {"status": "done", "is_resolved": True, "completed_at": turn.now, "resolved_at": turn.now}
    turn.change(ticket, "resolved", done, "resolved", 1, 2)
    turn.comment(ticket, turn.command["data"]["resolution_comment"], "resolution", 2, 2)
    turn.logged(ticket)
    turn.agent = "ticketbus"
    for dependent in dependents:
        turn.change(
            dependent, "unblocked", {"blocked_by_ticket_ids": [], "is_blocked": False}, "waits for no other ticket"
        )
        internal = f"internal-{uuid.uuid5(uuid.NAMESPACE_URL, turn.command['id'] + dependent['id'])}"
        turn.logged(dependent, "/ticketbus/worker", internal, "ticket.recheck")


def apply(turn, tickets, edges):
    """tickets: id -> row; edges: blocker -> ids of those it blocks."""
    kind = turn.command["type"].removeprefix("ticket.")
    if kind == "create":
        create(turn)
    elif kind == "resolve":
        subject = turn.command["subject"]
        resolve(turn, tickets[subject], [tickets[i] for i in edges.get(subject, [])])
    else:
        {"change_status": change_status, "update": update, "comment": comment}[kind](
            turn, tickets[turn.command["subject"]]
        )
