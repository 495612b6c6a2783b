"""A TCP proxy between the workers and a server, with faults. It runs in a thread of its own; what it should do is set
from any thread, by attributes."""

import asyncio
import contextlib
import socket
import struct
import threading

PRODUCE, INIT_PRODUCER_ID = 0, 22


class Link:
    """One connection, both ways."""

    def __init__(self, client, server):
        self.client, self.server = client, server  # writers
        self.is_producer = False
        self.swallow = False    # what the server says goes nowhere
        self.heard = b""        # its last words meanwhile
        self._frame = 0         # bytes left of the Kafka request being passed on
        self._head = b""

    def see_request(self, data):
        """Follows the frames of Kafka's protocol: length (4 bytes), then the kind of request (2 bytes)."""
        at = 0
        while at < len(data) and not self.is_producer:
            if self._frame:
                step = min(self._frame, len(data) - at)
                self._frame -= step
                at += step
                continue
            step = min(6 - len(self._head), len(data) - at)
            self._head += data[at:at + step]
            at += step
            if len(self._head) == 6:
                length, kind = struct.unpack(">iH", self._head)
                self.is_producer = kind in (PRODUCE, INIT_PRODUCER_ID)
                self._frame, self._head = max(0, length - 2), b""

    def reset(self):
        for writer in (self.client, self.server):
            reset(writer)


def reset(writer):
    """Closes with RST: the other side learns at once, and nothing more is delivered."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Trap:
    """Waits for a named prepared statement on its way to Postgres, and loses it or what is said to it."""

    def __init__(self, statement, what, hold=0.0):
        self.pattern = b"\0" + statement.encode() + b"\0"
        self.what, self.hold = what, hold   # "reply", "request" or "late"
        self.sprung = threading.Event()
        self.applied = None                 # whether the server did it


class Proxy:
    def __init__(self, port, target, is_kafka):
        self.port, self.target, self.is_kafka = port, target, is_kafka
        self.refuse = False
        self.stall_up = self.stall_down = None   # functions of a link: true while nothing may pass
        self.rate = None                         # (bytes a second, for which links)
        self.delay = 0.0                         # seconds added to each piece
        self.trap = None
        self.bytes = 0
        self._links = set()
        self._server = None
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10) and self._server is not None, f"port {port} cannot be listened on"

    def _serve(self, started):
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._listen())
        finally:
            started.set()
        self._loop.run_forever()

    async def _listen(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    def close(self):
        self.heal()
        self._loop.call_soon_threadsafe(self._server.close)
        self.reset_all()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    # ---- from any thread ----

    def heal(self):
        self.refuse, self.stall_up, self.stall_down, self.rate, self.delay, self.trap = False, None, None, None, 0.0, None

    def reset_all(self, which=lambda link: True):
        """Returns how many."""
        chosen = [link for link in list(self._links) if which(link)]
        for link in chosen:
            self._loop.call_soon_threadsafe(link.reset)
        return len(chosen)

    def count(self, which=lambda link: True):
        return sum(1 for link in list(self._links) if which(link))

    # ---- in the loop ----

    async def _accept(self, reader, writer):
        if self.refuse:
            reset(writer)
            return
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            reset(writer)
            return
        link = Link(writer, server_writer)
        self._links.add(link)
        try:
            await asyncio.gather(self._up(link, reader), self._down(link, server_reader))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._links.discard(link)
            link.reset()

    async def _pass(self, link, data, writer, stalled, up):
        if self.delay:
            await asyncio.sleep(self.delay)
        while (stall := getattr(self, stalled)) is not None and stall(link):
            await asyncio.sleep(0.01)
        while data:
            piece = data
            if up and (rate := self.rate) is not None and rate[1](link):
                piece = data[:4096]
                await asyncio.sleep(len(piece) / rate[0])
            writer.write(piece)
            await writer.drain()
            self.bytes += len(piece)
            data = data[len(piece):]

    async def _up(self, link, reader):
        tail = b""
        while data := await reader.read(65536):
            if self.is_kafka:
                link.see_request(data)
            elif (trap := self.trap) is not None:
                if trap.pattern in tail + data:
                    self.trap = None
                    await self._spring(link, trap, data)
                    return
                tail = data[-32:]
            await self._pass(link, data, link.server, "stall_up", True)
        link.reset()

    async def _spring(self, link, trap, data):
        trap.sprung.set()
        if trap.what == "request":  # the server sees a client that is gone
            trap.applied = False
            link.reset()
            return
        link.swallow = True
        if trap.what == "late":     # the client sees a server that is gone; what it sent is still under way
            reset(link.client)
            await asyncio.sleep(trap.hold)
        link.server.write(data)
        with contextlib.suppress(OSError):
            await link.server.drain()
        for _ in range(1500):       # until the server has done it, or has refused to
            if b"Z" in link.heard or link.server.is_closing():
                break
            await asyncio.sleep(0.01)
        trap.applied = b"COMMIT\0" in link.heard or (b"ERROR" not in link.heard and b"Z\0\0\0\5" in link.heard)
        link.reset()

    async def _down(self, link, reader):
        while data := await reader.read(65536):
            if link.swallow:
                link.heard = (link.heard + data)[-4096:]
                continue
            await self._pass(link, data, link.client, "stall_down", False)
        if not link.swallow:
            link.reset()
