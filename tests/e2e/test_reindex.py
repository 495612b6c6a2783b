"""Another model beside the one in use, under load: no search fails, none mixes models, nothing is lost at the switch.

TICKETBUS_TEST_REINDEX="tickets=20000,writes=500,searches=20" runs it at full rate, on release programs (TICKETBUS_BIN); it then
fails unless that many writes and searches are done each second, searches in every five seconds of it."""

import collections
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from bus.gateway import Gateway
from bus.installation import Installation
from bus.vectors import StubProcess
from bus.workflow import Workflow

SIZE = {"tickets": 150, "writes": 20, "searches": 5} | {
    k: int(v) for k, _, v in (part.partition("=") for part in os.environ.get("TICKETBUS_TEST_REINDEX", "").split(",")) if k}
ASKED = bool(os.environ.get("TICKETBUS_TEST_REINDEX"))
WINDOW = 5  # seconds
WORDS = "crane berth container gate tide lamp pilot harbour ferry anchor rope ledger customs signal bridge".split()


@pytest.fixture
def stub():
    made = StubProcess()
    yield made
    made.close()


@pytest.fixture(params=["qdrant", "pgvector"])
def bus(request, stack, logs, closed_installations, stub):
    made = Installation(stack, logs, f"reindex-{request.param}", TICKETBUS_STORE=request.param, EMBEDDING_URL=stub.url,
                        EMBEDDING_MODEL="stub-up", EMBEDDING_DIM=str(stub.dim), TICKETBUS_INDEX_PROOF_S="0",
                        TICKETBUS_GATEWAY_DB_POOL="8")
    try:
        made.prepare()
        made.start_workers(1)
        made.start_indexer()
        made.start_indexer()
        made.flow = Workflow(made)
        made.tickets = made.flow.create_many(SIZE["tickets"], "Report of the crane", description="The tide was high. " * 8)
        wait_indexed(made)
        yield made
    finally:
        troubles = made.close()
        closed_installations.append(made)
        assert not troubles, "\n\n".join(troubles)


def status(bus):
    ran = bus.ctl("index", "status", "--json")
    return ran.code, json.loads(ran.out)


def wait_indexed(bus, seconds=240):
    deadline = time.monotonic() + seconds
    while (found := status(bus))[0] != 0:
        assert time.monotonic() < deadline, found
        time.sleep(0.3)
    return found[1]


def reindex(bus, *options, code=0):
    ran = bus.ctl("index", "reindex", "--json", *options, timeout=560).expect(code)
    return json.loads(ran.out.splitlines()[-1]) if ran.out else ran.err


def collections_of(bus):
    return {r["model"]: r["state"] for r in bus.db.rows("SELECT model, state FROM index_collections")}


class Load:
    """Writes and searches at somewhat more than their rate, until stopped; what went wrong with the searches. Those and the
    embedding service are processes of their own: this one makes the writes and reads every event."""

    def __init__(self, bus, gateway):
        self.bus = bus
        self.stop = threading.Event()
        self.writes = 0
        self.searches = []  # (when, ms, what was wrong) of each
        self.command = [sys.executable, "-m", "bus.searcher", str(gateway.port), gateway.token("load", "--scope", "write"),
                        str(1.25 * SIZE["searches"]), *WORDS]
        self.threads = [threading.Thread(target=self._write), threading.Thread(target=self._read)]

    def __enter__(self):
        self.searcher = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                         cwd=os.path.dirname(__file__))
        self.began = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.end()
        for thread in self.threads:
            thread.join()
        assert self.searcher.wait(60) == 0
        self.bus.publisher.flush()
        print(json.dumps({"store": self.bus.settings["TICKETBUS_STORE"], "tickets": SIZE["tickets"]} | self.summary()))

    def end(self):
        if not self.stop.is_set():
            self.seconds = time.monotonic() - self.began
            self.unapplied = self.bus.lag()
            self.stop.set()
            self.searcher.stdin.close()

    def _read(self):
        for line in self.searcher.stdout:
            self.searches.append(json.loads(line))

    def _write(self):
        rng, flow, live = random.Random(7), self.bus.flow, list(self.bus.tickets)
        due = time.monotonic()
        while not self.stop.is_set():
            kind = rng.choice(("create", "update", "update", "comment", "status", "delete"))
            at = rng.randrange(len(live))
            ticket = live[at]
            if kind == "create":
                live.append(flow.start_create(f"New {rng.choice(WORDS)} {rng.random()}").subject)
            elif kind == "update":
                flow.send("ticket.update", ticket, {"updates": {"title": f"{rng.choice(WORDS)} {rng.random()}"}})
            elif kind == "comment":
                flow.send("ticket.comment", ticket, {"comment_text": f"Seen at the {rng.choice(WORDS)} {rng.random()}"})
            elif kind == "status":
                flow.send("ticket.update", ticket, {"updates": {"priority": rng.choice(("low", "medium", "high"))}})
            elif len(live) > 20:
                live[at] = live[-1]
                live.pop()
                flow.send("ticket.delete", ticket)
            self.writes += 1
            due += 1 / (1.05 * SIZE["writes"])
            time.sleep(max(0, due - time.monotonic()))

    def summary(self):
        within = [s for s in self.searches if s[0] < self.seconds]
        windows = collections.Counter(int(s[0] // WINDOW) for s in within)
        took = sorted(s[1] for s in within)
        return {"seconds": round(self.seconds, 1), "writes_per_s": round(self.writes / self.seconds, 1),
                "unapplied": self.unapplied, "searches_per_s": round(len(within) / self.seconds, 1),
                "searches_per_s_least": min((windows[w] for w in range(int(self.seconds // WINDOW))), default=0) / WINDOW,
                "search_p50_ms": took[len(took) // 2] if took else None,
                "search_p99_ms": took[len(took) * 99 // 100] if took else None,
                "failed": len(self.wrong("failed")), "mixed": len(self.wrong("mixed"))}

    def wrong(self, kind):
        return [s for s in self.searches if s[2] == kind]


def test_switch_under_load(bus, stub):
    with Gateway(bus, "gateway") as gateway, Load(bus, gateway) as load:
        time.sleep(2)
        done = reindex(bus, "--model", "stub-down")
        assert collections_of(bus) == {"stub-up": "retired", "stub-down": "active"}
        before, deadline = len(load.searches), time.monotonic() + 30
        while len(load.searches) < before + 3 * SIZE["searches"]:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        asked = stub.asked["stub-up"]
        time.sleep(2)
        load.end()
    figures = load.summary()
    print(json.dumps(done))
    assert load.wrong("failed") == [] and load.wrong("mixed") == []
    if ASKED:
        assert figures["writes_per_s"] >= SIZE["writes"] and figures["searches_per_s_least"] >= SIZE["searches"], figures
    assert done["model"] == "stub-down" and done["differences"] == 0
    assert stub.asked["stub-up"] == asked, "the old model is no longer asked"
    found = wait_indexed(bus)
    assert found["model"] == "stub-down" and found["alias_target"] == done["collection"] == found["collection"]
    bus.settle(60 + SIZE["tickets"] // 50)
    wait_indexed(bus)
    assert json.loads(bus.ctl("index", "verify", "--json").expect(0).out)["differences"] == 0
    assert json.loads(bus.ctl("index", "reconcile", "--dry-run", "--json").expect(0).out.splitlines()[-1])["differences"] == 0
    results = json.loads(bus.ctl("search", "crane", "-m", "semantic", "--json").expect(0).out)
    assert results["degraded"] == [] and all(r["similarity"] > 0.2 for r in results["results"]), results


def test_killed_and_started_again(bus, stub):
    stub.set(delay=0.3)
    command = [bus.stack.program("ticketctl"), "index", "reindex", "--model", "stub-down"]
    for _ in range(2):
        child = subprocess.Popen(command, env=os.environ | bus.settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        known = "SELECT count(*) FROM index_state s JOIN index_collections c ON c.name = s.collection WHERE c.model = 'stub-down'"
        before = bus.db.value(known)
        while bus.db.value(known) == before and child.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
        child.wait()
    stub.set(delay=0.0)
    assert collections_of(bus) == {"stub-up": "active", "stub-down": "filling"}
    results = json.loads(bus.ctl("search", "crane", "-m", "semantic", "--json").expect(0).out)["results"]
    assert results and all(r["similarity"] > 0.2 for r in results), "the old one is searched"
    assert "under way" in bus.ctl("index", "reindex", "--model", "stub-other-up").expect(1).err
    points = status(bus)[1]["points_live"]
    done = reindex(bus, "--model", "stub-down")
    assert done["points"] == points
    assert stub.asked["stub-down"] <= points + 2 * 1024, "at most a slice is embedded again for each kill"
    assert "already" in bus.ctl("index", "reindex", "--model", "stub-down").expect(1).err


def test_rollback_cancel_and_drop(bus, stub):
    reindex(bus, "--model", "stub-down")
    changed = bus.tickets[:3]
    for ticket in changed:
        bus.flow.applied("ticket.update", ticket, {"updates": {"title": f"Changed after the switch {ticket[-4:]}"}})
    bus.flow.applied("ticket.delete", bus.tickets[3])
    wait_indexed(bus)
    before = stub.asked["stub-up"]
    done = reindex(bus, "--rollback")
    assert done["model"] == "stub-up" and stub.asked["stub-up"] - before <= 3 * len(changed), "only what has changed"
    assert wait_indexed(bus)["model"] == "stub-up"
    assert json.loads(bus.ctl("index", "verify", "--json").expect(0).out)["differences"] == 0
    results = json.loads(bus.ctl("search", "crane", "-m", "semantic", "--json").expect(0).out)["results"]
    assert results and all(r["similarity"] > 0.2 for r in results), results
    assert reindex(bus, "--drop-old")["dropped"] == 1
    assert collections_of(bus) == {"stub-up": "active"}
    assert bus.db.value("SELECT count(DISTINCT collection) FROM index_state") == 1
    bus.ctl("index", "reindex", "--rollback").expect(1)
    ran = bus.ctl("index", "reindex", "--model", "stub-down", "--url", "http://127.0.0.1:1/v1",
                  TICKETBUS_HTTP_TIMEOUT_MS="1000").expect(3)
    assert "is away" in ran.err and collections_of(bus)["stub-down"] == "filling"
    assert status(bus)[0] == 0 and status(bus)[1]["model"] == "stub-up"
    assert reindex(bus, "--cancel")["dropped"] == 1
    assert collections_of(bus) == {"stub-up": "active"}


def test_settings_of_another_model_change_nothing(bus, stub):
    """The collection's own model answers; the log says what to do."""
    results = json.loads(bus.ctl("search", "crane", "-m", "semantic", "--json", EMBEDDING_MODEL="stub-down").expect(0).out)
    assert results["degraded"] == [] and all(r["similarity"] > 0.2 for r in results["results"])
    indexer = bus.start_indexer(EMBEDDING_MODEL="stub-down")
    deadline = time.monotonic() + 30
    while "index reindex" not in indexer.tail():
        assert time.monotonic() < deadline, indexer.tail()
        time.sleep(0.1)
    assert collections_of(bus) == {"stub-up": "active"}
    bus.db.rows("UPDATE index_collections SET model = 'stub-down'")
    ran = json.loads(bus.ctl("search", "crane", "-m", "hybrid", "--json").expect(0).out)
    assert "its name says otherwise" in ran["degraded"][0]["why"], "a record that contradicts itself is refused"
    bus.db.rows("UPDATE index_collections SET model = 'stub-up'")
