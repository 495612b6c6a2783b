"""Creates repeated by many clients while gateways and workers are killed: each takes effect once, and every client is
told the truth. TICKETBUS_CREATES sets how many (200 here; the bar is 1000 with 50 clients, TICKETBUS_CLIENTS)."""

import http.client
import os
import random
import threading
import time
import uuid

import pytest

from bus.gateway import Client, Gateway

CREATES = int(os.environ.get("TICKETBUS_CREATES", "200"))
CLIENTS = int(os.environ.get("TICKETBUS_CLIENTS", "20"))
REPEATS = 3


class Killer(threading.Thread):
    """Kills a gateway or a worker, starts it again, and goes on until told to stop. Gateways die often; a worker only
    when the one before can be back at work: Kafka moves a dead one's partitions after its session timeout of 6 s."""

    WORKER_SECONDS = 12

    def __init__(self, gateways, workers):
        super().__init__()
        self.gateways, self.workers = gateways, workers
        self.enough = threading.Event()
        self.killed = {"gateway": 0, "worker": 0}
        self.trouble = None
        self.next_worker = time.monotonic() + 0.5

    def run(self):
        chance = random.Random(7)
        try:
            while not self.enough.wait(chance.uniform(0.2, 0.6)):
                kind = "gateway"
                if time.monotonic() >= self.next_worker:
                    kind, self.next_worker = "worker", time.monotonic() + self.WORKER_SECONDS
                victim = chance.choice([g.daemon for g in self.gateways] if kind == "gateway" else self.workers)
                victim.kill()
                self.killed[kind] += 1
                victim.start()
        except Exception as trouble:  # told to the test
            self.trouble = trouble


def create_until_known(clients, chance, workflow, key, title):
    """Sends the same request, to any gateway, until one tells the outcome."""
    deadline = time.monotonic() + 120
    while True:
        try:
            answer = chance.choice(clients).post(
                "/tickets/create", {"workflow_id": workflow, "title": title, "ticket_type": "task"},
                Idempotency_Key=key, timeout=20)
        except (OSError, http.client.HTTPException):
            answer = None
        if answer is not None and answer.status not in (202, 503):
            return answer
        assert time.monotonic() < deadline, f"no outcome of {key}"
        time.sleep(chance.uniform(0.02, 0.2))


@pytest.mark.timeout(900)
def test_each_create_takes_effect_once_whatever_is_killed(new_bus):
    bus = new_bus("gateway-faults", workers=2)
    gateways = [Gateway(bus, f"gateway-{n}", TICKETBUS_GATEWAY_WAIT_MS="4000") for n in range(2)]
    workers = [d for d in bus.daemons if "worker" in d.name]
    token = gateways[0].token("creator", "--scope", "admin")
    workflow = f"faults-{uuid.uuid4().hex[:8]}"
    board = {"name": "f", "columns": [{"id": "todo", "category": "open"}, {"id": "done", "category": "done"}],
             "ticket_types": ["task"], "initial_status": "todo"}
    Client(gateways[0], token).request("PUT", f"/tickets/board-config/{workflow}", board).expect(200)
    told, troubles, lock = {}, [], threading.Lock()

    def work(number):
        chance = random.Random(number)
        clients = [Client(g, token, X_Agent_ID=f"agent-{number}") for g in gateways]
        mine = [(str(uuid.uuid4()) if n % 2 else f"key {number} {n}", f"Ticket {n}") for n in range(number, CREATES, CLIENTS)]
        sent = [request for request in mine for _ in range(REPEATS)]
        chance.shuffle(sent)
        try:
            for key, title in sent:
                body = create_until_known(clients, chance, workflow, key, title).expect(201)
                with lock:
                    told.setdefault(key, set()).add((body["ticket_id"], body["version"], title))
        except Exception as trouble:
            with lock:
                troubles.append(f"client {number}: {trouble!r}")

    killer = Killer(gateways, workers)
    threads = [threading.Thread(target=work, args=(n,)) for n in range(CLIENTS)]
    for thread in [*threads, killer]:
        thread.start()
    for thread in threads:
        thread.join()
    killer.enough.set()
    killer.join()
    assert not troubles, troubles[:5]
    assert killer.trouble is None, killer.trouble
    assert killer.killed["gateway"] and killer.killed["worker"], killer.killed
    bus.settle()
    rows = {r["id"]: r["title"] for r in bus.db.rows("SELECT id, title FROM tickets WHERE workflow_id = %s", workflow)}
    assert len(rows) == CREATES and len(told) == CREATES
    for answers in told.values():
        assert len(answers) == 1, answers  # every repeat was told the same
        ticket, version, title = answers.pop()
        assert rows[ticket] == title and version == 1
