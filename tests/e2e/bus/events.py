"""Reads events and dead letters in the background, from the beginning, and holds the topic to its promises: per ticket
sequences come 1, 2, 3 … and what comes again is byte for byte what came before."""

import collections
import json
import threading
import time

import confluent_kafka

from .wire import Message, Outcome

UNSEQUENCED = ("command.rejected", "command.unchanged", "command.parked", "command.done")


class Collector:
    def __init__(self, brokers, events, dead_letters):
        topics = (events, dead_letters)
        self._events_topic = events
        self.messages = []
        self.problems = []
        self._seen = {}  # (topic, event id) -> first message
        self._sequence = collections.defaultdict(int)
        self._subject = collections.defaultdict(list)
        self._cause = collections.defaultdict(list)
        self._topic = collections.defaultdict(list)
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._grown = threading.Event()
        self._consumer = confluent_kafka.Consumer({
            "bootstrap.servers": brokers, "group.id": "unused", "enable.auto.commit": False,
            "auto.offset.reset": "earliest", "fetch.wait.max.ms": 20, "fetch.error.backoff.ms": 50,
        })
        known = self._consumer.list_topics(timeout=20).topics
        self._consumer.assign([
            confluent_kafka.TopicPartition(topic, partition, confluent_kafka.OFFSET_BEGINNING)
            for topic in topics for partition in known[topic].partitions])
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        self._stop.set()
        self._thread.join(10)
        self._consumer.close()

    def grown(self):
        """The events topic has more partitions now; what was read of the others stays read."""
        self._grown.set()

    def _assign_grown(self):
        held = self._consumer.position(self._consumer.assignment())
        for p in held:
            p.offset = confluent_kafka.OFFSET_BEGINNING if p.offset < 0 else p.offset
        known = {p.partition for p in held if p.topic == self._events_topic}
        now = self._consumer.list_topics(self._events_topic, timeout=20).topics[self._events_topic].partitions
        self._consumer.assign(held + [confluent_kafka.TopicPartition(self._events_topic, p, confluent_kafka.OFFSET_BEGINNING)
                                      for p in now if p not in known])

    def _run(self):
        while not self._stop.is_set():
            if self._grown.is_set():
                self._grown.clear()
                self._assign_grown()
            records = self._consumer.consume(1000, 0.05)
            if not records:
                continue
            with self._changed:
                for record in records:
                    if record.error() is None:
                        self._take(record)
                    elif not record.error().retriable():
                        self.problems.append(str(record.error()))
                self._changed.notify_all()

    def _take(self, record):
        key = record.key().decode() if record.key() is not None else None
        place = f"{record.topic()}/{record.partition()}/{record.offset()}"
        try:
            event = json.loads(record.value().decode())
        except (UnicodeDecodeError, ValueError) as error:
            self.problems.append(f"{place} is not JSON: {error}")
            return
        headers = {name: (value or b"").decode() for name, value in record.headers() or []}
        message = Message(record.topic(), record.partition(), record.offset(), key, headers, record.value(), event)
        self.messages.append(message)
        self._topic[message.topic].append(message)
        first = self._seen.setdefault((message.topic, message.id), message)
        if message.topic != self._events_topic:
            return
        self._cause[message.cause].append(message)
        if first is not message:
            if first.raw != message.raw:
                self.problems.append(f"{place}: event {message.id} came again with other bytes")
            return
        if key != message.subject:
            self.problems.append(f"{place}: key {key}, subject {message.subject}")
        if message.is_repeat:
            self.problems.append(f"{place}: marked a repeat, but never seen before")
        if message.sequence is not None:
            expected = self._sequence[message.subject] + 1
            if message.sequence != expected:
                self.problems.append(f"{place}: {message.subject} sequence {message.sequence}, expected {expected}")
            self._sequence[message.subject] = max(message.sequence, expected)
            self._subject[message.subject].append(message)

    # ---- asking ----

    def wait(self, condition, seconds, what):
        """Calls condition under the lock until it returns something true, and returns that."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                found = condition()
                if found:
                    return found
                left = deadline - time.monotonic()
                if left <= 0:
                    described = what() if callable(what) else what
                    raise AssertionError(f"not within {seconds} s: {described}; problems: {self.problems[:3]}")
                self._changed.wait(min(left, 0.5))

    def on(self, topic):
        with self._changed:
            return list(self._topic[topic])

    def of_ticket(self, ticket):
        """Its sequenced events, each once."""
        with self._changed:
            return list(self._subject[ticket])

    def wait_sequence(self, ticket, sequence, seconds=20):
        self.wait(lambda: self._sequence[ticket] >= sequence, seconds, f"event {sequence} of {ticket}")

    def all_caused_by(self, command):
        """Every message the command led to, repeats too."""
        with self._changed:
            return list(self._cause[(command.source, command.id)])

    def caused_by(self, command):
        """The events of the command, each once."""
        once = {m.id: m for m in reversed(self._cause[(command.source, command.id)])}
        return sorted(once.values(), key=lambda m: (m.partition, m.offset))

    def _complete(self, command, through_parking):
        found = self.caused_by(command)
        answers = [m for m in found if m.type != "command.parked"]
        if not answers:
            return found if found and not through_parking else None
        if answers[-1].type in UNSEQUENCED:
            return answers
        return answers if len(answers) == int(answers[0].event["causationcount"]) else None

    def outcome(self, command, seconds=30, through_parking=False):
        """Waits until the command is answered. A command that waits parked counts as answered, unless through_parking."""
        messages = self.wait(lambda: self._complete(command, through_parking), seconds,
                             lambda: f"outcome of {command.type} {command.id} for {command.subject}; "
                                     f"so far {[m.type for m in self.caused_by(command)]}")
        return Outcome(command, messages)

    def answered(self, commands):
        """How many of the commands have their whole answer."""
        return sum(self._complete(c, True) is not None for c in commands)

    def check(self):
        assert not self.problems, "\n".join(self.problems[:20])
