"""The local stack's scripts, tried on a stack of their own (without Ticketbus's daemons): start, heal, stop, wipe."""

import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import confluent_kafka.admin
import psycopg
import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
LOCAL = REPOSITORY / "deploy" / "local"
STATE = REPOSITORY / ".local-tests" / "scripts"
SERVERS = ("kafka", "postgres", "qdrant", "embedding")
PORT_NAMES = [f"TICKETBUS_PORT_{name.upper()}" for name in SERVERS]


def script(name, *arguments, **settings):
    """Runs up, down or status on this file's stack, free of settings that another stack left in the environment."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("TICKETBUS_", "QDRANT_", "EMBEDDING_"))}
    return subprocess.run(
        [LOCAL / name, *arguments],
        env=kept | {"TICKETBUS_STATE_DIR": str(STATE)} | settings,
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )


def up(*servers, **settings):
    return script("up", "--only", ",".join(servers or SERVERS), **settings)


def well(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def status():
    """(exit code, part -> its row)"""
    done = script("status", "--json")
    return done.returncode, {row["part"]: row for row in json.loads(done.stdout)["parts"]}


def pids():
    return {part: row["pid"] for part, row in status()[1].items()}


def environment():
    """The settings file as a shell sees it."""
    shown = subprocess.run(
        ["bash", "-c", '. "$1" && env -0', "bash", STATE / "env"], capture_output=True, text=True, check=True
    ).stdout
    return dict(entry.split("=", 1) for entry in shown.split("\0") if "=" in entry)


def processes_of_stack():
    mark = f"TICKETBUS_STACK_PART={STATE}:".encode()
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if any(entry.startswith(mark) for entry in (folder / "environ").read_bytes().split(b"\0")):
                found.append(folder.name)
        except OSError:
            continue
    return found


def database(settings):
    return psycopg.connect(
        host=settings["DB_HOST"],
        port=settings["DB_PORT"],
        dbname=settings["DB_NAME"],
        user=settings["DB_USER"],
        password=settings["DB_PASSWORD"],
    )


def broker(settings):
    return confluent_kafka.admin.AdminClient({"bootstrap.servers": settings["KAFKA_BROKERS"]})


@pytest.fixture(scope="module")
def ports():
    shown = subprocess.run([sys.executable, REPOSITORY / "tests/lib/free_ports.py"], capture_output=True, text=True, check=True)
    return dict(zip(PORT_NAMES, shown.stdout.split()))


@pytest.fixture(scope="module", autouse=True)
def stack(ports):
    script("down", "--wipe")
    well(up(**ports))
    yield
    script("down", "--wipe")


def test_every_server_answers_under_the_settings_of_the_env_file():
    code, parts = status()
    assert code == 0
    assert {part: row["health"] for part, row in parts.items()} == dict.fromkeys(SERVERS, "healthy")

    settings = environment()
    assert (STATE / "env").stat().st_mode & 0o777 == 0o600
    with database(settings) as connection:
        encoding, collation = connection.execute(
            "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname = current_database()"
        ).fetchone()
        assert (encoding, collation) == ("UTF8", "C.UTF-8")
        assert connection.execute("SELECT '[3,4]'::vector <-> '[0,0]'").fetchone() == (5,)
    assert len(broker(settings).list_topics(timeout=10).brokers) == 1
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


def test_only_loopback_is_listened_on(ports):
    listening = set()
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A":
            address, port = fields[1].split(":")
            if str(int(port, 16)) in ports.values():
                listening.add(address)
    assert listening <= {"0100007F"}


def test_a_password_is_needed():
    settings = environment() | {"DB_PASSWORD": "wrong"}
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        database(settings)


def test_an_unknown_topic_is_an_error_and_is_not_created():
    settings = environment()
    failures = []
    producer = confluent_kafka.Producer({"bootstrap.servers": settings["KAFKA_BROKERS"], "message.timeout.ms": 5000})
    producer.produce("nobody.made.this", b"x", on_delivery=lambda problem, _: failures.append(problem))
    producer.flush(15)
    assert len(failures) == 1 and failures[0] is not None
    assert "nobody.made.this" not in broker(settings).list_topics(timeout=10).topics


def test_a_second_up_is_quick_and_replaces_nothing():
    before = pids()
    start = time.monotonic()
    well(up())  # the ports are remembered
    assert time.monotonic() - start < 20
    assert pids() == before


def test_an_env_file_in_the_shell_does_not_count_as_servers_of_ones_own():
    before = pids()
    settings = environment()
    well(up(**{key: value for key, value in settings.items() if key.startswith(("QDRANT", "EMBEDDING", "TICKETBUS_LOCAL"))}))
    assert pids() == before


@pytest.mark.parametrize("part", SERVERS)
def test_a_killed_server_shows_and_is_healed(part):
    before = pids()
    os.kill(before[part], signal.SIGKILL)
    code, parts = status()
    assert code == 1
    assert parts[part]["health"] == "down"
    well(up())
    after = pids()
    assert status()[0] == 0
    assert after.pop(part) not in (None, before.pop(part))
    assert after == before


def test_data_outlives_down():
    settings = environment()
    with database(settings) as connection:
        connection.execute("CREATE TABLE keepsake AS SELECT 42 AS answer")
    topic = confluent_kafka.admin.NewTopic("keepsake", num_partitions=3, replication_factor=1)
    admin = broker(settings)
    admin.create_topics([topic])["keepsake"].result(15)
    well(script("down"))
    assert processes_of_stack() == []
    assert script("status").returncode == 1
    well(up("kafka", "postgres"))
    assert environment()["DB_PASSWORD"] == settings["DB_PASSWORD"]
    with database(settings) as connection:
        assert connection.execute("SELECT answer FROM keepsake").fetchone() == (42,)
    assert len(broker(settings).list_topics("keepsake", timeout=10).topics["keepsake"].partitions) == 3


def test_down_finds_processes_whose_pid_files_are_lost():
    well(up())
    assert len(processes_of_stack()) >= len(SERVERS)
    for path in (STATE / "run").glob("*.pid"):
        path.unlink()
    well(script("down"))
    assert processes_of_stack() == []


@pytest.mark.parametrize("part", SERVERS)
def test_a_taken_port_is_named_with_its_holder_and_the_variable(part, ports):
    well(script("down"))
    variable = f"TICKETBUS_PORT_{part.upper()}"
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", int(ports[variable])))
        holder.listen()
        done = up(part)
    assert done.returncode == 1
    assert f"Port {ports[variable]} is taken by process {os.getpid()}" in done.stderr
    assert f"{variable}=" in done.stderr


def test_an_outside_qdrant_is_used_instead_of_the_built_in_one():
    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    well(script("down"))
    well(up("postgres", "qdrant", QDRANT_URL=url, QDRANT_API_KEY="it's secret"))
    code, parts = status()
    assert (code, parts["qdrant"]["health"], parts["qdrant"]["pid"]) == (0, "external", None)
    assert environment()["QDRANT_URL"] == url
    assert environment()["QDRANT_API_KEY"] == "it's secret"
    server.shutdown()
    server.server_close()
    code, parts = status()
    assert (code, parts["qdrant"]["health"]) == (1, "unreachable")
    refused = up("qdrant", QDRANT_URL=url)
    assert refused.returncode == 1 and url in refused.stderr
    well(up("qdrant"))
    assert status()[1]["qdrant"]["health"] == "healthy"


@pytest.mark.parametrize(
    "name, arguments", [("up", ["--no-such"]), ("up", ["--only", "kafka,nonsense"]), ("down", ["now"]), ("status", ["-x"])]
)
def test_wrong_arguments_are_refused(name, arguments):
    done = script(name, *arguments)
    assert done.returncode == 2
    assert arguments[-1].split(",")[-1] in done.stderr


def test_a_wrong_port_is_refused():
    done = up("kafka", TICKETBUS_PORT_KAFKA="99999")
    assert done.returncode == 2
    assert "TICKETBUS_PORT_KAFKA=99999" in done.stderr


def test_wipe_leaves_nothing_of_the_stack():
    well(up("postgres"))
    well(script("down", "--wipe"))
    assert processes_of_stack() == []
    assert not STATE.exists()


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root runs Postgres as another user")
def test_root_can_run_it_below_a_folder_that_others_may_not_enter(tmp_path, ports):
    tmp_path.chmod(0o700)
    state = tmp_path / "state"
    settings = ports | {"TICKETBUS_STATE_DIR": str(state)}
    try:
        well(script("up", "--only", "postgres", **settings))
        outside = (state / "data" / "postgres").resolve()
        assert outside.is_relative_to("/var/lib/ticketbus-local")
    finally:
        well(script("down", "--wipe", **settings))
    assert not outside.exists()
