"""Outbound webhooks: signed, once, in order, patient with receivers that misbehave, and never inside our own network."""

import json
import time

import pytest

from bus.gateway import Gateway, free_port
from bus.receiver import Receiver
from bus.workflow import Workflow

QUICK = {
    "TICKETBUS_WEBHOOK_NETWORKS": "127.0.0.1/32",
    "TICKETBUS_WEBHOOK_RETRY_S": "0,1,1",
    "TICKETBUS_WEBHOOK_TIMEOUT_MS": "1500",
    "TICKETBUS_WEBHOOK_PAUSE_S": "3600",
}


@pytest.fixture(scope="module")
def gateway(bus):
    with Gateway(bus, "webhooks", TICKETBUS_ADMIN_LISTEN=f"127.0.0.1:{free_port()}", **QUICK) as made:
        made.daemon.wait_for("partitions are ours")
        yield made


@pytest.fixture(scope="module")
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def hook(bus, gateway, receiver, request):
    """Makes a webhook that leads to a path of the receiver."""
    made = []

    def make(path, *options, answer=None):
        if answer is not None:
            receiver.answers[path] = answer
        if "--type" not in options:  # the board of the moment before is told too, or not
            options += ("--type", "created,commented")
        found = json.loads(bus.ctl("webhook", "create", receiver.url(path), *options, "--json",
                                   TICKETBUS_WEBHOOK_NETWORKS="127.0.0.1").expect(0).out)
        receiver.secrets[path] = [found["secret"]]
        made.append(found["id"])
        return found

    yield make
    for one in made:
        bus.ctl("webhook", "delete", one).expect(0)


def shown(bus, hook):
    return json.loads(bus.ctl("webhook", "show", hook["id"], "--json").expect(0).out)


def deliveries(bus, hook, *options):
    return json.loads(bus.ctl("webhook", "deliveries", hook["id"], "-n", "1000", "--json", *options).expect(0).out)["deliveries"]


def wait_until(what, seconds=20):
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def once_each(bus, made, got, count):
    """Each delivery is sent once, and again only where we answered too late, as a machine under load may."""
    late = {d["id"] for d in deliveries(bus, made) if any("imeout" in (h["error"] or "") for h in d["history"])}
    attempts = [(r.id, r.headers["ticketbus-attempt"]) for r in got]
    assert len(set(attempts)) == len(attempts) and len({r.id for r in got}) == count
    assert all(attempt == "1" for delivery, attempt in attempts if delivery not in late)


def test_every_event_once_exact_signed_and_in_order(bus, flow, hook, receiver):
    made = hook("/plain", "--workflow", flow.id)
    tickets = flow.create_many(5)
    for i in range(8):
        for ticket in tickets:
            flow.send("ticket.comment", ticket, {"comment_text": f"Nº {i} \u2028"})
    got = receiver.wait("/plain", 5 + 40)
    time.sleep(0.5)
    got = receiver.of("/plain")
    assert all(r.verified for r in got)
    once_each(bus, made, got, 45)
    on_topic = {m.id: m.raw for m in bus.events.messages if m.subject in tickets}
    for r in got:
        assert r.body == on_topic[r.event["id"]]
        assert r.headers["content-type"] == "application/cloudevents+json"
    for ticket in tickets:
        in_turn = dict.fromkeys(int(r.event["sequence"]) for r in got if r.event["subject"] == ticket)
        assert list(in_turn) == list(range(1, 10))
    wait_until(lambda: shown(bus, made)["pending"] == 0)
    assert {d["status"] for d in deliveries(bus, made)} == {"delivered"}
    # A command sent again is published again; whoever was told is not told again.
    command = flow.command("ticket.comment", tickets[0], {"comment_text": "twice"})
    for _ in range(2):
        bus.events.outcome(bus.publisher.send(command))
        bus.settle()
    wait_until(lambda: len({r.id for r in receiver.of("/plain")}) == 46)
    time.sleep(0.5)
    once_each(bus, made, receiver.of("/plain"), 46)


def test_filters(bus, flow, hook, receiver):
    a, b = flow.create_many(2)
    hook("/filter", "--ticket", a, "--type", "commented,resolved")
    for ticket in (a, b):
        flow.applied("ticket.comment", ticket, {"comment_text": "x"})
        flow.applied("ticket.resolve", ticket, {"resolution_comment": "done"})
    wait_until(lambda: {r.event["type"] for r in receiver.of("/filter")} == {"ticket.commented", "ticket.resolved"})
    time.sleep(0.3)
    assert {r.event["type"] for r in receiver.of("/filter")} == {"ticket.commented", "ticket.resolved"}
    assert {r.event["subject"] for r in receiver.of("/filter")} == {a}


def test_rotation(bus, flow, hook, receiver):
    made = hook("/rotate", "--workflow", flow.id)
    old = made["secret"]
    new = json.loads(bus.ctl("webhook", "rotate", made["id"], "--json").expect(0).out)["secret"]
    for count, secret in enumerate((old, new), 1):
        receiver.secrets["/rotate"] = [secret]
        flow.create()
        got = receiver.wait("/rotate", count)[-1]
        assert got.verified and len(got.headers["webhook-signature"].split()) == 2
    bus.ctl("webhook", "rotate", made["id"], "--hours", "0").expect(0)
    flow.create()
    got = receiver.wait("/rotate", 3)[-1]
    assert not got.verified and len(got.headers["webhook-signature"].split()) == 1


def hang(handler):
    time.sleep(2.5)
    return 200


def drip(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    for _ in range(30):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.1)
    return None


@pytest.mark.parametrize("name, wrong, status", [
    ("error", 500, 500), ("hang", (hang, {}), 0), ("close", (lambda handler: None, {}), 0), ("drip", (drip, {}), 0),
    ("redirect", (302, {"Location": "/elsewhere"}), 302),
])
def test_receivers_that_misbehave(bus, flow, hook, receiver, name, wrong, status):
    """Two attempts fail, the third does not; other tickets and other webhooks are not held up."""
    path = f"/bad-{name}"
    made = hook(path, "--workflow", flow.id, answer=lambda n: wrong if n < 2 else 200)
    hook(f"/beside-{name}", "--workflow", flow.id)
    ticket = flow.create()
    beside = receiver.wait(f"/beside-{name}", 1)[0]
    one, = wait_until(lambda: deliveries(bus, made, "--status", "delivered"))
    got = receiver.of(path)
    assert len({r.id for r in got}) == 1 and all(r.verified for r in got)
    attempts = [r.headers["ticketbus-attempt"] for r in got]
    if name != "close":  # a connection kept open that turns out to be closed is replaced within the attempt
        assert attempts == ["1", "2", "3"] and [h["status"] for h in one["history"]] == [200, status, status]
        # The other webhook does not wait for what hangs, nor for waits between attempts.
        assert beside.at < got[1 if name in ("hang", "drip") else 2].at
    assert attempts[-1] == str(one["attempts"]) and one["history"][0]["status"] == 200
    assert status or all(h["error"] for h in one["history"][1:])
    assert receiver.of("/elsewhere") == [] and ticket == one["subject"]


def test_dead_and_redriven_in_order(bus, flow, hook, receiver):
    healthy = []
    made = hook("/dead", "--workflow", flow.id, answer=lambda n: 200 if healthy else 503)
    ticket = flow.create()
    flow.applied("ticket.comment", ticket, {"comment_text": "after"})
    # The second event waits until the first one is given up.
    wait_until(lambda: shown(bus, made)["dead"] == 2, 30)
    assert [int(r.event["sequence"]) for r in receiver.of("/dead")] == [1] * 4 + [2] * 4
    assert shown(bus, made)["failing_since"] and shown(bus, made)["status"] == "active"
    healthy.append(True)
    assert json.loads(bus.ctl("webhook", "redrive", made["id"], "--json").expect(0).out) == {"redriven": 2}
    got = receiver.wait("/dead", 10)[-2:]
    assert [int(r.event["sequence"]) for r in got] == [1, 2] and {r.headers["ticketbus-attempt"] for r in got} == {"5"}
    wait_until(lambda: shown(bus, made)["failing_since"] is None)


def test_gone_pauses_and_nothing_is_lost(bus, flow, hook, receiver):
    made = hook("/gone", "--workflow", flow.id, answer=lambda n: 410 if n == 0 else 200)
    flow.create()
    wait_until(lambda: shown(bus, made)["status"] == "paused")
    assert "410" in shown(bus, made)["paused_reason"]
    flow.create()
    wait_until(lambda: shown(bus, made)["pending"] == 2)
    time.sleep(0.5)
    assert len(receiver.of("/gone")) == 1
    bus.ctl("webhook", "resume", made["id"]).expect(0)
    receiver.wait("/gone", 3)
    wait_until(lambda: shown(bus, made)["pending"] == 0)


def test_retry_after_is_honoured(bus, flow, hook, receiver):
    hook("/later", "--workflow", flow.id, answer=lambda n: (429, {"Retry-After": "2"}) if n == 0 else 200)
    flow.create()
    receiver.wait("/later", 1)
    flow.create()
    got = receiver.wait("/later", 3)
    assert all(r.at - got[0].at > 1.8 for r in got[1:])


def test_limits_of_a_target(bus, flow, hook, receiver):
    def slow(handler):
        time.sleep(0.1)
        return 200

    hook("/narrow", "--workflow", flow.id, "--parallel", "2", answer=lambda n: (slow, {}))
    hook("/rate", "--workflow", flow.id, "--rate", "10", "--parallel", "50")
    flow.create_many(40)
    receiver.wait("/narrow", 40)
    got = receiver.wait("/rate", 40)
    assert receiver.most_concurrent["/narrow"] == 2
    assert got[39].at - got[0].at > 2.5


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[::ffff:169.254.169.254]/", "https://10.0.0.1/",
                                 "ftp://example.org/", "https://user@example.org/"])
def test_urls_refused_at_once(bus, url):
    ran = bus.ctl("webhook", "create", url).expect(2)
    assert "url" in ran.err or "address" in ran.err


def test_addresses_are_judged_when_connecting(bus, flow, receiver):
    """127.2 is no literal address to whoever looks at the text, and 127.0.0.2 to whoever connects: it is not allowed here."""
    made = json.loads(bus.ctl("webhook", "create", f"http://127.2:{receiver.port}/inside", "--workflow", flow.id,
                              "--json").expect(0).out)
    flow.create()
    wait_until(lambda: any("127.0.0.2 is not an allowed address" in h["error"]
                           for d in deliveries(bus, made) for h in d["history"]))
    assert receiver.of("/inside") == []
    bus.ctl("webhook", "delete", made["id"]).expect(0)


def test_over_http(bus, gateway, receiver, flow):
    admin = gateway.client("hooks-admin", "--scope", "admin")
    gateway.client("hooks-writer", "--scope", "write").get("/webhooks").problem(403, "scope_missing")
    made = admin.post("/webhooks", {"url": receiver.url("/http"), "workflow_ids": [flow.id], "max_parallel": 2}).expect(201)
    receiver.secrets["/http"] = [made["secret"]]
    path = f"/webhooks/{made['id']}"
    shown_now = admin.get(path).expect(200)
    assert shown_now["max_parallel"] == 2 and "secret" not in shown_now
    assert made["id"] in [w["id"] for w in admin.get("/webhooks").expect(200)["webhooks"]]
    flow.create()
    assert receiver.wait("/http", 1)[0].verified
    wait_until(lambda: admin.get(path + "/deliveries", status="delivered").expect(200)["deliveries"])
    assert admin.request("PATCH", path, {"status": "paused"}).expect(200)["paused_reason"] == "paused by hooks-admin"
    assert admin.request("PATCH", path, {"status": "active", "event_types": []}).expect(200)["paused_reason"] is None
    assert admin.post(path + "/rotate-secret", {"hours": 1}).expect(200)["secret"] != made["secret"]
    admin.post(path + "/test", None).expect(202)
    assert admin.post(path + "/redrive", {}).expect(200) == {"redriven": 0}
    admin.post("/webhooks", {"url": "http://10.0.0.1/"}).problem(422, "validation_failed", "url")
    admin.post("/webhooks", {"url": "https://example.org/", "secret": "x"}).problem(422, "validation_failed", "secret")
    admin.get(path + "/deliveries", status="lost").problem(422, "validation_failed", "status")
    for limit in ("", "0", "1001", "1x", "00100x", "-1", "99999999999999999999"):
        admin.get(path + "/deliveries", limit=limit).problem(422, "validation_failed", "limit")
    assert len(admin.get(path + "/deliveries", limit="0001").expect(200)["deliveries"]) == 1
    refused = admin.request("PUT", path)
    refused.problem(405, "method_not_allowed")
    assert refused.headers["allow"] == "GET, HEAD, PATCH, DELETE"
    other = gateway.client("hooks-narrow", "--scope", "admin", "--workflow", "another")
    other.get(path).problem(404, "webhook_not_found")
    other.post("/webhooks", {"url": receiver.url("/x"), "workflow_ids": [flow.id]}).problem(422, "validation_failed", "workflow_ids")
    admin.request("DELETE", path).expect(204)
    admin.get(path).problem(404, "webhook_not_found")


def test_a_try_by_hand_is_counted(bus, gateway, hook, receiver):
    count = 'ticketbus_gateway_webhook_deliveries_total{outcome="delivered"}'
    before = gateway.metrics().get(count, 0)
    made = hook("/try")
    found = json.loads(bus.ctl("webhook", "test", made["id"], "--json").expect(0).out)["deliveries"][0]
    assert found["event_type"] == "webhook.test" and found["last_status"] == 200
    assert receiver.of("/try")[-1].verified
    wait_until(lambda: gateway.metrics()[count] > before)
    shown_now = gateway.metrics()
    assert shown_now["ticketbus_ready"] == 1 and shown_now["ticketbus_gateway_webhook_attempts_total"] >= shown_now[count]


def test_dispatchers_are_killed(bus, gateway, hook, receiver):
    """Two dispatchers share the work; one is killed and one joins: nothing is missed, and nothing is sent by two at once."""
    flow = Workflow(bus)
    hook("/shared", "--workflow", flow.id, "--rate", "2000", "--parallel", "16")
    second = Gateway(bus, "second", **QUICK)
    second.daemon.wait_for("partitions are ours")
    tickets = flow.create_many(20)
    for i in range(10):
        for ticket in tickets:
            flow.send("ticket.comment", ticket, {"comment_text": f"{i}"})
        if i == 3:
            second.daemon.kill()
        if i == 6:
            second.daemon.start()
    expected = {(t, s) for t in tickets for s in range(1, 12)}
    wait_until(lambda: {(r.event["subject"], int(r.event["sequence"])) for r in receiver.of("/shared")} >= expected, 60)
    got = receiver.of("/shared")
    attempts = [(r.id, r.headers["ticketbus-attempt"]) for r in got]
    assert len(attempts) == len(set(attempts)), "the same attempt by two"
    for ticket in tickets:
        firsts = list(dict.fromkeys(int(r.event["sequence"]) for r in got if r.event["subject"] == ticket))
        assert firsts == list(range(1, 12))
    second.daemon.stop()
