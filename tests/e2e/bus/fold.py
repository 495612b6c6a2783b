"""The fold of a ticket's events: what a consumer knows who has seen every event and nothing else."""

import collections
import dataclasses
import json

from .wire import parse_time

STRINGS = ("workflow_id", "external_id", "created_by_agent_id", "assigned_agent_id", "title", "description",
           "ticket_type", "priority", "status", "parent_ticket_id")
LISTS = ("related_task_ids", "related_ticket_ids", "tags", "blocked_by_ticket_ids")
FLAGS = ("is_blocked", "is_resolved", "is_deleted")
TIMES = ("created_at", "updated_at", "started_at", "completed_at", "resolved_at", "deleted_at")
FIELDS = STRINGS + LISTS + FLAGS + TIMES


@dataclasses.dataclass
class Folded:
    version: int = 0
    fields: dict = dataclasses.field(default_factory=lambda: (
        dict.fromkeys(STRINGS + TIMES) | {name: [] for name in LISTS} | dict.fromkeys(FLAGS, False)))
    comments: dict = dataclasses.field(default_factory=dict)
    commits: dict = dataclasses.field(default_factory=dict)
    edges: set = dataclasses.field(default_factory=set)


def value(name, given):
    return parse_time(given) if name in TIMES else given


def apply(state, message):
    """One event on top of a state; every `before` must be what the state holds."""
    data, where = message.data, f"{message.subject} {message.sequence} {message.type}"
    assert message.sequence == state.version + 1, f"{where}: after version {state.version}"
    state.version += 1
    before, after = data.get("before") or {}, data.get("after") or {}
    for name, given in after.items():
        assert name in FIELDS, f"{where}: unknown field {name}"
        if message.type != "ticket.created":
            assert name in before, f"{where}: {name} has no before"
            held = state.fields[name] if name != "description" else state.fields[name] or ""
            said = value(name, before[name]) if name != "description" else before[name] or ""
            assert held == said, f"{where}: {name} was {held!r}, before says {said!r}"
        state.fields[name] = value(name, given)
    for edge in data.get("dependencies_removed") or []:
        state.edges.remove((edge["depends_on"], edge["dependency_type"]))
    for edge in data.get("dependencies_added") or []:
        pair = (edge["depends_on"], edge["dependency_type"])
        assert pair not in state.edges, f"{where}: {pair} is there already"
        state.edges.add(pair)
    comment = data.get("comment")
    if comment:
        known = state.comments.get(comment["id"])
        assert known == data.get("comment_before"), f"{where}: {known}, before says {data.get('comment_before')}"
        state.comments[comment["id"]] = comment
    commit = data.get("commit")
    if commit:
        sha = commit["commit_sha"]
        assert sha not in state.commits, f"{where}: {sha} is linked already"
        state.commits[sha] = commit
    return state


def fold(messages):
    state = Folded()
    for message in messages:
        apply(state, message)
    return state


def as_text(name, given):
    """A field's value as history keeps it."""
    if given is None:
        return None
    if name in LISTS:
        return list(given)
    if name in FLAGS:
        return "true" if given else "false"
    return value(name, given)


def from_history(name, text):
    if text is None:
        return None
    if name in LISTS:
        return json.loads(text)
    return value(name, text)


class Rows:
    """What Postgres holds of a workflow's tickets, read at once."""

    def __init__(self, db, workflow):
        self.tickets = {r["id"]: r for r in db.rows("SELECT * FROM tickets WHERE workflow_id = %s", workflow)}
        self.comments, self.commits, self.edges, self.history = (
            self._grouped(db, table, order, workflow)
            for table, order in (("ticket_comments", "id"), ("ticket_commits", "id"),
                                 ("ticket_dependencies", "depends_on"), ("ticket_history", "id")))

    @staticmethod
    def _grouped(db, table, order, workflow):
        grouped = collections.defaultdict(list)
        for row in db.rows(f"SELECT r.* FROM {table} r JOIN tickets t ON t.id = r.ticket_id"
                           f" WHERE t.workflow_id = %s ORDER BY r.{order}", workflow):
            grouped[row["ticket_id"]].append(row)
        return grouped


def compare(rows, ticket, messages):
    """Row, comments, commits, edges and history against the fold of the events. Returns the differences."""
    state, wrong = fold(messages), []
    row = rows.tickets[ticket]
    if row["version"] != state.version:
        wrong.append(f"version {row['version']}, events {state.version}")
    for name in FIELDS:
        said = state.fields[name] if name != "description" else state.fields[name] or ""
        if row[name] != said:
            wrong.append(f"{name} is {row[name]!r}, events say {said!r}")
    if row["is_blocked"] != bool(row["blocked_by_ticket_ids"]):
        wrong.append("is_blocked contradicts blocked_by_ticket_ids")
    edges = {(e["depends_on"], e["dependency_type"]) for e in rows.edges[ticket]}
    if edges != state.edges:
        wrong.append(f"edges {sorted(edges)}, events say {sorted(state.edges)}")
    wrong += _compare_comments(rows.comments[ticket], state) + _compare_commits(rows.commits[ticket], state)
    return [f"{ticket}: {text}" for text in wrong + _compare_history(rows.history[ticket], messages)]


def _compare_each(kind, rows, said, key, names, times):
    """Rows of a ticket's own table against what the events say of each."""
    if {r[key] for r in rows} != set(said):
        return [f"{kind}s {sorted(r[key] for r in rows)}, events say {sorted(said)}"]
    wrong = []
    for row in rows:
        event = said[row[key]]
        for name in names + times:
            told = parse_time(event[name]) if name in times else event[name]
            if row[name] != told:
                wrong.append(f"{kind} {row[key]}: {name} is {row[name]!r}, event says {told!r}")
    return wrong


def _compare_comments(rows, state):
    return _compare_each("comment", rows, state.comments, "id",
                         ("agent_id", "comment_text", "comment_type", "mentions", "attachments", "is_edited"),
                         ("created_at", "updated_at"))


def _compare_commits(rows, state):
    return _compare_each("commit", rows, state.commits, "commit_sha",
                         ("id", "agent_id", "commit_message", "files_changed", "insertions", "deletions",
                          "files_list", "link_method"), ("commit_timestamp", "linked_at"))


def _compare_history(rows, messages):
    """One row per changed field; one for a change of no field, and for the creation as a whole."""
    by_version = collections.defaultdict(list)
    for row in rows:
        by_version[row["version"]].append(row)
    wrong = []
    if set(by_version) != {m.sequence for m in messages}:
        wrong.append(f"history has versions {sorted(by_version)}, events {[m.sequence for m in messages]}")
    for message in messages:
        wrong += [f"history of {message.sequence}: {text}" for text in _of_event(by_version[message.sequence], message)]
    return wrong


def _of_event(rows, message):
    data, wrong = message.data, []
    kind = message.type.removeprefix("ticket.")
    changed = set(data.get("after") or {}) - {"updated_at"} if kind != "created" else set()
    fields = [row["field_name"] for row in rows]
    if sorted(map(str, fields)) != sorted(map(str, changed or {None})):
        return [f"{kind} has rows for {sorted(map(str, fields))}, the event changed {sorted(changed)}"]
    for row in rows:
        name = row["field_name"]
        if row["change_type"] != kind or row["agent_id"] != data["agent_id"]:
            wrong.append(f"{row['change_type']} by {row['agent_id']}, event {kind} by {data['agent_id']}")
        if row["changed_at"] != parse_time(data["occurred_at"]):
            wrong.append(f"changed at {row['changed_at']}, event says {data['occurred_at']}")
        for column, side in (("old_value", "before"), ("new_value", "after")) if name else ():
            kept, said = from_history(name, row[column]), as_text(name, data[side][name])
            if kept != said:
                wrong.append(f"{name} {column} {kept!r}, event says {said!r}")
    return wrong
