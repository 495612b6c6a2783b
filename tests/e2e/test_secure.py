"""TLS and SASL: a broker and a Postgres of the tests' own with certificates of a throw-away CA. What is wrong is named by
its setting, and no secret reaches a log."""

import contextlib
import ctypes
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import tempfile
import time
import uuid

import confluent_kafka.admin
import pytest

from bus.database import Database
from bus.events import Collector
from bus.gateway import free_port
from bus.installation import Installation
from bus.publisher import Publisher
from bus.workflow import Workflow
from test_schema import DEBIAN_15

SASL_PASSWORD = "sasl-secret-4711"
DB_PASSWORD = "postgres-secret-4712"
WRONG_PASSWORD = "wrong-secret-4713"


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def make_ca(folder, name):
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN=throw-away {name}")


def make_certificate(folder, ca, name, host):
    """name.key, name.crt of ca for a host; name.pem holds both, as Kafka wants them."""
    openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key",
            "-out", f"{name}.csr", "-subj", f"/CN={host}")
    (folder / f"{name}.ext").write_text(f"subjectAltName=DNS:{host}\n")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key", "-CAcreateserial",
            "-days", "2", "-out", f"{name}.crt", "-extfile", f"{name}.ext")
    (folder / f"{name}.pem").write_text((folder / f"{name}.key").read_text() + (folder / f"{name}.crt").read_text())


def scram_works():
    """librdkafka before 2.6.1 sends a nonce that brokers check since 3.7.2 (CVE-2024-56128), and refuse."""
    return ctypes.CDLL("librdkafka.so.1").rd_kafka_version() >= 0x02060100


@contextlib.contextmanager
def running(arguments, log, **options):
    with open(log, "ab") as out:
        process = subprocess.Popen(list(map(str, arguments)), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                   start_new_session=True, **options)
    try:
        yield process
    finally:
        process.send_signal(2)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def wait_up(attempt, process, log, seconds=90):
    deadline = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except Exception as error:  # whatever a server that is not there yet leads to
            told = [line for line in log.read_text().splitlines() if "ERROR" in line or "xception" in line]
            assert time.monotonic() < deadline and process.poll() is None, f"{error}\n" + "\n".join(told[-20:])
            time.sleep(0.3)


def kafka(stack, folder):
    """SASL_SSL with SCRAM for clients, beside the plain listener its own tools use. Its arguments, after the stack's broker."""
    plain, secure, controller = free_port(), free_port(), free_port()
    text = (stack.state_dir / "run" / "kafka.properties").read_text()
    changed = {
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{secure},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{plain},SASL_SSL://localhost:{secure}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN", "log.dirs": str(folder / "kafka"),
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config":
            "org.apache.kafka.common.security.scram.ScramLoginModule required;",
        "listener.name.sasl_ssl.plain.sasl.jaas.config":
            f'org.apache.kafka.common.security.plain.PlainLoginModule required user_ticketbus="{SASL_PASSWORD}";',
        "ssl.keystore.type": "PEM", "ssl.keystore.location": str(folder / "server.pem"),
    }
    kept = [line for line in text.splitlines() if line.partition("=")[0] not in changed]
    file = folder / "kafka.properties"
    file.write_text("\n".join(kept + [f"{k}={v}" for k, v in changed.items()]) + "\n")
    pid = (stack.state_dir / "run" / "kafka.pid").read_text().split()[0]
    java = [a.decode() for a in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]]
    tool = [java[0], "-Xmx128m", "-cp", java[java.index("-cp") + 1], "kafka.tools.StorageTool"]
    identity = subprocess.run([*tool, "random-uuid"], check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run([*tool, "format", "--config", str(file), "--cluster-id", identity], check=True, capture_output=True)
    return [*java[:-1], str(file)], plain, secure


def postgres(folder):
    """Nothing but TLS and passwords. Its arguments, its options, its settings."""
    account = pwd.getpwnam(os.environ.get("TICKETBUS_PG_OS_USER", "nobody"))
    options = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    home, port = folder / "postgres", free_port()
    home.mkdir()
    (home / "password").write_text(DB_PASSWORD)
    for name in ("server.key", "server.crt"):
        shutil.copy(folder / name, home / name)
    (home / "server.key").chmod(0o600)
    if options:
        for file in (home, *home.iterdir()):
            os.chown(file, account.pw_uid, account.pw_gid)
    subprocess.run([DEBIAN_15 / "initdb", "-D", home / "data", "-U", "ticketbus", "--pwfile", home / "password",
                    "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "-N"], check=True, capture_output=True, cwd="/", **options)
    (home / "data" / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
    arguments = [DEBIAN_15 / "postgres", "-D", home / "data", "-p", port, "-k", home, "-c", "listen_addresses=127.0.0.1",
                 "-c", "ssl=on", "-c", f"ssl_cert_file={home}/server.crt", "-c", f"ssl_key_file={home}/server.key",
                 "-c", "fsync=off"]
    return arguments, options, port


@pytest.fixture(scope="module")
def secure(stack):
    """Settings of servers that take nothing but TLS and passwords."""
    if not DEBIAN_15.is_dir():
        pytest.skip("the stack's own Postgres is built without TLS, and Debian's is not installed")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="secure-"))
    folder.chmod(0o755)
    make_ca(folder, "ca")
    make_ca(folder, "other")
    make_certificate(folder, "ca", "server", "localhost")
    broker, plain, sasl_ssl = kafka(stack, folder)
    server, options, port = postgres(folder)
    settings = {
        "KAFKA_BROKERS": f"localhost:{sasl_ssl}", "KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512" if scram_works() else "PLAIN", "KAFKA_SASL_USERNAME": "ticketbus", "KAFKA_SASL_PASSWORD": SASL_PASSWORD,
        "KAFKA_SSL_CA": str(folder / "ca.crt"), "DB_HOST": "localhost", "DB_PORT": str(port), "DB_USER": "ticketbus",
        "DB_PASSWORD": DB_PASSWORD, "DB_SSLMODE": "verify-full", "DB_SSL_CA": str(folder / "ca.crt"),
    }
    try:
        with running(broker, folder / "kafka.log") as kafka_process, \
                running(server, folder / "postgres.log", cwd="/", **options) as postgres_process:
            wait_up(lambda: confluent_kafka.admin.AdminClient({"bootstrap.servers": f"127.0.0.1:{plain}", "log_level": 0})
                    .list_topics(timeout=2), kafka_process, folder / "kafka.log")
            wait_up(lambda: Database(settings | {"DB_SSLMODE": "require"}, "postgres").connect().close(),
                    postgres_process, folder / "postgres.log")
            admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": f"127.0.0.1:{plain}"})
            user = confluent_kafka.admin.UserScramCredentialUpsertion(
                "ticketbus", confluent_kafka.admin.ScramCredentialInfo(confluent_kafka.admin.ScramMechanism.SCRAM_SHA_512, 4096),
                SASL_PASSWORD.encode())
            for future in admin.alter_user_scram_credentials([user]).values():
                future.result(30)
            yield settings | {"plain": f"127.0.0.1:{plain}", "folder": str(folder), "sasl_ssl": str(sasl_ssl)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class SecureInstallation(Installation):
    """The programs use TLS; what looks into the servers past the product does not verify."""

    def __init__(self, stack, logs, name, secure, **settings):
        names = {k: v for k, v in secure.items() if k.isupper()}
        super().__init__(stack, logs, name, **names | settings)
        self.plain = secure["plain"]
        self.db = Database(self.settings | {"DB_SSLMODE": "require"})

    def attach(self):
        self.publisher = Publisher(self.plain, self.commands)
        self.events = Collector(self.plain, self.events_topic, self.dlq)

    def kafka_admin(self):
        return confluent_kafka.admin.AdminClient({"bootstrap.servers": self.plain})

    def _drop_database(self, seconds=20):
        """The server goes with the tests."""


def secrets_in(folder, name):
    return [f.name for f in folder.glob(f"{name}-*.log")
            if re.search("sasl-secret|postgres-secret|wrong-secret", f.read_text(errors="replace"))]


@pytest.fixture
def bus(stack, logs, secure, monkeypatch):
    for name in list(os.environ):
        if name.startswith(("DB_", "KAFKA_", "PGSSL")):
            monkeypatch.delenv(name)
    name = f"secure-{uuid.uuid4().hex[:6]}"
    made = SecureInstallation(stack, logs, name, secure, TICKETBUS_LOG_LEVEL="debug")
    real = Database(made.settings | {"DB_SSLMODE": "require"}, "postgres")
    real.rows(f'CREATE DATABASE "{made.database_name}"')
    real.close()
    made.ctl("migrate", "up").expect(0)
    made.ctl("topics", "ensure").expect(0)
    made.attach()
    yield made
    troubles = made.close()
    assert not troubles, "\n\n".join(troubles)
    assert secrets_in(logs, name) == []


def test_everything_goes_over_tls(bus):
    bus.start_worker()
    bus.wait_claimed()
    flow = Workflow(bus)
    ticket = flow.create("Secret")
    bus.ctl("comment", ticket, "from the command line").expect(0)
    assert flow.version(ticket) == 2
    sessions = bus.db.rows("SELECT a.application_name, s.ssl FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid)"
                           " WHERE a.application_name LIKE 'ticketbus-worker%'")
    assert sessions and all(s["ssl"] for s in sessions)
    checks = {c["part"]: c["state"] for c in json.loads(bus.ctl("doctor", "--json").out)["checks"]}
    assert checks["Postgres"] == checks["Kafka"] == checks["workers"] == "ok"
    flow.check()


WRONG = {
    "kafka-ca": ({"KAFKA_SSL_CA": "{folder}/other.crt"}, "KAFKA_SSL_CA"),
    "kafka-ca-file-missing": ({"KAFKA_SSL_CA": "{folder}/nowhere.crt"}, "KAFKA_SSL_CA"),
    "kafka-host": ({"KAFKA_BROKERS": "127.0.0.1:{sasl_ssl}"}, "KAFKA_BROKERS"),
    "kafka-password": ({"KAFKA_SASL_PASSWORD": WRONG_PASSWORD}, "KAFKA_SASL_PASSWORD"),
    "kafka-user": ({"KAFKA_SASL_USERNAME": "nobody"}, "KAFKA_SASL_USERNAME"),
    "kafka-plaintext": ({"KAFKA_SECURITY_PROTOCOL": "plaintext"}, "KAFKA_SECURITY_PROTOCOL"),
    "kafka-mechanism": ({"KAFKA_SASL_MECHANISM": "SCRAM-SHA-9"}, "KAFKA_SASL_MECHANISM"),
    "postgres-ca": ({"DB_SSL_CA": "{folder}/other.crt"}, "DB_SSL_CA"),
    "postgres-ca-file-missing": ({"DB_SSL_CA": "{folder}/nowhere.crt"}, "DB_SSL_CA"),
    "postgres-host": ({"DB_HOST": "127.0.0.1"}, "DB_HOST"),
    "postgres-password": ({"DB_PASSWORD": WRONG_PASSWORD}, "DB_PASSWORD"),
    "postgres-without-tls": ({"DB_SSLMODE": "disable"}, "DB_SSLMODE"),
    "postgres-mode": ({"DB_SSLMODE": "verify-everything"}, "DB_SSLMODE"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named_by_its_setting(bus, secure, case):
    """By ticketctl at once; by a worker that waits for it to be mended, or ends, in its log."""
    settings, name = WRONG[case]
    settings = {k: v.format_map(secure) for k, v in settings.items()}
    ran = bus.ctl("topics", "describe", **settings) if case.startswith("kafka") else bus.ctl("list", **settings)
    assert ran.code in (1, 2, 3) and name in ran.err, str(ran)
    assert "secret-47" not in ran.out + ran.err
    worker = bus.start_worker(**settings)
    worker._killed = True  # it may end by itself
    deadline = time.monotonic() + 30
    while not worker.said(name):
        assert time.monotonic() < deadline, worker.tail()
        time.sleep(0.1)
    assert worker.process.poll() in (None, 2, 3)
    assert not worker.said("claimed")
