"""Signals, settings read again, and what a worker's log says: docs/runbook.md, "Stop and scale", "Change settings"."""

import json
import signal
import time

import pytest

from bus.gateway import Gateway
from bus.workflow import Workflow

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def wait_end(daemon, seconds):
    started = time.monotonic()
    daemon.process.wait(seconds)
    return time.monotonic() - started


@pytest.fixture
def held(new_bus):
    """A worker in the middle of a batch that will take very long: one ticket's update sleeps in Postgres."""

    def make(**settings):
        bus = new_bus("signals", workers=0, TICKETBUS_DB_STATEMENT_TIMEOUT_MS="120000", **settings)
        worker = bus.start_worker()
        bus.wait_claimed()
        flow = Workflow(bus)
        ticket = flow.create("Held")
        bus.settle()
        bus.db.rows("""CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN IF NEW.title = 'slow' THEN PERFORM pg_sleep(60); END IF; RETURN NEW; END $$;
            CREATE TRIGGER held BEFORE UPDATE ON tickets FOR EACH ROW EXECUTE FUNCTION held()""")
        flow.slow = flow.send("ticket.update", ticket, {"updates": {"title": "slow"}})
        sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
        deadline = time.monotonic() + 30
        while bus.db.value(sql) == 0:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return bus, flow, worker

    return make


def goes_on(bus, flow, worker):
    """Nothing was lost by the way it ended."""
    bus.db.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND wait_event = 'PgSleep'")
    bus.db.rows("DROP TRIGGER held ON tickets")
    worker.start()
    assert bus.events.outcome(flow.slow, 60).kind == "applied"
    flow.check()


def test_stopping_ends_at_its_limit(held):
    bus, flow, worker = held(TICKETBUS_STOP_S="3")
    worker._killed = True  # what it is, in effect
    worker.process.send_signal(signal.SIGTERM)
    assert 2 < wait_end(worker, 20) < 15
    assert worker.process.returncode == 1 and worker.said("TICKETBUS_STOP_S")
    goes_on(bus, flow, worker)


def test_second_signal_hurries(held):
    bus, flow, worker = held(TICKETBUS_STOP_S="60")
    worker._killed = True
    worker.process.send_signal(signal.SIGTERM)
    time.sleep(1)
    assert worker.running, "the first one waits for the batch"
    worker.process.send_signal(signal.SIGTERM)
    assert wait_end(worker, 20) < 5 and worker.process.returncode == 1
    goes_on(bus, flow, worker)


def test_first_signal_finishes_the_batch(new_bus):
    bus = new_bus("term", workers=1)
    flow = Workflow(bus)
    tickets = flow.create_many(200)
    sent = [flow.send("ticket.comment", t, {"comment_text": "x"}) for t in tickets]
    bus.publisher.flush()
    worker = bus.daemons[0]
    worker.process.send_signal(signal.SIGTERM)
    worker.process.wait(30)
    assert worker.process.returncode == 0
    assert bus.db.value("SELECT count(*) FROM partition_watermarks WHERE published_offset < next_offset") == 0
    applied = bus.db.value("SELECT count(*) FROM ticket_comments")
    assert len([c for c in sent if bus.events.caused_by(c)]) <= applied
    worker.start()
    for command in sent:
        assert bus.events.outcome(command, 60).kind == "applied"
    flow.applied("ticket.comment", tickets[0], {"comment_text": "back"})
    flow.check()


def hang_up(worker):
    before = worker.log.read_text(errors="replace").count("settings")
    worker.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 15
    while worker.log.read_text(errors="replace").count("settings") == before:
        assert worker.running and time.monotonic() < deadline, worker.tail()
        time.sleep(0.05)


def test_settings_read_again(new_bus, tmp_path, monkeypatch):
    for name in ("DB_PASSWORD", "TICKETBUS_LOG_LEVEL", "TICKETBUS_BATCH_MAX", "TICKETBUS_BATCH_WAIT_MS"):
        monkeypatch.delenv(name, raising=False)  # the environment would win over the file
    file = tmp_path / "settings"
    bus = new_bus("hangup", workers=0)
    password = bus.settings.pop("DB_PASSWORD", "")
    file.write_text(f"DB_PASSWORD='{password}'\n")
    worker = bus.start_worker(TICKETBUS_CONFIG=str(file))
    bus.wait_claimed()
    bus.settings["DB_PASSWORD"] = password
    flow = Workflow(bus)
    ticket = flow.create()
    flow.applied("ticket.comment", ticket, {"comment_text": "quiet"})
    assert not worker.said("debug")

    file.write_text(f"DB_PASSWORD='{password}'\nTICKETBUS_LOG_LEVEL=debug\nTICKETBUS_BATCH_MAX=7\n")
    hang_up(worker)
    assert worker.said("TICKETBUS_LOG_LEVEL has changed") and worker.said("TICKETBUS_BATCH_MAX has changed, which takes a restart")
    traced = flow.command("ticket.comment", ticket, {"comment_text": "told"})
    traced.extra["traceparent"] = f"00-{TRACE}-00f067aa0ba902b7-01"
    bus.events.outcome(bus.publisher.send(traced))
    worker.wait_for(f"trace_id={TRACE}")
    line = next(l for l in worker.tail(100000).splitlines() if TRACE in l)
    assert "ticket.comment" in line and ticket in line and "applied" in line

    file.write_text(f"DB_PASSWORD='{password}'\nTICKETBUS_BATCH_WAIT_MS=many\n")
    hang_up(worker)
    assert worker.said("settings not read again: TICKETBUS_BATCH_WAIT_MS")
    flow.applied("ticket.comment", ticket, {"comment_text": "as before"})

    file.write_text("DB_PASSWORD=changed-secret-of-the-test\nTICKETBUS_LOG_LEVEL=info\n")
    hang_up(worker)
    assert worker.said("DB_PASSWORD has changed") and not worker.said("changed-secret-of-the-test")
    flow.applied("ticket.comment", ticket, {"comment_text": "still connected"})
    flow.check()


@pytest.mark.parametrize("program", ["ticketbus-indexer", "ticketbus-gateway"])
def test_the_others_read_settings_again_too(new_bus, tmp_path, monkeypatch, program):
    monkeypatch.delenv("TICKETBUS_LOG_LEVEL", raising=False)
    file = tmp_path / "settings"
    file.write_text("")
    bus = new_bus("hangup2", workers=0)
    started = {"TICKETBUS_CONFIG": str(file)}
    daemon = Gateway(bus, **started).daemon if program == "ticketbus-gateway" else bus.start(program, **started)
    time.sleep(2)  # past the signals of its start
    file.write_text("TICKETBUS_LOG_LEVEL=debug\nTICKETBUS_TOPIC_EVENTS=elsewhere\n")
    hang_up(daemon)
    assert daemon.said("TICKETBUS_LOG_LEVEL has changed")
    file.write_text("TICKETBUS_LOG_REPEATS=many\n")
    hang_up(daemon)
    assert daemon.said("settings not read again: TICKETBUS_LOG_REPEATS")
    assert daemon.stop() == []


def test_repeated_lines_are_counted(new_bus):
    """Each of many poisonous commands would have its own line."""
    bus = new_bus("sampled", workers=0)
    worker = bus.start_worker(TICKETBUS_LOG_FORMAT="json", TICKETBUS_LOG_REPEATS="5")
    bus.wait_claimed()
    flow = Workflow(bus)
    tickets = flow.create_many(60)
    bus.db.rows("ALTER TABLE tickets ADD CONSTRAINT refused CHECK (title NOT LIKE 'refused%') NOT VALID")
    sent = []
    for ticket in tickets:
        command = flow.command("ticket.update", ticket, {"updates": {"title": "refused"}})
        command.extra["traceparent"] = f"00-{TRACE}-00f067aa0ba902b7-01"
        sent.append(bus.publisher.send(command))
    for command in sent:
        assert bus.events.outcome(command, 60).kind == "parked"
    assert worker.stop() == []
    told = [json.loads(line) for line in worker.log.read_text().splitlines() if "poison" in line]
    written = [line for line in told if "left_out" not in line]
    counted = sum(line["left_out"] for line in told if "left_out" in line)
    assert len(written) + counted == 60 and counted > 0
    assert len(written) <= 5 * (1 + len([line for line in told if "left_out" in line]))
    assert all(line["trace_id"] == TRACE for line in written)
    bus.db.rows("ALTER TABLE tickets DROP CONSTRAINT refused")
