"""The local stack's scripts, tried on a stack of their own (without Ticketbus's daemons): start, heal, stop, wipe."""

import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import threading
import time
import urllib.request

import confluent_kafka
import confluent_kafka.admin
import psycopg
import pytest

from local_stack import REPOSITORY, SERVERS, LocalStack, well


@pytest.fixture(scope="module")
def stack():
    made = LocalStack(REPOSITORY / ".local-tests" / "scripts")
    made.script("down", "--wipe")
    well(made.up(**made.ports))
    yield made
    made.script("down", "--wipe")


def test_every_server_answers_under_the_settings_of_the_env_file(stack):
    code, parts = stack.status()
    assert code == 0
    assert {part: row["health"] for part, row in parts.items()} == dict.fromkeys(SERVERS, "healthy")

    settings = stack.settings()
    assert (stack.state / "env").stat().st_mode & 0o777 == 0o600
    with stack.database() as connection:
        encoding, collation = connection.execute(
            "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname = current_database()"
        ).fetchone()
        assert (encoding, collation) == ("UTF8", "C")
        assert connection.execute("SELECT '[3,4]'::vector <-> '[0,0]'").fetchone() == (5,)
    assert len(stack.broker().list_topics(timeout=10).brokers) == 1
    with urllib.request.urlopen(settings["QDRANT_URL"] + "/collections", timeout=10) as answer:
        assert answer.status == 200
    request = urllib.request.Request(
        settings["EMBEDDING_URL"] + "/embeddings",
        json.dumps({"model": settings["EMBEDDING_MODEL"], "input": ["a ticket"]}).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        vector = json.load(answer)["data"][0]["embedding"]
    assert len(vector) == int(settings["EMBEDDING_DIM"])


def test_only_loopback_is_listened_on(stack):
    addresses = {}
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            address, port = fields[1].split(":")
            port = str(int(port, 16))
            if fields[3] == "0A" and port in stack.ports.values():
                addresses.setdefault(port, set()).add(address)
    loopback = {"0100007F", "0000000000000000FFFF00000100007F"}  # plain, and as seen through IPv6
    assert addresses.keys() == set(stack.ports.values())
    assert all(found <= loopback for found in addresses.values()), addresses


def test_a_password_is_needed(stack):
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        stack.database(DB_PASSWORD="wrong")


def test_an_unknown_topic_is_an_error_and_is_not_created(stack):
    settings = stack.settings()
    failures = []
    producer = confluent_kafka.Producer({"bootstrap.servers": settings["KAFKA_BROKERS"], "message.timeout.ms": 5000})
    producer.produce("nobody.made.this", b"x", on_delivery=lambda problem, _: failures.append(problem))
    producer.flush(15)
    assert len(failures) == 1 and failures[0] is not None
    assert "nobody.made.this" not in stack.broker().list_topics(timeout=10).topics


def test_a_second_up_is_quick_and_replaces_nothing(stack):
    before = stack.pids()
    start = time.monotonic()
    well(stack.up())  # the ports are remembered
    assert time.monotonic() - start < 20
    assert stack.pids() == before


def test_an_env_file_in_the_shell_does_not_count_as_servers_of_ones_own(stack):
    before = stack.pids()
    settings = stack.settings()
    well(stack.up(**{key: value for key, value in settings.items() if key.startswith(("QDRANT", "EMBEDDING", "TICKETBUS_LOCAL"))}))
    assert stack.pids() == before


@pytest.mark.parametrize("part", SERVERS)
def test_a_killed_server_shows_and_is_healed(stack, part):
    before = stack.pids()
    os.kill(before[part], signal.SIGKILL)
    deadline = time.monotonic() + 20  # a process of a gigabyte takes a moment to be gone
    code, parts = stack.status()
    while parts[part]["health"] != "down" and time.monotonic() < deadline:
        code, parts = stack.status()
    assert (code, parts[part]["health"]) == (1, "down")
    well(stack.up())
    after = stack.pids()
    assert stack.status()[0] == 0
    assert after.pop(part) not in (None, before.pop(part))
    assert after == before


def test_data_outlives_down(stack):
    settings = stack.settings()
    with stack.database() as connection:
        connection.execute("CREATE TABLE keepsake AS SELECT 42 AS answer")
    topic = confluent_kafka.admin.NewTopic("keepsake", num_partitions=3, replication_factor=1)
    admin = stack.broker()
    admin.create_topics([topic])["keepsake"].result(15)
    well(stack.script("down"))
    assert stack.processes() == []
    assert stack.script("status").returncode == 1
    well(stack.up("kafka", "postgres"))
    assert stack.settings()["DB_PASSWORD"] == settings["DB_PASSWORD"]
    with stack.database() as connection:
        assert connection.execute("SELECT answer FROM keepsake").fetchone() == (42,)
    assert len(stack.broker().list_topics("keepsake", timeout=10).topics["keepsake"].partitions) == 3


def test_down_finds_processes_whose_pid_files_are_lost(stack):
    well(stack.up())
    assert len(stack.processes()) >= len(SERVERS)
    for path in (stack.state / "run").glob("*.pid"):
        path.unlink()
    well(stack.script("down"))
    assert stack.processes() == []


@pytest.mark.parametrize("part", SERVERS)
def test_a_taken_port_is_named_with_its_holder_and_the_variable(stack, part):
    well(stack.script("down"))
    variable = f"TICKETBUS_PORT_{part.upper()}"
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", int(stack.ports[variable])))
        holder.listen()
        done = stack.up(part)
    assert done.returncode == 1
    assert f"Port {stack.ports[variable]} is taken by process {os.getpid()}" in done.stderr
    assert f"{variable}=" in done.stderr


def test_an_outside_qdrant_is_used_instead_of_the_built_in_one(stack):
    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    well(stack.script("down"))
    well(stack.up("postgres", "qdrant", QDRANT_URL=url, QDRANT_API_KEY="it's secret"))
    code, parts = stack.status()
    assert (code, parts["qdrant"]["health"], parts["qdrant"]["pid"]) == (0, "external", None)
    assert stack.settings()["QDRANT_URL"] == url
    assert stack.settings()["QDRANT_API_KEY"] == "it's secret"
    server.shutdown()
    server.server_close()
    code, parts = stack.status()
    assert (code, parts["qdrant"]["health"]) == (1, "unreachable")
    refused = stack.up("qdrant", QDRANT_URL=url)
    assert refused.returncode == 1 and url in refused.stderr
    well(stack.up("qdrant"))
    assert stack.status()[1]["qdrant"]["health"] == "healthy"


@pytest.mark.parametrize(
    "name, arguments", [("up", ["--no-such"]), ("up", ["--only", "kafka,nonsense"]), ("down", ["now"]), ("status", ["-x"])]
)
def test_wrong_arguments_are_refused(stack, name, arguments):
    done = stack.script(name, *arguments)
    assert done.returncode == 2
    assert arguments[-1].split(",")[-1] in done.stderr


def test_a_wrong_port_is_refused(stack):
    done = stack.up("kafka", TICKETBUS_PORT_KAFKA="99999")
    assert done.returncode == 2
    assert "TICKETBUS_PORT_KAFKA=99999" in done.stderr


def test_wipe_leaves_nothing_of_the_stack(stack):
    well(stack.up("postgres"))
    well(stack.script("down", "--wipe"))
    assert stack.processes() == []
    assert not stack.state.exists()


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root runs Postgres as another user")
def test_root_can_run_it_below_a_folder_that_others_may_not_enter(tmp_path):
    tmp_path.chmod(0o700)
    hidden = LocalStack(tmp_path / "state")
    try:
        well(hidden.up("postgres", **hidden.ports))
        outside = (hidden.state / "data" / "postgres").resolve()
        assert outside.is_relative_to("/var/lib/ticketbus-local")
        with hidden.database() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        well(hidden.script("down", "--wipe"))
    assert not outside.exists()
