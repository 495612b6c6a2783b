"""Partitions that stop rather than lose or repeat commands, and the documented way on (docs/runbook.md): a topic that was
really deleted and made anew, and commands that expired."""

import json
import time

import confluent_kafka
import pytest

from bus.gateway import free_port
from bus.publisher import Publisher
from bus.wire import partition_of
from bus.workflow import Workflow
from test_metrics import scrape


def listed(bus):
    ran = bus.ctl("partition", "list", "--json")
    partitions = json.loads(ran.out)
    assert ran.code == (1 if any(p["stopped"] for p in partitions) else 0)
    return {p["partition"]: p["state"] for p in partitions}


def stopped(address):
    try:
        shown = scrape(address)
    except OSError:
        return None  # still starting
    return {int(name.split('"')[1]) for name, value in shown.items()
            if name.startswith("ticketbus_worker_partition_stopped{") and value == 1}


def wait(what, wanted, seconds=60):
    deadline = time.monotonic() + seconds
    while (found := what()) != wanted:
        assert time.monotonic() < deadline, f"{found}, not {wanted}"
        time.sleep(0.2)


def make_anew(bus):
    """The commands topic, deleted and made again by the product's own command."""
    admin = bus.kafka_admin()
    for future in admin.delete_topics([bus.commands]).values():
        future.result(30)
    deadline = time.monotonic() + 60
    while bus.ctl("topics", "ensure").code != 0 or bus.ctl("topics", "describe").code != 0:
        assert time.monotonic() < deadline, "the topic is not back"
        time.sleep(0.5)
    bus.publisher = Publisher(bus.settings["KAFKA_BROKERS"], bus.commands)


@pytest.fixture
def watched(new_bus):
    """One worker with metrics, a command on each partition, and a ticket that is parked."""
    bus = new_bus("anew", workers=0)
    bus.address = f"127.0.0.1:{free_port()}"
    bus.start_worker(TICKETBUS_ADMIN_LISTEN=bus.address)
    bus.wait_claimed()
    flow = Workflow(bus)
    flow.tickets = flow.create_many(40)
    flow.victim = flow.tickets[0]
    bus.db.rows("ALTER TABLE tickets ADD CONSTRAINT refused CHECK (title <> 'refused') NOT VALID")
    flow.waiting = [flow.send("ticket.update", flow.victim, {"updates": {"title": "refused"}})]
    flow.waiting += [flow.send("ticket.comment", flow.victim, {"comment_text": f"old {n}"}) for n in range(2)]
    for command in flow.waiting:
        assert bus.events.outcome(command).kind == "parked"
    bus.settle()
    assert listed(bus) == dict.fromkeys(range(bus.PARTITIONS), "ok") and stopped(bus.address) == set()
    yield flow
    flow.check()


def goes_on(flow):
    """Commands of every kind take effect again, exactly once, and what waited keeps its order."""
    bus = flow.bus
    again = flow.send("ticket.comment", flow.tickets[1], {"comment_text": "after"})
    assert bus.events.outcome(again).kind == "applied"
    bus.publisher.send(again)
    blocked = flow.create("Blocked", blocked_by_ticket_ids=[flow.tickets[2]])
    flow.applied("ticket.resolve", flow.tickets[2], {"resolution_comment": "done"})  # an internal command crosses tickets
    deadline = time.monotonic() + 30
    while flow.row(blocked)["is_blocked"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    new = [flow.send("ticket.comment", flow.victim, {"comment_text": f"new {n}"}) for n in range(3)]
    for command in new:
        assert bus.events.outcome(command).kind == "parked", "it goes behind what waits"
    bus.db.rows("ALTER TABLE tickets DROP CONSTRAINT refused")
    bus.ctl("dlq", "replay", flow.victim).expect(0)
    bus.settle()
    texts = [m.data["comment"]["comment_text"] for m in flow.events(flow.victim) if m.type == "ticket.commented"]
    assert texts == ["old 0", "old 1", "new 0", "new 1", "new 2"]
    assert len([m for m in flow.events(flow.tickets[1]) if m.type == "ticket.commented"]) == 1
    assert bus.daemons[0].running, "no worker was restarted"


def test_topic_made_anew_under_a_running_worker(watched):
    """docs/runbook.md, "A topic was recreated"."""
    flow, bus = watched, watched.bus
    used = {partition_of(t, bus.PARTITIONS) for t in flow.tickets}
    assert used == set(range(bus.PARTITIONS))
    make_anew(bus)
    wait(lambda: stopped(bus.address), used)
    assert listed(bus) == dict.fromkeys(used, "recreated")
    late = flow.send("ticket.comment", flow.tickets[3], {"comment_text": "sent while stopped"})
    time.sleep(1)
    assert not bus.events.caused_by(late), "nothing is applied meanwhile"
    checks = {c["part"]: c for c in json.loads(bus.ctl("doctor", "--json").out)["checks"]}
    assert checks["partitions"]["state"] == "failed" and "partition list" in checks["partitions"]["advice"]
    assert "recreated" in bus.ctl("partition", "list").expect(1).out

    one = min(used)
    bus.ctl("partition", "resume", one).expect(0)
    wait(lambda: stopped(bus.address), used - {one})
    bus.ctl("partition", "resume", "--all").expect(0)
    wait(lambda: stopped(bus.address), set())
    assert bus.events.outcome(late).kind == "applied"
    assert "not stopped" in bus.ctl("partition", "resume", one).expect(1).err
    assert set(listed(bus).values()) <= {"ok"}
    goes_on(flow)


def test_topic_made_anew_and_longer_than_before(watched):
    """Offsets fit, the records do not: told by the last record applied."""
    flow, bus = watched, watched.bus
    before = {r["partition"]: r["next_offset"] for r in bus.db.rows("SELECT partition, next_offset FROM partition_watermarks")}
    bus.daemons[0].stop()
    make_anew(bus)
    sent = []
    while any(sum(partition_of(c.subject, bus.PARTITIONS) == p for c in sent) <= n for p, n in before.items()):
        sent.append(bus.publisher.send(flow.create_command("On the new log")))
    bus.publisher.flush()
    bus.daemons[0].start()
    wait(lambda: stopped(bus.address), set(before))
    assert bus.events.answered(sent) == 0
    assert listed(bus) == dict.fromkeys(before, "recreated")
    bus.ctl("partition", "resume", "--all").expect(0)
    for command in sent:
        assert bus.events.outcome(command, 60).kind == "applied"
    goes_on(flow)


def test_commands_that_expired(watched):
    """docs/runbook.md, "Commands expired": what is gone is told; what is still there is applied."""
    flow, bus = watched, watched.bus
    bus.daemons[0].stop()
    lost = [flow.send("ticket.comment", t, {"comment_text": "expires"}) for t in flow.tickets[4:]]
    bus.publisher.flush()
    ends = {}
    consumer = confluent_kafka.Consumer({"bootstrap.servers": bus.settings["KAFKA_BROKERS"], "group.id": "unused"})
    for p in range(bus.PARTITIONS):
        ends[p] = consumer.get_watermark_offsets(confluent_kafka.TopicPartition(bus.commands, p), timeout=20)[1]
    consumer.close()
    kept = [flow.send("ticket.comment", t, {"comment_text": "is there"}) for t in flow.tickets[4:]]
    bus.publisher.flush()
    admin = bus.kafka_admin()
    for future in admin.delete_records(
            [confluent_kafka.TopicPartition(bus.commands, p, end) for p, end in ends.items()]).values():
        future.result(30)
    bus.daemons[0].start()
    wait(lambda: stopped(bus.address), set(ends))
    assert listed(bus) == dict.fromkeys(ends, "expired")
    assert "commands are gone" in bus.ctl("partition", "list").expect(1).out
    assert bus.ctl("partition", "resume", 0, "--from", 0).code == 2, "before the log there is nothing to go on from"
    bus.ctl("partition", "resume", "--all").expect(0)
    for command in kept:
        assert bus.events.outcome(command).kind == "applied"
    assert bus.events.answered(lost) == 0
    goes_on(flow)


def test_not_resumed_while_events_are_unpublished(watched):
    """Going on would drop them: a worker publishes first, whether or not its partition has stopped."""
    flow, bus = watched, watched.bus
    worker = bus.daemons[0]
    worker.stop()
    rows = bus.db.rows("UPDATE partition_watermarks SET published_offset = next_offset - 2 WHERE partition = 1 RETURNING next_offset")
    make_anew(bus)
    ran = bus.ctl("partition", "resume", 1)
    assert ran.code == 1 and "not published" in ran.err and str(rows[0]["next_offset"] - 1) in ran.err
    worker.start()
    wait(lambda: bus.db.value("SELECT next_offset - published_offset FROM partition_watermarks WHERE partition = 1"), 0)
    assert worker.said("published"), "again"
    bus.ctl("partition", "resume", "--all").expect(0)
    goes_on(flow)
