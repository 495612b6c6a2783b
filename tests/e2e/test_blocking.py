"""Blocking between tickets: one event per episode, whatever the order in which news arrives."""

import time


def transitions(flow, ticket):
    return [m.type for m in flow.events(ticket) if m.type in ("ticket.blocked", "ticket.unblocked")]


def wait_blocked(flow, ticket, blocked, seconds=30):
    deadline = time.monotonic() + seconds
    while flow.row(ticket)["is_blocked"] != blocked:
        assert time.monotonic() < deadline, f"{ticket} is_blocked stays {not blocked}"
        time.sleep(0.05)


def resolve(flow, ticket):
    return flow.applied("ticket.resolve", ticket, {"resolution_comment": "done"})


def test_resolve_unblocks_and_reopen_blocks_again(flow):
    blocker = flow.create("Blocker")
    ticket = flow.create("Dependent", blocked_by_ticket_ids=[blocker])
    for episode in (1, 2, 3):
        resolve(flow, blocker)
        wait_blocked(flow, ticket, False)
        flow.applied("ticket.reopen", blocker)
        wait_blocked(flow, ticket, True)
        assert transitions(flow, ticket) == ["ticket.blocked", "ticket.unblocked"] * episode + ["ticket.blocked"]
    flow.bus.settle()
    assert transitions(flow, ticket) == ["ticket.blocked", "ticket.unblocked"] * 3 + ["ticket.blocked"]


def test_only_the_last_of_several_blockers_unblocks(flow):
    blockers = flow.create_many(4, "Blocker")
    ticket = flow.create("Dependent", blocked_by_ticket_ids=blockers)
    for left in (3, 2, 1):
        resolve(flow, blockers.pop())
        flow.bus.settle()
        assert len(flow.row(ticket)["blocked_by_ticket_ids"]) == left and flow.row(ticket)["is_blocked"]
    resolve(flow, blockers.pop())
    wait_blocked(flow, ticket, False)
    assert transitions(flow, ticket) == ["ticket.blocked", "ticket.unblocked"]


def test_done_column_alone_does_not_unblock(flow):
    blocker = flow.create("Blocker")
    ticket = flow.create("Dependent", blocked_by_ticket_ids=[blocker])
    flow.applied("ticket.change_status", blocker, {"new_status": "done"})
    flow.bus.settle()
    assert flow.row(ticket)["is_blocked"]


def test_cascade_over_many_dependents(flow):
    blocker = flow.create("Blocker")
    tickets = flow.create_many(500, "Dependent", blocked_by_ticket_ids=[blocker])
    started = time.monotonic()
    resolve(flow, blocker)
    deadline = started + 60
    while flow.bus.db.value("SELECT count(*) FROM tickets WHERE workflow_id = %s AND is_blocked", flow.id):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for ticket in tickets:
        assert transitions(flow, ticket) == ["ticket.blocked", "ticket.unblocked"]


def test_blocker_created_later(flow):
    from bus.wire import new_ticket
    later = new_ticket()
    ticket = flow.create("Dependent", blocked_by_ticket_ids=[later])
    assert flow.row(ticket)["blocked_by_ticket_ids"] == [later]
    assert flow.rejected("ticket.change_status", ticket, {"new_status": "doing"})[0] == "ticket_blocked"
    assert flow.bus.events.outcome(
        flow.bus.publisher.send(flow.create_command("Came later", later))).kind == "applied"
    flow.bus.settle()
    assert transitions(flow, ticket) == ["ticket.blocked"]
    resolve(flow, later)
    wait_blocked(flow, ticket, False)
    assert transitions(flow, ticket) == ["ticket.blocked", "ticket.unblocked"]


def test_blocker_resolved_already(flow):
    blocker = flow.create("Blocker")
    resolve(flow, blocker)
    ticket = flow.create("Dependent", blocked_by_ticket_ids=[blocker])
    assert not flow.row(ticket)["is_blocked"]
    flow.bus.settle()
    assert transitions(flow, ticket) == []
    flow.applied("ticket.reopen", blocker)
    wait_blocked(flow, ticket, True)


def test_deleted_blocker_blocks_nobody(flow):
    blocker = flow.create("Blocker")
    ticket = flow.create("Dependent", blocked_by_ticket_ids=[blocker])
    flow.applied("ticket.delete", blocker)
    wait_blocked(flow, ticket, False)
    flow.applied("ticket.restore", blocker)
    wait_blocked(flow, ticket, True)
    assert transitions(flow, ticket) == ["ticket.blocked", "ticket.unblocked", "ticket.blocked"]


def test_deleted_dependent_knows_on_return(flow):
    blocker = flow.create("Blocker")
    ticket = flow.create("Dependent", blocked_by_ticket_ids=[blocker])
    flow.applied("ticket.delete", ticket)
    resolve(flow, blocker)
    flow.bus.settle()
    flow.applied("ticket.restore", ticket)
    wait_blocked(flow, ticket, False)
    flow.bus.settle()
    assert transitions(flow, ticket) == ["ticket.blocked", "ticket.unblocked"]


def test_race_of_block_and_resolve(flow):
    """The edge is added on one partition while the blocker is resolved on another: nobody waits for ever."""
    pairs = list(zip(flow.create_many(60, "Blocker"), flow.create_many(60, "Dependent")))
    sent = []
    for blocker, ticket in pairs:
        sent.append(flow.send("ticket.block", ticket, {"blocked_by_ticket_ids": [blocker]}))
        sent.append(flow.send("ticket.resolve", blocker, {"resolution_comment": "done"}))
    for command in sent:
        assert flow.bus.events.outcome(command).kind == "applied"
    flow.bus.settle()
    for _, ticket in pairs:
        wait_blocked(flow, ticket, False)
        assert transitions(flow, ticket) in ([], ["ticket.blocked", "ticket.unblocked"])


def test_chain_unblocks_step_by_step(flow):
    chain = flow.create_many(5, "Link")
    for ticket, blocker in zip(chain, chain[1:]):
        flow.applied("ticket.block", ticket, {"blocked_by_ticket_ids": [blocker]})
    for ticket, blocker in reversed(list(zip(chain, chain[1:]))):
        assert flow.row(ticket)["is_blocked"]
        resolve(flow, blocker)
        wait_blocked(flow, ticket, False)
    resolve(flow, chain[0])
