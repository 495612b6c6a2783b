"""A ticket that a store refuses: dead-lettered once for each version, and healed when somebody asks again."""

import json
import time

import pytest

from bus.installation import Installation
from bus.small_server import SmallServer, pass_on
from bus.vectors import StubEmbeddings
from bus.wire import new_ticket
from bus.workflow import Workflow

TRIGGER = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'not this one' USING ERRCODE = '22023'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON search_documents FOR EACH ROW WHEN (NEW.ticket_id = '{ticket}') EXECUTE FUNCTION refuse();
"""


class RefusingQdrant:
    """In front of the store: refuses every request that names the ticket, as Qdrant refuses what it cannot read."""

    def __init__(self, target):
        self.target, self.refused = target, None
        self._server = SmallServer(self._answer)
        self.url = self._server.url

    def _answer(self, request):
        if self.refused and self.refused.encode() in request.body:
            return 400, b'{"status":{"error":"Format error in JSON body: not this one"},"time":0.0}'
        return pass_on(self.target, request)

    def close(self):
        self._server.close()


@pytest.fixture(scope="module")
def stub():
    made = StubEmbeddings()
    made.inputs = []
    yield made
    made.close()


@pytest.fixture(scope="module")
def store(stack):
    made = RefusingQdrant(stack.settings["QDRANT_URL"])
    yield made
    made.close()


@pytest.fixture(scope="module")
def bus(stack, logs, closed_installations, stub, store):
    made = Installation(stack, logs, "refused", QDRANT_URL=store.url, EMBEDDING_URL=stub.url, EMBEDDING_MODEL="stub-up",
                        EMBEDDING_DIM=str(stub.dim), TICKETBUS_INDEX_RECONCILE_S="1", TICKETBUS_INDEX_PROOF_S="0")
    try:
        made.prepare()
        made.start_workers(1)
        made.start_indexer()
        yield made
    finally:
        troubles = made.close()
        closed_installations.append(made)
        assert not troubles, "\n\n".join(troubles)


def until(seen, seconds=60):
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def letters(bus, ticket):
    told = json.loads(bus.ctl("dlq", "list", "--topic", "index", "--ticket", ticket, "--json").expect(0).out)["dead_letters"]
    return [(letter["data"]["version"], letter["data"]["chunk"], letter["data"]["stage"]) for letter in told]


def status(bus):
    ran = bus.ctl("index", "status", "--json")
    told = json.loads(ran.out)
    return ran.code, told["tickets_refused"], told["tickets_missing"] + told["tickets_stale"]


def reconciled(bus, ticket):
    """Passes over what is behind have run: each brought back what was forgotten."""
    for _ in range(3):
        bus.db.rows("DELETE FROM index_state WHERE ticket_id = %s", ticket)
        until(lambda: bus.db.value("SELECT count(*) FROM index_state WHERE ticket_id = %s", ticket))


@pytest.mark.parametrize("stage", ["store", "database"])
def test_a_refused_ticket_is_told_of_once(bus, store, stub, stage):
    flow = Workflow(bus)
    ticket = new_ticket()

    def refuse():
        if stage == "store":
            store.refused = ticket
        else:
            with bus.db.connect() as db:
                db.execute(TRIGGER.format(ticket=ticket))

    def allow():
        store.refused = None
        with bus.db.connect() as db:
            db.execute("DROP FUNCTION IF EXISTS refuse() CASCADE")

    def embedded():
        return sum("Unwanted" in text for text in stub.inputs)

    refuse()
    try:
        outcome = bus.events.outcome(bus.publisher.send(flow.create_command("Unwanted", subject=ticket)))
        assert outcome.kind == "applied"
        neighbour = flow.create("Wanted")
        until(lambda: bus.db.value("SELECT count(*) FROM index_refused WHERE ticket_id = %s", ticket))
        until(lambda: bus.db.value("SELECT count(*) FROM index_state WHERE ticket_id = %s", neighbour))
        assert letters(bus, ticket) == [(1, None, stage)]
        spent = embedded()
        reconciled(bus, neighbour)
        assert letters(bus, ticket) == [(1, None, stage)] and embedded() == spent
        assert status(bus) == (1, 1, 1)
        # A whole pass tries again, and tells nobody.
        ran = json.loads(bus.ctl("index", "reconcile", "--json").expect(1).out.splitlines()[-1])
        assert (ran["refused"], ran["repaired"]) == (1, 0), ran
        assert letters(bus, ticket) == [(1, None, stage)]
        # A new version is another matter, and so is somebody who asks for it.
        flow.applied("ticket.update", ticket, {"updates": {"title": "Unwanted still"}})
        until(lambda: bus.db.value("SELECT version FROM index_refused WHERE ticket_id = %s", ticket) == 2)
        assert letters(bus, ticket) == [(1, None, stage), (2, None, stage)]
        ran = bus.ctl("dlq", "replay", ticket, "--topic", "index").expect(1)
        assert "is refused" in ran.err and "is indexed" not in ran.out
        assert letters(bus, ticket) == [(1, None, stage), (2, None, stage), (2, None, stage)]
    finally:
        allow()
    bus.ctl("dlq", "replay", ticket, "--topic", "index").expect(0)
    assert status(bus) == (0, 0, 0)
    bus.ctl("index", "verify").expect(0)
    bus.ctl("index", "reconcile").expect(0)
    assert bus.db.rows("SELECT * FROM index_refused") == []
    flow.check()
