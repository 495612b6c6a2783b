"""What a worker tells its operators: counters of /metrics agree with what became of the commands."""

import time
import urllib.request

from bus.gateway import free_port
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
