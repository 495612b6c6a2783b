"""A reader of server-sent events, as plain as the format (WHATWG HTML, 9.2)."""

import dataclasses
import http.client
import socket
import struct
import threading
import time
import urllib.parse


@dataclasses.dataclass
class Sent:
    id: str
    type: str
    data: str


class Refused(Exception):
    def __init__(self, status, headers, body):
        super().__init__(f"{status}: {body}")
        self.status, self.headers, self.body = status, headers, body


class Stream:
    """One connection; read() gives what came, kill() cuts it as a crash would."""

    def __init__(self, address, last_id=None, headers=None, path="/events", timeout=20, buffer=None, **filters):
        host, port = address.split(":")
        query = urllib.parse.urlencode(filters, doseq=True)
        self._connection = http.client.HTTPConnection(host, int(port), timeout=timeout)
        self._connection.connect()
        self.socket = self._connection.sock
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        sent = {"Accept": "text/event-stream"} | (headers or {})
        if last_id is not None:
            sent["Last-Event-ID"] = last_id
        self._connection.request("GET", path + ("?" + query if query else ""), headers=sent)
        self._answer = self._connection.getresponse()
        if self._answer.status != 200:
            raise Refused(self._answer.status, dict(self._answer.headers), self._answer.read().decode())
        self.headers = dict(self._answer.headers)
        self.last_id = last_id
        self.beats = 0

    def __iter__(self):
        """Every event; last_id is that of the latest one, or of a heartbeat after it."""
        kind, data, fresh = "", [], None
        for raw in self._answer:
            line = raw.decode().rstrip("\n")
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if line == "":
                if fresh is not None:
                    self.last_id = fresh
                if data:
                    yield Sent(self.last_id, kind, "\n".join(data))
                kind, data, fresh = "", [], None
            elif name == "":
                self.beats += 1
            elif name == "id":
                fresh = value
            elif name == "event":
                kind = value
            elif name == "data":
                data.append(value)

    def read(self, count):
        events = iter(self)
        return [next(events) for _ in range(count)]

    def cut(self):
        """From another thread: whoever reads is told."""
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def kill(self):
        """With whatever is under way lost."""
        self.cut()
        self._answer.close()
        self._connection.close()


class Follower(threading.Thread):
    """Follows a stream through cuts and refusals until it is told to stop; keeps everything it was given."""

    def __init__(self, address, **options):
        super().__init__(daemon=True)
        self.address, self.options = address, options
        self.events, self.resumes, self.last_id = [], 0, options.pop("last_id", None)
        self.stream, self.trouble, self._ending = None, None, threading.Event()
        self.start()

    def run(self):
        while not self._ending.is_set():
            try:
                self.stream = Stream(self.address, last_id=self.last_id, **self.options)
                for event in self.stream:
                    self.events.append(event)
                    self.last_id = event.id
                    if self._ending.is_set():
                        break
                self.stream.kill()
            except Refused as refused:
                if refused.status != 503:
                    self.trouble = refused
                    return
                time.sleep(0.05)
            except (OSError, ValueError, AttributeError, http.client.HTTPException):
                time.sleep(0.01)
            self.resumes += 1

    def cut(self):
        if self.stream is not None:
            self.stream.cut()

    def finish(self):
        self._ending.set()
        self.cut()
        self.join(30)
