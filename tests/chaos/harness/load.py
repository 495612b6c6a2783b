"""A seeded load: commands about thousands of tickets in a few workflows, with everything a publisher may do wrong."""

import collections
import json
import random
import threading
import time
import uuid

import confluent_kafka
from bus.boards import board
from bus.wire import partition_of, rfc3339

SOURCE = "/tests/chaos"
OPERATOR = "/tests/chaos/operator"
STATUSES = ("todo", "doing", "review", "done")
FLOWS = 4


class Sent:
    """One record given to the producer."""

    __slots__ = ("id", "source", "subject", "type", "body", "kind", "place", "failed")

    def __init__(self, id, source, subject, type, body, kind):
        self.id, self.source, self.subject, self.type, self.body, self.kind = id, source, subject, type, body, kind
        self.place = None    # (partition, offset) once the broker has acknowledged it
        self.failed = False


class Ticket:
    __slots__ = ("id", "flow", "version", "open", "blockers")

    def __init__(self, id, flow):
        self.id, self.flow, self.version, self.open, self.blockers = id, flow, 1, True, []


class Load:
    """Runs until finish(); `mode` is changed by faults."""

    RECENT = 3000

    def __init__(self, rig, seed, rate):
        self.rig, self.rate = rig, rate
        self.rng = random.Random(seed)
        self.sent = []
        self.tickets = []
        self.pairs = collections.deque()
        self.flows = [f"flow-{seed}-{n}-{uuid.uuid4().hex[:6]}" for n in range(FLOWS)]
        self.hot = None            # a ticket that takes half of the traffic
        self.messy = False         # many repeats, many out of order
        self.poisonous = False     # many commands the database refuses
        self.counts = collections.Counter()
        self._recent = collections.deque(maxlen=self.RECENT)
        self._held = []            # records that go out of order
        self._ticks = 0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread = None
        self.started = self.ended = None
        self._producer = confluent_kafka.Producer({
            "bootstrap.servers": rig.brokers, "partitioner": "murmur2_random", "enable.idempotence": True,
            "linger.ms": 5, "message.timeout.ms": 600000, "queue.buffering.max.messages": 1000000, "log_level": 0})

    # ---- life ----

    def prepare(self, tickets):
        for flow in self.flows:
            self._put(self._make("board.put", flow, board(), actor="agent-admin"))
        for _ in range(tickets):
            self._create()
        self.flush()

    def start(self):
        self.started = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def finish(self):
        self._stop.set()
        self._thread.join(60)
        self.ended = time.monotonic()
        with self._lock:
            self._release_held()
        self.flush()

    def flush(self, seconds=120):
        left = self._producer.flush(seconds)
        assert left == 0, f"{left} commands were not taken by the broker"

    def _run(self):
        due = time.monotonic()
        while not self._stop.is_set():
            now = time.monotonic()
            if now < due:
                self._producer.poll(min(due - now, 0.02))
                continue
            n = max(1, int(self.rate / 50))
            with self._lock:
                for _ in range(n):
                    self._one()
            due = max(due + n / self.rate, now - 1)

    # ---- sending ----

    def _make(self, type, subject, data, actor=None, kind="plain", id=None, source=SOURCE, **extra):
        envelope = {"specversion": "1.0", "id": id or self._uuid7(), "source": source, "type": type,
                    "subject": subject, "time": rfc3339(), "datacontenttype": "application/json",
                    "actor": actor or f"agent-{self.rng.randrange(20)}", "actortype": "worker_agent"} | extra | {"data": data}
        return Sent(envelope["id"], source, subject, type, json.dumps(envelope).encode(), kind)

    def _uuid7(self):
        bits = int(time.time() * 1000) << 80 | self.rng.getrandbits(80)
        bits = bits & ~(0xF << 76) | 7 << 76
        return str(uuid.UUID(int=bits & ~(0x3 << 62) | 0x2 << 62))

    def _put(self, sent, key=None, partition=None):
        def delivered(error, message):
            if error is None:
                sent.place = (message.partition(), message.offset())
            else:
                sent.failed = True

        placed = {} if partition is None else {"partition": partition}
        self._producer.produce(self.rig.commands, value=sent.body, key=key or sent.subject,
                               headers={"content-type": "application/cloudevents+json"}, on_delivery=delivered, **placed)
        self.sent.append(sent)
        self.counts[sent.kind] += 1
        self._ticks += 1
        if self._ticks % 200 == 0:
            self._producer.poll(0)

    def _again(self, sent, kind):
        return Sent(sent.id, sent.source, sent.subject, sent.type, sent.body, kind)

    def operate(self, type, subject, data):
        """An operator's command; from any thread."""
        with self._lock:
            self._put(self._make(type, subject, data, actor="agent-admin", kind="operator", source=OPERATOR))

    # ---- what to send ----

    def _one(self):
        rng = self.rng
        dice = rng.random()
        if self._recent and dice < (0.35 if self.messy else 0.05):
            return self._repeat()
        if dice > 0.985:
            return self._bad()
        if dice > 0.955:
            return self._race()
        sent = self._command()
        partition = None
        if rng.random() < 0.015:
            home = partition_of(sent.subject, self.rig.PARTITIONS)
            partition, sent.kind = (home + 1 + rng.randrange(self.rig.PARTITIONS - 1)) % self.rig.PARTITIONS, "astray"
        if rng.random() < (0.3 if self.messy else 0.02):
            self._held.append((sent, partition))
            if len(self._held) >= 12:
                self._release_held()
        else:
            self._put(sent, partition=partition)
        if rng.random() < 0.02:
            self._put(self._again(sent, "twice"))
        self._recent.append(sent)

    def _release_held(self):
        self.rng.shuffle(self._held)
        for sent, partition in self._held:
            self._put(sent, partition=partition)
        self._held = []

    def _repeat(self):
        old = self._recent[self.rng.randrange(len(self._recent))]
        kind = self.rng.random()
        if kind < 0.25:
            envelope = json.loads(old.body)
            envelope["data"] = dict(envelope["data"], rationale=f"another body {self.rng.random()}")
            self._put(Sent(old.id, old.source, old.subject, old.type, json.dumps(envelope).encode(), "conflict"))
        elif kind < 0.45:
            self._put(self._again(old, "astray_repeat"), partition=self.rng.randrange(self.rig.PARTITIONS))
        else:
            self._put(self._again(old, "repeat"))

    def _ticket(self):
        rng = self.rng
        if self.hot is not None and rng.random() < 0.5:
            return self.hot
        # Half of the traffic goes to the latest few hundred.
        if rng.random() < 0.5 and len(self.tickets) > 300:
            return self.tickets[-1 - rng.randrange(300)]
        return self.tickets[rng.randrange(len(self.tickets))]

    def _create(self, flow=None, kind="plain", send=True):
        rng = self.rng
        ticket = Ticket(f"ticket-{self._uuid7()}", flow or self.flows[rng.randrange(FLOWS)])
        data = {"workflow_id": ticket.flow, "title": f"Ticket {len(self.tickets)}", "tags": [f"t{rng.randrange(9)}"]}
        if self.tickets and rng.random() < 0.25:
            blockers = {t.id for t in (self._ticket() for _ in range(rng.randrange(1, 4))) if t.flow == ticket.flow}
            if blockers:
                data["blocked_by_ticket_ids"] = sorted(blockers)
        parent = None
        if self.tickets and rng.random() < 0.04:
            data["parent_ticket_id"] = self._ticket().id
        elif self.tickets and rng.random() < 0.01:
            parent = Ticket(f"ticket-{self._uuid7()}", ticket.flow)  # created after its child
            data["parent_ticket_id"] = parent.id
        sent = self._make("ticket.create", ticket.id, data, kind=kind)
        self.tickets.append(ticket)
        if send:
            self._put(sent)
        if parent is not None:
            self.tickets.append(parent)
            late = self._make("ticket.create", parent.id, {"workflow_id": parent.flow, "title": "A parent"})
            self._held.append((late, None))
        return ticket, sent

    def _command(self):
        rng = self.rng
        dice = rng.random()
        if dice < 0.10 and not (self.hot and rng.random() < 0.5):
            return self._create(send=False)[1]
        ticket = self._ticket()
        extra = {}
        if rng.random() < 0.04:
            extra["expectedversion"] = max(1, ticket.version + rng.choice((0, 0, -1, 1)))
        ticket.version += 1
        if dice < 0.42:
            poison = rng.random() < (0.4 if self.poisonous else 0.03)
            text = f"{'poison' if poison else 'comment'} {rng.random()}"
            if rng.random() < 0.02:
                text += "x" * 40000
            return self._make("ticket.comment", ticket.id, {"comment_text": text}, kind="poison" if poison else "plain", **extra)
        if dice < 0.62:
            updates = rng.choice(({"title": f"Title {rng.random()}"}, {"tags": [f"t{rng.randrange(99)}", "x"]},
                                  {"priority": rng.choice(("high", "medium", "low"))}))
            return self._make("ticket.update", ticket.id, {"updates": updates}, **extra)
        if dice < 0.72:
            return self._make("ticket.change_status", ticket.id, {"new_status": rng.choice(STATUSES)}, **extra)
        if dice < 0.76:
            return self._make("ticket.assign", ticket.id, {"assigned_agent_id": f"agent-{rng.randrange(20)}"}, **extra)
        if dice < 0.84:
            return self._block(ticket, extra)
        if dice < 0.87 and ticket.blockers:
            gone = ticket.blockers.pop()
            return self._make("ticket.unblock", ticket.id, {"blocked_by_ticket_ids": [gone]}, **extra)
        if dice < 0.94:
            return self._make("ticket.resolve", ticket.id, {"resolution_comment": f"done {rng.random()}"}, **extra)
        if dice < 0.975:
            return self._make("ticket.reopen", ticket.id, {}, **extra)
        if dice < 0.983:
            return self._make("ticket.delete", ticket.id, {}, **extra)
        if dice < 0.99:
            return self._make("ticket.restore", ticket.id, {}, **extra)
        return self._make("ticket.link_commit", ticket.id, {"commit_sha": f"{rng.getrandbits(160):040x}"}, **extra)

    def _block(self, ticket, extra):
        other = next((t for t in (self._ticket() for _ in range(12)) if t.flow == ticket.flow and t is not ticket), None)
        if other is None:
            return self._make("ticket.unassign", ticket.id, {}, **extra)
        ticket.blockers.append(other.id)
        return self._make("ticket.block", ticket.id, {"blocked_by_ticket_ids": [other.id]}, **extra)

    def _race(self):
        """A dependency added while its blocker is resolved or reopened on another partition."""
        if len(self.pairs) < 20 or self.rng.random() < 0.3:
            flow = self.flows[self.rng.randrange(FLOWS)]
            one, other = self._create(flow)[0], self._create(flow)[0]
            self.pairs.append([one, other, "resolve"])
            return
        one, other, turn = pair = self.pairs.popleft()
        block = self._make("ticket.block", one.id, {"blocked_by_ticket_ids": [other.id]}, kind="race")
        if turn == "resolve":
            move = self._make("ticket.resolve", other.id, {"resolution_comment": "raced"}, kind="race")
        else:
            move = self._make("ticket.reopen", other.id, {}, kind="race")
        for sent in self.rng.sample((block, move), 2):
            self._put(sent)
        if turn == "resolve" and self.rng.random() < 0.5:
            pair[0] = self._create(one.flow)[0]
            pair[2] = "reopen"
            self.pairs.append(pair)

    def _bad(self):
        rng, ticket = self.rng, self._ticket()
        kind = rng.randrange(6)
        if kind == 0:
            self._put(Sent(None, None, None, None, b"\xff not JSON " + str(rng.random()).encode(), "malformed"), ticket.id)
        elif kind == 1:
            self._put(Sent(None, None, None, None, json.dumps({"specversion": "1.0", "x": rng.random()}).encode(), "malformed"),
                      ticket.id)
        elif kind == 2:
            sent = self._make("ticket.nonsense", ticket.id, {}, kind="malformed")
            sent.id = None
            self._put(sent)
        elif kind == 3:
            self._put(self._make("ticket.update", ticket.id, {"updates": {"no_such_field": 1}}, kind="invalid"))
        elif kind == 4:
            self._put(self._make("ticket.change_status", ticket.id, {"new_status": "nowhere"}, kind="invalid"))
        else:
            # Signed by nobody: whoever may write the topic must not be able to forge it.
            sent = self._make("ticket.recheck", ticket.id, {}, kind="malformed")
            sent.id = None
            self._put(sent)
