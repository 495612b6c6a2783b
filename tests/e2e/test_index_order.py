"""Events that come shuffled and twice, indexers that freeze and wake, come and go: the index only ever gets newer.

TICKETBUS_TEST_LONG=1: 100,000 changes of 5,000 tickets."""

import contextlib
import hashlib
import json
import os
import random
import re
import threading
import time
import uuid

import confluent_kafka
import psycopg
import pytest

from bus.installation import Installation
from bus.small_server import SmallServer
from bus.wire import new_ticket
from test_index import qdrant, wait_indexed

LONG = os.environ.get("TICKETBUS_TEST_LONG") == "1"
TICKETS, CHANGES = (5000, 100000) if LONG else (200, 4000)
DIM = 16
BATCH = 100
HELD_BACK = 40 * BATCH if LONG else 10 * BATCH  # events that wait to be sent, in no order
DUPLICATES = 0.3
SEED = 11


class Embedder:
    """A vector for each text, and what was asked for."""

    def __init__(self):
        self.texts = {}  # their vectors
        self.asked = 0
        self._server = SmallServer(self._answer)
        self.url = self._server.url + "/v1"

    def _answer(self, request):
        inputs = json.loads(request.body)["input"]
        self.asked += len(inputs)
        data = [{"index": i, "embedding": self.vector(text)} for i, text in enumerate(inputs)]
        return 200, {"data": data, "model": "stub", "usage": {"prompt_tokens": 1, "total_tokens": 1}}

    def vector(self, text):
        digest = hashlib.blake2b(text.encode(), digest_size=2 * DIM).digest()
        raw = [int.from_bytes(digest[2 * i:2 * i + 2], "little") / 32768 - 1 for i in range(DIM)]
        length = sum(x * x for x in raw) ** 0.5
        self.texts[text] = [x / length for x in raw]
        return self.texts[text]

    def close(self):
        self._server.close()


@pytest.fixture
def bus(stack, logs):
    embedder = Embedder()
    made = Installation(stack, logs, "order", EMBEDDING_URL=embedder.url, EMBEDDING_MODEL="stub", EMBEDDING_DIM=str(DIM),
                        TICKETBUS_SIMILAR_PERCENT="0")
    made.embedder = embedder
    try:
        made.prepare()
        yield made
    finally:
        # Events out of order, and made up, are what is tried here: nothing for those who look at the wire.
        made.events.problems.clear()
        troubles = made.close()
        embedder.close()
        assert not troubles, "\n\n".join(troubles)


class Tickets:
    """Rows that change, as workers would change them, and the events of it, sent in any order and some twice."""

    def __init__(self, bus, dice):
        self.bus, self.dice = bus, dice
        self.ids = [new_ticket() for _ in range(TICKETS)]
        self.version = dict.fromkeys(self.ids, 1)
        self.title = {t: f"Ticket of revision 1 {t}" for t in self.ids}
        self.deleted = set()
        self.waiting = []
        self.producer = confluent_kafka.Producer({"bootstrap.servers": bus.settings["KAFKA_BROKERS"],
                                                  "partitioner": "murmur2_random", "linger.ms": 5})
        self.db = psycopg.connect(**bus.db.parameters, autocommit=True)
        self.db.execute(
            "INSERT INTO tickets (id, workflow_id, created_by_agent_id, title, description, status, ticket_type, priority,"
            " version, created_at, updated_at) SELECT t.id, 'order', 'test', t.title, 'The same for all.', 'todo', 'task',"
            " 'medium', 1, now(), now() FROM unnest(%s::text[], %s::text[]) t(id, title)",
            (self.ids, [self.title[t] for t in self.ids]))
        self.waiting = [(t, 1) for t in self.ids]

    def change(self, count, deletes=0.1):
        rows = []
        for ticket in self.dice.sample(self.ids, min(count, TICKETS)):
            self.version[ticket] += 1
            version = self.version[ticket]
            what = self.dice.random()
            if ticket in self.deleted or what < deletes:
                self.deleted ^= {ticket}
            elif what < 0.6:
                self.title[ticket] = f"Ticket of revision {version} {ticket}"
            rows.append((ticket, version, self.title[ticket], ticket in self.deleted))
            self.waiting += [(ticket, version)] * (2 if self.dice.random() < DUPLICATES else 1)
        self.db.execute(
            "UPDATE tickets t SET version = w.version, title = w.title, is_deleted = w.deleted, updated_at = now(),"
            " deleted_at = CASE WHEN w.deleted THEN now() END,"
            " status = CASE WHEN w.version %% 2 = 0 THEN 'todo' ELSE 'doing' END"
            " FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::bool[]) w(id, version, title, deleted) WHERE t.id = w.id",
            [list(column) for column in zip(*rows)])
        return len(rows)

    def send(self, keep):
        self.dice.shuffle(self.waiting)
        while len(self.waiting) > keep:
            ticket, version = self.waiting.pop()
            event = {"specversion": "1.0", "id": str(uuid.uuid4()), "source": "/ticketbus/worker", "type": "ticket.updated",
                     "subject": ticket, "time": "2026-01-01T00:00:00Z", "datacontenttype": "application/json",
                     "sequence": str(version), "causationid": "x", "causationsource": "x", "causationindex": 1,
                     "causationcount": 1, "data": {}}
            self.producer.produce(self.bus.events_topic, json.dumps(event), ticket)
            self.producer.poll(0)
        self.producer.flush(30)


class Watcher:
    """Looks at every point again and again: none may become older, nor come back after its ticket's deletion."""

    def __init__(self, bus):
        self.bus, self.newest, self.wrong, self.looks = bus, {}, [], 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def all(self, vectors=False):
        found, offset = [], None
        while True:
            page = qdrant(self.bus, f"/collections/{self.bus.settings['QDRANT_COLLECTION']}/points/scroll",
                          {"limit": 1000, "with_payload": True, "with_vector": vectors, "offset": offset})
            found += page["points"]
            offset = page.get("next_page_offset")
            if offset is None:
                return found

    def _run(self):
        while not self._stop.wait(0.3):
            with contextlib.suppress(OSError):  # the collection is not there yet
                for point in self.all():
                    version, known = point["payload"]["version"], self.newest.get(point["id"], 0)
                    if version < known:
                        self.wrong.append(f"{point['payload']['ticket_id']}: version {version} after {known}")
                    self.newest[point["id"]] = max(version, known)
                self.looks += 1

    def close(self):
        self._stop.set()
        self._thread.join(30)


def trouble(bus, indexers, stop, counts):
    """Two of them freeze past their session and wake, in turns; a further one comes and goes."""
    turn = 0
    while not stop.is_set():
        zombie = indexers[turn % 2]
        zombie.freeze()
        guest = bus.start_indexer()
        stop.wait(8)
        zombie.thaw()
        counts["frozen"] += 1
        guest.kill() if turn % 2 else bus.troubles.extend(guest.stop())
        counts["gone"] += 1
        stop.wait(2)
        turn += 1


@pytest.mark.timeout(3600)
def test_shuffled_and_repeated_events_never_make_the_index_older(bus):
    dice = random.Random(SEED)
    tickets = Tickets(bus, dice)
    indexers = [bus.start_indexer() for _ in range(3)]
    watcher = Watcher(bus)
    stop, counts = threading.Event(), {"frozen": 0, "gone": 0}
    thread = threading.Thread(target=trouble, args=(bus, indexers, stop, counts), daemon=True)
    thread.start()
    done = 0
    while done < CHANGES:
        done += tickets.change(BATCH)
        tickets.send(HELD_BACK)
        time.sleep(0.5 if not LONG else 0.05)
    stop.set()
    thread.join(60)
    tickets.send(0)
    wait_indexed(bus, 900 if LONG else 180)
    watcher.close()
    verdict = json.loads(bus.ctl("index", "verify", "--json").expect(0).out.splitlines()[-1])
    last = Last(bus.embedder, tickets)
    points = watcher.all(vectors=True)
    resurrected = [p for p in points if last.is_deleted(p) and vector_of(p)]
    stale = [p for p in points if not last.is_deleted(p) and not last.is_current(p)]
    print(json.dumps({"changes": done, "tickets": TICKETS, "deleted": len(tickets.deleted), "points": len(points),
                      "frozen": counts["frozen"], "gone": counts["gone"], "looks": watcher.looks,
                      "older_over_newer": len(watcher.wrong), "stale": len(stale), "resurrected": len(resurrected)}))
    assert verdict["differences"] == 0
    assert not watcher.wrong, watcher.wrong[:10]
    assert not stale and not resurrected, (stale + resurrected)[:3]
    assert counts["frozen"] >= 2 and watcher.looks > 5


def vector_of(point):
    vector = point.get("vector")
    return next(iter(vector.values()), None) if isinstance(vector, dict) else vector


class Last:
    """What the tickets are at last, and the vectors of the texts that say so."""

    def __init__(self, embedder, tickets):
        self.tickets, self.vectors = tickets, {}
        of_title = {title: ticket for ticket, title in tickets.title.items()}
        for text, vector in embedder.texts.items():
            found = re.search(r"Ticket of revision \d+ ticket-[0-9a-f-]{36}", text)
            if found and found[0] in of_title:
                self.vectors.setdefault(of_title[found[0]], []).append(vector)

    def is_deleted(self, point):
        return point["payload"]["ticket_id"] in self.tickets.deleted

    def is_current(self, point):
        """Its vector is that of a text with the very title; stores keep seven digits of a number."""
        ticket, vector = point["payload"]["ticket_id"], vector_of(point)
        return point["payload"]["version"] == self.tickets.version[ticket] and vector is not None and any(
            all(abs(x - y) < 1e-5 for x, y in zip(vector, known)) for known in self.vectors.get(ticket, []))
