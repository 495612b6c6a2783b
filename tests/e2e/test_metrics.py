"""What programs tell their operators: counters of /metrics agree with what became of commands and requests."""

import time
import urllib.request
from collections import Counter

from bus.gateway import Client, Gateway, free_port
from bus.wire import uuid7
from bus.workflow import Workflow


def scrape(address):
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def wait_shown(address, expected, seconds=30):
    """Gauges are set now and then: waits until every series has its value."""
    deadline = time.monotonic() + seconds
    while True:
        shown = scrape(address)
        wrong = {name: (shown.get(name), value) for name, value in expected.items() if shown.get(name, 0) != value}
        if not wrong:
            return shown
        assert time.monotonic() < deadline, f"shown and expected: {wrong}"
        time.sleep(0.2)


def commands(outcome):
    return f'ticketbus_worker_commands_total{{outcome="{outcome}"}}'


def test_worker_metrics(new_bus):
    bus = new_bus("metrics", workers=0)
    address = f"127.0.0.1:{free_port()}"
    bus.start_worker(TICKETBUS_ADMIN_LISTEN=address)
    bus.wait_claimed()
    flow = Workflow(bus)
    victim = flow.create("Victim")
    bus.db.rows("ALTER TABLE tickets ADD CONSTRAINT refused CHECK (title <> 'refused')")
    bus.settle()
    before = scrape(address)

    for _ in range(2):
        assert flow.rejected("ticket.comment", victim, {})[0] == "validation_failed"
    comment = flow.send("ticket.comment", victim, {"comment_text": "once"})
    assert bus.events.outcome(comment).kind == "applied"
    bus.publisher.send(comment)
    marker = uuid7().encode()
    bus.publisher.send_raw(b"no JSON " + marker, victim)
    parked = [flow.send("ticket.update", victim, {"updates": {"title": "refused"}}),
              flow.send("ticket.comment", victim, {"comment_text": "behind"})]
    for command in parked:
        assert bus.events.outcome(command).kind == "parked"
    bus.settle()

    counted = {commands("rejected"): 2, commands("applied"): 1, commands("repeat"): 1, commands("dead"): 1,
               commands("parked"): 2, 'ticketbus_worker_rejected_total{code="validation_failed"}': 2,
               'ticketbus_worker_dead_letters_total{code="malformed"}': 1, "ticketbus_worker_poison_total": 1}
    shown = wait_shown(address, {name: before.get(name, 0) + n for name, n in counted.items()} | {
        'ticketbus_worker_parked_tickets{reason="poison"}': 1, "ticketbus_worker_parked_commands": 2,
        "ticketbus_worker_partitions": bus.PARTITIONS, "ticketbus_ready": 1})
    lags = [v for name, v in shown.items() if name.startswith("ticketbus_worker_lag{")]
    assert len(lags) == bus.PARTITIONS and not any(lags), lags

    bus.db.rows("ALTER TABLE tickets DROP CONSTRAINT refused")
    assert flow.run("ticket.replay", victim).kind == "done"
    wait_shown(address, {'ticketbus_worker_parked_tickets{reason="poison"}': 0, "ticketbus_worker_parked_commands": 0})
    flow.check()


def test_gateway_metrics(new_bus):
    bus = new_bus("gateway-metrics")
    with Gateway(bus, "counted", TICKETBUS_ADMIN_LISTEN=f"127.0.0.1:{free_port()}", TICKETBUS_GATEWAY_RATE="10") as gateway:
        before, tally = gateway.metrics(), Counter()

        def send(client, method, path, body=None, route=None):
            answer = client.request(method, path, body)
            tally[route or f"{method} {path}", f"{answer.status // 100}xx"] += 1
            return answer

        admin, reader = gateway.client("all", "--scope", "admin"), gateway.client("reads", "--scope", "read")
        columns = [{"id": id, "name": id, "category": category} for id, category in [("todo", "open"), ("done", "done")]]
        board = {"name": "B", "columns": columns, "ticket_types": ["task"], "initial_status": "todo"}
        send(admin, "PUT", "/tickets/board-config/w", board, "PUT /tickets/board-config/{workflow_id}").expect(200)
        body = {"workflow_id": "w", "title": "T", "ticket_type": "task"}
        ticket = send(admin, "POST", "/tickets/create", body).expect(201)["ticket_id"]
        send(admin, "POST", "/tickets/create", body | {"ticket_type": "none"})
        send(reader, "POST", "/tickets/create", body).problem(403, "scope_missing")
        for client, status in [(admin, 200), (gateway.client("nobody"), 200), (Client(gateway, None), 401)]:
            send(client, "GET", f"/tickets/{ticket}", None, "GET /tickets/{ticket_id}").expect(status)
        send(admin, "GET", "/nowhere", None, "none").expect(404)
        send(admin, "GET", "/healthz").expect(200)
        hasty = gateway.client("hasty")
        limited = [send(hasty, "GET", "/workflows").status for _ in range(30)].count(429)
        assert 0 < limited < 30, "the test sends neither too fast nor too slowly"

        counted = {f'ticketbus_gateway_requests_total{{route="{route}",status="{status}"}}': n for (route, status), n in tally.items()}
        counted |= {f'ticketbus_gateway_denied_total{{reason="{reason}"}}': n
                    for reason, n in {"unauthorized": 1, "forbidden": 1, "rate": limited}.items()}
        shown = wait_shown(gateway.settings["TICKETBUS_ADMIN_LISTEN"], {name: before.get(name, 0) + n for name, n in counted.items()} | {
            "ticketbus_gateway_requests_in_flight": 0, "ticketbus_gateway_commands_awaited": 0, "ticketbus_gateway_queued": 0})
        assert shown['ticketbus_gateway_request_seconds_count{route="POST /tickets/create"}'] == 3
        assert shown['ticketbus_gateway_request_seconds_sum{route="POST /tickets/create"}'] > 0
