#!/usr/bin/env python3
"""Prints every event once, in order per ticket, and goes on where it ended: follow.py STATE-FILE SECONDS

Ends when nothing came for SECONDS. The state is one SQLite file that holds, in one transaction, what the
events led to (here: what was printed), the positions and the last sequence of every subject."""

import json
import os
import sqlite3
import sys
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

BROKERS = os.environ.get("KAFKA_BROKERS", "127.0.0.1:9092")
EVENTS = os.environ.get("TICKETBUS_TOPIC_EVENTS", "ticket.events")

TABLES = """
CREATE TABLE IF NOT EXISTS position (partition INTEGER PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS last (subject TEXT PRIMARY KEY, sequence INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY);
"""


def accept(db, event):
    """Whether the event is new. A gap cannot close later here: it ends the program instead."""
    if "sequence" not in event:  # command.rejected and the like change nothing; told apart by id
        return db.execute("INSERT OR IGNORE INTO seen VALUES (?)", (event["id"],)).rowcount == 1
    subject, sequence = event["subject"], int(event["sequence"])
    row = db.execute("SELECT sequence FROM last WHERE subject = ?", (subject,)).fetchone()
    if row and sequence <= row[0]:
        return False  # published again
    if row and sequence != row[0] + 1:
        raise RuntimeError(f"{subject}: event {row[0] + 1} is missing before {sequence}")
    db.execute("INSERT OR REPLACE INTO last VALUES (?, ?)", (subject, sequence))
    return True


def consumer(db):
    made = Consumer({
        "bootstrap.servers": BROKERS,
        "group.id": "unused",
        "enable.auto.commit": False,  # the positions are ours
        "auto.offset.reset": "error",  # a position that is gone is an error, never a silent skip
    })
    saved = dict(db.execute("SELECT partition, next FROM position"))
    made.assign([
        TopicPartition(EVENTS, p, saved[p] if p in saved
                       else made.get_watermark_offsets(TopicPartition(EVENTS, p), timeout=10)[0])
        for p in made.list_topics(EVENTS, timeout=10).topics[EVENTS].partitions])
    return made


def main():
    db = sqlite3.connect(sys.argv[1])
    db.executescript(TABLES)
    patience = float(sys.argv[2])
    events = consumer(db)
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < patience:
        for record in events.consume(500, timeout=0.2):
            if record.error():
                if record.error().code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
                    raise KafkaException(record.error())  # take a new snapshot
                continue  # librdkafka retries by itself
            quiet_since = time.monotonic()
            event = json.loads(record.value())
            if accept(db, event):
                print(event["subject"], event.get("sequence", "-"), event["type"])
            db.execute("INSERT OR REPLACE INTO position VALUES (?, ?)", (record.partition(), record.offset() + 1))
        db.commit()  # effect and progress together
    events.close()


if __name__ == "__main__":
    main()
