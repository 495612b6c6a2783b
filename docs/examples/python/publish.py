#!/usr/bin/env python3
"""Creates a ticket and says what became of the command: publish.py WORKFLOW TITLE

Settings are those of docs/configuration.md, e.g. KAFKA_BROKERS."""

import datetime
import json
import os
import sys
import time
import uuid

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

BROKERS = os.environ.get("KAFKA_BROKERS", "127.0.0.1:9092")
COMMANDS = os.environ.get("TICKETBUS_TOPIC_COMMANDS", "ticket.commands")
EVENTS = os.environ.get("TICKETBUS_TOPIC_EVENTS", "ticket.events")
WAIT_S = int(os.environ.get("TICKETBUS_WAIT_MS", "30000")) / 1000
SOURCE = "/examples/python"


def uuid7():
    """Time-ordered id (RFC 9562): the age of a command counts from the time inside it."""
    number = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    return uuid.UUID(int=number & ~(0x3 << 62) | 0x2 << 62)


def command(kind, data, subject=None, actor="example-agent"):
    """One CloudEvent. Keep it: sending it again is safe, making it again is another command."""
    id = str(uuid7())
    return {
        "specversion": "1.0",
        "id": id,
        "source": SOURCE,
        "type": kind,
        "subject": subject or f"ticket-{id}",  # a new ticket is named after its command
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds"),
        "actor": actor,
        "actortype": "orchestrator",
        "data": data,
    }


def producer():
    return Producer({
        "bootstrap.servers": BROKERS,
        "partitioner": "murmur2_random",  # not librdkafka's default: all clients must agree where a ticket lives
        "enable.idempotence": True,  # acks=all, and order kept when a batch is retried
        "delivery.timeout.ms": int(WAIT_S * 1000),
        "compression.type": "lz4",
    })


def send(out, message):
    """Returns once the brokers have it."""
    failed = []
    out.produce(COMMANDS, json.dumps(message).encode(), key=message["subject"].encode(),
                headers={"content-type": "application/cloudevents+json"},
                on_delivery=lambda error, _: failed.append(error))
    out.flush()
    if failed[0] is not None:
        raise KafkaException(failed[0])


class Outcomes:
    """Reads events from where they ended when it was made: make it before sending."""

    def __init__(self):
        self.consumer = Consumer({"bootstrap.servers": BROKERS, "group.id": "unused", "enable.auto.commit": False})
        partitions = self.consumer.list_topics(EVENTS, timeout=10).topics[EVENTS].partitions
        self.consumer.assign([
            TopicPartition(EVENTS, p, self.consumer.get_watermark_offsets(TopicPartition(EVENTS, p), timeout=10)[1])
            for p in partitions])

    def of(self, message):
        """All events of the command by their place, or None when they did not come in time."""
        events, deadline = {}, time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            record = self.consumer.poll(0.1)
            if record is None or record.error():
                continue
            event = json.loads(record.value())
            if (event["causationsource"], event["causationid"]) != (message["source"], message["id"]):
                continue
            if event["type"] == "command.parked":
                continue  # it waits for something; another event follows
            events[event["causationindex"]] = event
            if len(events) == event["causationcount"]:
                return [events[i] for i in sorted(events)]
        return None


def main():
    workflow, title = sys.argv[1:3]
    outcomes = Outcomes()
    create = command("ticket.create", {"workflow_id": workflow, "title": title})
    out = producer()
    send(out, create)
    send(out, create)  # as after a doubt: it takes effect once
    events = outcomes.of(create)
    if events is None:
        print("no outcome in time; send the same command again, or: ticketctl outcome", create["id"])
        return 3
    if events[-1]["type"] == "command.rejected":
        print("rejected:", events[-1]["data"]["code"], events[-1]["data"]["message"])
        return 1
    print(create["subject"], "is at version", events[-1]["sequence"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
