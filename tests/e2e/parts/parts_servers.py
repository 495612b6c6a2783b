"""Starts the local stack's Python servers, one program each, on a port of its own."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

REPO = Path(__file__).resolve().parents[3]
PARTS = REPO / "deploy" / "local" / "parts"


def parts_python() -> str:
    """The interpreter that has the servers' packages: the local stack's, unless one is named."""
    named = os.environ.get("TICKETBUS_PARTS_PYTHON")
    installed = REPO / ".local" / "venv" / "bin" / "python"
    if named or installed.exists():
        return named or str(installed)
    return sys.executable


class Answer:
    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.status, self.body, self.headers = status, body, headers

    @property
    def json(self):
        return json.loads(self.body)

    def ok(self):
        """-> the result of a call to Qdrant that has to succeed."""
        assert self.status == 200, f"{self.status} {self.body[:500]!r}"
        assert self.json["status"] == "ok"
        return self.json["result"]

    @property
    def error(self) -> str:
        """Qdrant's error message, of a call that has to fail."""
        assert self.status >= 400, f"{self.status} {self.body[:500]!r}"
        return self.json["status"]["error"]


class Client:
    """Plain HTTP with keep-alive; one connection, so one thread."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        parts = urlsplit(url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self.url = url
        self._base = parts.path.rstrip("/")
        self._connection = kind(parts.hostname, parts.port, timeout=60)
        self._headers = headers or {}

    def call(self, method: str, path: str, body=None, headers: dict | None = None) -> Answer:
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": "application/json"} | self._headers | (headers or {})
        self._connection.request(method, self._base + path, raw, sent)
        got = self._connection.getresponse()
        return Answer(got.status, got.read(), {k.lower(): v for k, v in got.getheaders()})

    def get(self, path: str, **options) -> Answer:
        return self.call("GET", path, **options)

    def put(self, path: str, body, **options) -> Answer:
        return self.call("PUT", path, body, **options)

    def post(self, path: str, body, **options) -> Answer:
        return self.call("POST", path, body, **options)

    def delete(self, path: str) -> Answer:
        return self.call("DELETE", path)


class Server:
    """One of the programs in deploy/local/parts, ready for requests once constructed."""

    def __init__(self, program: str, *arguments: str, env: dict[str, str] | None = None) -> None:
        # The caller's own keys must not lock the test out.
        clean = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
        self.process = subprocess.Popen(
            [parts_python(), str(PARTS / program), "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            env=clean | {"PYTHONDONTWRITEBYTECODE": "1"} | (env or {}),
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if " listening on " not in line:
            raise RuntimeError(f"{program} did not start: {line!r}, exit {self.process.wait(30)}")
        self.url = line.split(" listening on ")[1].strip()

    def client(self, headers: dict[str, str] | None = None) -> Client:
        return Client(self.url, headers)

    def kill(self) -> None:
        """As a crash would: nothing can be saved."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> int:
        """-> exit status after SIGTERM."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def memory_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        kb = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
        return int(kb) / 1024


def outside_qdrant() -> str | None:
    """QDRANT_URL, unless it is the local stack's own server."""
    url = os.environ.get("QDRANT_URL", "").rstrip("/")
    local = os.environ.get("TICKETBUS_LOCAL_QDRANT_URL", "").rstrip("/")
    return url if url and url != local else None


def wait_until(check, seconds: float = 10.0):
    """Polls check() until it is true."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.02)
