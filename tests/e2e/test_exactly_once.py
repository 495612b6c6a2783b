"""A command takes effect once: sent again, sent to the wrong place, too old, too early, and under crashes."""

import os
import signal
import threading
import time

import pytest

from bus.wire import new_ticket, partition_of, rfc3339, uuid7
from bus.workflow import Workflow


def wait_messages(flow, command, count, seconds=20):
    return flow.bus.events.wait(
        lambda: len(found := flow.bus.events.all_caused_by(command)) >= count and found, seconds,
        lambda: f"{count} messages caused by {command.id}, {len(flow.bus.events.all_caused_by(command))} so far")


# ---- the same again ----

@pytest.mark.parametrize("apart", [False, True], ids=["one batch", "one by one"])
def test_same_command_thrice(flow, apart):
    ticket = flow.create()
    command = flow.command("ticket.change_status", ticket, {"new_status": "doing", "comment": "once"})
    for _ in range(3):
        flow.bus.publisher.send(command)
        if apart:
            flow.bus.events.outcome(command)
            flow.bus.settle()
    messages = wait_messages(flow, command, 6)
    flow.bus.settle()
    assert [m.is_repeat for m in messages] == [False, False, True, True, True, True]
    assert [m.raw for m in messages[:2]] * 3 == [m.raw for m in messages]
    assert flow.version(ticket) == 3


def test_time_and_trace_do_not_make_another_command(flow):
    ticket = flow.create()
    first = flow.command("ticket.comment", ticket, {"comment_text": "hello"}, id=f"retry-{uuid7()}")
    flow.bus.events.outcome(flow.bus.publisher.send(first))
    again = flow.command("ticket.comment", ticket, {"comment_text": "hello"}, id=first.id, time=rfc3339(time.time() + 1),
                         extra={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
    flow.bus.publisher.send(again)
    assert [m.is_repeat for m in wait_messages(flow, first, 2)] == [False, True]
    assert flow.version(ticket) == 2


def test_rejection_is_repeated_too(flow):
    ticket = flow.create()
    command = flow.command("ticket.change_status", ticket, {"new_status": "nowhere"})
    for _ in range(2):
        flow.bus.publisher.send(command)
    messages = wait_messages(flow, command, 2)
    assert [m.type for m in messages] == ["command.rejected"] * 2 and messages[1].is_repeat


@pytest.mark.parametrize("first", [{"new_status": "doing"}, {"new_status": "nowhere"}], ids=["applied", "rejected"])
def test_same_id_with_another_body(flow, first):
    ticket = flow.create()
    command = flow.command("ticket.change_status", ticket, first)
    flow.bus.events.outcome(flow.bus.publisher.send(command))
    version = flow.version(ticket)
    flow.bus.publisher.send(flow.command("ticket.change_status", ticket, {"new_status": "review"}, id=command.id))
    refusal = wait_messages(flow, command, 2)[1]
    assert refusal.type == "command.rejected" and not refusal.is_repeat
    assert (refusal.data["code"], refusal.data["field"]) == ("idempotency_mismatch", "id")
    flow.bus.publisher.send(command)
    last = wait_messages(flow, command, 3)[2]
    assert last.is_repeat and last.raw == wait_messages(flow, command, 3)[0].raw
    assert flow.version(ticket) == version


def test_same_id_from_another_source_is_another_command(flow):
    ticket = flow.create()
    first = flow.applied("ticket.comment", ticket, {"comment_text": "one"})
    flow.applied("ticket.comment", ticket, {"comment_text": "two"}, id=first.command.id, source="/tests/other")
    assert flow.version(ticket) == 3


# ---- the wrong place, the wrong time ----

def test_wrong_partition_is_forwarded_once(flow):
    ticket = new_ticket()
    home = partition_of(ticket, flow.bus.PARTITIONS)
    command = flow.create_command("Astray", ticket)
    flow.bus.publisher.send(command, partition=(home + 1) % flow.bus.PARTITIONS)
    assert flow.bus.events.outcome(command).kind == "applied"
    flow.bus.publisher.send(command, partition=(home + 2) % flow.bus.PARTITIONS)
    messages = wait_messages(flow, command, 2)
    assert [m.is_repeat for m in messages] == [False, True] and flow.version(ticket) == 1
    places = {(r["outcome"], r["topic_partition"]) for r in flow.bus.db.rows(
        "SELECT outcome, topic_partition FROM command_log WHERE subject = %s", ticket)}
    assert ("applied", home) in places and ("forwarded", (home + 1) % flow.bus.PARTITIONS) in places


def test_partition_of_events_is_that_of_the_key(flow):
    for ticket in flow.create_many(20):
        assert flow.events(ticket)[0].partition == partition_of(ticket, flow.bus.PARTITIONS)


@pytest.mark.parametrize("seconds, code", [(-8 * 86400, "stale_command"), (3600, "future_command")])
@pytest.mark.parametrize("by", ["time", "id"])
def test_too_old_and_from_the_future(flow, seconds, code, by):
    at = time.time() + seconds
    made = {"time": rfc3339(at), "id": f"at-{uuid7()}"} if by == "time" else {"id": uuid7(at)}
    command = flow.create_command("Out of time", command=made)
    outcome = flow.bus.events.outcome(flow.bus.publisher.send(command))
    assert (outcome.kind, outcome.code) == ("rejected", code), str(outcome)
    assert flow.version(command.subject) is None


# ---- a reference that is not there yet ----

def test_parent_that_comes_later(flow):
    parent, child = new_ticket(), new_ticket()
    create = flow.bus.publisher.send(flow.create_command("Child", child, parent_ticket_id=parent))
    parked = flow.bus.events.outcome(create)
    assert parked.kind == "parked" and parked.last.data["waits_for"] == parent, str(parked)
    behind = flow.send("ticket.comment", child, {"comment_text": "waits in line"})
    assert flow.bus.events.outcome(behind).kind == "parked"
    flow.bus.events.outcome(flow.bus.publisher.send(flow.create_command("Parent", parent)))
    assert flow.bus.events.outcome(create, through_parking=True).types == ["ticket.created"]
    assert flow.bus.events.outcome(behind, through_parking=True).types == ["ticket.commented"]
    assert flow.row(child)["parent_ticket_id"] == parent
    assert flow.bus.db.rows("SELECT * FROM parked_tickets WHERE ticket_id = %s", child) == []
    flow.bus.publisher.send(create)  # asked again, it gives what came of it in the end
    assert wait_messages(flow, create, 4)[-1].is_repeat


def test_parent_that_never_comes(flow):
    child = new_ticket()
    create = flow.bus.publisher.send(flow.create_command("Orphan", child, parent_ticket_id=new_ticket()))
    behind = flow.send("ticket.comment", child, {"comment_text": "in vain"})
    outcome = flow.bus.events.outcome(create, through_parking=True)
    assert (outcome.code, outcome.field) == ("reference_not_found", "parent_ticket_id")
    assert flow.bus.events.outcome(behind, through_parking=True).code == "ticket_not_found"
    assert flow.version(child) is None


def test_families_in_any_order(flow):
    """Children are sent before, with and after their parents, over all partitions."""
    parents = [new_ticket() for _ in range(40)]
    sent = []
    for n, parent in enumerate(parents):
        pair = [flow.create_command(f"Parent {n}", parent), flow.create_command(f"Child {n}", parent_ticket_id=parent)]
        sent += [flow.bus.publisher.send(c) for c in (pair if n % 2 else reversed(pair))]
    for command in sent:
        assert flow.bus.events.outcome(command, through_parking=True).kind == "applied"


# ---- crashes ----

class Load:
    """Sends commands about many tickets until told to stop; then every one must have its one answer."""

    def __init__(self, flow, tickets=48, pause=0.03):
        self.flow, self.pause = flow, pause
        self.tickets = flow.create_many(tickets)
        self.sent = []
        self._stop = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            self._send()
        except Exception as error:  # told by finish()
            self._failure = error

    def _send(self):
        count = 0
        while not self._stop.is_set():
            for n, ticket in enumerate(self.tickets):
                if (count + n) % 3 == 0:
                    self.sent.append(self.flow.send("ticket.update", ticket, {"updates": {"title": f"Round {count}"}}))
                elif (count + n) % 3 == 1:
                    self.sent.append(self.flow.send("ticket.comment", ticket, {"comment_text": f"Round {count}"}))
                else:
                    self.sent.append(self.flow.send("ticket.update", ticket, {"updates": {"tags": [f"t{count}"]}}))
            count += 1
            time.sleep(self.pause)

    def finish(self, seconds=90):
        self._stop.set()
        self._thread.join(30)
        assert self._failure is None, self._failure
        flow, bus = self.flow, self.flow.bus
        bus.publisher.flush()
        deadline = time.monotonic() + seconds
        while (answered := bus.events.answered(self.sent)) < len(self.sent):
            assert time.monotonic() < deadline, (
                f"{answered} of {len(self.sent)} commands answered\n" + "\n".join(d.tail(1500) for d in bus.daemons))
            time.sleep(0.3)
        bus.settle()
        assert len(self.sent) > 500, "not much of a load"
        outcomes = [bus.events.outcome(c) for c in self.sent]
        assert {o.kind for o in outcomes} == {"applied"}
        assert all(len(o.messages) == 1 for o in outcomes)
        versions = bus.db.value("SELECT sum(version) FROM tickets WHERE workflow_id = %s", flow.id)
        assert versions == len(self.sent) + len(self.tickets)
        logged = bus.db.value("SELECT count(*) FROM command_log WHERE outcome = 'applied' AND source = '/tests/e2e'"
                              " AND type <> 'board.put'")
        assert logged == len(self.sent) + len(self.tickets)
        flow.check()


def test_killed_workers(new_bus):
    bus = new_bus("crash")
    load = Load(Workflow(bus))
    for victim in bus.daemons:
        time.sleep(1.5)
        victim.kill()
        victim.start()
    load.finish()


def test_all_workers_killed_at_once(new_bus):
    bus = new_bus("blackout")
    load = Load(Workflow(bus))
    time.sleep(1.5)
    for daemon in bus.daemons:
        daemon.kill()
    time.sleep(0.5)
    for daemon in bus.daemons:
        daemon.start()
    load.finish()


def test_frozen_worker_wakes_up(new_bus):
    """Longer than its session: others own its partitions meanwhile, and what it still holds must come to nothing."""
    bus = new_bus("zombie")
    load = Load(Workflow(bus))
    zombie = bus.daemons[0]
    time.sleep(1)
    zombie.freeze()
    epochs = {r["partition"]: r["owner_epoch"] for r in bus.db.rows("SELECT partition, owner_epoch FROM partition_watermarks")}
    deadline = time.monotonic() + 40
    while {r["partition"]: r["owner_epoch"] for r in bus.db.rows("SELECT partition, owner_epoch FROM partition_watermarks")} == epochs:
        assert time.monotonic() < deadline, "nobody took over from a frozen worker: " + "\n".join(
            d.tail(1500) for d in bus.daemons)
        time.sleep(0.2)
    time.sleep(1)
    zombie.thaw()
    time.sleep(2)
    load.finish()


def test_session_frozen_in_the_middle_of_a_pipeline(new_bus):
    """Not idle in transaction, so that no timeout of Postgres ends it: the workers must."""
    bus = new_bus("pipeline", TICKETBUS_DB_IDLE_TIMEOUT_MS="2000", TICKETBUS_DB_LOCK_TIMEOUT_MS="500")
    flow = Workflow(bus)
    ticket = flow.create()
    frozen = bus.db.connect()
    frozen.execute("SET application_name = 'ticketbus-worker-frozen'")
    frozen.execute("SET idle_in_transaction_session_timeout = 2000")
    frozen.pgconn.enter_pipeline_mode()
    for statement in (b"BEGIN", b"SELECT * FROM partition_watermarks FOR UPDATE", b"SELECT * FROM tickets FOR UPDATE"):
        frozen.pgconn.send_query_params(statement, [])
    frozen.pgconn.send_flush_request()
    while frozen.pgconn.flush():
        pass
    time.sleep(0.3)
    flow.applied("ticket.comment", ticket, {"comment_text": "through"})
    assert any(d.said("ended the session of ticketbus-worker-frozen") for d in bus.daemons)
    flow.check()


def test_connections_cut_again_and_again(new_bus):
    bus = new_bus("cut")
    load = Load(Workflow(bus))
    cut = 0
    for _ in range(30):
        cut += len(bus.db.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"))
        time.sleep(0.15)
    assert cut > 10
    load.finish()


def test_restart_of_postgres(new_bus, stack):
    bus = new_bus("pgdown")
    file = stack.state_dir / "run" / "postgres.pid"
    if not file.is_file():
        pytest.skip("Postgres is not the local stack's")
    load = Load(Workflow(bus), pause=0.1)
    time.sleep(1)
    os.kill(int(file.read_text().split()[0]), signal.SIGINT)  # "fast": ends sessions at once
    time.sleep(3)
    done = stack.local("up", "--only", "postgres")
    assert done.returncode == 0, done.stdout + done.stderr
    load.finish()
    assert all(d.running for d in bus.daemons)


def test_published_again_is_byte_for_byte_the_same(new_bus):
    """As after a crash between COMMIT and the broker's acknowledgement, for every command there was."""
    bus = new_bus("again", workers=1)
    flow = Workflow(bus)
    blocker = flow.create("Blocker")
    tickets = flow.create_many(10, blocked_by_ticket_ids=[blocker])
    for ticket in tickets:
        flow.applied("ticket.comment", ticket, {"comment_text": "überall 日本語 \u0001"})
        flow.run("ticket.change_status", ticket, {"new_status": "nowhere"})
    bus.settle()
    before = bus.events.on(bus.events_topic)
    assert bus.daemons[0].stop() == []
    bus.db.rows("UPDATE partition_watermarks SET published_offset = 0")
    bus.daemons[0].start()
    bus.events.wait(lambda: len(bus.events.on(bus.events_topic)) >= 2 * len(before), 30, "every event again")
    bus.settle()
    assert len(bus.events.on(bus.events_topic)) == 2 * len(before)
    first = {m.id: m.raw for m in before}
    assert all(first[m.id] == m.raw for m in bus.events.on(bus.events_topic))
    flow.check()


def test_stopped_workers_leave_nothing_behind(new_bus):
    """A worker told to stop publishes what it committed and says how far it came."""
    bus = new_bus("stop", workers=1)
    flow = Workflow(bus)
    flow.create_many(200)
    assert bus.daemons[0].stop() == []
    rows = bus.db.rows("SELECT published_offset, next_offset FROM partition_watermarks")
    assert all(r["published_offset"] == r["next_offset"] for r in rows)


def test_command_on_no_topic_position_twice(flow):
    """Every record of the commands topic has its row in the log, none has two."""
    flow.bus.settle()
    doubles = flow.bus.db.rows("SELECT topic_partition, record_offset FROM command_log"
                               " GROUP BY 1, 2 HAVING count(*) > 1")
    assert doubles == []
    logged = flow.bus.db.value("SELECT count(*) FROM command_log")
    assert logged == flow.bus.db.value("SELECT sum(next_offset) FROM partition_watermarks WHERE topic = %s",
                                       flow.bus.commands)
