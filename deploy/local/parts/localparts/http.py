"""A small JSON-over-HTTP layer (ASGI, served by uvicorn) shared by the local servers.

Handlers are plain functions `handler(Request) -> Response`; they run on a thread pool, so they may
block. The request body is read whole, up to the app's cap. Path patterns are written
`/collections/{name}/points`; a parameter matches one path segment.
"""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
import uvicorn

# A client that sends more than the cap is read (and thrown away) up to this many times the cap,
# so that it gets the answer instead of a reset connection.
DRAIN_FACTOR = 8


class BadJson(ValueError):
    """The request body is not JSON."""


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    params: dict[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as err:
            raise BadJson(str(err)) from None


@dataclass
class Response:
    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Response]


class Router:
    """Finds the handler of a method and path; knows which methods a path has."""

    def __init__(self) -> None:
        self._by_length: dict[int, list[tuple[list[str], dict[str, Handler]]]] = {}

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        parts = pattern.strip("/").split("/")
        routes = self._by_length.setdefault(len(parts), [])
        for known, methods in routes:
            if known == parts:
                methods[method] = handler
                return
        routes.append((parts, {method: handler}))

    def find(self, method: str, path: str) -> tuple[Handler | None, dict[str, str], list[str]]:
        """-> (handler or None, path parameters, methods allowed there: empty if no such path)."""
        parts = path.strip("/").split("/")
        allowed: list[str] = []
        for pattern, methods in self._by_length.get(len(parts), []):
            params: dict[str, str] = {}
            for want, got in zip(pattern, parts, strict=True):
                if want.startswith("{"):
                    if not got:
                        break
                    params[want[1:-1]] = unquote(got)
                elif want != got:
                    break
            else:
                if method in methods:
                    return methods[method], params, []
                allowed.extend(methods)
        return None, {}, allowed


class App:
    """An ASGI application.

    error(status, message) builds the error body of the served API; guard(request) may answer
    instead of the handler (access checks); fail(exception) maps what a handler raises.
    """

    def __init__(
        self,
        router: Router,
        *,
        max_body: int,
        error: Callable[[int, str], Response],
        fail: Callable[[Exception], Response],
        guard: Callable[[Request], Response | None] = lambda _request: None,
        on_stop: Callable[[], None] = lambda: None,
        threads: int = 8,
    ) -> None:
        self._router = router
        self._max_body = max_body
        self._error = error
        self._fail = fail
        self._guard = guard
        self._on_stop = on_stop
        self.on_start: Callable[[], None] = lambda: None
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="request")

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _lifespan(self, receive: Callable, send: Callable) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.on_start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self._pool.shutdown(wait=True)
                self._on_stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: dict, receive: Callable, send: Callable) -> None:
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        body = await self._read_body(headers, receive)
        if body is None:
            response = self._error(413, f"the body is larger than {self._max_body} bytes")
            response.headers["connection"] = "close"
        else:
            request = Request(
                method=scope["method"],
                path=scope["raw_path"].decode("latin-1"),  # escapes are undone by the router
                query=dict(parse_qsl(scope["query_string"].decode("latin-1"))),
                headers=headers,
                body=body,
            )
            loop = asyncio.get_running_loop()
            response = await loop.run_in_executor(self._pool, self._handle, request)
        head = [
            (b"content-type", response.content_type.encode()),
            (b"content-length", str(len(response.body)).encode()),
        ]
        head += [(k.encode(), v.encode()) for k, v in response.headers.items()]
        await send({"type": "http.response.start", "status": response.status, "headers": head})
        await send({"type": "http.response.body", "body": response.body})

    async def _read_body(self, headers: dict[str, str], receive: Callable) -> bytes | None:
        """-> the body, or None if it is larger than the cap."""
        declared = headers.get("content-length", "")
        too_large = declared.isdigit() and int(declared) > self._max_body
        if too_large and headers.get("expect", "").lower() == "100-continue":
            return None
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                break  # the client went away
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._max_body:
                too_large = True
                chunks.clear()
            if size > self._max_body * DRAIN_FACTOR:
                break
            if not too_large:
                chunks.append(chunk)
            if not message.get("more_body", False):
                break
        return None if too_large else b"".join(chunks)

    def _handle(self, request: Request) -> Response:
        try:
            refused = self._guard(request)
            if refused is not None:
                return refused
            handler, request.params, allowed = self._router.find(request.method, request.path)
            if handler is None and request.method == "HEAD":
                handler, request.params, allowed = self._router.find("GET", request.path)
            if handler is not None:
                return handler(request)
            if allowed:
                response = self._error(405, f"{request.method} is not allowed on {request.path}")
                response.headers["allow"] = ", ".join(sorted(allowed))
                return response
            return self._error(404, f"no such path: {request.path}")
        except Exception as err:  # the one place where a handler's failure becomes an answer
            return self._fail(err)


def serve(app: App, host: str, port: int, name: str) -> None:
    """Serves until SIGTERM or SIGINT, then finishes open requests and calls the app's on_stop.

    Port 0 takes a free one. Prints `<name> listening on http://host:port` once it can be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as err:
        sys.exit(f"{name}: cannot listen on {host}:{port}: {err.strerror}")
    listener.listen(1024)
    # Inherited by accepted sockets on Linux: no 40 ms waits between small packets.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
    )
    # uvicorn handles these while it runs and raises them again once it has stopped.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: sys.exit(0))
    shown = f"[{host}]" if ":" in host else host
    ready = f"{name} listening on http://{shown}:{listener.getsockname()[1]}"
    # Not before the signals are handled: who reads this may send one at once.
    app.on_start = lambda: print(ready, flush=True)
    uvicorn.Server(config).run(sockets=[listener])
