"""A workflow with a board, and the short way to send commands about its tickets."""

import uuid

from . import fold
from .boards import board as default_board
from .wire import Command, new_ticket


class Workflow:
    def __init__(self, bus, board=None, actor="agent-test"):
        self.bus = bus
        self.id = f"flow-{uuid.uuid4().hex[:12]}"
        self.actor = actor
        if board is not False:
            self.put_board(board or default_board())

    def put_board(self, board, **attributes):
        return self.applied("board.put", self.id, board, **attributes)

    # ---- sending ----

    def command(self, kind, subject, data=None, **attributes):
        return Command(kind, data or {}, subject, **{"actor": self.actor} | attributes)

    def send(self, kind, subject, data=None, **attributes):
        """Sends and does not wait."""
        return self.bus.publisher.send(self.command(kind, subject, data, **attributes))

    def run(self, kind, subject, data=None, **attributes):
        """Sends and waits for what becomes of it."""
        return self.bus.events.outcome(self.send(kind, subject, data, **attributes))

    def applied(self, kind, subject, data=None, **attributes):
        outcome = self.run(kind, subject, data, **attributes)
        assert outcome.kind == "applied", str(outcome)
        return outcome

    def unchanged(self, kind, subject, data=None, **attributes):
        outcome = self.run(kind, subject, data, **attributes)
        assert outcome.kind == "unchanged", str(outcome)
        return outcome

    def rejected(self, kind, subject, data=None, **attributes):
        """Code and field of the refusal, which must have a sentence and change nothing."""
        before = self.version(subject)
        outcome = self.run(kind, subject, data, **attributes)
        assert outcome.kind == "rejected", str(outcome)
        assert len(outcome.messages) == 1 and outcome.last.sequence is None, str(outcome)
        assert outcome.message and " " in outcome.message, str(outcome)
        assert self.version(subject) == before
        return outcome.code, outcome.field

    def version(self, subject):
        found = self.bus.db.rows("SELECT version FROM tickets WHERE id = %s", subject) if subject else []
        return found[0]["version"] if found else None

    # ---- tickets ----

    def create_command(self, title="A ticket", subject=None, command=None, **fields):
        data = {"workflow_id": self.id, "title": title} | fields
        return self.command("ticket.create", subject or new_ticket(), data, **command or {})

    def start_create(self, title="A ticket", **fields):
        return self.bus.publisher.send(self.create_command(title, **fields))

    def create(self, title="A ticket", **fields):
        outcome = self.bus.events.outcome(self.start_create(title, **fields))
        assert outcome.kind == "applied", str(outcome)
        return outcome.last.subject

    def create_many(self, count, title="Ticket", **fields):
        sent = [self.start_create(f"{title} {i}", **fields) for i in range(count)]
        for command in sent:
            outcome = self.bus.events.outcome(command, 60)
            assert outcome.kind == "applied", str(outcome)
        return [command.subject for command in sent]

    def row(self, ticket):
        return self.bus.db.ticket(ticket)

    def events(self, ticket):
        """All events of the ticket, as many as its row says there are."""
        self.bus.events.wait_sequence(ticket, self.version(ticket))
        return self.bus.events.of_ticket(ticket)

    def check(self):
        """Everything said of this workflow's tickets by rows, history and events agrees."""
        wrong = []
        rows = fold.Rows(self.bus.db, self.id)
        for ticket, row in rows.tickets.items():
            self.bus.events.wait_sequence(ticket, row["version"])
            wrong += fold.compare(rows, ticket, self.bus.events.of_ticket(ticket)[:row["version"]])
        assert not wrong, "\n".join(wrong[:20])
        self.bus.events.check()
