"""Parked tickets as an operator sees and settles them: one by one, and thousands while others work on."""

import json
import os
import pty
import re
import subprocess
import threading
import time

import pytest

from bus.workflow import Workflow

REFUSE = "ALTER TABLE tickets ADD CONSTRAINT refused CHECK (title NOT LIKE 'refused%') NOT VALID"
ALLOW = "ALTER TABLE tickets DROP CONSTRAINT refused"


def read(ran, code=0):
    return json.loads(ran.expect(code).out)


def park(flow, tickets, behind=2):
    """A command that the database refuses, and some behind it; returns them by ticket."""
    sent = {}
    for ticket in tickets:
        sent[ticket] = [flow.send("ticket.update", ticket, {"updates": {"title": f"refused {ticket[-4:]}"}})] + [
            flow.send("ticket.comment", ticket, {"comment_text": f"behind {n}"}) for n in range(behind)]
    for commands in sent.values():
        for command in commands:
            assert flow.bus.events.outcome(command, 120).kind == "parked"
    return sent


@pytest.fixture
def parked(new_bus):
    bus = new_bus("operator", workers=1)
    flow = Workflow(bus)
    bus.db.rows(REFUSE)
    flow.first, flow.second, flow.third = flow.create_many(3)
    flow.between = None
    park(flow, [flow.first])
    flow.between = bus.db.value("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
    park(flow, [flow.second, flow.third])
    yield flow
    flow.check()


def test_seen_where_one_looks(parked):
    bus, ticket = parked.bus, parked.first
    told = read(bus.ctl("show", ticket, "--json"))["parked"]
    assert (told["reason"], told["code"], told["waiting"]) == ("poison", "poison", 3) and "refused" in told["message"]
    shown = bus.ctl("show", ticket).expect(0).out
    assert "3 commands wait, poison" in shown and f"dlq show {ticket}" in shown
    assert read(bus.ctl("show", parked.create("Well"), "--json"))["parked"] is None

    listed = {p["ticket_id"]: p for p in read(bus.ctl("dlq", "list", "--json"))["parked"]}
    assert set(listed) == {parked.first, parked.second, parked.third}
    record = bus.db.row("SELECT topic_partition, record_offset FROM parked_commands WHERE ticket_id = %s"
                        " ORDER BY record_offset LIMIT 1", ticket)
    assert {k: listed[ticket][k] for k in record} == record
    assert f"{record['topic_partition']}/{record['record_offset']}" in bus.ctl("dlq", "list").expect(0).out

    shown = bus.ctl("dlq", "show", ticket).expect(0).out
    assert "poison" in shown and "behind 0" in shown and shown.index("refused") < shown.index("behind 0") < shown.index("behind 1")


def test_create_that_waits_is_told_by_show(parked):
    """The ticket is not there yet, which is no reason to say nothing of it."""
    bus = parked.bus
    create = parked.start_create("refused from the start")
    assert bus.events.outcome(create).kind == "parked"
    ran = bus.ctl("show", create.subject).expect(1)
    assert "1 commands wait" in ran.err and f"dlq show {create.subject}" in ran.err
    read(bus.ctl("dlq", "drop", create.subject, "--json"))


def test_filters(parked):
    bus = parked.bus

    def listed(*options):
        return {p["ticket_id"] for p in read(bus.ctl("dlq", "list", "--json", *options))["parked"]}

    every = {parked.first, parked.second, parked.third}
    assert listed("--until", parked.between) == {parked.first}
    assert listed("--since", parked.between) == every - {parked.first}
    assert listed("--ticket", parked.second) == {parked.second}
    assert listed("--reason", "reference") == set() and listed("--reason", "poison") == every
    assert listed("--code", "poison") == every and listed("--code", "malformed") == set()
    assert len(listed("--limit", "1")) == 1
    assert read(bus.ctl("dlq", "list", "--json", "--limit", "1"))["parked_total"] == 3
    deadline = time.monotonic() + 30  # the letter goes out after the commit that parks
    while not (letters := read(bus.ctl("dlq", "list", "--json", "--ticket", parked.second))["dead_letters"]):
        assert time.monotonic() < deadline
    assert {letter["subject"] for letter in letters} == {parked.second}
    assert read(bus.ctl("dlq", "list", "--json", "--topic", "index")) == {"dead_letters": []}
    for wrong in (["replay"], ["replay", parked.first, "--all"], ["replay", parked.first, "--code", "poison"],
                  ["drop", "--all", "--waiting-id", "x"], ["replay", "--all", "--since", "yesterday"]):
        assert bus.ctl("dlq", *wrong).code == 2, wrong

    bus.db.rows(ALLOW)
    lines = bus.ctl("dlq", "replay", "--all", "--until", parked.between, "--json").expect(0).out.splitlines()
    assert json.loads(lines[-1])["applied"] == 1 and json.loads(lines[0])["ticket_id"] == parked.first
    assert listed() == every - {parked.first}
    assert "2 of 2 parked tickets asked, 2 settled" in bus.ctl("dlq", "replay", "--all").expect(0).out
    assert listed() == set()
    assert "0 of 0" in bus.ctl("dlq", "replay", "--all").expect(0).out


def test_drop_all_gives_up_the_first_of_each(parked):
    bus = parked.bus
    assert "3 settled" in bus.ctl("dlq", "drop", "--all").expect(0).out
    bus.settle()
    for ticket in (parked.first, parked.second, parked.third):
        assert parked.version(ticket) == 3 and not parked.row(ticket)["title"].startswith("refused")


def test_what_is_refused_still_is_told(parked):
    ran = parked.bus.ctl("dlq", "replay", "--all").expect(1)
    assert "3 refused" in ran.out and ran.err.count("poison") >= 3
    parked.bus.db.rows(ALLOW)
    parked.bus.ctl("dlq", "replay", "--all").expect(0)


def on_a_terminal(bus, *arguments):
    """What ticketctl writes to a terminal on stderr, and its exit code."""
    master, slave = pty.openpty()
    ran = subprocess.Popen([bus.stack.program("ticketctl"), *arguments], env=os.environ | bus.settings,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave)
    os.close(slave)
    seen = b""
    try:
        while chunk := os.read(master, 65536):
            seen += chunk
    except OSError:  # the other end is closed
        pass
    os.close(master)
    return seen.decode(errors="replace"), ran.wait(60)


def test_thousands_replayed_while_load_goes_on(new_bus):
    """The order of each ticket holds although new commands for the very same tickets keep coming."""
    bus = new_bus("thousands", workers=2)
    flow = Workflow(bus)
    tickets = flow.create_many(2000)
    bystanders = flow.create_many(50, "Bystander")
    bus.db.rows(REFUSE)
    first = park(flow, tickets, behind=1)
    bus.db.rows(ALLOW)
    later, stop = {ticket: [] for ticket in tickets + bystanders}, threading.Event()

    def load():
        n = 0
        while not stop.is_set():
            ticket = tickets[n * 7 % len(tickets)] if n % 2 else bystanders[n // 2 % len(bystanders)]
            later[ticket].append(flow.send("ticket.comment", ticket, {"comment_text": f"later {len(later[ticket])}"}))
            n += 1
            time.sleep(0.005)

    loading = threading.Thread(target=load)
    loading.start()
    try:
        seen, code = on_a_terminal(bus, "dlq", "replay", "--all")
    finally:
        stop.set()
        loading.join()
    assert code == 0, seen[-2000:]
    assert re.search(r"ticket\.replay \[#*\.*\] \d+/2000", seen), seen[-2000:]
    bus.settle(120)
    assert bus.db.rows("SELECT * FROM parked_tickets") == []
    for ticket in tickets:
        texts = [m.data["comment"]["comment_text"] for m in flow.events(ticket) if m.type == "ticket.commented"]
        assert texts == ["behind 0"] + [f"later {n}" for n in range(len(later[ticket]))]
        assert flow.events(ticket)[1].type == "ticket.updated"
        assert bus.events.outcome(first[ticket][0], through_parking=True).kind == "applied"
    assert sum(map(len, later.values())) > 200, "there was load"
    flow.check()
