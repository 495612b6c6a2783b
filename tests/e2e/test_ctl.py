"""ticketctl as people and scripts use it: exit codes 0, 1, 2, 3, JSON, and what it shows."""

import json
import os
import signal
import subprocess
import time
import uuid

import pytest

from bus.boards import board
from bus.gateway import Gateway
from bus.wire import uuid7

NOTHING_ELSE = {"DB_HOST": "127.0.0.1", "DB_PORT": "1", "KAFKA_BROKERS": "127.0.0.1:1", "QDRANT_URL": "http://127.0.0.1:1",
                "EMBEDDING_URL": "http://127.0.0.1:1"}


def read(ran, code=0):
    return json.loads(ran.expect(code).out)


def lines(ran, code=0):
    return [json.loads(line) for line in ran.expect(code).out.splitlines()]


@pytest.fixture(scope="module")
def gateway(bus):
    with Gateway(bus, "gateway-ctl") as made:
        yield made


@pytest.fixture(scope="module")
def served(gateway):
    """ticketctl through a gateway, where neither Postgres nor Kafka can be reached."""
    settings = NOTHING_ELSE | {"TICKETBUS_SERVER": gateway.url, "TICKETBUS_TOKEN": gateway.token("ctl", "--scope", "admin")}

    def run(*words, **options):
        return gateway.bus.ctl(*words, **(settings | options))

    return run


@pytest.fixture
def direct(bus):
    """What cannot go through a gateway."""
    return bus.ctl


@pytest.fixture(params=["direct", "served"])
def way(request):
    return request.param


@pytest.fixture
def ctl(bus, way, request):
    """ticketctl in both ways: most tests must not be able to tell which."""
    return bus.ctl if way == "direct" else request.getfixturevalue("served")


# ---- every command ----

def test_a_ticket_s_whole_life(make_flow, ctl, bus, tmp_path):
    flow = make_flow(board=False)
    file = tmp_path / "board.json"
    file.write_text(json.dumps(board()))
    assert read(ctl("board", "put", file, "-w", flow.id, "--json"))["outcome"] == "applied"
    made = read(ctl("create", "A ticket by hand", "-w", flow.id, "-d", "-", "-p", "high", "--tag", "a,b", "--json",
                    input="Ein Text\nüber zwei Zeilen".encode()))
    ticket = made["ticket_id"]
    assert made["outcome"] == "applied" and made["version"] == 1 and made["events"][0]["type"] == "ticket.created"
    name = f"EXT-{uuid7()}"
    blocker = read(ctl("create", "--title", "Comes first", "-w", flow.id, "--external-id", name, "--json"))["ticket_id"]
    text = tmp_path / "comment.txt"
    text.write_text("Read from a file")
    for words in (
        ("update", ticket, "--title", "Another title", "-c", "renamed"),
        ("comment", ticket, f"@{text}", "--mentions", "agent-b"),
        ("assign", ticket, "agent-a"),
        ("link-commit", ticket, "abcdef1", "--commit-message", "Fix"),
        ("block", ticket, blocker),
        ("link", ticket, blocker, "--type", "related"),
        ("unlink", ticket, blocker, "--type", "related"),
        ("resolve", blocker, "--comment", "done"),
        ("status", ticket, "doing"),
        ("unassign", ticket),
        ("resolve", ticket, "--comment", "done too"),
        ("reopen", ticket, "--status", "review"),
        ("delete", ticket),
        ("restore", ticket),
    ):
        outcome = read(ctl(*words, "--json"))
        assert outcome["outcome"] in ("applied", "done"), (words, outcome)
    row = flow.row(ticket)
    assert (row["title"], row["status"], row["description"]) == ("Another title", "review", "Ein Text\nüber zwei Zeilen")
    shown = read(ctl("show", ticket, "--json"))
    assert [c["comment_text"] for c in shown["comments"]] == ["renamed", "Read from a file", "done too"]
    assert shown["commits"][0]["commit_sha"] == "abcdef1" and shown["tags"] == ["a", "b"]
    comment = shown["comments"][1]["id"]
    read(ctl("edit-comment", ticket, comment, "Edited", "--json"))
    assert bus.db.value("SELECT comment_text FROM ticket_comments WHERE id = %s", comment) == "Edited"
    plain = ctl("show", ticket, "--history").expect(0).out
    assert "Another title" in plain and "Edited" in plain and "abcdef1" in plain
    changes = read(ctl("history", ticket, "--field", "title", "--json"))
    assert [(c["old_value"], c["new_value"]) for c in changes] == [("A ticket by hand", "Another title")]
    assert read(ctl("show", name, "--json"))["id"] == blocker


# ---- exit codes ----

def test_rejected_is_1_with_code_and_sentence(flow, ctl):
    ticket = flow.create()
    ran = ctl("status", ticket, "nowhere").expect(1)
    assert "unknown_status" in ran.err and "nowhere" in ran.err and ran.out == ""
    told = read(ctl("status", ticket, "nowhere", "--json"), 1)
    assert (told["outcome"], told["code"], told["field"]) == ("rejected", "unknown_status", "new_status")
    assert ctl("show", "ticket-01a20a6f-0000-7000-8000-000000000000").code == 1


@pytest.mark.parametrize("words", [
    ("nonsense",), ("create",), ("status", "x"), ("list", "--nonsense"), ("list", "--limit", "many"), ("show",),
    ("search",), ("import", "beads"), ("list", "--sort", "beauty"), ("create", "t", "-w", "w", "--timeout", "soon"),
    ("send", "/does/not/exist"), ("board", "put", "/does/not/exist", "-w", "w"),
])
def test_wrong_usage_is_2(ctl, words):
    ran = ctl(*words).expect(2)
    assert ran.err.startswith("ticketctl") and ran.out == ""


def test_wrong_settings_are_2(direct):
    assert "DB_PORT" in direct("list", DB_PORT="none").expect(2).err


def test_unreachable_is_3(flow, direct):
    assert "Postgres" in direct("list", DB_PORT="1").expect(3).err
    assert "Kafka" in direct("create", "t", "-w", flow.id, "--timeout", "2", KAFKA_BROKERS="127.0.0.1:1").expect(3).err


def test_no_outcome_in_time_is_3(flow, ctl, bus):
    """The command stays known, and its outcome can be asked for later."""
    name = uuid7()
    workers = [daemon for daemon in bus.daemons if "worker" in daemon.name]
    for daemon in workers:
        daemon.freeze()
    try:
        ran = ctl("create", "Late", "-w", flow.id, "--id", name, "--timeout", "1").expect(3)
    finally:
        for daemon in workers:
            daemon.thaw()
    assert name in ran.err
    deadline = time.monotonic() + 20
    while (ran := ctl("outcome", name, "--json")).code != 0:
        assert time.monotonic() < deadline, str(ran)
        time.sleep(0.2)
    assert json.loads(ran.out)["outcome"] == "applied"


def test_secrets_are_not_shown(direct, bus):
    ran = direct("settings").expect(0)
    assert bus.settings["DB_PASSWORD"] not in ran.out + ran.err and bus.settings["DB_NAME"] in ran.out


# ---- retries and outcomes ----

def test_retry_with_the_same_id(flow, ctl):
    name = f"job-{uuid.uuid4()}"
    first = read(ctl("create", "Once", "-w", flow.id, "--id", name, "--json"))
    again = read(ctl("create", "Once", "-w", flow.id, "--id", name, "--json"))
    assert first["ticket_id"] == again["ticket_id"] and again["version"] == 1
    other = read(ctl("create", "Twice", "-w", flow.id, "--id", name, "--json"), 1)
    assert other["code"] == "idempotency_mismatch"
    assert len(flow.bus.db.rows("SELECT id FROM tickets WHERE workflow_id = %s", flow.id)) == 1


def test_outcome(flow, ctl):
    done = flow.applied("ticket.create", f"ticket-{uuid7()}", {"workflow_id": flow.id, "title": "t"}).command
    told = read(ctl("outcome", done.id, "--json"))
    assert told["outcome"] == "applied" and told["source"] == "/tests/e2e"
    refused = flow.run("ticket.change_status", done.subject, {"new_status": "nowhere"}).command
    told = read(ctl("outcome", refused.id, "--json"), 1)
    assert (told["outcome"], told["code"]) == ("rejected", "unknown_status")
    assert "unknown_status" in str(ctl("outcome", refused.id))
    assert ctl("outcome", "never-heard-of").code == 1


def test_expected_version(flow, ctl):
    ticket = flow.create()
    read(ctl("update", ticket, "--title", "Second", "--expected-version", "1", "--json"))
    assert read(ctl("update", ticket, "--title", "Third", "--expected-version", "1", "--json"), 1)["code"] == "version_conflict"


# ---- reading ----

def test_list_filters_and_pages(flow, ctl):
    tickets = flow.create_many(7, tags=["seven"])
    other = flow.create("Other", ticket_type="bug", priority="high", assigned_agent_id="agent-x")
    flow.applied("ticket.resolve", tickets[0], {"resolution_comment": "x"})
    flow.applied("ticket.delete", tickets[1])

    def ids(*words):
        return [t["id"] for t in read(ctl("list", "-w", flow.id, "--json", *words))["tickets"]]

    assert set(ids()) == {*tickets[2:], other}
    assert set(ids("--include-completed")) == {tickets[0], *tickets[2:], other}
    assert tickets[1] in ids("--include-deleted")
    assert ids("-t", "bug") == ids("-p", "high") == ids("-a", "agent-x") == [other]
    assert set(ids("--tag", "seven")) == set(tickets[2:])
    pages, after = [], ()
    while True:
        page = read(ctl("list", "-w", flow.id, "-n", "2", "--sort", "title", "--json", *after))
        pages += [t["title"] for t in page["tickets"]]
        if not page["has_more"]:
            break
        after = ("--after", page["next_after"])
    assert pages == sorted(pages) and len(pages) == 6


def test_ready_is_open_unblocked_and_nobody_s(make_flow, ctl):
    flow = make_flow()
    low, urgent = flow.create("Low", priority="low"), flow.create("Urgent", priority="high")
    flow.create("Taken", assigned_agent_id="agent-a")
    flow.create("Under way", initial_status="doing")
    flow.create("Blocked", blocked_by_ticket_ids=[low])
    flow.applied("ticket.delete", flow.create("Deleted"))
    flow.applied("ticket.resolve", flow.create("Resolved"), {"resolution_comment": "x"})
    ready = read(ctl("list", "--ready", "-w", flow.id, "--json"))
    assert [t["id"] for t in ready["tickets"]] == [urgent, low], "most urgent first"


def test_board_shown(flow, ctl):
    flow.create_many(3)
    flow.create("Doing it", initial_status="doing")
    told = read(ctl("board", flow.id, "--json"))
    assert [(c["id"], c["count"]) for c in told["columns"]] == [("todo", 3), ("doing", 1), ("review", 0), ("done", 0)]
    assert "Doing it" in ctl("board", flow.id).expect(0).out
    assert flow.id in {b["workflow_id"] for b in read(ctl("boards", "--json"))}


def test_board_json_is_what_board_put_takes(flow, ctl, tmp_path):
    shown = ctl("board", flow.id, "--json").expect(0).out
    told = read(ctl("board", "put", "-", "-w", flow.id, "--json", input=shown.encode()))
    assert told["outcome"] == "unchanged", "the same board again"


def test_events_once_and_in_order(flow, ctl):
    ticket = flow.create()
    for n in range(5):
        flow.applied("ticket.comment", ticket, {"comment_text": f"{n}"})
    events = lines(ctl("events", "--ticket", ticket, "--json"))
    assert [e["sequence"] for e in events] == ["1", "2", "3", "4", "5", "6"]
    assert [e for e in lines(ctl("events", "-w", flow.id, "-t", "commented", "--json"))] == events[1:]


def test_events_followed(flow, bus, way, request):
    settings = os.environ | bus.settings
    if way == "served":
        gateway = request.getfixturevalue("gateway")
        settings |= NOTHING_ELSE | {"TICKETBUS_SERVER": gateway.url, "TICKETBUS_TOKEN": gateway.token(f"follow-{uuid7()}")}
    following = subprocess.Popen([bus.stack.program("ticketctl"), "events", "--follow", "-w", flow.id, "--json"],
                                 env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        time.sleep(2)
        ticket = flow.create("Seen live")
        line = following.stdout.readline()
        assert json.loads(line)["subject"] == ticket
    finally:
        following.send_signal(signal.SIGINT)
    _, err = following.communicate(timeout=20)
    assert following.returncode == 0 and b"Sanitizer" not in err, err


# ---- many at once ----

def test_send_lines(flow, ctl):
    ticket = f"ticket-{uuid7()}"
    commands = [
        {"type": "ticket.create", "subject": ticket, "data": {"workflow_id": flow.id, "title": "From a file"}},
        {"type": "ticket.comment", "subject": ticket, "data": {"comment_text": "one"}},
        {"type": "ticket.change_status", "subject": ticket, "data": {"new_status": "nowhere"}},
        {"type": "ticket.comment", "subject": ticket, "data": {"comment_text": "two"}},
    ]
    text = "".join(json.dumps(c) + "\n" for c in commands) + "no json\n"
    ran = ctl("send", "-", "--json", input=text.encode())
    told = lines(ran, 1)
    assert sorted(t["outcome"] for t in told[:-1] if "outcome" in t) == sorted(
        ["applied", "applied", "rejected", "applied", "invalid"]) or told[-1]["applied"] == 3, str(ran)
    comments = flow.bus.db.rows("SELECT comment_text FROM ticket_comments WHERE ticket_id = %s ORDER BY created_at", ticket)
    assert {c["comment_text"] for c in comments} == {"one", "two"}
    assert [m.data["comment"]["comment_text"] for m in flow.events(ticket)[1:]] == ["one", "two"]


def test_larger_than_a_message_may_be_is_not_sent(flow, ctl, bus):
    """Each field is within its limit, all together are not: the library refuses before anything is sent."""
    data = {"workflow_id": flow.id, "title": "Heavy", "description": "🎫" * 200000,
            "related_task_ids": [f"task-{n:04}-" + "x" * 190 for n in range(1000)]}
    before = bus.lag() + bus.db.value("SELECT sum(next_offset) FROM partition_watermarks WHERE topic = %s", bus.commands)
    ran = ctl("send", "-", "--json", input=json.dumps({"type": "ticket.create", "data": data}).encode()).expect(1)
    assert "message_too_large" in ran.out, str(ran)
    after = bus.lag() + bus.db.value("SELECT sum(next_offset) FROM partition_watermarks WHERE topic = %s", bus.commands)
    assert after == before


def test_export_and_back(make_flow, new_bus, direct):
    """What export prints makes the same tickets in an empty installation."""
    flow = make_flow()
    parent, blocker = flow.create("Parent"), flow.create("Blocker", tags=["x"])
    ticket = flow.create("Child — größer", parent_ticket_id=parent, blocked_by_ticket_ids=[blocker],
                         description="Lines\nof \"text\"", assigned_agent_id="agent-a")
    flow.applied("ticket.comment", ticket, {"comment_text": "A comment"})
    flow.applied("ticket.link_commit", ticket, {"commit_sha": "abc", "commit_message": "m", "files_changed": 1})
    flow.applied("ticket.link", ticket, {"dependencies": [{"depends_on": parent, "dependency_type": "related"}]})
    flow.applied("ticket.resolve", parent, {"resolution_comment": "Done"})
    flow.applied("ticket.delete", flow.create("Deleted"))
    exported = direct("export", "-w", flow.id).expect(0).out
    other = new_bus("restored", workers=1)
    other.ctl("send", "-", input=exported.encode()).expect(0)
    other.settle()
    columns = ("id, workflow_id, title, description, ticket_type, priority, status, parent_ticket_id, tags, is_blocked,"
               " is_resolved, is_deleted, blocked_by_ticket_ids, created_by_agent_id, assigned_agent_id, created_at,"
               " started_at, completed_at, resolved_at, deleted_at")
    for statement in (
        f"SELECT {columns} FROM tickets WHERE workflow_id = %s ORDER BY id",
        # Linking a commit is a change of today.
        "SELECT id, updated_at FROM tickets t WHERE workflow_id = %s"
        " AND NOT EXISTS (SELECT FROM ticket_commits c WHERE c.ticket_id = t.id) ORDER BY id",
        "SELECT d.ticket_id, depends_on, dependency_type FROM ticket_dependencies d JOIN tickets t ON t.id = d.ticket_id"
        " WHERE workflow_id = %s ORDER BY 1, 2, 3",
        "SELECT c.ticket_id, agent_id, comment_text, comment_type, c.created_at FROM ticket_comments c"
        " JOIN tickets t ON t.id = c.ticket_id WHERE workflow_id = %s ORDER BY 1, 3",
        "SELECT c.ticket_id, commit_sha, commit_message, files_changed FROM ticket_commits c"
        " JOIN tickets t ON t.id = c.ticket_id WHERE workflow_id = %s ORDER BY 1, 2",
        "SELECT name, columns, ticket_types, default_ticket_type, initial_status FROM board_configs WHERE workflow_id = %s",
    ):
        assert other.db.rows(statement, flow.id) == flow.bus.db.rows(statement, flow.id), statement


# ---- operating ----

def test_dead_letters(flow, direct, bus):
    marker = uuid7()
    bus.publisher.send_raw(f"not json {marker}".encode(), "some-key")
    bus.events.wait(lambda: any(marker in (m.data.get("original") or "") for m in bus.events._topic[bus.dlq]), 20, "a letter")
    told = read(direct("dlq", "list", "--json"))
    assert any(marker in json.dumps(letter) for letter in told["dead_letters"]), told
    assert told["parked"] == []
    assert "malformed" in direct("dlq", "list").expect(0).out


def test_parked_ticket_replayed(new_bus):
    """dlq list, show, replay and drop around a ticket that the database refuses."""
    from bus.workflow import Workflow
    bus = new_bus("parked", workers=1)
    flow = Workflow(bus)
    first, second = flow.create("First", external_id="P-1"), flow.create("Second", external_id="P-2")
    bus.db.rows("ALTER TABLE tickets ADD CONSTRAINT refused CHECK (title <> 'refused')")
    for ticket in (first, second):
        command = flow.send("ticket.update", ticket, {"updates": {"title": "refused"}})
        behind = flow.send("ticket.comment", ticket, {"comment_text": "behind"})
        assert bus.events.outcome(command).kind == bus.events.outcome(behind).kind == "parked"
    told = read(bus.ctl("dlq", "list", "--json"))
    assert {p["ticket_id"] for p in told["parked"]} == {first, second}
    assert "refused" in bus.ctl("dlq", "show", "P-1").expect(0).out
    assert bus.ctl("dlq", "replay", "P-1").expect(1).err
    read(bus.ctl("dlq", "drop", "P-2", "--json"))
    bus.db.rows("ALTER TABLE tickets DROP CONSTRAINT refused")
    read(bus.ctl("dlq", "replay", "P-1", "--json"))
    bus.settle()
    assert (flow.row(first)["title"], flow.row(second)["title"]) == ("refused", "Second")
    assert flow.version(first) == 3 and flow.version(second) == 2
    assert read(bus.ctl("dlq", "list", "--json"))["parked"] == []
    flow.check()


def test_doctor_finds_nothing_wrong(indexed_bus):
    """Also before the first ticket, once the programs have started."""
    deadline = time.monotonic() + 20
    while (ran := indexed_bus.ctl("doctor", "--json")).code != 0 and time.monotonic() < deadline:
        time.sleep(0.5)
    checks = read(ran)["checks"]
    assert {c["state"] for c in checks} == {"ok"} and len(checks) > 10


def test_doctor_says_what_is_wrong(new_bus):
    bus = new_bus("ill", workers=0)
    ran = bus.ctl("doctor", "--json", QDRANT_URL="http://127.0.0.1:1")
    assert ran.code == 3, str(ran)
    checks = {c["part"]: c for c in json.loads(ran.out)["checks"]}
    assert checks["Qdrant"]["state"] == "failed" and checks["Qdrant"]["advice"]
    assert checks["workers"]["state"] != "ok" and checks["workers"]["advice"]
    assert checks["Postgres"]["state"] == "ok"
    bus.ctl("migrate", "down").expect(0)
    checks = {c["part"]: c for c in json.loads(bus.ctl("doctor", "--json").out)["checks"]}
    assert checks["migrations"]["state"] != "ok" and "migrate" in checks["migrations"]["advice"]
    bus.ctl("migrate", "up").expect(0)


def test_topics(direct, bus):
    told = read(direct("topics", "describe", "--json"))
    assert str(bus.PARTITIONS) in json.dumps(told)
    direct("topics", "ensure").expect(0)
    ran = direct("topics", "ensure", TICKETBUS_TOPIC_PARTITIONS="8")
    assert ran.code == 1 and "partition" in ran.err, "growing is refused with the reason"


def test_help_and_completion(ctl):
    names = ctl("help", "--names").expect(0).out.split("\n")
    for name in filter(None, names):
        assert ctl(*name.split(), "--help").expect(0).out.startswith("Usage: ticketctl"), name
    for shell in ("bash", "zsh"):
        assert "ticketctl" in ctl("completion", shell).expect(0).out
    assert ctl("help", "--man").expect(0).out.startswith(".")
