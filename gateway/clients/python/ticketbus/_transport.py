"""What every call goes through: connections, retries, problems, streams. Only the standard library."""

from __future__ import annotations

import dataclasses
import datetime
import gzip
import http.client
import json
import random
import ssl
import threading
import time
import urllib.parse
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

__all__ = ["UNSET", "Pending", "Problem", "StreamEvent", "TicketbusError", "Transport", "Unset"]


class Unset:
    """Stands for a value that was not given, where None is a value."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()


class TicketbusError(Exception):
    """Anything that keeps a call from its answer; itself: the gateway could not be reached."""


class Problem(TicketbusError):
    """The gateway says no: application/problem+json (RFC 9457)."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.status = status
        self.code: str = str(body.get("code", "unknown"))
        self.detail: str = str(body.get("detail", ""))
        self.field: str | None = body.get("field")
        self.command_id: str | None = body.get("command_id")
        self.ticket_id: str | None = body.get("ticket_id")
        self.body = dict(body)
        super().__init__(f"{status} {self.code}{f' ({self.field})' if self.field else ''}: {self.detail}")


class Pending(TicketbusError):
    """The command is safe and its outcome not known yet; ask `get_command(error.command_id)` later, or send it again
    with `idempotency_key=error.command_id`."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.command_id: str = str(body.get("command_id", ""))
        self.outcome: str = str(body.get("outcome", "pending"))
        self.ticket_id: str | None = body.get("ticket_id")
        self.workflow_id: str | None = body.get("workflow_id")
        super().__init__(f"command {self.command_id}: {self.outcome}")


@dataclasses.dataclass(frozen=True)
class StreamEvent:
    """An event of a stream. `id` is the place behind it: give it as `last_event_id` to go on from there."""

    id: str
    type: str
    data: dict[str, Any]


def plain(value: Any) -> Any:
    """A value as JSON takes it."""
    if isinstance(value, datetime.datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        return aware.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, Mapping):
        return {name: plain(member) for name, member in value.items() if not isinstance(member, Unset)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def given(values: Mapping[str, Any], nullable: Sequence[str] = ()) -> dict[str, Any]:
    """Without what was not given; None counts as not given where it is no value."""
    return {name: plain(value) for name, value in values.items()
            if not isinstance(value, Unset) and (value is not None or name in nullable)}


def _text(value: Any) -> str:
    return ("false", "true")[value] if isinstance(value, bool) else str(value)


class Transport:
    """Threads may share one; each has a connection of its own."""

    def __init__(self, url: str, token: str | None, *, agent: str | None = None, timeout: float = 60, retries: int = 4,
                 context: ssl.SSLContext | None = None) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url} is no address like https://tickets.example.org")
        self._https = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._base = parts.path.rstrip("/")
        self._context = (context or ssl.create_default_context()) if self._https else None
        self._timeout, self._retries = timeout, retries
        self._headers = {"Accept-Encoding": "gzip", "User-Agent": "ticketbus-python"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        if agent:
            self._headers["X-Agent-ID"] = agent
        self._local = threading.local()

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        if self._https:
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=self._context)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)

    def close(self) -> None:
        """Closes this thread's connection; another call opens a new one."""
        connection = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None:
            connection.close()

    def _once(self, method: str, target: str, body: bytes | None,
              headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect(self._timeout)
        try:
            connection.request(method, target, body, dict(headers))
            answer = connection.getresponse()
            content = answer.read()
        except BaseException:
            self.close()
            raise
        told = {name.lower(): value for name, value in answer.getheaders()}
        if told.get("content-encoding") == "gzip":
            content = gzip.decompress(content)
        return answer.status, told, content

    def call(self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None,
             headers: Mapping[str, str | None] | None = None, safe: bool, is_command: bool = False) -> Any:
        """The answer's JSON, None for none. `safe`: may be sent again when it is not known whether it arrived."""
        target = self._target(path, query)
        sent = self._headers | {name: value for name, value in (headers or {}).items() if value is not None}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        for attempt in range(self._retries + 1):
            last = attempt == self._retries
            try:
                status, told, content = self._once(method, target, data, sent)
            except (OSError, http.client.HTTPException) as error:
                if last or not (safe or isinstance(error, ConnectionRefusedError)):
                    raise TicketbusError(f"{self._host}: {error or type(error).__name__}") from error
                self._pause(attempt, None)
                continue
            if status in (429, 503) and not last:
                self._pause(attempt, told.get("retry-after"))
                continue
            return self._read(status, content, is_command)
        raise AssertionError("unreachable")

    @staticmethod
    def _read(status: int, content: bytes, is_command: bool) -> Any:
        try:
            value = json.loads(content) if content else None
        except ValueError:
            value = None
            if status < 400:
                raise TicketbusError(f"an answer of status {status} that is no JSON") from None
        if status >= 400:
            raise Problem(status, value if isinstance(value, dict) else {"detail": content[:500].decode(errors="replace")})
        if is_command and status == 202:
            raise Pending(value or {})
        return value

    def _target(self, path: str, query: Mapping[str, Any] | None) -> str:
        pairs = [(name, _text(item)) for name, value in (query or {}).items()
                 for item in (value if isinstance(value, (list, tuple)) else [value])]
        return self._base + path + ("?" + urllib.parse.urlencode(pairs) if pairs else "")

    @staticmethod
    def _pause(attempt: int, retry_after: str | None) -> None:
        wait = 0.1 * 2**attempt
        if retry_after is not None and retry_after.isdigit():
            wait = min(float(retry_after), 30.0)
        time.sleep(wait * random.uniform(0.8, 1.2))

    def stream(self, path: str, query: Mapping[str, Any], last_event_id: str | None) -> Iterator[StreamEvent]:
        """Server-sent events, resumed behind the last one whenever the connection ends. Ends when it is closed; raises
        Problem when the gateway refuses, e.g. 410 when the log no longer reaches back so far."""
        failures = 0
        while True:
            connection = self._connect(self._timeout)
            try:
                headers = self._headers | {"Accept": "text/event-stream"}
                if last_event_id is not None:
                    headers["Last-Event-ID"] = last_event_id
                connection.request("GET", self._target(path, query), headers=headers)
                answer = connection.getresponse()
                if answer.status in (429, 503):
                    raise ConnectionError(f"status {answer.status}")
                if answer.status != 200:
                    content = answer.read()
                    if answer.getheader("Content-Encoding") == "gzip":
                        content = gzip.decompress(content)
                    self._read(answer.status, content, False)
                    raise TicketbusError(f"a stream of status {answer.status}")
                for last_event_id, event in _parse(answer):
                    failures = 0
                    if event is not None:
                        yield event
            except (OSError, http.client.HTTPException) as error:
                failures += 1
                if failures > self._retries:
                    raise TicketbusError(f"{self._host}: {error}") from error
            finally:
                connection.close()
            self._pause(min(failures, 5), None)


def _parse(lines: Any) -> Iterator[tuple[str | None, StreamEvent | None]]:
    """Ids as they come, with their events; a heartbeat is an id alone."""
    kind = ""
    data: list[str] = []
    name: str | None = None
    for raw in lines:
        line = raw.decode().rstrip("\r\n")
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            event = StreamEvent(name or "", kind, json.loads("\n".join(data))) if data else None
            if name is not None:
                yield name, event
            kind, data = "", []
        elif field == "id":
            name = value
        elif field == "event":
            kind = value
        elif field == "data":
            data.append(value)


def new_key() -> str:
    """An Idempotency-Key; a UUID becomes the command's id."""
    return str(uuid.uuid4())
