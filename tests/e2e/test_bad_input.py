"""Input that is wrong: every record has its answer, an event or a dead letter, with field and reason; the worker goes on
and other commands of the batch are unharmed."""

import base64
import json
import time

import confluent_kafka.admin
import pytest

from bus.publisher import Publisher
from bus.wire import Command, new_ticket, partition_of
from bus.workflow import Workflow


def original_of(letter):
    if letter.data.get("original") is not None:
        return letter.data["original"].encode()
    return base64.b64decode(letter.data.get("original_base64") or "")


def letter_of(bus, marker, seconds=20):
    """The dead letter whose original holds the marker."""
    return bus.events.wait(
        lambda: next((m for m in bus.events._topic[bus.dlq] if marker in original_of(m)), None), seconds,
        f"a dead letter about {marker[:80]!r}")


class Neighbors:
    """Good commands right before and after the bad one, on its partition and with its key, in one batch."""

    def __init__(self, flow, key):
        self.flow, self.key = flow, key
        self.sent = []

    def send(self, count=3):
        for _ in range(count):
            while partition_of(ticket := new_ticket(), self.flow.bus.PARTITIONS) != partition_of(
                    self.key, self.flow.bus.PARTITIONS):
                pass
            self.sent.append(self.flow.bus.publisher.send(self.flow.create_command("Neighbor", ticket)))

    def unharmed(self):
        for command in self.sent:
            assert self.flow.bus.events.outcome(command).kind == "applied"


def send_among_neighbors(flow, value, key, headers=None):
    neighbors = Neighbors(flow, key if isinstance(key, str) else "x")
    neighbors.send()
    flow.bus.publisher.send_raw(value, key, headers)
    neighbors.send()
    return neighbors


def envelope(flow, **changes):
    """A good create, with attributes changed, or left out (None)."""
    made = flow.create_command("Nearly good").envelope() | changes
    return {k: v for k, v in made.items() if v is not None}


# ---- what nobody can be answered about: dead letters ----

def dead_cases():
    return {
        "no JSON": (lambda e: json.dumps(e).encode()[:-7], "malformed", None),
        "text after it": (lambda e: json.dumps(e).encode() + b" {}", "malformed", None),
        "no object": (lambda e: json.dumps([e]).encode(), "malformed", None),
        "a string": (lambda e: json.dumps(json.dumps(e)).encode(), "malformed", None),
        "wrong UTF-8": (lambda e: json.dumps(e).encode().replace(b"Nearly", b"N\xff\xfearly"), "malformed", None),
        "overlong UTF-8": (lambda e: json.dumps(e).encode().replace(b"Nearly", b"N\xc0\xafarly"), "malformed", None),
        "UTF-16": (lambda e: json.dumps(e).encode("utf-16"), "malformed", None),
        "a NUL byte": (lambda e: json.dumps(e).encode().replace(b"Nearly", b"N\0arly"), "malformed", None),
        "an escaped NUL": (lambda e: json.dumps(e).encode().replace(b"Nearly", b"N\\u0000arly"), "malformed", "data.title"),
        "half a surrogate": (lambda e: json.dumps(e).encode().replace(b"Nearly", b"N\\ud800arly"), "malformed", "data.title"),
        "deep nesting": (lambda e: json.dumps(e).encode().replace(b'"Nearly good"', b"[" * 50000 + b"]" * 50000), None, None),
        "no id": (lambda e: json.dumps(e | {"id": None}).encode(), "malformed", "id"),
        "id is a number": (lambda e: json.dumps(e | {"id": 7}).encode(), "malformed", "id"),
        "id too long": (lambda e: json.dumps(e | {"id": "x" * 201}).encode(), "malformed", "id"),
        "no source": (lambda e: json.dumps({k: v for k, v in e.items() if k != "source"}).encode(), "malformed", "source"),
        "no type": (lambda e: json.dumps({k: v for k, v in e.items() if k != "type"}).encode(), "malformed", "type"),
        "unknown type": (lambda e: json.dumps(e | {"type": "ticket.explode"}).encode(), "unknown_command", "type"),
        "subject no ticket": (lambda e: json.dumps(e | {"subject": "ticket-seven"}).encode(), "malformed", "subject"),
        "id twice": (lambda e: json.dumps(e).encode()[:-1] + b', "id": "another"}', "malformed", "id"),
    }


@pytest.mark.parametrize("case", dead_cases())
def test_dead_letter(flow, case):
    spoil, code, field = dead_cases()[case]
    good = envelope(flow)
    value, marker = spoil(good), good["subject"].encode()
    neighbors = send_among_neighbors(flow, value, good["subject"])
    if case in ("subject no ticket", "UTF-16"):
        marker = value[2:60]
    letter = letter_of(flow.bus, marker)
    assert original_of(letter) == value and letter.data["topic"] == flow.bus.commands
    assert letter.data["partition"] == partition_of(good["subject"], flow.bus.PARTITIONS)
    assert letter.data["message"] and " " in letter.data["message"]
    assert code is None or letter.data["code"] == code, letter.data
    assert field is None or letter.data["field"] == field, letter.data
    neighbors.unharmed()
    assert flow.version(good["subject"]) is None
    assert flow.bus.db.rows("SELECT * FROM parked_tickets WHERE ticket_id = %s", good["subject"]) == [], "parks nothing"


@pytest.mark.parametrize("value", [b"", None, b"0", b"null", b"\x00\x01\x02"], ids=["empty", "tombstone", "0", "null", "bytes"])
def test_hardly_a_message(flow, value):
    before = len(flow.bus.events.on(flow.bus.dlq))
    send_among_neighbors(flow, value, "anything").unharmed()
    letters = flow.bus.events.wait(lambda: flow.bus.events._topic[flow.bus.dlq][before:], 20, "a dead letter")
    assert letters[0].data["code"] == "malformed" and letters[0].data["key"] == "anything"


@pytest.mark.parametrize("key", [None, b"", b"\xff\x00bytes", b"nul\0key", "x" * 3000],
                         ids=["none", "empty", "bytes", "NUL", "long"])
def test_key_that_is_none(flow, key):
    """The subject counts, whatever the key is: the command finds its own partition."""
    command = flow.create_command("Odd key")
    flow.bus.publisher.send_raw(command.body, key)
    assert flow.bus.events.outcome(command).kind == "applied"
    bad = json.dumps(envelope(flow, type="ticket.explode")).encode()
    flow.bus.publisher.send_raw(bad, key)
    assert original_of(letter_of(flow.bus, bad)) == bad


def test_key_larger_than_a_letter_has_room_for(flow):
    """Key and value both fit into a message; written as a letter the value grows sixfold."""
    marker = new_ticket().encode()
    send_among_neighbors(flow, marker + b"\x01" * 300000, marker + b"k" * 500000).unharmed()
    letter = letter_of(flow.bus, marker)
    assert letter.data["truncated"] and letter.data["original_bytes"] == 300000 + len(marker)
    assert letter.data["key"].startswith(marker.decode())


# ---- what can be answered: command.rejected ----

def refused_cases():
    return {
        "no title": ({"data": {"workflow_id": "w"}}, "title"),
        "title twice": (b'{"workflow_id": "w", "title": "a", "title": "b"}', "title"),
        "title a number": ({"data": {"workflow_id": "w", "title": 7}}, "title"),
        "description too long": ({"data": {"workflow_id": "w", "title": "t", "description": "x" * 200001}}, "description"),
        "too many tags": ({"data": {"workflow_id": "w", "title": "t", "tags": ["t"] * 101}}, "tags"),
        "tag a number": ({"data": {"workflow_id": "w", "title": "t", "tags": ["a", 3]}}, "tags[1]"),
        "unknown field": ({"data": {"workflow_id": "w", "title": "t", "titel": "t"}}, "titel"),
        "data a list": ({"data": []}, "data"),
        "specversion": ({"specversion": "0.3"}, "specversion"),
        "no actor": ({"actor": None}, "actor"),
        "actortype": ({"actortype": "martian"}, "actortype"),
        "time": ({"time": "yesterday"}, "time"),
        "expectedversion": ({"expectedversion": "soon"}, "expectedversion"),
        "huge number": (b'{"workflow_id": "w", "title": "t", "tags": 1e999}', "tags"),
        "contenttype": ({"datacontenttype": "text/plain"}, "datacontenttype"),
        "name of an attribute": ({"Foo-Bar": "x"}, "Foo-Bar"),
        "object as attribute": ({"extra": {"a": 1}}, "extra"),
        "sequence": ({"sequence": "1"}, "sequence"),
    }


@pytest.mark.parametrize("case", refused_cases())
def test_refused_with_the_field(flow, case):
    change, field = refused_cases()[case]
    if isinstance(change, bytes):
        good = envelope(flow, data=None)
        value = json.dumps(good).encode()[:-1] + b', "data": ' + change + b"}"
    else:
        good = envelope(flow, **change)
        value = json.dumps(good).encode()
    neighbors = send_among_neighbors(flow, value, good["subject"])
    command = Command("ticket.create", {}, good["subject"], good["id"])
    outcome = flow.bus.events.outcome(command)
    assert (outcome.kind, outcome.code) == ("rejected", "validation_failed"), str(outcome)
    assert outcome.field == field and " " in outcome.message, str(outcome)
    assert outcome.last.data["command_type"] == "ticket.create"
    neighbors.unharmed()
    assert flow.version(good["subject"]) is None


# ---- forged, newer, oversized ----

@pytest.mark.parametrize("signature", [None, "00" * 32, "no hex", ""], ids=["none", "wrong", "no hex", "empty"])
@pytest.mark.parametrize("kind", ["ticket.recheck", "ticket.watch", "ticket.expire", "ticket.similar"])
def test_forged_internal_command(flow, kind, signature):
    ticket = flow.create()
    data = {"dependent_id": new_ticket()} if kind == "ticket.watch" else {}
    command = Command(kind, data, ticket, source="/ticketbus/worker", actor="ticketbus", actortype="system")
    headers = {} if signature is None else {"ticketbus-signature": signature}
    send_among_neighbors(flow, command.body, ticket, headers).unharmed()
    letter = letter_of(flow.bus, command.id.encode())
    assert letter.data["code"] == "bad_signature"
    assert flow.version(ticket) == 1
    flow.applied("ticket.comment", ticket, {"comment_text": "nobody froze me"})


def test_newer_schema_version_waits(new_bus):
    """Nothing is lost while newer workers are rolled out: the partition waits, the others go on."""
    bus = new_bus("newer", workers=1)
    flow = Workflow(bus)
    newer = flow.create_command("From the future", command={"extra": {"schemaversion": 2}})
    home = partition_of(newer.subject, bus.PARTITIONS)
    bus.publisher.send(newer)
    time.sleep(0.5)
    here, elsewhere = [], []
    while len(here) < 3 or len(elsewhere) < 3:
        command = flow.create_command()
        (here if partition_of(command.subject, bus.PARTITIONS) == home else elsewhere).append(command)
    for command in here + elsewhere:
        bus.publisher.send(command)
    for command in elsewhere:
        assert bus.events.outcome(command).kind == "applied"
    time.sleep(1)
    assert bus.events.answered(here + [newer]) == 0 and bus.events.on(bus.dlq) == []
    assert bus.daemons[0].running and bus.daemons[0].said("schema")


@pytest.fixture
def large(new_bus):
    """An installation whose commands topic takes more than the workers do, and a publisher that forces things in."""
    bus = new_bus("large", workers=1)
    resource = confluent_kafka.admin.ConfigResource(
        confluent_kafka.admin.ConfigResource.Type.TOPIC, bus.commands, incremental_configs=[
            confluent_kafka.admin.ConfigEntry("max.message.bytes", "8000000",
                                              incremental_operation=confluent_kafka.admin.AlterConfigOpType.SET)])
    admin = bus.kafka_admin()
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(20)
    bus.forced = Publisher(bus.settings["KAFKA_BROKERS"], bus.commands, **{"message.max.bytes": 8000000})
    return bus


def test_larger_than_a_message_may_be(large):
    """Forced onto a topic with a raised limit, on the right partition and on a wrong one."""
    bus, flow = large, Workflow(large)
    ticket = flow.create()
    home = partition_of(ticket, bus.PARTITIONS)
    for partition in (home, (home + 1) % bus.PARTITIONS):
        command = flow.command("ticket.comment", ticket, {"comment_text": "x" * 5_000_000})
        bus.forced.send(command, partition=partition)
        outcome = bus.events.outcome(command)
        assert (outcome.kind, outcome.code) == ("rejected", "message_too_large")
    garbage = b'{"id": "' + b"x" * 5_000_000
    bus.forced.send_raw(garbage, ticket)
    letter = letter_of(bus, garbage[:1000])
    assert letter.data["code"] in ("malformed", "message_too_large") and letter.data["truncated"]
    assert letter.data["original_bytes"] == len(garbage) and len(letter.raw) <= 1_000_000
    assert garbage.startswith(original_of(letter)) and len(original_of(letter)) > 500_000
    flow.applied("ticket.comment", ticket, {"comment_text": "small"})
    flow.check()


@pytest.mark.parametrize("room", [0, 100, 1000, 2000])
def test_just_below_the_limit_on_a_wrong_partition(large, room):
    """What can be taken can be forwarded, or is refused; the partition never stands still."""
    bus, flow = large, Workflow(large)
    ticket = flow.create()
    command = flow.command("ticket.update", ticket, {"updates": {"tags": ["a"]}})
    command.extra["padding"] = "x"
    command.data["rationale"] = "because"
    body = command.body + b" " * (1_000_000 - room - len(command.body))
    away = (partition_of(ticket, bus.PARTITIONS) + 1) % bus.PARTITIONS
    bus.forced.send_raw(body, ticket, partition=away)
    outcome = bus.events.outcome(command)
    assert outcome.kind == "applied" or outcome.code == "message_too_large", str(outcome)
    assert outcome.kind == "applied" or room < 2000
    after = flow.create_command("After it")
    bus.publisher.send(after, partition=away)
    assert bus.events.outcome(after).kind == "applied"


def test_event_that_could_not_be_published_refuses_its_command(new_bus):
    """before and after together are larger than a message may be."""
    bus = new_bus("doubled", workers=1, TICKETBUS_MESSAGE_MAX_BYTES="200000")
    flow = Workflow(bus)
    ticket = flow.create("Long", description="a" * 120000)
    code, _ = flow.rejected("ticket.update", ticket, {"updates": {"description": "b" * 120000}})
    assert code == "message_too_large"
    flow.applied("ticket.update", ticket, {"updates": {"description": "short"}})
    flow.check()


# ---- poison: what the database refuses for its data ----

POISON = """
CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.title LIKE 'poison%' THEN RAISE EXCEPTION 'this title is poison' USING ERRCODE = '22023'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER poison BEFORE INSERT OR UPDATE ON tickets FOR EACH ROW EXECUTE FUNCTION poison();
"""


@pytest.fixture
def poisoned(new_bus):
    """A workflow whose ticket `victim` has a poisonous update and two commands behind it; others in the same batch."""
    bus = new_bus("poison", workers=1)
    flow = Workflow(bus)
    flow.victim = flow.create("Victim")
    others = flow.create_many(8, "Bystander")
    bus.db.rows(POISON)
    sent = [flow.send("ticket.comment", t, {"comment_text": "before"}) for t in others]
    flow.bad = flow.send("ticket.update", flow.victim, {"updates": {"title": "poison"}})
    flow.behind = [flow.send("ticket.comment", flow.victim, {"comment_text": f"behind {n}"}) for n in range(2)]
    sent += [flow.send("ticket.comment", t, {"comment_text": "after"}) for t in others]
    for command in sent:
        assert bus.events.outcome(command).kind == "applied", "bystanders are unharmed"
    for command in (flow.bad, *flow.behind):
        assert bus.events.outcome(command).kind == "parked"
    letter = letter_of(bus, flow.bad.id.encode())
    assert letter.data["code"] == "poison" and "poison" in letter.data["message"]
    assert len(bus.events.on(bus.dlq)) == 1, "those behind it are fine"
    assert flow.version(flow.victim) == 1
    yield flow
    flow.check()


def cure(flow):
    flow.bus.db.rows("DROP TRIGGER poison ON tickets")


def test_poison_replayed_after_the_cure(poisoned):
    flow, bus = poisoned, poisoned.bus
    still = flow.run("ticket.replay", flow.victim)
    assert (still.kind, still.code) == ("rejected", "poison"), str(still)
    assert flow.version(flow.victim) == 1
    later = flow.send("ticket.comment", flow.victim, {"comment_text": "behind 2"})
    assert bus.events.outcome(later).kind == "parked"
    cure(flow)
    assert flow.run("ticket.replay", flow.victim).kind == "done"
    for command in (flow.bad, *flow.behind, later):
        assert bus.events.outcome(command, through_parking=True).kind == "applied"
    assert [m.type for m in flow.events(flow.victim)] == ["ticket.created", "ticket.updated"] + ["ticket.commented"] * 3
    assert [m.data["comment"]["comment_text"] for m in flow.events(flow.victim)[2:]] == ["behind 0", "behind 1", "behind 2"]
    assert bus.db.rows("SELECT * FROM parked_tickets") == [] and bus.db.rows("SELECT * FROM parked_commands") == []
    assert flow.rejected("ticket.replay", flow.victim)[0] == "ticket_not_parked"


def test_poison_dropped(poisoned):
    flow, bus = poisoned, poisoned.bus
    assert flow.run("ticket.drop", flow.victim).kind == "done"
    assert bus.events.outcome(flow.bad, through_parking=True).code == "dropped"
    for command in flow.behind:
        assert bus.events.outcome(command, through_parking=True).kind == "applied"
    assert flow.row(flow.victim)["title"] == "Victim" and flow.version(flow.victim) == 3
    bus.publisher.send(flow.bad)  # asked again: what came of it
    repeats = bus.events.wait(lambda: [m for m in bus.events._cause[(flow.bad.source, flow.bad.id)] if m.is_repeat],
                              20, "the stored answer")
    assert repeats[0].type in ("command.parked", "command.rejected")
    cure(flow)
    flow.applied("ticket.update", flow.victim, {"updates": {"title": "poison no more"}})


def test_poison_drop_by_name(poisoned):
    """A waiting command other than the first can be given up too; what is poison goes on waiting."""
    flow, bus = poisoned, poisoned.bus
    assert flow.run("ticket.drop", flow.victim, {"waiting_id": flow.behind[0].id}).kind == "done"
    assert bus.events.outcome(flow.behind[0], through_parking=True).code == "dropped"
    assert len(bus.db.rows("SELECT * FROM parked_commands WHERE ticket_id = %s", flow.victim)) == 2
    cure(flow)
    assert flow.run("ticket.replay", flow.victim).kind == "done"
    assert bus.events.outcome(flow.bad, through_parking=True).kind == "applied"
    assert bus.events.outcome(flow.behind[1], through_parking=True).kind == "applied"


def test_two_poisonous_commands_of_one_ticket(poisoned):
    """Each can be dropped though the other is poison still."""
    flow, bus = poisoned, poisoned.bus
    second = flow.send("ticket.update", flow.victim, {"updates": {"title": "poison again"}})
    assert bus.events.outcome(second).kind == "parked"
    assert flow.run("ticket.drop", flow.victim, {}).kind == "done"
    assert bus.events.outcome(flow.bad, through_parking=True).code == "dropped"
    assert flow.run("ticket.drop", flow.victim, {"waiting_id": second.id}).kind == "done"
    assert bus.events.outcome(second, through_parking=True).code == "dropped"
    for command in flow.behind:
        assert bus.events.outcome(command, through_parking=True).kind == "applied"
    assert bus.db.rows("SELECT * FROM parked_tickets WHERE ticket_id = %s", flow.victim) == []


def test_poison_behind_a_reference(new_bus):
    """The parent comes, but what waits behind the child's create is poison: an operator sees it and can help."""
    bus = new_bus("behind", workers=1, TICKETBUS_REFERENCE_WAIT_S="3")
    flow = Workflow(bus)
    bus.db.rows(POISON)
    parent, child = new_ticket(), new_ticket()
    create = bus.publisher.send(flow.create_command("Child", child, parent_ticket_id=parent))
    bad = flow.send("ticket.update", child, {"updates": {"title": "poison"}})
    assert bus.events.outcome(bad).kind == "parked"
    bus.events.outcome(bus.publisher.send(flow.create_command("Parent", parent)))
    deadline = time.monotonic() + 20
    while bus.db.value("SELECT reason FROM parked_tickets WHERE ticket_id = %s", child) != "poison":
        assert time.monotonic() < deadline, bus.db.rows("SELECT * FROM parked_tickets")
        time.sleep(0.1)
    cure(flow)
    assert flow.run("ticket.replay", child).kind == "done"
    for command in (create, bad):
        assert bus.events.outcome(command, through_parking=True).kind == "applied"
    flow.check()


@pytest.mark.parametrize("workers", [1, 2])
def test_command_that_kills_workers_is_parked(new_bus, workers):
    """Whoever applies it dies, and the next who takes over; it must not take its neighbors with it. The deaths that count are
    those of all workers together."""
    bus = new_bus(f"killer-{workers}", workers=workers)
    flow = Workflow(bus)
    victim, *others = flow.create_many(6)
    bus.settle()
    bus.db.rows("""CREATE FUNCTION killer() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF NEW.title = 'killer' THEN PERFORM pg_sleep(20); END IF; RETURN NEW; END $$;
        CREATE TRIGGER killer BEFORE UPDATE ON tickets FOR EACH ROW EXECUTE FUNCTION killer()""")
    bus.db.rows("UPDATE partition_watermarks SET stalled_claims = 3")  # as if three had died already
    bad = flow.send("ticket.update", victim, {"updates": {"title": "killer"}})
    sent = [flow.send("ticket.comment", t, {"comment_text": "next to a killer"}) for t in others for _ in range(3)]
    dead, deaths, deadline = [], 0, time.monotonic() + 100
    while bus.events.answered(sent) < len(sent) or not bus.events.caused_by(bad):
        assert time.monotonic() < deadline, f"after {deaths} deaths: " + "\n".join(d.tail(1500) for d in bus.daemons)
        at_it = bus.db.rows("SELECT pid, application_name FROM pg_stat_activity"
                            " WHERE datname = current_database() AND wait_event = 'PgSleep'")
        if at_it:
            killed = next(d for d in bus.daemons if at_it[0]["application_name"] == f"ticketbus-worker-{d.process.pid}")
            if killed.running:
                killed.kill()
                deaths += 1
                dead.append(killed)
            bus.db.rows("SELECT pg_terminate_backend(%s)", at_it[0]["pid"])
        if len(dead) == workers:  # each of them has met it
            for daemon in dead:
                daemon.start()
            dead = []
        time.sleep(0.2)
    assert bus.events.outcome(bad).kind == "parked"
    assert 2 <= deaths <= 4
    assert letter_of(bus, bad.id.encode()).data["code"] == "poison"
    bus.db.rows("DROP TRIGGER killer ON tickets")
    assert flow.run("ticket.replay", victim).kind == "done"
    assert bus.events.outcome(bad, through_parking=True).kind == "applied"
    flow.check()
