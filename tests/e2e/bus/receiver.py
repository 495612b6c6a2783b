"""A receiver of webhooks that can misbehave, and checks every signature with the reference verifier."""

import dataclasses
import http.server
import json
import threading
import time

import standardwebhooks


@dataclasses.dataclass
class Received:
    path: str
    headers: dict
    body: bytes
    at: float
    status: int = 0
    verified: bool = False

    @property
    def id(self):
        return self.headers["webhook-id"]

    @property
    def event(self):
        return json.loads(self.body)


class Receiver:
    def __init__(self):
        self.received, self.secrets, self.concurrent, self.most_concurrent = [], {}, {}, {}
        self.answers = {}  # path -> function of the request's number on that path, giving what to do
        self._lock = threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                receiver._take(self)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def of(self, path):
        with self._lock:
            return [r for r in self.received if r.path == path]

    def wait(self, path, count, seconds=20):
        deadline = time.monotonic() + seconds
        while len(found := self.of(path)) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} requests at {path}"
            time.sleep(0.02)
        return found

    def _take(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        one = Received(handler.path, {k.lower(): v for k, v in handler.headers.items()}, body, time.monotonic())
        for secret in self.secrets.get(handler.path, ()):
            try:
                standardwebhooks.Webhook(secret).verify(body.decode(), one.headers)
                one.verified = True
            except standardwebhooks.WebhookVerificationError:
                pass
        with self._lock:
            number = sum(r.path == handler.path for r in self.received)
            self.received.append(one)
            self.concurrent[handler.path] = self.concurrent.get(handler.path, 0) + 1
            self.most_concurrent[handler.path] = max(self.most_concurrent.get(handler.path, 0), self.concurrent[handler.path])
        act = self.answers.get(handler.path, lambda n: 200)(number)
        status, headers = act if isinstance(act, tuple) else (act, {})
        try:
            if callable(status):
                status = status(handler)
            if status is None:
                handler.close_connection = True
                return
            one.status = status
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        except OSError:
            handler.close_connection = True
        finally:
            with self._lock:
                self.concurrent[handler.path] -= 1

    def close(self):
        self._server.shutdown()
        self._server.server_close()
