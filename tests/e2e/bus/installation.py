"""One installation of the product for the tests: a database, topics, a collection and processes of its own."""

import json
import os
import subprocess
import time
import urllib.request
import uuid

import confluent_kafka.admin
import psycopg

from .daemons import Daemon, sanitizer_settings
from .database import Database
from .events import Collector
from .publisher import Publisher


class Installation:
    PARTITIONS = 4

    def __init__(self, stack, folder, name, **settings):
        self.stack, self.folder, self.name = stack, folder, name
        unique = uuid.uuid4().hex[:10]
        self.database_name = f"e2e_{name}_{unique}".replace("-", "_")
        prefix = f"e2e-{name}-{unique}"
        self.prefix = prefix
        self.settings = stack.settings | {
            "DB_NAME": self.database_name,
            "TICKETBUS_TOPIC_COMMANDS": f"{prefix}.commands",
            "TICKETBUS_TOPIC_EVENTS": f"{prefix}.events",
            "TICKETBUS_TOPIC_DLQ": f"{prefix}.dlq",
            "TICKETBUS_TOPIC_INDEX_DLQ": f"{prefix}.index.dlq",
            "TICKETBUS_TOPIC_PARTITIONS": str(self.PARTITIONS),
            "TICKETBUS_WORKER_GROUP": f"{prefix}-worker",
            "TICKETBUS_INDEXER_GROUP": f"{prefix}-indexer",
            "TICKETBUS_WEBHOOK_GROUP": f"{prefix}-webhooks",
            "TICKETBUS_SESSION_TIMEOUT_MS": "6000",
            "TICKETBUS_BACKOFF_MAX_MS": "500",
            "QDRANT_COLLECTION": prefix,
            "TICKETBUS_ACTOR": "agent-ctl",
        } | settings
        self.commands, self.events_topic, self.dlq = (
            self.settings[f"TICKETBUS_TOPIC_{kind}"] for kind in ("COMMANDS", "EVENTS", "DLQ"))
        self.db = Database(self.settings)
        self.daemons = []
        self.publisher = self.events = None
        self.troubles = []

    # ---- setting up and taking down ----

    def prepare(self):
        with psycopg.connect(**Database(self.settings, "postgres").parameters, autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{self.database_name}"')
        if self.settings.get("TICKETBUS_STORE") == "pgvector":
            with psycopg.connect(**self.db.parameters, autocommit=True) as admin:
                admin.execute("CREATE EXTENSION IF NOT EXISTS vector")
        self.ctl("migrate", "up").expect(0)
        self.ctl("topics", "ensure").expect(0)
        self.attach()
        return self

    def attach(self):
        brokers = self.settings["KAFKA_BROKERS"]
        self.publisher = Publisher(brokers, self.commands)
        self.events = Collector(brokers, self.events_topic, self.dlq)

    def start(self, program, name=None, **settings):
        name = name or f"{program.removeprefix('ticketbus-')}-{len(self.daemons) + 1}"
        daemon = Daemon(self.stack.program(program), self.settings | settings, self.folder, f"{self.name}-{name}")
        self.daemons.append(daemon)
        return daemon

    def start_worker(self, **settings):
        return self.start("ticketbus-worker", **settings)

    def start_indexer(self, **settings):
        return self.start("ticketbus-indexer", **settings)

    def start_workers(self, count):
        started = [self.start_worker() for _ in range(count)]
        self.wait_claimed()
        return started

    def wait_claimed(self, seconds=60):
        """Every partition has an owner."""
        deadline = time.monotonic() + seconds
        while True:
            claimed = self.db.value("SELECT count(*) FROM partition_watermarks WHERE topic = %s AND owner_epoch > 0",
                                    self.commands)
            if claimed == self.PARTITIONS:
                return
            for daemon in self.daemons:
                assert daemon.running, f"{daemon.name} ended: {daemon.tail()}"
            assert time.monotonic() < deadline, f"{claimed} of {self.PARTITIONS} partitions claimed: " + "\n".join(
                d.tail(1500) for d in self.daemons)
            time.sleep(0.1)

    def close(self):
        """Stops everything; returns what was wrong."""
        for daemon in self.daemons:
            self.troubles += daemon.stop()
        if self.events is not None:
            self.events.close()
            self.troubles += self.events.problems
        self.db.close()
        self._drop_database()
        self._drop_collections()
        topics = [t for name, t in self.settings.items()
                  if name.startswith("TICKETBUS_TOPIC_") and t.startswith(self.prefix)]
        admin = self.kafka_admin()
        for future in admin.delete_topics(topics).values():
            try:
                future.result(30)
            except confluent_kafka.KafkaException:
                pass
        return self.troubles

    def _drop_database(self, seconds=20):
        deadline = time.monotonic() + seconds
        while True:
            try:
                with psycopg.connect(**Database(self.settings, "postgres").parameters, autocommit=True) as admin:
                    admin.execute(f'DROP DATABASE IF EXISTS "{self.database_name}" WITH (FORCE)')
                return
            except (psycopg.OperationalError, psycopg.errors.InsufficientPrivilege) as error:
                # The server's own processes (autovacuum) are in the way for a moment, and we may not end them.
                if time.monotonic() > deadline:
                    self.troubles.append(f"dropping the database: {error}")
                    return
                time.sleep(0.5)

    def _qdrant(self, method, path):
        headers = {"api-key": self.settings["QDRANT_API_KEY"]} if self.settings.get("QDRANT_API_KEY") else {}
        request = urllib.request.Request(self.settings["QDRANT_URL"].rstrip("/") + path, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["result"]

    def _drop_collections(self):
        in_qdrant = self.settings.get("TICKETBUS_STORE") != "pgvector"
        if in_qdrant and any("indexer" in daemon.name for daemon in self.daemons):
            for collection in self._qdrant("GET", "/collections")["collections"]:
                if collection["name"].startswith(self.prefix):
                    self._qdrant("DELETE", f"/collections/{collection['name']}")

    def kafka_admin(self):
        return confluent_kafka.admin.AdminClient({"bootstrap.servers": self.settings["KAFKA_BROKERS"]})

    # ---- ticketctl ----

    def ctl(self, *arguments, input=None, timeout=120, **settings):
        reports = self.folder / f"{self.name}-ticketctl.sanitizer"
        done = subprocess.run(
            [self.stack.program("ticketctl"), *map(str, arguments)],
            env=os.environ | self.settings | settings | sanitizer_settings(reports),
            input=input, capture_output=True, timeout=timeout,
            stdin=subprocess.DEVNULL if input is None else None,
        )
        ran = Ran(arguments, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
        for report in self.folder.glob(f"{reports.name}.*"):
            text = report.read_text(errors="replace")
            report.rename(report.with_name(f"seen-{report.name}"))
            raise AssertionError(f"ticketctl {arguments}: {text[:6000]}")
        return ran

    def lag(self):
        """Commands not applied yet."""
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.settings["KAFKA_BROKERS"], "group.id": "unused"})
        try:
            ends = {p: consumer.get_watermark_offsets(confluent_kafka.TopicPartition(self.commands, p), timeout=20)[1]
                    for p in range(self.PARTITIONS)}
        finally:
            consumer.close()
        done = {r["partition"]: r["next_offset"] for r in self.db.rows(
            "SELECT partition, next_offset FROM partition_watermarks WHERE topic = %s", self.commands)}
        return sum(max(0, end - done.get(p, 0)) for p, end in ends.items())

    def settle(self, seconds=60):
        """Waits until every command, internal ones too, is applied and published."""
        deadline = time.monotonic() + seconds
        quiet = 0
        while quiet < 2:
            left = self.lag()
            unpublished = self.db.value(
                "SELECT coalesce(sum(next_offset - published_offset), 0) FROM partition_watermarks WHERE topic = %s",
                self.commands)
            quiet = quiet + 1 if left == 0 and unpublished == 0 else 0
            assert time.monotonic() < deadline, f"{left} commands not applied, {unpublished} not published"
            time.sleep(0.1)


class Ran:
    """A finished run of ticketctl."""

    def __init__(self, arguments, code, out, err):
        self.arguments, self.code, self.out, self.err = arguments, code, out, err

    def expect(self, code):
        assert self.code == code, f"{self}\nexpected exit code {code}"
        return self

    def __str__(self):
        words = " ".join(map(str, self.arguments))
        return f"ticketctl {words}: {self.code}\n{self.out[-3000:]}\n{self.err[-3000:]}"
