"""Server-sent events: what a reader gets, and that it misses nothing and gets nothing twice however it comes and goes."""

import http.client
import json
import os
import random
import threading
import time
import uuid

import confluent_kafka
import confluent_kafka.admin
import pytest

from bus.gateway import Client, Gateway, free_port
from bus.publisher import Publisher
from bus.sse import Follower, Refused, Stream

PARTITIONS = 4


class Feed:
    """A topic of events of its own, what is written to it, and programs that serve it."""

    def __init__(self, bus, **settings):
        self.topic = f"e2e-sse-{uuid.uuid4().hex[:10]}.events"
        self.settings = {"TICKETBUS_TOPIC_EVENTS": self.topic, "TICKETBUS_SSE_HEARTBEAT_S": "1",
                         "TICKETBUS_WEBHOOKS": "false"} | settings
        brokers = bus.settings["KAFKA_BROKERS"]
        self.admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": brokers})
        self.admin.create_topics([confluent_kafka.admin.NewTopic(self.topic, PARTITIONS, 1)])[self.topic].result(30)
        self.publisher = Publisher(brokers, self.topic)
        self.bus, self.servers, self.versions, self.written = bus, [], {}, []

    def serve(self):
        server = Gateway(self.bus, f"sse-{uuid.uuid4().hex[:6]}", **self.settings)
        server.daemon.wait_for("events are read")
        self.servers.append(server)
        self.bearer = server.token(f"sse-{uuid.uuid4().hex[:6]}", "--scope", "read")
        return server

    def options(self, server, token=None, **more):
        return {"address": f"127.0.0.1:{server.port}", "headers": {"Authorization": f"Bearer {token or self.bearer}"}} | more

    def stream(self, server, **more):
        return Stream(**self.options(server, **more))

    def follow(self, server, **more):
        return Follower(**self.options(server, **more))

    def event(self, ticket, sequence=None, workflow="w", type="ticket.updated", repeat=False, id=None, pad=0):
        if sequence is None and type.startswith("ticket."):
            sequence = self.versions[ticket] = self.versions.get(ticket, 0) + 1
        body = {"specversion": "1.0", "id": id or f"{ticket}-{sequence}", "source": "/ticketbus/worker", "type": type,
                "subject": ticket, "time": "2026-01-01T00:00:00Z", "datacontenttype": "application/json"}
        if sequence:
            body["sequence"] = str(sequence)
        body["data"] = {"workflow_id": workflow, "text": "ü\u2028" + "x" * pad}
        text = json.dumps(body, ensure_ascii=False)
        self.publisher.send_raw(text.encode(), ticket.encode(), {"ticketbus-repeat": "1"} if repeat else None)
        self.written.append((ticket, sequence, text))
        return text

    def close(self):
        troubles = [t for server in self.servers for t in server.daemon.stop()]
        self.admin.delete_topics([self.topic])[self.topic].result(30)
        return troubles


@pytest.fixture
def feed(bus):
    made = []

    def make(**settings):
        made.append(Feed(bus, **settings))
        return made[-1]

    yield make
    troubles = [t for f in made for t in f.close()]
    assert not troubles, "\n\n".join(troubles)


def tickets(count):
    return [f"ticket-{uuid.uuid4()}" for _ in range(count)]


def seen(events):
    """(ticket, sequence) of each."""
    return [(e["subject"], int(e["sequence"])) for e in (json.loads(s.data) for s in events)]


def per_ticket(pairs):
    found = {}
    for ticket, sequence in pairs:
        found.setdefault(ticket, []).append(sequence)
    return found


def test_a_reader_gets_the_exact_bytes_that_it_asked_for(feed):
    f = feed()
    server = f.serve()
    a, b = tickets(2)
    everything = f.stream(server)
    one = f.stream(server, ticket_id=a, type=["ticket.updated", "ticket.resolved"])
    flow = f.stream(server, workflow_id=["v", "nowhere"])
    sent = [f.event(a), f.event(b, workflow="v"), f.event(a, type="ticket.resolved"), f.event(a, type="ticket.commented")]
    f.publisher.flush()
    got = everything.read(4)
    assert sorted(e.data for e in got) == sorted(sent)
    assert {e.type for e in got} == {"ticket.updated", "ticket.resolved", "ticket.commented"}
    assert everything.headers["Content-Type"] == "text/event-stream"
    assert [e.data for e in one.read(2)] == [sent[0], sent[2]]
    assert [e.data for e in flow.read(1)] == [sent[1]]
    for stream in (everything, one, flow):
        stream.kill()


def test_what_comes_again_or_out_of_turn_is_given_once_and_in_order(feed):
    f = feed()
    server = f.serve()
    (a,) = tickets(1)
    stream = f.stream(server, ticket_id=a)
    for sequence in (1, 2, 1, 2, 4, 3, 4, 5):  # 4 overtook 3: both are sent again, as workers do
        f.event(a, sequence)
    f.event(a, 5, repeat=True)
    for _ in range(2):
        f.event(a, type="command.rejected", id="same")
    f.event(a, 6)
    f.publisher.flush()
    got = stream.read(7)
    assert [json.loads(e.data).get("sequence") for e in got] == ["1", "2", "3", "4", "5", None, "6"]
    stream.kill()


@pytest.mark.parametrize("recent", ["33554432", "65536"], ids=["memory", "kafka"])
def test_killed_and_resumed(feed, recent):
    """Readers, and the server itself, are killed while events are written; each event is given once, in order.
    With TICKETBUS_TEST_AT_LENGTH set: 50,000 events, and each reader is killed a hundred times."""
    f = feed(TICKETBUS_SSE_RECENT_BYTES=recent)
    server = f.serve()
    start = f.stream(server)
    next_id = (lambda: (f.event("ticket-first"), f.publisher.flush(), start.read(1)[0].id))()[2]
    start.kill()
    followers = [f.follow(server, last_id=next_id), f.follow(server, last_id=next_id, workflow_id="w1")]
    known = tickets(50)
    rng = random.Random(7)
    count, cuts = (50000, 100) if os.environ.get("TICKETBUS_TEST_AT_LENGTH") else (4000, 20)
    for i in range(count):
        ticket = rng.choice(known)
        f.event(ticket, workflow=f"w{known.index(ticket) % 3}")
        if i % 97 == 0:  # what a crash repeats: the last ones again
            for again, sequence, text in f.written[-5:]:
                f.publisher.send_raw(text.encode(), again.encode())
        if i % (count // cuts) == count // cuts - 1:
            for follower in followers:
                before = follower.resumes
                while follower.resumes == before and follower.trouble is None:  # or two cuts would be one
                    follower.cut()
                    time.sleep(0.002)
        if i == count // 2:
            server.daemon.kill()
            server.daemon.start()
        time.sleep(0.0005)
    f.publisher.flush()
    expected = per_ticket((t, s) for t, s, _ in f.written[1:])
    of_w1 = {t: s for t, s in expected.items() if known.index(t) % 3 == 1}
    deadline = time.monotonic() + 60
    wants = [sum(map(len, w.values())) for w in (expected, of_w1)]
    while time.monotonic() < deadline and any(len(x.events) < n for x, n in zip(followers, wants)):
        time.sleep(0.1)
    time.sleep(0.5)
    for follower, want in zip(followers, (expected, of_w1)):
        follower.finish()
        assert follower.trouble is None, follower.trouble
        assert per_ticket(seen(follower.events)) == want
        assert follower.resumes >= cuts


def test_far_behind(feed):
    """From the beginning of the topic, with a filter, joined to what is written meanwhile."""
    f = feed(TICKETBUS_SSE_RECENT_BYTES="65536")
    known = tickets(20)
    for i in range(20000):
        f.event(known[i % 20], workflow=f"w{i % 2}")
    f.publisher.flush()
    server = f.serve()
    stream = f.stream(server, last_id=",".join(f"{p}=0" for p in range(PARTITIONS)), workflow_id="w1")
    writing = threading.Thread(target=lambda: [(f.event(known[1], workflow="w1"), time.sleep(0.001)) for _ in range(300)])
    writing.start()
    got = per_ticket(seen(stream.read(10300)))
    writing.join()
    assert all(got[t] == list(range(1, 1001 + (300 if t == known[1] else 0))) for t in known[1::2])
    stream.kill()


def test_what_the_log_no_longer_holds_is_told_and_counted(feed):
    f = feed(TICKETBUS_ADMIN_LISTEN=f"127.0.0.1:{free_port()}")
    (a,) = tickets(1)
    for _ in range(20):
        f.event(a)
    f.publisher.flush()
    f.admin.delete_records([confluent_kafka.TopicPartition(f.topic, p, -1) for p in range(PARTITIONS)])
    time.sleep(0.5)
    server = f.serve()
    for wrong, status in (("0=0,1=0,2=0,3=0", 410), ("0=999999,1=0", 410), ("9=1", 400), ("0=1,0=2", 400), ("x", 400),
                          ("0=-1", 400), ("0=99999999999999999999", 400)):
        with pytest.raises(Refused) as refused:
            f.stream(server, last_id=wrong)
        assert refused.value.status == status, wrong
    assert "GET /tickets/get" in str(pytest.raises(Refused, f.stream, server, last_id="0=0").value)
    stream = f.stream(server)
    f.event(a)
    f.publisher.flush()
    assert seen(stream.read(1)) == [(a, 21)]
    deadline = time.monotonic() + 20
    while (counts := server.metrics())['ticketbus_gateway_stream_events_total{outcome="passed"}'] < 1:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert counts['ticketbus_gateway_stream_readers{at="tail"}'] == 1
    assert counts['ticketbus_gateway_stream_events_total{outcome="passed"}'] == 1
    assert counts['ticketbus_gateway_stream_resumes_total{from="gone"}'] >= 2
    stream.kill()


def test_a_slow_reader_is_dropped_and_others_are_not(feed):
    f = feed(TICKETBUS_SSE_BUFFER_BYTES="262144")
    server = f.serve()
    (a,) = tickets(1)
    slow = f.stream(server, buffer=65536)
    quick = f.follow(server)
    while quick.stream is None:
        time.sleep(0.01)
    time.sleep(0.3)
    count, pad = 1200, 8000  # more than sockets buffer
    deadline = time.monotonic() + 60
    for i in range(count):
        f.event(a, pad=pad)
        while i - len(quick.events) > 16 and time.monotonic() < deadline:  # so that it keeps up on any machine
            f.publisher.flush()
            time.sleep(0.001)
    f.publisher.flush()
    while len(quick.events) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    assert quick.resumes == 0
    assert [s for _, s in seen(quick.events)] == list(range(1, count + 1))
    quick.finish()
    # What the slow one got is a beginning without holes; it goes on after its id.
    got = []
    try:
        for event in slow:
            got.append(event)
    except (OSError, http.client.HTTPException):
        pass
    assert 0 < len(got) < count
    rest = f.stream(server, last_id=got[-1].id)
    got += rest.read(count - len(got))
    assert [s for _, s in seen(got)] == list(range(1, count + 1))
    rest.kill()


def test_a_silent_stream_is_told_the_id(feed):
    f = feed()
    server = f.serve()
    (a,) = tickets(1)
    stream = f.stream(server, workflow_id="none of these")
    f.event(a)
    f.publisher.flush()
    time.sleep(2.5)
    f.event(a, workflow="none of these")
    f.publisher.flush()
    (got,) = stream.read(1)
    assert stream.beats >= 2 and seen([got]) == [(a, 2)]
    stream.kill()


def test_a_token_sees_its_workflows_only(feed):
    f = feed()
    server = f.serve()
    a, b = tickets(2)
    Client(server, None).get("/events").problem(401, "unauthorized")
    narrow = server.token(f"narrow-{uuid.uuid4().hex[:6]}", "--scope", "read", "--workflow", "mine")
    Client(server, narrow).get("/events", workflow_id="yours").problem(403, "forbidden", "workflow_id")
    Client(server, narrow).get("/events", workflow="mine").problem(422, "validation_failed", "workflow")
    Client(server, narrow).get("/events", last_event_id="x").problem(400, "validation_failed", "Last-Event-ID")
    stream = f.stream(server, token=narrow)
    f.event(b, workflow="yours")
    f.event(b, type="command.rejected", id="whose", workflow=None)
    mine = f.event(a, workflow="mine")
    f.publisher.flush()
    assert [e.data for e in stream.read(1)] == [mine]
    stream.kill()
