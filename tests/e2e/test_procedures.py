"""The procedures of docs/runbook.md, step by step as written there."""

import json
import time

import confluent_kafka.admin
import psycopg

from bus import fold
from bus.database import Database
from bus.publisher import Publisher
from bus.wire import partition_of
from bus.workflow import Workflow


def applied_and_published(bus):
    """What the runbook asks for: nothing behind and nothing unpublished, by the command it names."""
    partitions = json.loads(bus.ctl("partition", "list", "--json").out)
    return all(p["next_offset"] == p["published_offset"] == p["high"] and not p["stopped"] for p in partitions)


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


# ---- "Growing the number of partitions" ----

def test_growing_the_number_of_partitions(new_bus):
    bus = new_bus("growing", workers=2)
    flow = Workflow(bus)
    tickets = flow.create_many(60)
    blocked = flow.create_many(10, "Blocked", blocked_by_ticket_ids=[tickets[0]])
    victim, waiting = tickets[1], []
    bus.db.rows("ALTER TABLE tickets ADD CONSTRAINT refused CHECK (title <> 'refused') NOT VALID")
    waiting.append(flow.send("ticket.update", victim, {"updates": {"title": "refused"}}))
    waiting += [flow.send("ticket.comment", victim, {"comment_text": f"old {n}"}) for n in range(3)]
    for command in waiting:
        assert bus.events.outcome(command).kind == "parked"
    for n in range(3):
        for ticket in tickets[2:]:
            last = flow.send("ticket.comment", ticket, {"comment_text": f"before {n}"})
    bus.events.outcome(last)

    # 1. Publishers are stopped. 2. Until everything is applied and published, and consumers have read it.
    until(lambda: applied_and_published(bus))
    flow.check()
    # 3. Workers are stopped.
    for worker in bus.daemons:
        assert worker.stop() == []
    # 4. Partitions are added to both topics, and the setting follows.
    admin, more = bus.kafka_admin(), 7
    for future in admin.create_partitions([confluent_kafka.admin.NewPartitions(topic, more)
                                           for topic in (bus.commands, bus.events_topic)]).values():
        future.result(30)
    bus.settings["TICKETBUS_TOPIC_PARTITIONS"] = str(more)
    until(lambda: bus.ctl("topics", "ensure").code == 0, 30)
    # 5. Workers, then publishers.
    bus.PARTITIONS = more
    bus.publisher = Publisher(bus.settings["KAFKA_BROKERS"], bus.commands)
    bus.events.grown()
    for worker in bus.daemons:
        worker.start()
    bus.wait_claimed()

    moved = [t for t in tickets if partition_of(t, 4) != partition_of(t, more)]
    assert len(moved) > 10, "tickets live elsewhere now"
    for ticket in tickets[2:]:
        flow.send("ticket.comment", ticket, {"comment_text": "after"})
    behind = [flow.send("ticket.comment", victim, {"comment_text": f"new {n}"}) for n in range(3)]
    for command in behind:
        assert bus.events.outcome(command).kind == "parked"
    flow.applied("ticket.resolve", tickets[0], {"resolution_comment": "unblocks across partitions"})
    until(lambda: not any(flow.row(t)["is_blocked"] for t in blocked))
    bus.db.rows("ALTER TABLE tickets DROP CONSTRAINT refused")
    bus.ctl("dlq", "replay", victim).expect(0)
    bus.settle()
    assert applied_and_published(bus)

    texts = [m.data["comment"]["comment_text"] for m in flow.events(victim) if m.type == "ticket.commented"]
    assert texts == [f"old {n}" for n in range(3)] + [f"new {n}" for n in range(3)]
    assert [m.type for m in flow.events(victim)][:2] == ["ticket.created", "ticket.updated"]
    for ticket in tickets[2:]:
        assert flow.version(ticket) == 5
    assert len({m.partition for t in moved for m in flow.events(t)}) > 4, "events went to the new partitions too"
    assert bus.db.value("SELECT count(*) FROM parked_tickets") == 0
    flow.check()


# ---- "Upgrade": a newer type of command in flight ----

def test_rolling_upgrade_with_a_newer_type_of_command_in_flight(new_bus):
    """Workers of today wait at what the next version brings, lose nothing, and those of the next version apply it."""
    bus = new_bus("upgrade", workers=2)
    flow = Workflow(bus)
    tickets = flow.create_many(24)
    newer = {"extra": {"schemaversion": 2}}
    sent = []
    for n, ticket in enumerate(tickets):
        sent.append(flow.send("ticket.comment", ticket, {"comment_text": "before"}))
        if n % 6 == 0:
            sent.append(flow.send("ticket.remark", ticket, {"comment_text": "new"}, **newer))
        sent.append(flow.send("ticket.comment", ticket, {"comment_text": "behind"}))
    until(lambda: any(p["state"] == "newer" for p in json.loads(bus.ctl("partition", "list", "--json").out)))
    listed = bus.ctl("partition", "list").expect(1).out
    assert "waits for newer workers" in listed
    assert "newer workers" in bus.ctl("partition", "resume", "0").err or bus.ctl("partition", "resume", "0").code == 1
    time.sleep(1)
    stuck = [c for c in sent if not bus.events.caused_by(c)]
    assert stuck and all(not bus.events.caused_by(c) for c in sent if c.type == "ticket.remark")
    assert bus.events.on(bus.dlq) == []

    # One by one: a worker of today goes, one of the next version comes.
    for old in list(bus.daemons):
        assert old.stop() == []
        bus.start("ticketbus-worker-next")
        assert bus.daemons[-1].running
    for command in sent:
        assert bus.events.outcome(command, 60).kind == "applied"
    bus.settle()
    for n, ticket in enumerate(tickets):
        texts = [m.data["comment"]["comment_text"] for m in flow.events(ticket) if m.type == "ticket.commented"]
        assert texts == (["before", "new", "behind"] if n % 6 == 0 else ["before", "behind"])
    assert bus.events.on(bus.dlq) == []
    flow.check()


# ---- "Restore Postgres to an earlier point" ----

# Unblocking is no command of a client: it happens once more, at a time of its own.
COMPARED = {
    "tickets": "SELECT to_jsonb(t) - 'stored_at' - CASE WHEN title LIKE 'Blocked%' THEN 'updated_at' ELSE '' END FROM tickets t ORDER BY id",
    "ticket_comments": "SELECT to_jsonb(t) FROM ticket_comments t ORDER BY id",
    "ticket_history": "SELECT to_jsonb(t) - 'id' - CASE WHEN change_type = 'unblocked' THEN 'changed_at' ELSE '' END"
                      " FROM ticket_history t ORDER BY ticket_id, version, field_name, new_value",
    "ticket_dependencies": "SELECT to_jsonb(t) FROM ticket_dependencies t ORDER BY ticket_id, depends_on, dependency_type",
}


def test_restore_of_an_older_postgres_behind_kafka(new_bus, stack):
    """The lost transactions are applied again from Kafka: the same commands, with the same ids and times."""
    bus = new_bus("restore", workers=2)
    flow = Workflow(bus)
    tickets = flow.create_many(40)
    blocked = flow.create_many(8, "Blocked", blocked_by_ticket_ids=[tickets[0], tickets[1]])
    flow.applied("ticket.resolve", tickets[0], {"resolution_comment": "half of it"})
    bus.settle()

    backup = f"{bus.database_name}_backup"

    def copy(source, target):
        with psycopg.connect(**Database(bus.settings, "postgres").parameters, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{target}" WITH (FORCE)')
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
                          " AND usename = current_user", [source])
            admin.execute(f'CREATE DATABASE "{target}" TEMPLATE "{source}"')

    # The backup of an earlier point; workers that lose their connection for it come back by themselves.
    for worker in bus.daemons:
        assert worker.stop() == []
    bus.db.close()
    copy(bus.database_name, backup)
    for worker in bus.daemons:
        worker.start()

    sent = []
    for n in range(5):
        sent += [flow.send("ticket.comment", t, {"comment_text": f"lost {n}"}) for t in tickets[2:]]
    sent.append(flow.send("ticket.resolve", tickets[1], {"resolution_comment": "the rest"}))
    sent += [flow.start_create(f"Lost {n}") for n in range(10)]
    refused = flow.send("ticket.change_status", tickets[2], {"new_status": "nowhere", "comment": "refused"})
    for command in sent:
        assert bus.events.outcome(command, 60).kind == "applied"
    assert bus.events.outcome(refused).kind == "rejected"
    until(lambda: not any(flow.row(t)["is_blocked"] for t in blocked))
    bus.settle()
    before = {name: bus.db.rows(sql) for name, sql in COMPARED.items()}
    events = {t: [m.raw for m in flow.events(t)] for t in tickets + blocked}

    # 1. Workers are stopped. 2. Restored. 3. Workers are started, until the lag is gone.
    for worker in bus.daemons:
        assert worker.stop() == []
    bus.db.close()
    copy(backup, bus.database_name)
    assert bus.db.value("SELECT count(*) FROM ticket_comments WHERE comment_text LIKE 'lost%%'") == 0, "it is the older one"
    for worker in bus.daemons:
        worker.start()
    until(lambda: applied_and_published(bus))
    bus.settle()
    assert all(worker.running for worker in bus.daemons)

    after = {name: bus.db.rows(sql) for name, sql in COMPARED.items()}
    for name in COMPARED:
        assert after[name] == before[name], name
    for command in sent + [refused]:
        again = json.loads(bus.ctl("outcome", command.id, "--json").out)
        assert again["outcome"] == ("rejected" if command is refused else "applied")
    assert {t: [m.raw for m in flow.events(t)] for t in tickets} == {t: events[t] for t in tickets}
    # 4. Those of the unblocked tickets contradict what was published before: such consumers begin again.
    bus.events.problems = [p for p in bus.events.problems if not any(t in p for t in blocked)]
    flow.applied("ticket.comment", tickets[5], {"comment_text": "and on"})
    with psycopg.connect(**Database(bus.settings, "postgres").parameters, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{backup}" WITH (FORCE)')
    rows = fold.Rows(bus.db, flow.id)
    wrong = [w for t in rows.tickets if t not in blocked for w in fold.compare(rows, t, flow.events(t))]
    assert not wrong, wrong[:10]
