"""Index = database after damage behind the product's back, on both stores; only what differs is embedded."""

import json
import os
import random
import time

import pytest

from bus.damage import points_of
from bus.installation import Installation
from bus.vectors import StubEmbeddings
from bus.workflow import Workflow

TICKETS = int(os.environ.get("TICKETBUS_TEST_RECONCILE_TICKETS", "300"))
# 17300 make 100,000 points; then each step may take long.
pytestmark = pytest.mark.timeout(600 + TICKETS // 4)
LINE = "The crane at berth {n} lifts container {k} and sets it down at the gate, in wind of force {f}. "


@pytest.fixture(scope="module")
def stub():
    made = StubEmbeddings()
    yield made
    made.close()


@pytest.fixture(scope="module", params=["qdrant", "pgvector"])
def bus(request, stack, logs, closed_installations, stub):
    made = Installation(stack, logs, f"reconcile-{request.param}", TICKETBUS_STORE=request.param, EMBEDDING_URL=stub.url,
                        EMBEDDING_MODEL="stub-up", EMBEDDING_DIM=str(stub.dim), EMBEDDING_MAX_TOKENS="64",
                        TICKETBUS_INDEX_PROOF_S="0", TICKETBUS_INDEX_RECONCILE_S="86400")
    try:
        made.prepare()
        made.start_workers(1)
        made.start_indexer().wait_for("indexing into")  # and finds nothing to do; after that it does not look by itself
        flow = Workflow(made)
        rng = random.Random(4)
        made.tickets = flow.create_many(TICKETS, "Berth report", description="".join(
            LINE.format(n=rng.randrange(99), k=rng.randrange(9999), f=rng.randrange(12)) for _ in range(9)))
        made.flow = flow
        wait_indexed(made)
        yield made
    finally:
        troubles = made.close()
        closed_installations.append(made)
        assert not troubles, "\n\n".join(troubles)


def wait_indexed(bus, seconds=120):
    """As long as it takes, but it must get on."""
    deadline, least = time.monotonic() + seconds, None
    while (ran := bus.ctl("index", "status", "--json")).code != 0:
        found = json.loads(ran.out)
        left = found["tickets_missing"] + found["tickets_stale"] + found["deletes_pending"]
        if least is None or left < least:
            deadline, least = time.monotonic() + seconds, left
        assert time.monotonic() < deadline, str(ran)
        time.sleep(0.3 if TICKETS < 2000 else 2)


def reconcile(bus, *options, code=0):
    lines = bus.ctl("index", "reconcile", "--json", *options, timeout=600 + TICKETS // 10).expect(code).out.splitlines()
    return json.loads(lines[-1])


def test_nothing_to_repair(bus, stub):
    before = stub.asked["stub-up"]
    found = reconcile(bus)
    assert found["differences"] == 0 and found["tickets"] == TICKETS and found["points"] > 3 * TICKETS, found
    assert stub.asked["stub-up"] == before


def test_damage_is_repaired_and_nothing_else_embedded(bus, stub):
    points = points_of(bus)
    all_points = points.all()
    rng = random.Random(1)
    each = max(2, len(all_points) // 500)  # five kinds: 1 % of the points
    picked = rng.sample(sorted(all_points), each * 4)
    missing, payload, hashes, versions = (picked[i * each:(i + 1) * each] for i in range(4))
    points.delete(missing)
    points.set(payload, status="nowhere", priority="none")
    points.set(hashes, hash="0" * 32)
    points.set(versions, version=987654321)
    orphans = points.plant_orphans(each)
    extra = points.plant_extra(sorted(bus.tickets)[0])
    told = reconcile(bus, "--dry-run", code=1)
    assert told["repaired"] == 0 and told["differences"] == 5 * each + 1, told
    before = stub.asked["stub-up"]
    found = reconcile(bus)
    assert found["flaws"] == {"points_missing": each, "point_payload": each, "point_hash": each, "point_version": each,
                              "orphan": each, "points_extra": 1}, found
    assert stub.asked["stub-up"] - before == 3 * each == found["embedded"], "missing, other text, impossible version"
    print(f"reconcile: {len(all_points)} points, {5 * each + 1} damaged, found and repaired {found['differences']},"
          f" embedded {found['embedded']}")
    again = reconcile(bus)
    assert again["differences"] == 0 and again["embedded"] == 0, again
    assert json.loads(bus.ctl("index", "verify", "--json").expect(0).out)["differences"] == 0
    after = points.all()
    assert {k: v for k, v in after.items() if v != all_points.get(k)} == {} and len(after) == len(all_points)
    assert not set(orphans + [extra]) & set(after)


def test_damage_in_the_database(bus, stub):
    """What index_state and search_documents have lost is written anew from what the store holds: nothing is embedded."""
    some = sorted(bus.tickets)[:4]
    bus.db.rows("DELETE FROM index_state WHERE ticket_id = ANY(%s)", some[:2])
    bus.db.rows("DELETE FROM search_documents WHERE ticket_id = ANY(%s)", some[2:])
    bus.db.rows("INSERT INTO search_documents (ticket_id, version, workflow_id, tsv, comments_tsv, words, comment_words)"
                " VALUES ('ticket-00000000-0000-4000-8000-000000000000', 1, 'x', '', '', 0, 0)")
    before = stub.asked["stub-up"]
    found = reconcile(bus)
    assert found["flaws"] == {"not_indexed": 2, "no_keywords": 2, "keywords_orphan": 1}, found
    assert stub.asked["stub-up"] == before
    assert reconcile(bus)["differences"] == 0


def test_deleted_tickets(bus):
    """A live point of a deleted ticket goes; its tombstone when it is old enough."""
    ticket = bus.flow.create("To be deleted")
    wait_indexed(bus)
    points = points_of(bus)
    [kept] = [p for p in points.all().items() if p[1]["ticket_id"] == ticket]
    bus.flow.applied("ticket.delete", ticket)
    wait_indexed(bus)
    assert reconcile(bus)["differences"] == 0
    points.revive(kept[0], ticket)
    found = reconcile(bus)
    assert found["flaws"] == {"deleted_live": 1} and found["removed"] == 1, found
    other = bus.flow.create("To be deleted, too")
    bus.flow.applied("ticket.delete", other)
    wait_indexed(bus)
    assert reconcile(bus)["tombstones_removed"] == 0
    bus.db.rows("UPDATE index_state SET indexed_at = now() - interval '9 days' WHERE ticket_id = %s", other)
    assert reconcile(bus)["tombstones_removed"] == 1
    assert reconcile(bus)["tombstones_removed"] == 0


def test_one_ticket(bus, stub):
    ticket = sorted(bus.tickets)[7]
    points = points_of(bus)
    own = {k: v for k, v in points.all().items() if v["ticket_id"] == ticket}
    points.delete([sorted(own)[0]])
    before = stub.asked["stub-up"]
    ran = json.loads(bus.ctl("index", "ticket", ticket, "--json").expect(0).out.splitlines()[-1])
    assert ran["embedded"] == 1 == stub.asked["stub-up"] - before
    ran = json.loads(bus.ctl("index", "ticket", ticket, "--fresh", "--json").expect(0).out.splitlines()[-1])
    assert ran["embedded"] == len(own)
    assert "as it should be" in bus.ctl("index", "ticket", ticket).expect(0).out
    assert {k: v for k, v in points.all().items() if v["ticket_id"] == ticket} == own
    bus.ctl("index", "ticket", "ticket-00000000-0000-4000-8000-00000000ffff").expect(1)


def test_one_pass_at_a_time(bus):
    collection = json.loads(bus.ctl("index", "status", "--json").out)["collection"]
    with bus.db.connect() as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended('ticketbus.proof.' || %s, 0))", (collection,))
        ran = bus.ctl("index", "reconcile").expect(1)
        assert "running already" in ran.err


def test_indexers_do_it_by_themselves(bus):
    keeper = bus.start_indexer(TICKETBUS_INDEX_PROOF_S="1")
    points = points_of(bus)
    before = points.all()
    points.delete(sorted(before)[:3])
    deadline = time.monotonic() + 60
    while points.all() != before:
        assert time.monotonic() < deadline, keeper.tail()
        time.sleep(0.5)
    assert not keeper.stop()
    assert bus.db.value("SELECT count(*) FROM index_passes") == 1


def test_away(bus):
    """A part that does not answer ends the command, with its name."""
    points_of(bus).delete(sorted(points_of(bus).all())[:1])
    ran = bus.ctl("index", "reconcile", EMBEDDING_URL="http://127.0.0.1:1/v1", TICKETBUS_HTTP_TIMEOUT_MS="1000").expect(3)
    assert "embedding service is away" in ran.err
    assert reconcile(bus)["embedded"] == 1
