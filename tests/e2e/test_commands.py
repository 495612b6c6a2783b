"""What every command does when nothing stands in its way: events, row, history, comments, commits, times.

Each test ends with the comparison of rows, history and events (fixture `flow`)."""

from bus.boards import board
from bus.wire import Command, new_ticket, parse_time, uuid7


def history(flow, ticket, change_type):
    return flow.bus.db.rows(
        "SELECT field_name, old_value, new_value, agent_id FROM ticket_history"
        " WHERE ticket_id = %s AND change_type = %s ORDER BY id", ticket, change_type)


def comments(flow, ticket):
    return flow.bus.db.rows("SELECT * FROM ticket_comments WHERE ticket_id = %s ORDER BY created_at, id", ticket)


def test_board_put_and_replaced(make_flow):
    flow = make_flow(board=board(transitions={"todo": ["doing"]}))
    row = flow.bus.db.row("SELECT * FROM board_configs WHERE workflow_id = %s", flow.id)
    assert row["version"] == 1 and row["initial_status"] == "todo" and row["default_ticket_type"] == "task"
    assert [c["id"] for c in row["columns"]] == ["todo", "doing", "review", "done"]
    assert row["settings"]["transitions"] == {"todo": ["doing"]}
    assert flow.put_board(board("Renamed")).last.sequence == 2
    flow.unchanged("board.put", flow.id, board("Renamed"))
    after = flow.bus.db.row("SELECT * FROM board_configs WHERE workflow_id = %s", flow.id)
    assert (after["id"], after["version"], after["name"]) == (row["id"], 2, "Renamed")


def test_create_with_everything(flow):
    parent, related, blocker = flow.create("Parent"), flow.create("Related"), flow.create("Blocker")
    ticket = flow.create(
        "Überall ein Titel — 日本語 🎫", description="Zeile\nZwei\t\"quoted\" \\ \u0007", ticket_type="bug", priority="high",
        initial_status="doing", assigned_agent_id="agent-a", parent_ticket_id=parent,
        blocked_by_ticket_ids=[blocker], tags=["ui", "größe"], related_task_ids=["task-1"],
        related_ticket_ids=[related], external_id="JIRA-7")
    row = flow.row(ticket)
    assert row["title"] == "Überall ein Titel — 日本語 🎫" and row["description"] == "Zeile\nZwei\t\"quoted\" \\ \u0007"
    assert (row["ticket_type"], row["priority"], row["status"]) == ("bug", "high", "doing")
    assert row["parent_ticket_id"] == parent and row["tags"] == ["ui", "größe"]
    assert row["related_ticket_ids"] == [related] and row["related_task_ids"] == ["task-1"]
    assert row["blocked_by_ticket_ids"] == [blocker] and row["is_blocked"]
    assert row["created_by_agent_id"] == "agent-test" and row["assigned_agent_id"] == "agent-a"
    assert row["started_at"] is not None and row["external_id"] == "JIRA-7"
    assert [m.type for m in flow.events(ticket)] == ["ticket.created", "ticket.dependency_added", "ticket.blocked"]


def test_create_with_defaults_and_derived_subject(flow):
    command = Command("ticket.create", {"workflow_id": flow.id, "title": "No subject", "initial_status": None})
    outcome = flow.bus.events.outcome(flow.bus.publisher.send(command))
    assert outcome.types == ["ticket.created"] and outcome.last.subject == f"ticket-{command.id}"
    row = flow.row(outcome.last.subject)
    assert (row["status"], row["ticket_type"], row["priority"]) == ("todo", "task", "medium")
    assert (row["version"], row["started_at"], row["completed_at"], row["is_blocked"]) == (1, None, None, False)
    assert row["created_at"] == row["updated_at"]


def test_event_carries_the_command_s_attributes(flow):
    extra = {"correlationid": "job-1", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
             "fleet": "north"}
    command = flow.create_command("Traced", command={"extra": extra})
    command.data["rationale"] = "because the plan says so"
    event = flow.bus.events.outcome(flow.bus.publisher.send(command)).last.event
    assert event["specversion"] == "1.0" and event["source"] == "/ticketbus/worker"
    assert event["actor"] == "agent-test" and event["actortype"] == "worker_agent"
    assert event["sequence"] == "1" and event["causationid"] == command.id
    assert (int(event["causationindex"]), int(event["causationcount"])) == (1, 1)
    assert event["correlationid"] == "job-1" and event["traceparent"] == extra["traceparent"]
    assert event["fleet"] == "north"
    assert event["data"]["workflow_id"] == flow.id and event["data"]["rule"] == "create.created"
    assert event["data"]["rationale"] == "because the plan says so"
    assert abs((parse_time(event["time"]) - parse_time(command.time)).total_seconds()) < 60


def test_update_records_each_field(flow):
    parent, ticket = flow.create("Parent"), flow.create("Before", description="old text", tags=["a"])
    outcome = flow.applied("ticket.update", ticket, {
        "updates": {"title": "After", "description": "new text", "ticket_type": "bug", "priority": "low",
                    "assigned_agent_id": "agent-b", "parent_ticket_id": parent, "tags": ["a", "b"],
                    "related_task_ids": ["t1", "t2"], "related_ticket_ids": [parent]},
        "update_comment": "reworked", "commit_sha": "abc123"})
    assert outcome.types == ["ticket.updated", "ticket.commented", "ticket.commit_linked"]
    changed = {h["field_name"]: (h["old_value"], h["new_value"]) for h in history(flow, ticket, "updated")}
    assert changed["title"] == ("Before", "After") and changed["description"] == ("old text", "new text")
    assert changed["assigned_agent_id"] == (None, "agent-b") and changed["parent_ticket_id"] == (None, parent)
    assert set(changed) == {"title", "description", "ticket_type", "priority", "assigned_agent_id",
                            "parent_ticket_id", "tags", "related_task_ids", "related_ticket_ids"}
    assert [(c["comment_text"], c["comment_type"], c["agent_id"]) for c in comments(flow, ticket)] == [
        ("reworked", "update", "agent-test")]
    linked = flow.bus.db.row("SELECT * FROM ticket_commits WHERE ticket_id = %s", ticket)
    assert (linked["commit_sha"], linked["link_method"]) == ("abc123", "update")


def test_update_of_equal_values_changes_nothing(flow):
    ticket = flow.create("Same", tags=["x"])
    outcome = flow.unchanged("ticket.update", ticket, {"updates": {"title": "Same", "tags": ["x"]}})
    assert outcome.rule == "update.unchanged" and flow.version(ticket) == 1


def test_update_to_null_clears(flow):
    parent = flow.create("Parent")
    ticket = flow.create("Child", parent_ticket_id=parent, assigned_agent_id="agent-a")
    flow.applied("ticket.update", ticket, {"updates": {"parent_ticket_id": None, "assigned_agent_id": None}})
    row = flow.row(ticket)
    assert row["parent_ticket_id"] is None and row["assigned_agent_id"] is None


def test_status_and_its_times(flow):
    ticket = flow.create()
    outcome = flow.applied("ticket.change_status", ticket, {"new_status": "doing", "comment": "go", "commit_sha": "c0ffee"})
    assert outcome.types == ["ticket.status_changed", "ticket.commented", "ticket.commit_linked"]
    started = flow.row(ticket)["started_at"]
    assert started is not None
    assert comments(flow, ticket)[0]["comment_type"] == "status_change"
    flow.applied("ticket.change_status", ticket, {"new_status": "review"})
    assert flow.row(ticket)["started_at"] == started, "only the first entry counts"
    flow.applied("ticket.change_status", ticket, {"new_status": "done"})
    assert flow.row(ticket)["completed_at"] is not None and not flow.row(ticket)["is_resolved"]
    flow.applied("ticket.change_status", ticket, {"new_status": "todo"})
    row = flow.row(ticket)
    assert row["completed_at"] is None and row["started_at"] == started
    moves = [(h["old_value"], h["new_value"]) for h in history(flow, ticket, "status_changed") if h["field_name"] == "status"]
    assert moves == [("todo", "doing"), ("doing", "review"), ("review", "done"), ("done", "todo")]


def test_status_it_has_already(flow):
    ticket = flow.create()
    assert flow.unchanged("ticket.change_status", ticket, {"new_status": "todo"}).rule == "status.unchanged"


def test_comment_with_mentions_and_attachments_then_edited(flow):
    ticket = flow.create()
    made = flow.applied("ticket.comment", ticket, {
        "comment_text": "Look here", "comment_type": "review", "mentions": ["agent-b", "agent-c"],
        "attachments": ["logs/a.txt"]})
    assert made.types == ["ticket.commented"]
    row = comments(flow, ticket)[0]
    assert row["id"].startswith("comment-") and row["comment_type"] == "review"
    assert (row["mentions"], row["attachments"], row["is_edited"]) == (["agent-b", "agent-c"], ["logs/a.txt"], False)
    flow.applied("ticket.edit_comment", ticket, {"comment_id": row["id"], "comment_text": "Look there", "mentions": []})
    edited = comments(flow, ticket)[0]
    assert edited["comment_text"] == "Look there" and edited["is_edited"] and edited["updated_at"] is not None
    assert edited["mentions"] == [] and edited["attachments"] == ["logs/a.txt"] and edited["created_at"] == row["created_at"]
    flow.unchanged("ticket.edit_comment", ticket, {"comment_id": row["id"], "comment_text": "Look there"})
    flow.applied("ticket.edit_comment", ticket, {"comment_id": row["id"], "comment_text": "By an admin"}, actor="agent-admin")
    assert comments(flow, ticket)[0]["agent_id"] == "agent-test", "an edit does not change the author"


def test_assign_and_unassign(flow):
    ticket = flow.create()
    flow.applied("ticket.assign", ticket, {"assigned_agent_id": "agent-a"})
    assert flow.row(ticket)["assigned_agent_id"] == "agent-a"
    flow.unchanged("ticket.assign", ticket, {"assigned_agent_id": "agent-a", "exclusive": True})
    flow.applied("ticket.assign", ticket, {}, actor="agent-self")
    assert flow.row(ticket)["assigned_agent_id"] == "agent-self"
    flow.applied("ticket.unassign", ticket)
    assert flow.row(ticket)["assigned_agent_id"] is None
    flow.unchanged("ticket.unassign", ticket)


def test_link_commit_once(flow):
    ticket, sha = flow.create(), "f" * 40
    data = {"commit_sha": sha, "commit_message": "Fix it", "commit_timestamp": "2026-01-02T03:04:05Z",
            "files_changed": 2, "insertions": 10, "deletions": 3, "files_list": ["a.c", "b.c"]}
    flow.applied("ticket.link_commit", ticket, data)
    row = flow.bus.db.row("SELECT * FROM ticket_commits WHERE ticket_id = %s", ticket)
    assert (row["commit_sha"], row["commit_message"], row["link_method"]) == (sha, "Fix it", "manual")
    assert (row["files_changed"], row["insertions"], row["deletions"], row["files_list"]) == (2, 10, 3, ["a.c", "b.c"])
    assert row["commit_timestamp"] == parse_time("2026-01-02T03:04:05Z") and row["id"].startswith("tc-")
    assert flow.unchanged("ticket.link_commit", ticket, data | {"commit_message": "again"}).rule == "commit.unchanged"
    outcome = flow.applied("ticket.resolve", ticket, {"resolution_comment": "done", "commit_sha": sha})
    assert "ticket.commit_linked" not in outcome.types


def test_resolve_and_reopen(flow):
    ticket = flow.create()
    outcome = flow.applied("ticket.resolve", ticket, {"resolution_comment": "fixed in 1.2", "commit_sha": "abcdef"})
    assert outcome.types == ["ticket.resolved", "ticket.commented", "ticket.commit_linked"]
    row = flow.row(ticket)
    assert row["status"] == "done" and row["is_resolved"] and row["resolved_at"] and row["completed_at"]
    assert comments(flow, ticket)[0]["comment_type"] == "resolution"
    assert flow.bus.db.value("SELECT link_method FROM ticket_commits WHERE ticket_id = %s", ticket) == "resolve"
    outcome = flow.applied("ticket.reopen", ticket, {"new_status": "review", "comment": "not quite"})
    assert outcome.types == ["ticket.reopened", "ticket.commented"]
    row = flow.row(ticket)
    assert (row["status"], row["is_resolved"], row["resolved_at"], row["completed_at"]) == ("review", False, None, None)
    flow.applied("ticket.resolve", ticket, {"resolution_comment": "now"})
    flow.applied("ticket.reopen", ticket)
    assert flow.row(ticket)["status"] == "todo", "the board's initial column when none is named"


def test_delete_and_restore(flow):
    ticket = flow.create("To be deleted")
    flow.applied("ticket.delete", ticket)
    row = flow.row(ticket)
    assert row["is_deleted"] and row["deleted_at"] is not None and row["title"] == "To be deleted"
    flow.applied("ticket.restore", ticket)
    row = flow.row(ticket)
    assert not row["is_deleted"] and row["deleted_at"] is None and row["version"] == 3


def test_block_and_unblock(flow):
    a, b, ticket = flow.create("A"), flow.create("B"), flow.create()
    outcome = flow.applied("ticket.block", ticket, {"blocked_by_ticket_ids": [a, b]})
    assert outcome.types == ["ticket.dependency_added", "ticket.blocked"]
    assert sorted(flow.row(ticket)["blocked_by_ticket_ids"]) == sorted([a, b])
    flow.unchanged("ticket.block", ticket, {"blocked_by_ticket_ids": [a]})
    outcome = flow.applied("ticket.unblock", ticket, {"blocked_by_ticket_ids": [a]})
    assert outcome.types == ["ticket.dependency_removed", "ticket.blockers_changed"]
    outcome = flow.applied("ticket.update", ticket, {"updates": {"blocked_by_ticket_ids": []}})
    assert outcome.types == ["ticket.dependency_removed", "ticket.unblocked"]
    row = flow.row(ticket)
    assert not row["is_blocked"] and row["blocked_by_ticket_ids"] == []


def test_link_and_unlink(flow):
    other, ticket = flow.create("Other"), flow.create()
    edges = [{"depends_on": other, "dependency_type": "related"}, {"depends_on": other, "dependency_type": "discovered-from"}]
    assert flow.applied("ticket.link", ticket, {"dependencies": edges}).types == ["ticket.dependency_added"]
    assert not flow.row(ticket)["is_blocked"]
    flow.unchanged("ticket.link", ticket, {"dependencies": edges[:1]})
    assert flow.applied("ticket.unlink", ticket, {"dependencies": edges[:1]}).types == ["ticket.dependency_removed"]
    left = flow.bus.db.rows("SELECT dependency_type FROM ticket_dependencies WHERE ticket_id = %s", ticket)
    assert [r["dependency_type"] for r in left] == ["discovered-from"]


def test_import_sets_what_was(flow):
    ticket = new_ticket()
    data = {"workflow_id": flow.id, "title": "Old", "status": "done", "ticket_type": "bug", "priority": "low",
            "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-02-02T00:00:00Z",
            "resolved_at": "2020-02-01T00:00:00Z", "is_resolved": True, "created_by_agent_id": "someone",
            "agent_id": "someone", "external_id": "OLD-1", "comment_key": "c1", "comment_text": "A remark"}
    outcome = flow.applied("ticket.import", ticket, data, actortype="system")
    assert outcome.types == ["ticket.created", "ticket.commented"]
    row = flow.row(ticket)
    assert row["created_at"] == parse_time("2020-01-01T00:00:00Z") and row["resolved_at"] == parse_time("2020-02-01T00:00:00Z")
    assert row["is_resolved"] and row["external_id"] == "OLD-1" and row["created_by_agent_id"] == "someone"
    flow.unchanged("ticket.import", ticket, data, actortype="system")
    changed = data | {"status": "todo", "is_resolved": False, "resolved_at": None, "updated_at": "2020-03-03T00:00:00Z"}
    assert flow.applied("ticket.import", ticket, changed, actortype="system").types == ["ticket.imported"]
    assert flow.row(ticket)["status"] == "todo" and len(comments(flow, ticket)) == 1


def test_expected_version(flow):
    ticket = flow.create()
    flow.applied("ticket.comment", ticket, {"comment_text": "one"}, extra={"expectedversion": 1})
    assert flow.rejected("ticket.comment", ticket, {"comment_text": "two"}, extra={"expectedversion": 1}) == (
        "version_conflict", "expectedversion")
    flow.applied("ticket.comment", ticket, {"comment_text": "two"}, extra={"expectedversion": 2})


def test_many_commands_of_one_ticket_in_order(flow):
    """Sent without waiting, several fall into one batch; each sees what the one before it did."""
    ticket = new_ticket()
    sent = [flow.bus.publisher.send(flow.create_command("Busy", ticket))]
    for n in range(100):
        sent.append(flow.send("ticket.update", ticket, {"updates": {"title": f"Title {n}"}}))
    for command in sent:
        assert flow.bus.events.outcome(command).kind == "applied"
    titles = [(h["old_value"], h["new_value"]) for h in history(flow, ticket, "updated")]
    assert titles == [(f"Title {n - 1}" if n else "Busy", f"Title {n}") for n in range(100)]
    assert flow.version(ticket) == 101


def test_id_that_is_no_uuid_and_no_time(flow):
    command = flow.create_command("Plain id", command={"id": f"job 17/create {uuid7()}", "time": None})
    assert flow.bus.events.outcome(flow.bus.publisher.send(command)).kind == "applied"
