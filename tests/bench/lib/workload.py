"""The commands all contenders work on, and the messages that carry them.

Of every 100 commands 20 create a ticket, 30 change a status, 25 comment, 15 change title and priority, 10 resolve a
ticket that blocks another, which is then unblocked. Tickets are chosen at random, so few meet in one batch.
"""

import random
import time

SOURCE = "/bench"
MIX = ["create"] * 20 + ["status"] * 30 + ["comment"] * 25 + ["update"] * 15 + ["resolve"] * 10
NEXT_STATUS = {"todo": "in_progress", "in_progress": "review", "review": "todo"}
PRIORITIES = ("critical", "high", "medium", "low")
DESCRIPTION = "The basket loses its voucher when the customer returns from the payment page. " * 4
COMMENT = (
    "Reproduced on staging with two vouchers and a basket of seven items; the trace points at the currency of the "
    "voucher, see the attached log."
)
RESOLUTION = "Vouchers carry a currency now; covered by a test of the return from the payment page."


def ticket_id(number):
    return f"ticket-01990000-0000-7000-8000-{number:012x}"


class Ids:
    """UUIDv7 of this moment, ending in a running number."""

    def __init__(self, run):
        ms = int(time.time() * 1000) - 1000
        self.head = f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-7{run & 0xFFF:03x}-8000-"

    def of(self, number):
        return f"{self.head}{number:012x}"


def message(command_id, kind, subject, agent, data):
    return (
        f'{subject}\t{{"specversion":"1.0","id":"{command_id}","source":"{SOURCE}","type":"ticket.{kind}",'
        f'"subject":"{subject}","datacontenttype":"application/json","actor":"agent-{agent}",'
        f'"actortype":"worker_agent","data":{data}}}\n'
    )


class Workload:
    """Deterministic but for the ids, which carry the time."""

    def __init__(self, tickets, run, seed=1):
        self.tickets = tickets
        self.ids = Ids(run)
        self.dice = random.Random(seed)
        self.status = {}
        self.priority = {}
        self.resolved = 0
        self.counts = dict.fromkeys(MIX, 0)
        self.rooms = tickets // 5

    def one(self, number, kind, i):
        """Message of command `number`, of this kind, to ticket i."""
        self.counts[kind] += 1
        agent = f"worker-{i % 12}"
        cid = self.ids.of(number)
        if kind == "create":
            data = (
                f'{{"workflow_id":"bench-{number % 20}","title":"Ticket {number} made while the load runs",'
                f'"description":"{DESCRIPTION}","ticket_type":"bug","priority":"high",'
                f'"tags":["load","area-{number % 50}"]}}'
            )
            return message(cid, "create", f"ticket-{cid}", agent, data)
        subject = ticket_id(i)
        if kind == "status":
            self.status[i] = NEXT_STATUS[self.status.get(i, "todo")]
            return message(cid, "change_status", subject, agent, f'{{"new_status":"{self.status[i]}"}}')
        if kind == "comment":
            data = f'{{"comment_text":"{COMMENT}","comment_type":"general"}}'
            return message(cid, "comment", subject, agent, data)
        if kind == "update":
            self.priority[i] = (self.priority.get(i, i % 4) + 1) % 4
            data = (
                f'{{"updates":{{"title":"Ticket {i} as command {number} names it",'
                f'"priority":"{PRIORITIES[self.priority[i]]}"}}}}'
            )
            return message(cid, "update", subject, agent, data)
        return message(cid, "resolve", subject, agent, f'{{"resolution_comment":"{RESOLUTION}"}}')

    def mixed(self, n):
        for number in range(n):
            kind = self.dice.choice(MIX)
            if kind == "resolve" and self.resolved == self.rooms:
                kind = "comment"
            if kind == "resolve":
                # Blockers in a scattered order, each once.
                i = self.resolved * 7919 % self.rooms
                self.resolved += 1
            else:
                i = self.dice.randrange(2 * self.rooms, self.tickets)
            yield self.one(number, kind, i)

    def hot(self, n):
        """All commands to one ticket: statuses, comments, changes."""
        for number in range(n):
            kind = self.dice.choice(["status"] * 40 + ["comment"] * 40 + ["update"] * 20)
            yield self.one(number, kind, self.tickets - 1)

    def write(self, path, messages):
        with open(path, "w", encoding="utf-8") as out:
            out.writelines(messages)
        return path
