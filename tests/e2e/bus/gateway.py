"""A gateway of one installation, and a client that speaks plain HTTP to it."""

import http.client
import json
import socket
import time
import urllib.parse
import urllib.request


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Gateway:
    def __init__(self, bus, name="gateway", program="ticketbus-gateway", **settings):
        self.bus, self.name, self.program = bus, name, program
        self.port = free_port()
        self.settings = {"TICKETBUS_GATEWAY_LISTEN": f"127.0.0.1:{self.port}", "TICKETBUS_GATEWAY_RATE": "0",
                         "TICKETBUS_GATEWAY_DB_POOL": "3"} | settings
        self.daemon = None
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self, seconds=30):
        self.daemon = self.bus.start(self.program, self.name, **self.settings)
        deadline = time.monotonic() + seconds
        while True:
            try:
                if Client(self, None).get("/readyz").status == 200:
                    return
            except OSError:
                pass
            assert self.daemon.running, self.daemon.tail()
            assert time.monotonic() < deadline, f"the gateway is not ready: {self.daemon.tail()}"
            time.sleep(0.05)

    def metrics(self):
        """Series and their values, of a gateway with TICKETBUS_ADMIN_LISTEN."""
        with urllib.request.urlopen(f"http://{self.settings['TICKETBUS_ADMIN_LISTEN']}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """The database's connections are few for all the gateways of a run. What was wrong with its life, the installation
        tells when it closes."""
        self.daemon.stop()

    def token(self, name, *options):
        return self.bus.ctl("token", "create", name, *options).expect(0).out.strip()

    def client(self, name, *options, **headers):
        """A client with a new token."""
        return Client(self, self.token(name, *options), **headers)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def expect(self, status):
        assert self.status == status, f"{self.status}, expected {status}: {self.body[:2000]!r}"
        return self.json if self.body else None

    def problem(self, status, code, field=None):
        found = self.expect(status)
        assert self.headers["content-type"] == "application/problem+json"
        assert found["code"] == code, found
        assert found["status"] == status and found["detail"], found
        if field is not None:
            assert found.get("field") == field, found
        return found


class Client:
    def __init__(self, gateway, token, **headers):
        self.gateway, self.token, self.headers = gateway, token, headers

    def request(self, method, path, body=None, timeout=60, **headers):
        sent = {name.replace("_", "-"): value for name, value in (self.headers | headers).items() if value is not None}
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=timeout)
        try:
            try:
                connection.request(method, path, body, sent)
            except BrokenPipeError:
                pass  # refused before all of the body was sent
            answer = connection.getresponse()
            headers = {k.lower(): v for k, v in answer.getheaders()}
            endless = headers.get("content-type") == "text/event-stream"
            return Answer(answer.status, headers, b"" if endless else answer.read())
        finally:
            connection.close()

    def get(self, path, headers=None, **query):
        if query:
            path += "?" + urllib.parse.urlencode(query, doseq=True)
        return self.request("GET", path, **(headers or {}))

    def post(self, path, body, **headers):
        return self.request("POST", path, body, **headers)
