"""The index with its vectors in Postgres: what test_index.py asks of Qdrant, in short, and with no Qdrant to be reached."""

import json
import pathlib
import time

import pytest

from bus.installation import Installation
from bus.workflow import Workflow

OWN = pathlib.Path(__file__).parent / "data" / "issues.jsonl"


@pytest.fixture(scope="module")
def bus(stack, logs, closed_installations):
    made = Installation(stack, logs, "pgvector", TICKETBUS_STORE="pgvector", QDRANT_URL="http://127.0.0.1:1")
    try:
        made.prepare()
        made.start_workers(1)
        made.start_indexer()
        made.ctl("import", "beads", OWN, "--workflow", "harbor", "--json", timeout=240).expect(0)
        wait_indexed(made)
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


def wait_indexed(bus, seconds=120):
    deadline = time.monotonic() + seconds
    while (ran := bus.ctl("index", "status", "--json")).code != 0:
        assert time.monotonic() < deadline, str(ran)
        time.sleep(0.3)


def found(bus, query, *options):
    answer = json.loads(bus.ctl("search", query, "--json", *options).expect(0).out)
    assert not answer["degraded"], answer
    return [r["external_id"] or r["ticket_id"] for r in answer["results"]]


def vectors(bus, ticket):
    return bus.db.value("SELECT count(*) FROM vector_points_1 p JOIN vectors_1 v USING (id) WHERE ticket_id = %s", ticket)


def verified(bus, code, *options):
    lines = bus.ctl("index", "verify", "--json", *options).expect(code).out.splitlines()
    return [json.loads(line) for line in lines]


def test_index_is_database(bus):
    [whole] = verified(bus, 0)
    assert whole["differences"] == 0 and whole["tickets"] == bus.db.value("SELECT count(*) FROM tickets WHERE NOT is_deleted")


@pytest.mark.parametrize("query, wanted", [
    ("customers pay two times when they go back in the browser", "hb-03"),
    ("hard disk is full because old backups stay", "hb-07"),
    ("pictures appear rotated", "hb-13"),
])
def test_paraphrase(bus, query, wanted):
    assert wanted in found(bus, query, "-w", "harbor", "-n", 5, "-m", "semantic")


def test_filters_narrow(bus):
    assert set(found(bus, "the card payment of a booking", "-m", "semantic", "--tag", "payment")) <= {"hb-03", "hb-04"}
    assert found(bus, "the card payment of a booking", "-m", "semantic", "-w", "elsewhere") == []


def test_change_deletion_and_restoring(bus, flow):
    ticket = flow.create("Penguins at the north pier")
    wait_indexed(bus)
    assert found(bus, "flightless birds", "-w", flow.id, "-m", "semantic") == [ticket]
    flow.applied("ticket.delete", ticket)
    wait_indexed(bus)
    assert vectors(bus, ticket) == 0 and found(bus, "flightless birds", "-w", flow.id) == []
    flow.applied("ticket.restore", ticket)
    wait_indexed(bus)
    assert vectors(bus, ticket) == 1 and found(bus, "flightless birds", "-w", flow.id) == [ticket]


def test_verify_tells_twenty_of_a_kind(bus, flow):
    """More are counted, and printed when asked for."""
    tickets = flow.create_many(23, "To be forgotten by the vector store, part")
    wait_indexed(bus)
    bus.db.rows("DELETE FROM vector_points_1 WHERE ticket_id = ANY(%s)", tickets)
    *some, whole = verified(bus, 1)
    assert len(some) == 20 and whole["differences"] == 23
    *every, whole = verified(bus, 1, "--all")
    assert {d["ticket_id"] for d in every} == set(tickets) and whole["differences"] == 23
    assert "points_missing: 3 more" in bus.ctl("index", "verify").expect(1).out
