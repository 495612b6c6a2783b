"""One local stack of a test file: runs deploy/local's scripts on a state folder and ports of its own."""

import json
import os
import pathlib
import subprocess
import sys

import confluent_kafka.admin
import psycopg

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
LOCAL = REPOSITORY / "deploy" / "local"
SERVERS = ("kafka", "postgres", "qdrant", "embedding")
SETTINGS = ("TICKETBUS_", "DB_", "KAFKA_", "QDRANT_", "EMBEDDING_")


def free_ports():
    """TICKETBUS_PORT_… -> port, as text"""
    found = subprocess.run([sys.executable, REPOSITORY / "tests/lib/free_ports.py"], capture_output=True, text=True, check=True)
    return dict(zip((f"TICKETBUS_PORT_{name.upper()}" for name in SERVERS), found.stdout.split()))


def well(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return done


class LocalStack:
    def __init__(self, state):
        self.state = pathlib.Path(state)
        self.ports = free_ports()

    def script(self, name, *arguments, **settings):
        """Runs up, down or status, free of settings that another stack has left in the environment."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(SETTINGS)}
        return subprocess.run(
            [LOCAL / name, *arguments],
            env=kept | {"TICKETBUS_STATE_DIR": str(self.state)} | settings,
            capture_output=True,
            text=True,
            timeout=600,
            stdin=subprocess.DEVNULL,
        )

    def up(self, *servers, **settings):
        """The servers alone, without the daemons."""
        return self.script("up", "--only", ",".join(servers or SERVERS), **settings)

    def status(self):
        """(exit code, part -> its row)"""
        done = self.script("status", "--json")
        return done.returncode, {row["part"]: row for row in json.loads(done.stdout)["parts"]}

    def pids(self):
        return {part: row["pid"] for part, row in self.status()[1].items()}

    def settings(self):
        """The settings file as a shell sees it."""
        shown = subprocess.run(
            ["bash", "-c", '. "$1" && env -0', "bash", self.state / "env"], capture_output=True, text=True, check=True
        ).stdout
        return dict(entry.split("=", 1) for entry in shown.split("\0") if "=" in entry)

    def processes(self):
        """Every process that carries the stack's mark."""
        mark = f"TICKETBUS_STACK_PART={self.state}:".encode()
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if any(entry.startswith(mark) for entry in (folder / "environ").read_bytes().split(b"\0")):
                    found.append(folder.name)
            except OSError:
                continue
        return found

    def database(self, **changes):
        settings = self.settings() | changes
        return psycopg.connect(
            host=settings["DB_HOST"],
            port=settings["DB_PORT"],
            dbname=settings["DB_NAME"],
            user=settings["DB_USER"],
            password=settings["DB_PASSWORD"],
        )

    def broker(self):
        return confluent_kafka.admin.AdminClient({"bootstrap.servers": self.settings()["KAFKA_BROKERS"]})
