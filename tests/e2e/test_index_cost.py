"""What indexing costs: no token more than the texts that changed, and every one of them counted."""

import json
import time

import pytest

from bus.installation import Installation
from bus.provider import Provider, tokens_of
from bus.workflow import Workflow


@pytest.fixture(scope="module")
def provider():
    made = Provider("openai")
    yield made
    made.close()


@pytest.fixture(scope="module")
def bus(stack, logs, closed_installations, provider):
    made = Installation(stack, logs, "cost", EMBEDDING_PRICE="0.25", TICKETBUS_INDEX_RECONCILE_S="86400", **provider.settings)
    try:
        made.prepare()
        made.start_workers(1)
        made.start_indexer().wait_for("reading events of")
        yield made
    finally:
        troubles = made.close()
        closed_installations.append(made)
        assert not troubles, "\n\n".join(troubles)


@pytest.fixture
def flow(bus):
    made = Workflow(bus)
    yield made
    made.check()


def wait_indexed(bus, seconds=60):
    """Until every ticket is indexed at its very version."""
    deadline = time.monotonic() + seconds
    while bus.db.value("SELECT count(*) FROM tickets t LEFT JOIN index_state s ON s.ticket_id = t.id"
                       " WHERE s.version IS DISTINCT FROM t.version"):
        assert time.monotonic() < deadline, bus.daemons[-1].tail()
        time.sleep(0.1)


def usage(bus, workflow):
    return bus.db.row("SELECT sum(chunks)::int AS chunks, sum(tokens)::int AS tokens, sum(cost) AS cost, count(*) AS rows"
                      " FROM index_usage WHERE workflow_id = %s AND model = 'stub'", workflow)


def long_text(words):
    return " ".join(f"word{n} and another." for n in range(words))


def test_change_of_status_alone_costs_nothing(bus, flow, provider):
    ticket = flow.create("A ticket of some length", description=long_text(100))
    wait_indexed(bus)
    before, spent = len(provider.embedded), usage(bus, flow.id)
    flow.applied("ticket.change_status", ticket, {"new_status": "doing"})
    flow.applied("ticket.assign", ticket, {"assigned_agent_id": "agent-a"})
    wait_indexed(bus)
    assert len(provider.embedded) == before
    assert usage(bus, flow.id) == spent


def test_a_comment_on_a_long_ticket(bus, flow, provider):
    """Fifty chunks stay as they are."""
    ticket = flow.create("A ticket of fifty chunks", description=long_text(1900))
    wait_indexed(bus)
    chunks = bus.db.value("SELECT chunks FROM index_state WHERE ticket_id = %s", ticket)
    assert chunks >= 50
    before = len(provider.embedded)
    flow.applied("ticket.comment", ticket, {"comment_text": "One more thing."})
    wait_indexed(bus)
    fresh = provider.embedded[before:]
    assert 1 <= len(fresh) <= 2 and all("One more thing." in text for text in fresh), fresh
    assert bus.db.value("SELECT chunks FROM index_state WHERE ticket_id = %s", ticket) == chunks + 1


def test_many_edits_within_a_second(bus, flow, provider):
    """A hundred new titles; the ticket has one chunk, so that each embedding is an input."""
    ticket = flow.create("Title number 0")
    wait_indexed(bus)
    before, began = len(provider.embedded), time.monotonic()
    for n in range(1, 101):
        flow.send("ticket.update", ticket, {"updates": {"title": f"Title number {n}"}})
    bus.settle()
    took = time.monotonic() - began
    wait_indexed(bus)
    fresh = provider.embedded[before:]
    assert fresh[-1] == "Title number 100"
    # A slow machine does not bring them all within the second; two for each that it took.
    assert len(fresh) <= 2 * max(1, round(took)), (len(fresh), took)


def test_every_token_is_counted_for_its_workflow(bus, provider):
    """As the service counts them: shared between the workflows of one request, to the last one."""
    flows = [Workflow(bus), Workflow(bus)]
    before = len(provider.embedded)
    for n in range(30):
        flows[n % 2].create(f"Number {n} of some tickets", description=long_text(3 + 5 * (n % 2)))
    wait_indexed(bus)
    fresh = provider.embedded[before:]
    counted = [usage(bus, flow.id) for flow in flows]
    assert sum(u["tokens"] for u in counted) == sum(map(tokens_of, fresh))
    assert [u["chunks"] for u in counted] == [30, 30]
    assert counted[0]["tokens"] < counted[1]["tokens"]
    assert all(u["cost"] * 1_000_000 == u["tokens"] * 0.25 for u in map(as_float, counted))
    for flow in flows:
        flow.check()


def as_float(row):
    return row | {"cost": float(row["cost"])}


def test_status_of_the_index_tells_tokens(bus):
    told = json.loads(bus.ctl("index", "status", "--json").expect(0).out)
    assert told["tokens"] == bus.db.value("SELECT sum(tokens)::int FROM index_usage")


def test_status_of_the_index_tells_what_each_workflow_has_cost(bus):
    """The dearest first; of the days that are asked for."""
    bus.db.rows("INSERT INTO index_usage (workflow_id, model, day, chunks, tokens, cost) VALUES"
                " ('long-ago', 'older', (now() AT TIME ZONE 'UTC')::date - 30, 5, 70, 1.25),"
                " ('long-ago', 'older', (now() AT TIME ZONE 'UTC')::date - 31, 1, 7, 0.5)")

    def usage(*options):
        return json.loads(bus.ctl("index", "status", "--json", *options).expect(0).out)["usage"]

    rows = bus.db.rows("SELECT workflow_id, model, sum(chunks)::int AS chunks, sum(tokens)::int AS tokens, round(sum(cost), 6)::text AS cost"
                       " FROM index_usage GROUP BY 1, 2")
    told = usage()
    assert told[0] == {"workflow_id": "long-ago", "model": "older", "chunks": 6, "tokens": 77, "cost": "1.750000"}
    assert {(u["workflow_id"], u["model"]): (u["chunks"], u["tokens"], u["cost"]) for u in told} == {
        (r["workflow_id"], r["model"]): (r["chunks"], r["tokens"], r["cost"]) for r in rows}
    assert [float(u["cost"]) for u in told] == sorted((float(u["cost"]) for u in told), reverse=True)
    assert usage("--days", "1") == told[1:] == usage("--days", "30")
    assert usage("--days", "31")[0]["tokens"] == 70
    text = bus.ctl("index", "status").expect(0).out
    assert "usage              long-ago: model older, 6 chunks, 77 tokens, cost 1.750000\n" in text
    bus.ctl("index", "status", "--days", "0").expect(2)
