"""What happened, as the broker and the database tell it after the run."""

import json
import time

import confluent_kafka
import psycopg
from bus.wire import Message


class Record:
    """A record of the commands topic."""

    __slots__ = ("partition", "offset", "key", "value", "signed")

    def __init__(self, partition, offset, key, value, signed):
        self.partition, self.offset, self.key, self.value, self.signed = partition, offset, key, value, signed


class Row:
    """A row of the command log, its outbox taken apart."""

    __slots__ = ("source", "id", "partition", "offset", "subject", "type", "outcome", "rule", "code", "version", "frames")

    def __init__(self, found):
        (self.source, self.id, self.partition, self.offset, self.subject, self.type, self.outcome, self.rule, self.code,
         self.version, outbox) = found
        self.frames = frames_of(outbox.encode())


def frames_of(outbox):
    """[(kind, key, body)] of "kind SP key-length SP body-length NL key body NL" repeated."""
    found, at = [], 0
    while at < len(outbox):
        end = outbox.index(b"\n", at)
        kind, key, body = outbox[at:end].split(b" ")
        start = end + 1
        middle = start + int(key)
        last = middle + int(body)
        assert outbox[last:last + 1] == b"\n", "a damaged outbox"
        found.append((kind.decode(), outbox[start:middle], outbox[middle:last]))
        at = last + 1
    return found


def read_topic(brokers, topic):
    """All records, each partition's in order."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": brokers, "group.id": "unused", "enable.auto.commit": False, "log_level": 0,
        "auto.offset.reset": "earliest", "fetch.wait.max.ms": 20, "enable.partition.eof": True})
    try:
        partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        left = {}
        for partition in partitions:
            low, high = consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, partition), timeout=30)
            assert low == 0, f"{topic} has lost its beginning"
            if high:
                left[partition] = high
        consumer.assign([confluent_kafka.TopicPartition(topic, p, 0) for p in left])
        deadline = time.monotonic() + 60
        while left:
            records = consumer.consume(5000, 0.1)
            deadline = time.monotonic() + 60 if records else deadline
            assert time.monotonic() < deadline, f"{topic}: nothing more to read, but {left} is missing"
            for record in records:
                if record.error() is not None:
                    assert record.error().code() == confluent_kafka.KafkaError._PARTITION_EOF, record.error()
                    left.pop(record.partition(), None)
                    continue
                yield record
                if record.offset() + 1 >= left.get(record.partition(), 0):
                    left.pop(record.partition(), None)
    finally:
        consumer.close()


def read_commands(brokers, topic):
    commands = {}
    for record in read_topic(brokers, topic):
        signed = any(name == "ticketbus-signature" for name, _ in record.headers() or [])
        commands[record.partition(), record.offset()] = Record(
            record.partition(), record.offset(), record.key(), record.value(), signed)
    return commands


def read_messages(brokers, topic):
    """Events or dead letters."""
    for record in read_topic(brokers, topic):
        headers = {name: (value or b"").decode() for name, value in record.headers() or []}
        key = record.key().decode(errors="replace") if record.key() is not None else None
        yield Message(record.topic(), record.partition(), record.offset(), key, headers, record.value(),
                      json.loads(record.value()))


def read_log(parameters):
    with psycopg.connect(**parameters) as connection, connection.cursor("log") as cursor:
        cursor.itersize = 5000
        cursor.execute("SELECT source, id, topic_partition, record_offset, subject, type, outcome, rule, code, version,"
                       " outbox FROM command_log ORDER BY topic_partition, record_offset")
        return [Row(found) for found in cursor]
