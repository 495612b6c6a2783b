"""One installation of the product for a run: a database, topics, a network in between, and workers."""

import os
import pathlib
import signal
import subprocess
import time
import uuid

import confluent_kafka
import confluent_kafka.admin
import psycopg
from bus.database import Database
from bus.stack import Stack

from .cluster import Cluster
from .disk import Disk
from .proxy import Proxy
from .servers import Server
from .workers import Fleet

# Comments that begin with "poison" are refused as data until the same text is entered in chaos_mended.
POISON = """
CREATE TABLE chaos_mended (text text PRIMARY KEY);
CREATE FUNCTION chaos_poison() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM chaos_mended m WHERE m.text = NEW.comment_text) THEN
        RAISE EXCEPTION 'refused for its data' USING ERRCODE = '22023';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER chaos_poison BEFORE INSERT ON ticket_comments FOR EACH ROW
    WHEN (NEW.comment_text LIKE 'poison %') EXECUTE FUNCTION chaos_poison();
"""


class Rig:
    PARTITIONS = 4
    SESSION_MS = 6000

    def __init__(self, folder, workers, is_cluster=False):
        self.folder = pathlib.Path(folder)
        self._consumer = None
        self.stack = Stack()
        unique = uuid.uuid4().hex[:10]
        self.database_name, prefix = f"chaos_{unique}", f"chaos-{unique}"
        self.settings = self.stack.settings | {
            "DB_NAME": self.database_name,
            "TICKETBUS_TOPIC_COMMANDS": f"{prefix}.commands",
            "TICKETBUS_TOPIC_EVENTS": f"{prefix}.events",
            "TICKETBUS_TOPIC_DLQ": f"{prefix}.dlq",
            "TICKETBUS_TOPIC_INDEX_DLQ": f"{prefix}.index.dlq",
            "TICKETBUS_TOPIC_PARTITIONS": str(self.PARTITIONS),
            "TICKETBUS_WORKER_GROUP": f"{prefix}-worker",
            "TICKETBUS_SESSION_TIMEOUT_MS": str(self.SESSION_MS),
            "TICKETBUS_BACKOFF_MAX_MS": "500",
            "TICKETBUS_REFERENCE_WAIT_S": "4",
            "TICKETBUS_BATCH_MAX": "100",
            "TICKETBUS_LOG_LEVEL": "info",
        }
        self.commands, self.events, self.dlq = (
            self.settings[f"TICKETBUS_TOPIC_{kind}"] for kind in ("COMMANDS", "EVENTS", "DLQ"))
        self.group = self.settings["TICKETBUS_WORKER_GROUP"]
        self.brokers = self.settings["KAFKA_BROKERS"]
        self.is_cluster = is_cluster
        self.kafka = Server(self.stack.state_dir, "kafka")
        self.postgres = Server(self.stack.state_dir, "postgres")
        self.db = Database(self.settings)
        self.worker_settings = self.disk = self.postgres_net = self.kafka_net = self.fleet = None
        self._workers = workers

    def open(self):
        """The file system, the proxies, the cluster; close() ends whatever of it there is."""
        self.disk = Disk.mount(pathlib.Path("/tmp", self.database_name), self.postgres.user)
        self._open_second_listener()
        self.postgres_net = Proxy(int(self.settings["DB_PORT"]) + 1, int(self.settings["DB_PORT"]), is_kafka=False)
        self.kafka_net = Proxy(self._kafka_port + 3, self._kafka_port + 2, is_kafka=True)
        self.worker_settings = self.settings | {
            "DB_PORT": str(self.postgres_net.port), "KAFKA_BROKERS": f"127.0.0.1:{self.kafka_net.port}"}
        if self.is_cluster:
            self.kafka = Cluster(self.kafka, self.folder)
            self.brokers = self.kafka.brokers
            self.kafka.start()
            self.kafka.wait()
            for settings in (self.settings, self.worker_settings):
                settings |= {"KAFKA_BROKERS": self.brokers, "TICKETBUS_TOPIC_REPLICATION": "3"}

    # ---- setting up and taking down ----

    @property
    def _kafka_port(self):
        return int(self.brokers.rpartition(":")[2])

    def _open_second_listener(self):
        """Clients go where the broker tells them to: whoever comes by the second listener is told the proxy's port."""
        own = pathlib.Path(self.stack.state_dir, "run", "kafka.properties")
        changed = own.with_name("kafka-chaos.properties")
        if self.kafka.arguments[-1] == str(changed):
            return
        port, lines = self._kafka_port, []
        added = {"listeners=": f",PROXIED://127.0.0.1:{port + 2}", "advertised.listeners=": f",PROXIED://127.0.0.1:{port + 3}",
                 "listener.security.protocol.map=": ",PROXIED:PLAINTEXT"}
        for line in own.read_text().splitlines():
            lines.append(line + next((text for name, text in added.items() if line.startswith(name)), ""))
        changed.write_text("\n".join(lines) + "\n")
        self.kafka.signal(signal.SIGTERM)
        self.kafka.wait_gone(60)
        self.kafka.arguments[-1] = str(changed)
        self.kafka.start()
        admin = self.kafka_admin()
        self._wait(lambda: admin.list_topics(timeout=2), confluent_kafka.KafkaException, 120)

    def prepare(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.admin_database("postgres") as admin:
            place = ""
            if self.disk is not None:
                admin.execute(f'CREATE TABLESPACE "{self.database_name}" LOCATION \'{self.disk.space}\'')
                place = f' TABLESPACE "{self.database_name}"'
            admin.execute(f'CREATE DATABASE "{self.database_name}" OWNER "{self.settings["DB_USER"]}"{place}')
        self._ctl("migrate", "up")
        self._ctl("topics", "ensure")
        self.db.rows(POISON)
        self.fleet = Fleet(self.stack.program("ticketbus-worker"), self.worker_settings, self.folder, self._workers)
        return self

    def _ctl(self, *arguments):
        done = subprocess.run([self.stack.program("ticketctl"), *arguments], env=os.environ | self.settings,
                              capture_output=True, text=True, timeout=180, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, f"ticketctl {arguments}: {done.stdout}{done.stderr}"

    def wait_claimed(self, seconds=90):
        deadline = time.monotonic() + seconds
        while self.db.value("SELECT count(*) FROM partition_watermarks WHERE topic = %s AND owner_epoch > 0",
                            self.commands) < self.PARTITIONS:
            assert time.monotonic() < deadline, "the workers do not claim their partitions"
            time.sleep(0.1)

    def mend(self):
        """Whatever was broken works again."""
        for net in filter(None, (self.postgres_net, self.kafka_net)):
            net.heal()
        self.postgres.start()
        self.kafka.thaw()
        self.kafka.start()
        self._wait(lambda: self.admin_database("postgres").close(), psycopg.Error, 120)
        self._wait(lambda: self.kafka_admin().list_topics(timeout=2), confluent_kafka.KafkaException, 120)

    def close(self, keep):
        self.db.close()
        for net in filter(None, (self.postgres_net, self.kafka_net)):
            net.close()
        if self._consumer is not None:
            self._consumer.close()
        if isinstance(self.kafka, Cluster):
            self.kafka.close()
        if keep:
            return
        try:
            with self.admin_database("postgres") as admin:
                admin.execute(f'DROP DATABASE IF EXISTS "{self.database_name}" WITH (FORCE)')
                admin.execute(f'DROP TABLESPACE IF EXISTS "{self.database_name}"')
        except psycopg.Error:
            pass
        if self.disk is not None:
            self.disk.unmount()
        if self.is_cluster:
            return
        topics = [self.commands, self.events, self.dlq, self.settings["TICKETBUS_TOPIC_INDEX_DLQ"]]
        for future in self.kafka_admin().delete_topics(topics).values():
            try:
                future.result(30)
            except confluent_kafka.KafkaException:
                pass

    # ---- asking, past the network under fault ----

    def kafka_admin(self):
        return confluent_kafka.admin.AdminClient({"bootstrap.servers": self.brokers, "log_level": 0})

    def admin_database(self, name=None):
        """As the superuser, on a connection of one's own."""
        secret = pathlib.Path(self.stack.state_dir, "data", "secrets", "postgres").read_text().strip()
        return psycopg.connect(host=self.settings["DB_HOST"], port=self.settings["DB_PORT"], user="postgres",
                               password=secret, dbname=name or self.database_name, autocommit=True, connect_timeout=5)

    def ends(self, topic=None, seconds=20):
        """Next offset of each partition of the commands topic; raises while the broker is away."""
        if self._consumer is None:
            self._consumer = confluent_kafka.Consumer(
                {"bootstrap.servers": self.brokers, "group.id": "unused", "log_level": 0})
        return {p: self._consumer.get_watermark_offsets(
            confluent_kafka.TopicPartition(topic or self.commands, p), timeout=seconds)[1]
            for p in range(self.PARTITIONS)}

    def watermarks(self):
        return {r["partition"]: r for r in self.db.rows(
            "SELECT partition, next_offset, published_offset, owner_epoch, stalled_claims FROM partition_watermarks"
            " WHERE topic = %s", self.commands)}

    def wait_servers(self, seconds=120):
        """Until Postgres and the broker answer."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.db.rows("SELECT 1")
                self.ends(seconds=2)
                return
            except (psycopg.Error, confluent_kafka.KafkaException):
                assert time.monotonic() < deadline, "the servers do not come back"
                time.sleep(0.05)

    def wait_postgres(self, seconds=120):
        self._wait(lambda: self.db.rows("SELECT 1"), psycopg.Error, seconds)

    def wait_kafka(self, seconds=120):
        self._wait(lambda: self.ends(seconds=2), confluent_kafka.KafkaException, seconds)

    @staticmethod
    def _wait(ask, error, seconds):
        deadline = time.monotonic() + seconds
        while True:
            try:
                return ask()
            except error:
                assert time.monotonic() < deadline, "the server does not come back"
                time.sleep(0.05)

    def behind(self, ends, published=True):
        """Partitions that have not applied, and published, what lay below these ends."""
        marks = self.watermarks()
        found = []
        for partition, end in ends.items():
            mark = marks.get(partition)
            at = 0 if mark is None else min(mark["next_offset"], mark["published_offset"]) if published \
                else mark["next_offset"]
            if at < end:
                found.append((partition, at, end))
        return found

    def wait_done(self, seconds):
        """Until all commands are applied and published, internal ones too; what is left when time runs out."""
        deadline, quiet = time.monotonic() + seconds, 0
        while True:
            left = self.behind(self.ends())
            quiet = quiet + 1 if not left else 0
            if quiet == 3 or time.monotonic() > deadline:
                return left
            time.sleep(0.15)
