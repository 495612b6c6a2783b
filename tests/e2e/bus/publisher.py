"""Sends commands with confluent-kafka, keyed like every other client."""

import threading
import time

import confluent_kafka


class Publisher:
    def __init__(self, brokers, topic, **options):
        self.topic = topic
        self.failures = []
        self._lock = threading.Lock()
        self._producer = confluent_kafka.Producer({
            "bootstrap.servers": brokers,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "linger.ms": 2,
            "queue.buffering.max.messages": 500000,
        } | options)

    def _delivered(self, error, message):
        if error is not None:
            self.failures.append(str(error))

    def send_raw(self, value, key=None, headers=None, topic=None, partition=None):
        placed = {} if partition is None else {"partition": partition}
        deadline = time.monotonic() + 10
        with self._lock:
            while True:
                try:
                    self._producer.produce(topic or self.topic, value=value, key=key, headers=headers or {},
                                           on_delivery=self._delivered, **placed)
                    break
                except (BufferError, confluent_kafka.KafkaException):
                    # A full queue, or a broker that is busy and knows its topics only in a moment.
                    if time.monotonic() > deadline:
                        raise
                    self._producer.poll(0.1)
            self._producer.poll(0)

    def send(self, command, partition=None):
        self.send_raw(command.body, command.routing_key,
                      {"content-type": "application/cloudevents+json"}, partition=partition)
        return command

    def flush(self, seconds=30):
        left = self._producer.flush(seconds)
        assert left == 0, f"{left} messages were not sent"
        failures, self.failures = self.failures, []
        assert not failures, failures[:3]
