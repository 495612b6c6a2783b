"""Refusals over the wire: code, field, a sentence, and nothing changed; and rules that hold under concurrency."""

import pytest

from bus.boards import board, limited
from bus.wire import new_ticket


def test_without_a_board(make_flow):
    flow = make_flow(board=False)
    outcome = flow.bus.events.outcome(flow.start_create())
    assert (outcome.code, outcome.field) == ("board_not_found", "workflow_id")


@pytest.mark.parametrize("fields, code, field", [
    ({"initial_status": "nowhere"}, "unknown_status", "initial_status"),
    ({"ticket_type": "saga"}, "unknown_ticket_type", "ticket_type"),
    ({"priority": "urgent"}, "unknown_priority", "priority"),
    ({"title": ""}, "validation_failed", "title"),
    ({"title": "x" * 501}, "validation_failed", "title"),
    ({"tags": ["ok", ""]}, "validation_failed", "tags[1]"),
    ({"colour": "red"}, "validation_failed", "colour"),
    ({"parent_ticket_id": "ticket-7"}, "validation_failed", "parent_ticket_id"),
])
def test_create_refused(flow, fields, code, field):
    outcome = flow.bus.events.outcome(flow.start_create(**{"title": "T"} | fields))
    assert (outcome.kind, outcome.code) == ("rejected", code), str(outcome)
    assert outcome.field.removeprefix("data.") == field, str(outcome)


def test_create_twice(flow):
    ticket = flow.create()
    assert flow.rejected("ticket.create", ticket, {"workflow_id": flow.id, "title": "Again"}) == ("ticket_exists", None)


@pytest.mark.parametrize("kind, data", [
    ("ticket.update", {"updates": {"title": "x"}}),
    ("ticket.change_status", {"new_status": "doing"}),
    ("ticket.comment", {"comment_text": "x"}),
    ("ticket.assign", {}),
    ("ticket.resolve", {"resolution_comment": "x"}),
    ("ticket.reopen", {}),
    ("ticket.delete", {}),
    ("ticket.restore", {}),
    ("ticket.block", {"blocked_by_ticket_ids": [new_ticket()]}),
    ("ticket.link_commit", {"commit_sha": "abc"}),
])
def test_unknown_ticket(flow, kind, data):
    assert flow.rejected(kind, new_ticket(), data)[0] == "ticket_not_found"


def test_deleted_ticket_takes_restore_only(flow):
    ticket = flow.create()
    flow.applied("ticket.delete", ticket)
    assert flow.rejected("ticket.comment", ticket, {"comment_text": "x"})[0] == "ticket_deleted"
    assert flow.rejected("ticket.delete", ticket)[0] == "ticket_deleted"
    flow.applied("ticket.restore", ticket)
    assert flow.rejected("ticket.restore", ticket)[0] == "ticket_not_deleted"


def test_status_rules(make_flow):
    flow = make_flow(board=board(transitions={"todo": ["doing"], "doing": ["review", "todo"]},
                                 require_comment_on_status_change=True))
    ticket = flow.create()
    assert flow.rejected("ticket.change_status", ticket, {"new_status": "elsewhere", "comment": "c"}) == (
        "unknown_status", "new_status")
    assert flow.rejected("ticket.change_status", ticket, {"new_status": "review", "comment": "c"}) == (
        "transition_not_allowed", "new_status")
    assert flow.rejected("ticket.change_status", ticket, {"new_status": "doing"}) == ("comment_required", "comment")
    assert flow.rejected("ticket.change_status", ticket, {"new_status": "doing", "comment": " \t"}) == (
        "comment_required", "comment")
    flow.applied("ticket.change_status", ticket, {"new_status": "doing", "comment": "c"})
    assert flow.rejected("ticket.change_status", ticket, {"new_status": "done", "comment": "c"})[0] == "transition_not_allowed"


def test_update_names_fields_it_does_not_take(flow):
    ticket = flow.create()
    code, field = flow.rejected("ticket.update", ticket, {"updates": {"status": "done"}})
    assert code == "validation_failed" and field.removeprefix("data.") == "updates.status"
    code, field = flow.rejected("ticket.update", ticket, {"updates": {"title": None}})
    assert code == "validation_failed" and field.removeprefix("data.") == "updates.title"


def test_resolved_ticket(flow):
    ticket = flow.create()
    assert flow.rejected("ticket.reopen", ticket)[0] == "ticket_not_resolved"
    assert flow.rejected("ticket.resolve", ticket, {"resolution_comment": "  "})[0] == "comment_required"
    flow.applied("ticket.resolve", ticket, {"resolution_comment": "ok"})
    assert flow.rejected("ticket.resolve", ticket, {"resolution_comment": "ok"})[0] == "ticket_resolved"
    assert flow.rejected("ticket.change_status", ticket, {"new_status": "todo"})[0] == "ticket_resolved"
    assert flow.rejected("ticket.reopen", ticket, {"new_status": "done"}) == ("validation_failed", "new_status")


def test_reopen_kept_to_administrators(make_flow):
    flow = make_flow(board=board(allow_reopen=False))
    ticket = flow.create()
    flow.applied("ticket.resolve", ticket, {"resolution_comment": "ok"})
    assert flow.rejected("ticket.reopen", ticket)[0] == "reopen_not_allowed"
    flow.applied("ticket.reopen", ticket, actor="agent-admin")


def test_blocked_ticket_neither_moves_nor_resolves(make_flow):
    flow = make_flow(board=board(admin_on_blocked=["change_status"]))
    blocker = flow.create("Blocker")
    ticket = flow.create("Blocked", blocked_by_ticket_ids=[blocker])
    assert flow.rejected("ticket.change_status", ticket, {"new_status": "doing"})[0] == "ticket_blocked"
    assert flow.rejected("ticket.resolve", ticket, {"resolution_comment": "x"})[0] == "ticket_blocked"
    flow.applied("ticket.comment", ticket, {"comment_text": "still talking"})
    flow.applied("ticket.change_status", ticket, {"new_status": "doing"}, actor="agent-admin")
    assert flow.rejected("ticket.resolve", ticket, {"resolution_comment": "x"}, actor="agent-admin")[0] == "ticket_blocked"
    flow.applied("ticket.resolve", blocker, {"resolution_comment": "ok"})
    flow.applied("ticket.resolve", ticket, {"resolution_comment": "x"})


def test_comment_rules(flow):
    ticket, other = flow.create(), flow.create("Other")
    flow.applied("ticket.comment", ticket, {"comment_text": "mine"})
    comment = flow.bus.db.value("SELECT id FROM ticket_comments WHERE ticket_id = %s", ticket)
    assert flow.rejected("ticket.edit_comment", other, {"comment_id": comment, "comment_text": "x"}) == (
        "comment_not_found", "comment_id")
    assert flow.rejected("ticket.edit_comment", ticket, {"comment_id": comment, "comment_text": "x"},
                         actor="agent-stranger")[0] == "not_permitted"


def test_other_workflow(make_flow):
    here, there = make_flow(), make_flow()
    far, ticket = there.create("Far"), here.create("Near")
    assert here.rejected("ticket.block", ticket, {"blocked_by_ticket_ids": [far]})[0] == "other_workflow"
    assert here.rejected("ticket.update", ticket, {"updates": {"parent_ticket_id": far}})[0] == "other_workflow"


def test_links_do_not_block(flow):
    other, ticket = flow.create("Other"), flow.create()
    assert flow.rejected("ticket.link", ticket, {"dependencies": [{"depends_on": other, "dependency_type": "blocks"}]}) == (
        "validation_failed", "dependencies")


def test_import_needs_standing(flow):
    assert flow.rejected("ticket.import", new_ticket(), {"workflow_id": flow.id, "title": "x"})[0] == "not_permitted"
    flow.applied("ticket.import", new_ticket(), {"workflow_id": flow.id, "title": "x"}, actor="agent-admin")


# ---- cycles ----

@pytest.mark.parametrize("length", [1, 2, 3, 6])
def test_cycle_of_blockers(flow, length):
    chain = [flow.create(f"Link {i}") for i in range(length)]
    for ticket, blocker in zip(chain, chain[1:]):
        flow.applied("ticket.block", ticket, {"blocked_by_ticket_ids": [blocker]})
    assert flow.rejected("ticket.block", chain[-1], {"blocked_by_ticket_ids": [chain[0]]}) == (
        "dependency_cycle", "blocked_by_ticket_ids")
    code, field = flow.rejected("ticket.update", chain[-1], {"updates": {"blocked_by_ticket_ids": [chain[0]]}})
    assert code == "dependency_cycle" and field.endswith("blocked_by_ticket_ids")


@pytest.mark.parametrize("length", [1, 2, 3])
def test_cycle_of_parents(flow, length):
    chain = [flow.create(f"Generation {i}") for i in range(length)]
    for ticket, parent in zip(chain, chain[1:]):
        flow.applied("ticket.update", ticket, {"updates": {"parent_ticket_id": parent}})
    code, field = flow.rejected("ticket.update", chain[-1], {"updates": {"parent_ticket_id": chain[0]}})
    assert code == "parent_cycle" and field.endswith("parent_ticket_id")


def _has_cycle(edges):
    after = {}
    for a, b in edges:
        after.setdefault(a, []).append(b)
    done, path = set(), set()

    def walk(node):
        if node in path:
            return True
        if node in done:
            return False
        path.add(node)
        found = any(walk(n) for n in after.get(node, []))
        path.discard(node)
        done.add(node)
        return found

    return any(walk(node) for node in list(after))


def test_no_cycle_whatever_the_partitions(flow):
    """Rings closed from all sides at once, over all partitions and both workers."""
    for size in (2, 3, 5, 8):
        ring = flow.create_many(size, f"Ring of {size}")
        sent = [flow.send("ticket.block", ticket, {"blocked_by_ticket_ids": [ring[(i + 1) % size]]})
                for i, ticket in enumerate(ring)]
        outcomes = [flow.bus.events.outcome(command) for command in sent]
        refused = [o for o in outcomes if o.kind == "rejected"]
        assert len(refused) == 1 and refused[0].code == "dependency_cycle", [str(o) for o in outcomes]
        ring = flow.create_many(size, f"Family of {size}")
        sent = [flow.send("ticket.update", ticket, {"updates": {"parent_ticket_id": ring[(i + 1) % size]}})
                for i, ticket in enumerate(ring)]
        outcomes = [flow.bus.events.outcome(command) for command in sent]
        refused = [o for o in outcomes if o.kind == "rejected"]
        assert len(refused) == 1 and refused[0].code == "parent_cycle", [str(o) for o in outcomes]
    edges = [(r["ticket_id"], r["depends_on"]) for r in flow.bus.db.rows(
        "SELECT d.* FROM ticket_dependencies d JOIN tickets t ON t.id = d.ticket_id WHERE t.workflow_id = %s", flow.id)]
    assert edges and not _has_cycle(edges)


# ---- limits and races ----

def _in_column(flow, status):
    return flow.bus.db.value("SELECT count(*) FROM tickets WHERE workflow_id = %s AND status = %s AND NOT is_deleted",
                             flow.id, status)


def test_wip_limit(make_flow):
    flow = make_flow(board=board(columns=limited("doing", 2)))
    first, second, third = flow.create_many(3)
    for ticket in (first, second):
        flow.applied("ticket.change_status", ticket, {"new_status": "doing"})
    assert flow.rejected("ticket.change_status", third, {"new_status": "doing"}) == ("wip_limit", "new_status")
    outcome = flow.bus.events.outcome(flow.start_create("Straight in", initial_status="doing"))
    assert (outcome.code, outcome.field) == ("wip_limit", "initial_status")
    flow.applied("ticket.delete", first)
    flow.applied("ticket.change_status", third, {"new_status": "doing"})
    assert flow.rejected("ticket.restore", first)[0] == "wip_limit"


def test_wip_limit_under_a_rush(make_flow):
    """On ten boards at once, tickets of all partitions want into a column for three, again and again."""
    flows = [make_flow(board=board(columns=limited("doing", 3))) for _ in range(10)]
    tickets = [(flow, ticket) for flow in flows for ticket in flow.create_many(16)]
    tickets.sort(key=lambda pair: pair[1][-12:])  # mixed
    for _ in range(4):
        sent = [flow.send("ticket.change_status", ticket, {"new_status": "doing"}) for flow, ticket in tickets]
        outcomes = [flow.bus.events.outcome(command) for (flow, _), command in zip(tickets, sent)]
        assert all(o.code == "wip_limit" for o in outcomes if o.kind == "rejected")
        assert [_in_column(flow, "doing") for flow in flows] == [3] * len(flows)
        back = [flow.send("ticket.change_status", o.command.subject, {"new_status": "todo"})
                for (flow, _), o in zip(tickets, outcomes) if o.kind == "applied"]
        assert len(back) == 3 * len(flows)
        for command in back:
            flows[0].bus.events.outcome(command)


def test_board_with_a_limit_touched_beside_one_that_is_entered(make_flow):
    """One batch enters columns of one board and only touches tickets of another, which has a limit."""
    entered, touched = make_flow(), make_flow(board=board(columns=limited("doing", 3)))
    pairs = list(zip(entered.create_many(40), touched.create_many(40)))
    sent = []
    for one, other in pairs:
        sent.append(entered.send("ticket.change_status", one, {"new_status": "doing"}))
        sent.append(touched.send("ticket.comment", other, {"comment_text": "meanwhile"}))
    for command in sent:
        assert entered.bus.events.outcome(command).kind == "applied"


def test_exclusive_assignment_has_one_winner(flow):
    ticket = flow.create()
    sent = [flow.send("ticket.assign", ticket, {"exclusive": True}, actor=f"agent-{n}") for n in range(50)]
    outcomes = [flow.bus.events.outcome(command) for command in sent]
    winners = [o.command.actor for o in outcomes if o.kind == "applied"]
    assert len(winners) == 1 and flow.row(ticket)["assigned_agent_id"] == winners[0]
    assert all(o.code == "already_assigned" for o in outcomes if o.command.actor not in winners)


# ---- boards ----

def test_board_in_use(flow):
    flow.create_many(3, ticket_type="bug")
    smaller = board(columns=[c for c in board()["columns"] if c["id"] != "todo"], initial_status="doing")
    outcome = flow.run("board.put", flow.id, smaller)
    assert outcome.code == "board_in_use" and "3" in outcome.message and "todo" in outcome.message
    outcome = flow.run("board.put", flow.id, board(ticket_types=["task"]))
    assert outcome.code == "board_in_use" and "3" in outcome.message and "bug" in outcome.message
    flow.put_board(board(columns=[c for c in board()["columns"] if c["id"] != "review"]))


@pytest.mark.parametrize("broken", [
    board(columns=[]),
    board(columns=[{"id": "todo"}, {"id": "todo"}, {"id": "done", "category": "done"}]),
    board(columns=[{"id": "todo", "category": "open"}]),
    board(initial_status="nowhere"),
    board(initial_status="done"),
    board(ticket_types=[], default_ticket_type=None),
    board(default_ticket_type="saga"),
    board(transitions={"todo": ["nowhere"]}),
    board(default_priority="urgent"),
    board(admin_on_blocked=["delete"]),
])
def test_board_that_contradicts_itself(flow, broken):
    outcome = flow.run("board.put", flow.id, broken)
    assert outcome.code in ("board_invalid", "validation_failed"), str(outcome)
    assert flow.bus.db.value("SELECT version FROM board_configs WHERE workflow_id = %s", flow.id) == 1


def test_board_settings_unknown_are_refused(flow):
    outcome = flow.run("board.put", flow.id, board(auto_archive=True))
    assert outcome.code == "validation_failed" and "auto_archive" in outcome.field
