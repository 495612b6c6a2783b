"""What goes over the wire, as an outsider makes and reads it."""

import dataclasses
import datetime
import json
import os
import time
import uuid

NAMESPACE = uuid.UUID("7b1d5c4e-2f90-4a6b-9c33-518ed704a26f")


def uuid7(at=None):
    """A UUIDv7 of now, or of the time `at` in seconds."""
    milliseconds = int((time.time() if at is None else at) * 1000)
    bits = milliseconds << 80 | int.from_bytes(os.urandom(10), "big")
    bits = bits & ~(0xF << 76) | 7 << 76
    bits = bits & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=bits))


def new_ticket():
    return f"ticket-{uuid7()}"


def rfc3339(at=None):
    moment = datetime.datetime.fromtimestamp(time.time() if at is None else at, datetime.timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text):
    return None if text is None else datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def murmur2(data):
    """MurmurHash2, 32 bits, with the seed of Java's Kafka client."""
    m, length = 0x5BD1E995, len(data)
    h = 0x9747B28C ^ length
    whole = length - length % 4
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & 0xFFFFFFFF
        k = (k ^ k >> 24) * m & 0xFFFFFFFF
        h = h * m & 0xFFFFFFFF ^ k
    if length % 4:
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & 0xFFFFFFFF
    h = (h ^ h >> 13) * m & 0xFFFFFFFF
    return h ^ h >> 15


def partition_of(key, partitions):
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


@dataclasses.dataclass
class Command:
    """One command, ready to be sent; `body` is exactly what goes out."""

    type: str
    data: dict
    subject: str | None = None
    id: str = dataclasses.field(default_factory=uuid7)
    source: str = "/tests/e2e"
    actor: str = "agent-test"
    actortype: str | None = "worker_agent"
    time: str | None = dataclasses.field(default_factory=rfc3339)
    extra: dict = dataclasses.field(default_factory=dict)
    key: str | None = None

    def envelope(self):
        made = {"specversion": "1.0", "id": self.id, "source": self.source, "type": self.type,
                "subject": self.subject, "time": self.time, "datacontenttype": "application/json",
                "actor": self.actor, "actortype": self.actortype}
        return {k: v for k, v in made.items() if v is not None} | self.extra | {"data": self.data}

    @property
    def body(self):
        return json.dumps(self.envelope()).encode()

    @property
    def routing_key(self):
        """The key the message goes under: that of the ticket, derived on a create that names none."""
        return self.key or self.subject or f"ticket-{self.id}"


@dataclasses.dataclass(frozen=True)
class Message:
    """A record read back."""

    topic: str
    partition: int
    offset: int
    key: str | None
    headers: dict
    raw: bytes
    event: dict

    @property
    def type(self):
        return self.event["type"]

    @property
    def id(self):
        return self.event["id"]

    @property
    def subject(self):
        return self.event.get("subject")

    @property
    def data(self):
        return self.event["data"]

    @property
    def sequence(self):
        return int(self.event["sequence"]) if "sequence" in self.event else None

    @property
    def cause(self):
        return self.event.get("causationsource"), self.event.get("causationid")

    @property
    def is_repeat(self):
        return "ticketbus-repeat" in self.headers


@dataclasses.dataclass
class Outcome:
    """What became of a command: its events, each once, in order."""

    command: Command
    messages: list

    @property
    def types(self):
        return [m.type for m in self.messages]

    @property
    def last(self):
        return self.messages[-1]

    @property
    def kind(self):
        return {"command.rejected": "rejected", "command.unchanged": "unchanged", "command.parked": "parked",
                "command.done": "done"}.get(self.last.type, "applied")

    @property
    def code(self):
        return self.last.data.get("code") if self.kind == "rejected" else None

    @property
    def field(self):
        return self.last.data.get("field") if self.kind == "rejected" else None

    @property
    def message(self):
        return self.last.data.get("message")

    @property
    def rule(self):
        return self.last.data.get("rule")

    def of(self, event_type):
        """The one event of this type."""
        found = [m for m in self.messages if m.type == event_type]
        assert len(found) == 1, f"{event_type} in {self.types}"
        return found[0]

    def __str__(self):
        return f"{self.command.type}: {self.types} {[m.data for m in self.messages]}"
