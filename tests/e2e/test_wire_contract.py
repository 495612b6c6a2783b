"""Everything that went over the wire in this session, held against docs/schemas by an independent validator.

Runs last (conftest.py). What the workers took must be valid; what they refused as ill-formed must not be."""

import collections
import json
import pathlib

import confluent_kafka
import jsonschema
import pytest
import yaml

from bus.boards import board

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
SCHEMAS = DOCS / "schemas"


def validators(kind):
    found = {}
    for file in sorted((SCHEMAS / kind).glob("*.json")):
        schema = json.loads(file.read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        found[file.stem] = jsonschema.Draft202012Validator(
            schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    assert found, f"no schemas in {SCHEMAS / kind}"
    return found


PER_SHAPE = 20  # messages that are made alike; an import brings thousands


class Shapes:
    """Lets only so many messages of each shape through: type, rule, and which members there are."""

    def __init__(self):
        self._seen = collections.Counter()

    def wanted(self, kind, data, *more):
        def members(value):
            return tuple(sorted(value)) if isinstance(value, dict) else type(value).__name__
        shape = (kind, *more, members(data), *(
            members(data[name]) for name in ("before", "after", "updates") if isinstance(data, dict) and name in data))
        self._seen[shape] += 1
        return self._seen[shape] <= PER_SHAPE


def faults(validator, instance):
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in validator.iter_errors(instance)]


@pytest.fixture(scope="module")
def traffic(bus, closed_installations):
    """A few commands of our own, so that this file means something alone, and all there was before."""
    from bus.workflow import Workflow
    flow = Workflow(bus)
    blocker = flow.create("Blocker")
    ticket = flow.create("Ticket", blocked_by_ticket_ids=[blocker], description="text", tags=["a"])
    flow.rejected("ticket.change_status", ticket, {"new_status": "doing"})
    flow.unchanged("board.put", flow.id, board())
    flow.applied("ticket.resolve", blocker, {"resolution_comment": "done", "commit_sha": "abc"})
    bus.publisher.send_raw(b"no command", "key")
    bus.settle()
    return [bus, *closed_installations]


def test_events_and_dead_letters(traffic):
    known, seen, wrong, shapes = validators("events"), collections.Counter(), [], Shapes()
    for installation in traffic:
        for message in installation.events.messages:
            seen[message.type] += 1
            if message.type not in known:
                wrong.append(f"{message.type} has no schema")
            elif shapes.wanted(message.type, message.data, message.data.get("rule"), tuple(message.event)):
                wrong += [f"{message.type} {message.id}: {f}" for f in faults(known[message.type], message.event)]
    assert not wrong, "\n".join(wrong[:20])
    assert seen["ticketbus.deadletter"] and seen["ticket.unblocked"] and seen["command.rejected"]


def test_messages_say_what_they_are(traffic):
    for installation in traffic:
        for message in installation.events.messages:
            assert message.headers.get("content-type") == "application/cloudevents+json", message


def test_every_event_type_was_seen(traffic, request):
    """Only in a whole session: then each kind of event has been through the validator."""
    if {item.path.name for item in request.session.items} < {"test_commands.py", "test_rules.py", "test_bad_input.py"}:
        pytest.skip("not a whole session")
    seen = {m.type for installation in traffic for m in installation.events.messages}
    assert seen == set(validators("events"))


def commands_of(bus):
    """Every record of the commands topic: (partition, offset) -> message."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": bus.settings["KAFKA_BROKERS"], "group.id": "unused",
                                         "enable.auto.commit": False, "auto.offset.reset": "earliest",
                                         "enable.partition.eof": True})
    consumer.assign([confluent_kafka.TopicPartition(bus.commands, p, confluent_kafka.OFFSET_BEGINNING)
                     for p in range(bus.PARTITIONS)])
    records, ended = {}, 0
    while ended < bus.PARTITIONS:
        for record in consumer.consume(1000, 1.0):
            if record.error() is None:
                records[(record.partition(), record.offset())] = record
            else:
                assert record.error().code() == confluent_kafka.KafkaError._PARTITION_EOF, record.error()
                ended += 1
    consumer.close()
    return records


# What a schema cannot see: bytes that are no JSON, a name given twice, a signature, sizes of the whole.
BEYOND_SCHEMAS = ("malformed", "bad_signature", "message_too_large")


def test_commands(traffic, bus):
    known, taken, refused, wrong, shapes = validators("commands"), 0, 0, [], Shapes()
    records = commands_of(bus)
    log = {(r["topic_partition"], r["record_offset"]): r for r in bus.db.rows(
        "SELECT topic_partition, record_offset, rule, code, outcome, type FROM command_log")}
    for place, record in records.items():
        if any(name == "ticketbus-signature" for name, _ in record.headers() or []):
            continue
        row = log[place]
        try:
            command = json.loads(record.value().decode())
            validator = known[command["type"]]
        except (AttributeError, ValueError, TypeError, KeyError, RecursionError):
            assert row["outcome"] == "dead", (row, record.value()[:200])
            continue
        if not shapes.wanted(command["type"], command.get("data"), row["rule"], row["outcome"], row["code"], tuple(command)):
            continue
        found = faults(validator, command)
        if row["rule"] == "wire.invalid" or (row["outcome"] == "dead" and row["code"] not in BEYOND_SCHEMAS):
            refused += 1
            if not found and not _beyond(record.value(), command):
                wrong.append(f"refused ({row['code']}), but valid: {record.value()[:300]}")
        elif row["outcome"] != "dead":
            taken += 1
            wrong += [f"taken, but not valid: {f}: {record.value()[:300]}" for f in found]
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong[:20])
    assert taken


def _beyond(raw, command):
    """A member given twice, which the parser here has dropped."""
    def pairs(members):
        return ("twice",) if len(members) != len(dict(members)) or any(v == ("twice",) for _, v in members) else dict(members)
    return json.loads(raw, object_pairs_hook=pairs) == ("twice",)


def test_asyncapi_refers_to_what_is_there():
    document = yaml.safe_load((DOCS / "asyncapi.yaml").read_text())
    assert str(document["asyncapi"]).startswith("3.")
    refs, stack = [], [document]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            refs += [v for k, v in node.items() if k == "$ref"]
            stack += node.values()
        elif isinstance(node, list):
            stack += node
    files = [r for r in refs if not r.startswith("#")]
    assert len(files) >= len(list(SCHEMAS.glob("*/*.json")))
    for ref in refs:
        file, _, pointer = ref.partition("#")
        target = yaml.safe_load((DOCS / file).read_text()) if file else document
        for part in pointer.split("/")[1:]:
            target = target[part.replace("~1", "/").replace("~0", "~")]
