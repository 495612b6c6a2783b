"""Embedding services with their limits and their bad days, played by bus/provider.py: everything gets indexed, nothing is
asked for too early, and only poison becomes a dead letter."""

import contextlib
import email.utils
import json
import math
import time
import uuid

import confluent_kafka
import pytest

from bus.installation import Installation
from bus.provider import PERSONAS, Provider, refusal, tokens_of
from bus.workflow import Workflow


@pytest.fixture(scope="module")
def made(stack, logs, closed_installations):
    """An installation with a worker; indexers come and go with the tests."""
    installation = Installation(stack, logs, "providers", TICKETBUS_INDEX_RECONCILE_S="86400")
    try:
        installation.prepare()
        installation.start_workers(1)
        yield installation
    finally:
        troubles = installation.close()
        closed_installations.append(installation)
        assert not troubles, "\n\n".join(troubles)


class Indexed:
    """The installation with one provider and one indexer at work."""

    def __init__(self, bus, provider, daemon):
        self.bus, self.provider, self.daemon = bus, provider, daemon
        self.flow = Workflow(bus)

    def create(self, titles, **fields):
        sent = [self.flow.start_create(title, **fields) for title in titles]
        for command in sent:
            assert self.bus.events.outcome(command, 60).kind == "applied"
        return [command.subject for command in sent]

    def behind(self):
        return self.bus.db.value(
            "SELECT count(*) FROM tickets t LEFT JOIN index_state s ON s.ticket_id = t.id"
            " AND s.version = t.version WHERE t.workflow_id = %s AND s.ticket_id IS NULL", self.flow.id)

    def wait(self, seconds=60):
        deadline = time.monotonic() + seconds
        while self.behind():
            assert time.monotonic() < deadline, self.daemon.tail()
            time.sleep(0.05)

    def letters(self):
        """Dead letters of this workflow's tickets."""
        mine = {r["id"] for r in self.bus.db.rows("SELECT id FROM tickets WHERE workflow_id = %s", self.flow.id)}
        return [letter for letter in read_letters(self.bus) if letter["subject"] in mine]

    def rebalances(self):
        text = self.daemon.log.read_text(errors="replace")
        return text.count("reading events of") - 1 + text.count("partitions were taken away")


@pytest.fixture
def indexed(made):
    with contextlib.ExitStack() as stack:
        def make(persona="openai", settings=None, **limits):
            provider = stack.enter_context(contextlib.closing(Provider(persona, **limits)))
            # A log of its own: what it says is counted; and no proof meanwhile, which would embed what it finds missing.
            daemon = made.start("ticketbus-indexer", f"indexer-{uuid.uuid4().hex[:8]}",
                                **provider.settings | {"TICKETBUS_INDEX_PROOF_S": "0"} | (settings or {}))
            stack.callback(lambda: made.troubles.extend(daemon.stop()))
            daemon.wait_for("reading events of")
            return Indexed(made, provider, daemon)
        yield make
    assert not made.troubles, "\n\n".join(made.troubles)


def read_letters(bus):
    topic = bus.settings["TICKETBUS_TOPIC_INDEX_DLQ"]
    consumer = confluent_kafka.Consumer({"bootstrap.servers": bus.settings["KAFKA_BROKERS"], "group.id": "unused",
                                         "enable.auto.commit": False})
    found = []
    try:
        for partition in consumer.list_topics(topic, timeout=20).topics[topic].partitions:
            at = confluent_kafka.TopicPartition(topic, partition, 0)
            low, high = consumer.get_watermark_offsets(at, timeout=20)
            consumer.assign([confluent_kafka.TopicPartition(topic, partition, low)])
            while low < high:
                message = consumer.poll(10)
                assert message is not None and not message.error(), message and message.error()
                found.append(json.loads(message.value()))
                low = message.offset() + 1
    finally:
        consumer.close()
    return found


def words(n, prefix="w"):
    return " ".join(f"{prefix}{i}x" for i in range(n))


# ---- each service as it is ----

@pytest.mark.parametrize("persona", PERSONAS)
def test_everything_is_indexed_within_its_limits(indexed, persona):
    """Many texts, one longer than the model takes: no dead letter, and vectors of the right texts."""
    at = indexed(persona, {"EMBEDDING_BATCH": "2048", "EMBEDDING_MAX_TOKENS": "300"})
    # Many short words with marks between them: more tokens, by the service's count, than we estimate.
    at.create([f"Ticket {n} for {persona}" for n in range(90)])
    long = at.create(["A ticket with words that are long"], description="antidisestablishmentarianism" * 60)[0]
    at.wait()
    assert at.letters() == []
    assert at.bus.db.value("SELECT sum(failed_chunks) FROM index_state s JOIN tickets t ON t.id = s.ticket_id"
                           " WHERE workflow_id = %s", at.flow.id) == 0
    assert all(len(a.inputs) <= at.provider.limits.inputs for a in at.provider.asked if a.status == 200)
    for row in at.bus.db.rows("SELECT id, title, embedding FROM tickets WHERE workflow_id = %s AND id <> %s", at.flow.id, long):
        assert close(row["embedding"], at.provider.vector_of(row["title"])), row["title"]


def close(a, b):
    return math.dist(a, b) < 1e-5


def test_a_smaller_limit_than_usual_is_learnt(indexed):
    """A TEI that was started with a batch of eight says so once."""
    at = indexed("tei", inputs=8)
    at.create([f"Number {n}" for n in range(100)])
    at.wait()
    refused = [a for a in at.provider.asked if a.status == 413]
    # One more of those that were under way with it.
    assert 1 <= len(refused) <= PARALLEL_OF_TEI, [len(a.inputs) for a in at.provider.asked]
    assert at.letters() == []


PARALLEL_OF_TEI = 4


@pytest.mark.parametrize("persona", ["openai", "ollama", "tei", "vllm"])
def test_a_server_without_base64(indexed, persona):
    at = indexed(persona, base64="refused")
    ticket = at.create(["Plain numbers, please"])[0]
    at.wait()
    assert close(at.flow.row(ticket)["embedding"], at.provider.vector_of("Plain numbers, please"))
    assert at.letters() == []


def test_prefixes_belong_to_the_model(indexed, made):
    settings = {"EMBEDDING_MODEL": "multilingual-e5-small", "QDRANT_COLLECTION": f"{made.prefix}-e5"}
    at = indexed("local", settings)
    at.create(["Tea time"])
    at.wait()
    assert "passage: Tea time" in at.provider.embedded
    made.ctl("search", "coffee", "-w", at.flow.id, **at.provider.settings | settings).expect(0)
    others = [text for text in at.provider.embedded if not text.startswith("passage: ")]
    assert others == ["query: coffee"]


# ---- bad days: bar 5 ----

def busy(persona, retry_after):
    status, body = refusal(persona, "busy")
    return lambda asked: (status, body, {"retry-after": retry_after} if retry_after else {})


@pytest.mark.parametrize("persona", PERSONAS)
def test_throttled_for_a_while(indexed, persona):
    """Six seconds of 429 (Ollama: 503), each of which asks for two: nobody comes back early, the group keeps its member."""
    at = indexed(persona, {"TICKETBUS_BACKOFF_MAX_MS": "100"})
    until = time.monotonic() + 6
    refuse = busy(persona, "2")
    at.provider.fault = lambda asked: refuse(asked) if time.monotonic() < until else None
    at.create([f"Hard times {n}" for n in range(40)])
    at.wait()
    waves = rounds(at.provider.asked)
    # What was under way together came together; after it, two seconds of silence each time.
    assert all(later - earlier >= 1.99 for earlier, later in zip(waves, waves[1:]) if earlier < until), waves
    assert 3 <= sum(w < until for w in waves) <= 4, waves
    assert at.rebalances() == 0 and at.letters() == []


def rounds(asked):
    """When each group of requests that came within a moment began."""
    starts = []
    last = -math.inf
    for a in sorted(a.at for a in asked):
        if a - last > 0.5:
            starts.append(a)
        last = a
    return starts


def test_retry_after_as_a_date(indexed):
    at = indexed("openai", {"TICKETBUS_BACKOFF_MAX_MS": "100"})
    told = []

    def refuse(asked):
        if not told:
            told.append(time.time() + 3)
            status, body = refusal("openai", "busy")
            return status, body, {"retry-after": email.utils.formatdate(told[0], usegmt=True)}
        return None
    at.provider.fault = refuse
    at.create(["A date"])
    at.wait()
    first, second = (a.at for a in at.provider.asked[:2])
    assert second - first >= 1.9  # a date has whole seconds


def test_retry_after_in_milliseconds(indexed):
    at = indexed("openai", {"TICKETBUS_BACKOFF_MAX_MS": "100"})
    status, body = refusal("openai", "busy")
    at.provider.fault = lambda asked: (status, body, {"retry-after-ms": "1500"}) if len(at.provider.asked) == 1 else None
    at.create(["Milliseconds"])
    at.wait()
    first, second = (a.at for a in at.provider.asked[:2])
    assert 1.5 <= second - first < 4


@pytest.mark.parametrize("what", ["500", "garbage", "dimension", "nan", "count", "index", "hang", "hang up", "no money"])
def test_a_bad_spell(indexed, made, what):
    at = indexed("openai", {"TICKETBUS_HTTP_TIMEOUT_MS": "1000", "TICKETBUS_BACKOFF_MAX_MS": "300"})
    vector = [1.0] + [0.0] * 7

    def data(*items):
        return 200, {"object": "list", "data": [{"index": i, "embedding": v} for i, v in items]}, {}
    faults = {
        "500": (*refusal("openai", "broken"), {}),
        "garbage": (200, "<html>Welcome to the hotel's network</html>", {}),
        "dimension": data(*[(n, vector[:7]) for n in range(20)]),
        "nan": (200, '{"data":[' + ",".join('{"index":%d,"embedding":[NaN,0,0,0,0,0,0,1]}' % n for n in range(20)) + "]}", {}),
        "count": data(*[(n, vector) for n in range(19)]),
        "index": data(*[(0, vector) for n in range(20)]),
        "no money": (*refusal("openai", "no_money"), {"retry-after": "1"}),
    }
    at.provider.fault = lambda asked: faults.get(what, what) if time.monotonic() < until else None
    until = time.monotonic() + (1.5 if what == "no money" else 4)
    at.create([f"Ticket {n} of a bad spell" for n in range(20)])
    time.sleep(until - time.monotonic())
    if what == "no money":
        # It is left alone for a minute, whatever it says: a second question would cost nothing but bring nothing.
        assert len(rounds(at.provider.asked)) == 1
        made.troubles += at.daemon.stop()
        at.daemon.start()
        at.wait()
        return
    assert at.behind() == 20
    at.wait()
    assert at.rebalances() == 0 and at.letters() == []
    assert at.bus.db.value("SELECT sum(failed_chunks) FROM index_state s JOIN tickets t ON t.id = s.ticket_id"
                           " WHERE workflow_id = %s", at.flow.id) == 0
    for row in at.bus.db.rows("SELECT title, embedding FROM tickets WHERE workflow_id = %s", at.flow.id):
        assert close(row["embedding"], at.provider.vector_of(row["title"])), row["title"]


def test_one_poison_among_2048(indexed):
    """2,047 are indexed, one is a dead letter, and finding it costs 24 requests at most."""
    at = indexed("openai", {"EMBEDDING_BATCH": "2048", "TICKETBUS_INDEX_BATCH_MAX": "4096", "TICKETBUS_INDEX_WAIT_MS": "1500"})
    at.provider.poison = "POISON"
    titles = [f"Ticket {n}" for n in range(2048)]
    titles[1234] = "Ticket with POISON"
    tickets = at.create(titles)
    at.wait(120)
    # Extra is what asks again for texts of a refused request, and the harmless question.
    refused, extra = set(), 0
    for asked in at.provider.asked:
        extra += asked.inputs == ["ticket"] or asked.inputs[0] in refused
        refused.update(asked.inputs if asked.status == 400 else [])
    assert 1 <= extra <= 24, [(len(a.inputs), a.status) for a in at.provider.asked]
    letters = at.letters()
    assert [letter["subject"] for letter in letters] == [tickets[1234]], letters
    assert letters[0]["data"]["version"] == 1 and letters[0]["data"]["chunk"] == "body#0"
    assert at.bus.db.value("SELECT count(*) FROM index_state s JOIN tickets t ON t.id = s.ticket_id"
                           " WHERE workflow_id = %s AND chunks = 1 AND failed_chunks = 0", at.flow.id) == 2047


def test_a_dead_letter_is_replayed(indexed, made):
    """Listed, shown, and tried again when its cause is gone; until then the rest of the ticket is found."""
    at = indexed("openai")
    at.provider.poison = "POISON"
    ticket = at.create(["Mushrooms"], description="The red ones are POISON.")[0]
    at.wait()
    told = json.loads(made.ctl("dlq", "list", "--topic", "index", "--ticket", ticket, "--json").expect(0).out)["dead_letters"]
    assert [(letter["subject"], letter["data"]["chunk"]) for letter in told] == [(ticket, "body#0")]
    shown = json.loads(made.ctl("dlq", "show", told[0]["id"], "--json").expect(0).out)
    assert shown == told[0] and "POISON" not in json.dumps(shown["data"])
    # Still refused: told, and another letter.
    ran = made.ctl("dlq", "replay", ticket, "--topic", "index", **at.provider.settings).expect(1)
    assert "refused in parts" in ran.err and failed_chunks(made, ticket) == 1
    at.provider.poison = ""
    made.ctl("dlq", "replay", ticket, "--topic", "index", **at.provider.settings).expect(0)
    assert failed_chunks(made, ticket) == 0
    assert any("POISON" in text for text in at.provider.embedded)
    made.ctl("dlq", "drop", ticket, "--topic", "index").expect(2)


def failed_chunks(bus, ticket):
    return bus.db.value("SELECT failed_chunks FROM index_state WHERE ticket_id = %s", ticket)


# ---- pace ----

def test_requests_at_once_adapt(indexed):
    """A service that bears three at once: it is tried with more, and mostly asked with what it bears."""
    at = indexed("openai", {"EMBEDDING_BATCH": "4", "EMBEDDING_PARALLEL": "16", "TICKETBUS_BACKOFF_MAX_MS": "100"})
    at.provider.latency = 0.03
    status, body = refusal("openai", "busy")
    at.provider.fault = lambda asked: (status, body, {}) if asked.at_once > 3 else None
    at.create([f"Crowd {n}" for n in range(600)])
    at.wait(120)
    asked = at.provider.asked
    assert max(a.at_once for a in asked) >= 3, "it grew"
    throttled = sum(a.status == 429 for a in asked)
    assert throttled < len(asked) / 2, (throttled, len(asked))
    assert at.letters() == []


def test_budgets_wait_and_do_not_fail(indexed):
    """Sixty requests a minute: six at once, then about one a second. In tokens likewise."""
    at = indexed("openai", {"EMBEDDING_BATCH": "1", "EMBEDDING_RPM": "60", "TICKETBUS_INDEX_WAIT_MS": "500"})
    at.create([f"Slowly {n}" for n in range(10)])
    at.wait()
    times = sorted(a.at for a in at.provider.asked)
    assert len(times) == 10 and times[5] - times[0] < 2 and times[9] - times[0] > 3.9, times
    assert not at.daemon.said("away"), "waiting for a budget is no trouble"
    assert at.letters() == []


def test_budget_of_tokens(indexed):
    at = indexed("openai", {"EMBEDDING_TPM": "6000", "TICKETBUS_INDEX_WAIT_MS": "500"})
    at.create([f"Number {n}" for n in range(8)], description=words(60))
    at.wait()
    per_request = [sum(map(tokens_of, a.inputs)) for a in at.provider.asked]
    assert len(per_request) > 1 and max(per_request) <= 600, per_request
    spent = sorted((a.at, tokens) for a, tokens in zip(at.provider.asked, per_request))
    # Fewer by its count than by ours.
    assert sum(per_request) > 300 and spent[-1][0] - spent[0][0] > 2, spent
