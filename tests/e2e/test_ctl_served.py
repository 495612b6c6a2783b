"""ticketctl through a gateway: the same answers as directly, byte for byte, and what only one way can do."""

import json
import subprocess
import time
import uuid

import pytest

from bus.gateway import Gateway, free_port
from bus.receiver import Receiver
from bus.wire import uuid7
from bus.workflow import Workflow
from test_index import wait_indexed

NOTHING_ELSE = {"DB_HOST": "127.0.0.1", "DB_PORT": "1", "KAFKA_BROKERS": "127.0.0.1:1", "QDRANT_URL": "http://127.0.0.1:1",
                "EMBEDDING_URL": "http://127.0.0.1:1"}


@pytest.fixture(scope="module")
def gateway(indexed_bus):
    with Gateway(indexed_bus, "gateway-served", TICKETBUS_WEBHOOK_NETWORKS="127.0.0.0/8") as made:
        yield made


@pytest.fixture(scope="module")
def token(gateway):
    return gateway.token("served", "--scope", "admin")


@pytest.fixture(scope="module")
def served(gateway, token):
    settings = NOTHING_ELSE | {"TICKETBUS_SERVER": gateway.url, "TICKETBUS_TOKEN": token}

    def run(*words, **options):
        return gateway.bus.ctl(*words, **(settings | options))

    return run


@pytest.fixture(scope="module")
def tickets(indexed_bus):
    """A workflow with a little of everything, and the last command about it."""
    flow = Workflow(indexed_bus)
    parent = flow.create("Parent — größer", external_id=f"EXT-{uuid7()[-6:]}")
    blocker = flow.create("Comes first", priority="high", tags=["x", "y"])
    ticket = flow.create("The one in the middle", description="Lines\nof \"text\"", parent_ticket_id=parent,
                         blocked_by_ticket_ids=[blocker], tags=["x"], assigned_agent_id="agent-a")
    flow.create("Waits for it", blocked_by_ticket_ids=[ticket])
    flow.create("A child of it", parent_ticket_id=ticket)
    flow.applied("ticket.link", ticket, {"dependencies": [{"depends_on": parent, "dependency_type": "related"},
                                                          {"depends_on": blocker, "dependency_type": "a-kind"}]})
    flow.applied("ticket.link", blocker, {"dependencies": [{"depends_on": ticket, "dependency_type": "duplicates"}]})
    flow.applied("ticket.comment", ticket, {"comment_text": "Customers cannot log in", "mentions": ["agent-b"]})
    flow.applied("ticket.comment", ticket, {"comment_text": "Zweiter\nKommentar"})
    flow.applied("ticket.link_commit", ticket, {"commit_sha": "abcdef12", "commit_message": "Fix\n\nit", "files_changed": 1,
                                                "insertions": 2, "deletions": 0, "files_list": ["a.c"]})
    done = flow.create("Done and gone", ticket_type="bug")
    flow.applied("ticket.resolve", done, {"resolution_comment": "x"})
    flow.applied("ticket.delete", flow.create("Deleted"))
    last = flow.applied("ticket.update", ticket, {"updates": {"title": "The one in the very middle", "priority": "low"}}).command
    refused = flow.run("ticket.change_status", ticket, {"new_status": "nowhere"}).command
    for n in range(12):
        flow.create(f"One of many {n:02}")
    wait_indexed(indexed_bus, 60)
    # Told of its near-duplicate, which is gone since.
    twin = flow.create("Done and gone, once more", description="The gate of berth seven does not close.")
    wait_indexed(indexed_bus, 60)
    alike = flow.create("Done and gone, once more", description="The gate of berth seven does not close.")
    wait_indexed(indexed_bus, 60)
    flow.applied("ticket.delete", twin)
    indexed_bus.settle()
    flow.names = {"TICKET": ticket, "PARENT": parent, "BLOCKER": blocker, "W": flow.id, "LAST": last.id, "REFUSED": refused.id,
                  "EXT": flow.row(parent)["external_id"], "END": ticket[-9:], "ALIKE": alike}
    wait_indexed(indexed_bus, 60)
    yield flow
    flow.check()


@pytest.mark.parametrize("words", [
    "list -w W", "list -w W --json", "list -w W --include-completed --include-deleted --json", "list -w W --ready --json",
    "list -w W -n 4 --offset 2 --sort title --json", "list -w W -n 3 --sort title --after TICKET --json",
    "list -w W -s todo,doing -p high,low --tag x --json", "list -w W --sort updated_at --order asc --json",
    "list -w W -t bug --include-completed", "list -w W --sort priority --json", "list -w W --sort status --json",
    "show TICKET", "show TICKET --json", "show TICKET --history", "show TICKET --history --json", "show EXT --json",
    "show END --json", "show BLOCKER --json", "show PARENT --json", "show ALIKE", "show ALIKE --json",
    "history TICKET", "history TICKET --json", "history TICKET --field priority --json",
    "board W", "board W --json", "board W -n 2 -p high --json", "board W --tag x --json",
    "outcome LAST", "outcome LAST --json", "outcome LAST --source /tests/e2e --json", "outcome REFUSED", "outcome REFUSED --json",
    "search customers log in -w W", "search customers log in -w W --json", "search middle -w W --mode keyword --explain",
    "search middle -w W -n 2 --offset 1 --json", "search middle -w W --no-comments -p low --json",
    "similar TICKET", "similar TICKET --json", "similar TICKET --anywhere -n 3 --json",
    "events -w W --json", "events --ticket TICKET", "events -w W -t commented --json", "events --ticket TICKET -n 3 --json",
    # what is not there, and what is wrong
    "show ticket-01a20a6f-0000-7000-8000-000000000000", "show never-heard-of", "history never-heard-of", "board never-heard-of",
    "outcome never-heard-of", "outcome LAST --source /elsewhere", "similar ticket-01a20a6f-0000-7000-8000-000000000000",
])
def test_both_ways_say_the_same(tickets, indexed_bus, served, words):
    words = [tickets.names.get(word, word) for word in words.split()]
    directly, through = indexed_bus.ctl(*words), served(*words)
    if words[:2] == ["events", "-w"]:  # of many tickets: their events are in order for each, and in no order among them
        for ran in (directly, through):
            ran.out = "\n".join(sorted(ran.out.splitlines()))
    assert (through.code, through.out, through.err) == (directly.code, directly.out, directly.err), f"{directly}\n{through}"
    assert through.out or through.err


def test_similar_tickets_told_are_shown(tickets, served):
    alike = tickets.names["ALIKE"]
    [told] = json.loads(served("show", alike, "--json").expect(0).out)["similar"]
    assert told["title"] == "Done and gone, once more" and told["is_deleted"] and 990 <= told["score"] <= 1000
    shown = served("show", alike).expect(0).out
    assert "Similar when it was created (1)" in shown and told["id"] in shown and "deleted" in shown


def test_boards_of_all_workflows(tickets, indexed_bus, served):
    assert json.loads(served("boards", "--json").expect(0).out) == json.loads(indexed_bus.ctl("boards", "--json").expect(0).out)
    assert served("boards").expect(0).out == indexed_bus.ctl("boards").expect(0).out


def shaped(outcome):
    """Without what differs from command to command."""
    outcome = {k: v for k, v in outcome.items() if k not in ("command_id", "ticket_id", "source")}
    outcome["events"] = [{k: v for k, v in e.items() if k in ("type", "sequence", "actor", "actortype", "causationindex", "causationcount")}
                         for e in outcome.get("events", [])]
    return outcome


def test_commands_are_answered_the_same(tickets, indexed_bus, served):
    """Two tickets of the same life, one each way; outcomes told the same but for ids."""
    def live(ctl, text):
        told = []

        def say(*words, code=0):
            outcome = json.loads(ctl(*words, "--json").expect(code).out)
            told.append(shaped(json.loads(json.dumps(outcome).replace(outcome["ticket_id"], "T"))))
            return outcome

        ticket = say("create", "Twins", "-w", tickets.id, "-d", text, "--tag", "a", "--actor", "agent-t",
                     "--actor-type", "worker_agent", "--rationale", "because")["ticket_id"]
        say("update", ticket, "--title", "Twin", "-c", "renamed", "--expected-version", "1", "--actor", "agent-t")
        say("update", ticket, "--title", "No", "--expected-version", "1", code=1)
        say("update", ticket, "--title", "Twin")
        say("status", ticket, "nowhere", code=1)
        say("comment", ticket, "hello", "--mentions", "agent-b")
        say("block", ticket, tickets.names["BLOCKER"])
        say("resolve", ticket, "done", code=1)
        say("unblock", ticket, tickets.names["BLOCKER"])
        say("assign", ticket, "agent-x", "--exclusive")
        say("resolve", ticket, "done")
        say("delete", ticket)
        plain = ctl("restore", ticket).expect(0).out
        refused = ctl("status", ticket, "nowhere").expect(1).err
        return told, plain.replace(ticket, "T"), refused.replace(ticket, "T")

    # Of near-duplicates one would be told, which is a version more.
    through = live(served, "The printer on the third floor jams whenever somebody feeds it thick paper from the lower tray.")
    directly = live(indexed_bus.ctl, "Customers in Norway are shown prices of last year's catalogue after they change the language.")
    for one, other in zip(through[0], directly[0], strict=True):
        assert one == other
    assert through[1:] == directly[1:]


@pytest.mark.parametrize("words", [
    ("create", "x" * 600, "-w", "W"), ("create", "t", "-w", "W", "--type", "no such type"), ("create", "t", "-w", "nowhere"),
    ("comment", "TICKET", ""), ("assign", "TICKET", " an agent"), ("create", "t", "-w", "W", "--actor", "some\tbody"),
    ("status", "ticket-01a20a6f-0000-7000-8000-000000000000", "doing"), ("board", "put", "-", "-w", "W"),
])
def test_what_is_refused_is_refused_with_the_same_words(tickets, indexed_bus, served, words):
    words = [tickets.names.get(word, word) for word in words]
    directly, through = (run(*words, input=b'{"name": 7}') for run in (indexed_bus.ctl, served))
    assert directly.code in (1, 2)

    def told(ran):  # a create that is refused has made a ticket id up
        return (ran.code, ran.out, " ".join(word for word in ran.err.split() if not word.startswith("ticket-") or "0000" in word))

    assert told(through) == told(directly), f"{directly}\n{through}"


def test_sent_and_asked_later(tickets, served):
    ran = json.loads(served("comment", tickets.names["TICKET"], "later", "--no-wait", "--json").expect(0).out)
    assert ran["outcome"] == "sent"
    deadline = time.monotonic() + 20
    while served("outcome", ran["command_id"]).code:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_many_lines_in_order(tickets, served, indexed_bus):
    """More than one request's worth, with refusals in between; those of a ticket in their order."""
    ticket = tickets.create("Many")
    commands = [{"type": "ticket.comment", "subject": ticket, "data": {"comment_text": f"{n}"}} for n in range(450)]
    commands.insert(300, {"type": "ticket.change_status", "subject": ticket, "data": {"new_status": "nowhere"}})
    text = "".join(json.dumps(c) + "\n" for c in commands)
    told = [json.loads(line) for line in served("send", "-", "--json", input=text.encode()).expect(1).out.splitlines()]
    assert told[-1] | {"pending": 0} == {"sent": 451, "applied": 450, "unchanged": 0, "rejected": 1, "parked": 0, "pending": 0,
                                         "failed": 0, "refused": 0, "skipped": 0}
    assert [t["line"] for t in told[:-1]] == list(range(1, 452)) and told[300]["code"] == "unknown_status"
    rows = indexed_bus.db.rows("SELECT new_value FROM ticket_history WHERE ticket_id = %s AND change_type = 'commented'"
                               " ORDER BY version", ticket)
    comments = indexed_bus.db.rows("SELECT comment_text FROM ticket_comments WHERE ticket_id = %s ORDER BY created_at, id", ticket)
    assert len(comments) == 450 and len(rows) >= 0
    events = [json.loads(line) for line in served("events", "--ticket", ticket, "-t", "commented", "--json").expect(0).out.splitlines()]
    assert [e["data"]["comment"]["comment_text"] for e in events] == [f"{n}" for n in range(450)]


def test_what_a_gateway_does_not_take_is_said_line_by_line(tickets, served):
    lines = [{"type": "ticket.import", "subject": f"ticket-{uuid7()}", "data": {"workflow_id": tickets.id, "title": "t"}}]
    told = [json.loads(line) for line in served("send", "-", "--json", input=json.dumps(lines[0]).encode()).expect(1).out.splitlines()]
    assert told[0]["outcome"] == "refused" and "gateway" in told[0]["message"] and told[-1]["refused"] == 1


def test_webhooks(served, indexed_bus):
    receiver = Receiver()
    try:
        made = json.loads(served("webhook", "create", receiver.url("/x"), "--type", "created", "--description", "d", "--json").expect(0).out)
        assert made["secret"].startswith("whsec_")
        name = made["id"]
        for words in (("webhook", "list"), ("webhook", "show", name), ("webhook", "list", "--json"), ("webhook", "show", name, "--json")):
            assert served(*words).expect(0).out == indexed_bus.ctl(*words).expect(0).out, words
        served("webhook", "test", name).expect(0)
        told = [json.loads(run("webhook", "deliveries", name, "--json").expect(0).out) for run in (served, indexed_bus.ctl)]
        assert told[0] == told[1] and told[0]["deliveries"][0]["event_type"] == "webhook.test"
        assert json.loads(served("webhook", "pause", name, "--json").expect(0).out)["status"] == "paused"
        assert json.loads(served("webhook", "resume", name, "--json").expect(0).out)["status"] == "active"
        assert json.loads(served("webhook", "rotate", name, "--json").expect(0).out)["secret"] != made["secret"]
        served("webhook", "redrive", name).expect(0)
        served("webhook", "delete", name).expect(0)
        gone, directly = served("webhook", "show", name), indexed_bus.ctl("webhook", "show", name)
        assert (gone.code, gone.err) == (directly.code, directly.err) == (1, gone.err)
    finally:
        receiver.close()


@pytest.mark.parametrize("words", [
    "migrate up", "migrate down", "migrate status", "topics ensure", "topics describe", "doctor", "export", "dlq list", "dlq show x",
    "dlq replay x", "dlq drop x", "index status", "index verify", "token create x", "token list", "token revoke x", "timeline",
    "import beads x",
])
def test_what_cannot_go_through_a_gateway_says_so(served, words):
    ran = served(*words.split()).expect(2)
    assert "cannot go through a gateway" in ran.err and ran.out == ""


def test_send_once_cannot_either(served):
    assert "--once" in served("send", "-", "--once", input=b"").expect(2).err


def test_programs_and_help_need_no_gateway(served):
    dead = {"TICKETBUS_SERVER": "http://127.0.0.1:1"}
    for words in (("version",), ("settings",), ("help",), ("list", "--help")):
        served(*words, **dead).expect(0)


def test_a_gateway_away_is_3(served):
    assert "127.0.0.1:1" in served("list", TICKETBUS_SERVER="http://127.0.0.1:1").expect(3).err
    assert served("create", "t", "-w", "w", "--timeout", "1", TICKETBUS_SERVER="http://127.0.0.1:1").code == 3
    assert served("events", TICKETBUS_SERVER="http://127.0.0.1:1").code == 3


def test_tokens(served, gateway, tickets, tmp_path):
    """From a file; missing, wrong, of too little reach; and never in the messages."""
    assert "TICKETBUS_TOKEN" in served("list", TICKETBUS_TOKEN="").expect(2).err
    wrong = "tbk_" + "0" * 64
    ran = served("list", TICKETBUS_TOKEN=wrong).expect(2)
    assert "unauthorized" in ran.err and wrong not in ran.err + ran.out
    reader = gateway.token("served-reader", "--scope", "read")
    file = tmp_path / "token"
    file.write_text(reader + "\n")
    by_file = {"TICKETBUS_TOKEN": "", "TICKETBUS_TOKEN_FILE": file}
    served("show", tickets.names["TICKET"], **by_file).expect(0)
    assert "scope" in served("comment", tickets.names["TICKET"], "no", **by_file).expect(1).err
    assert served("list", TICKETBUS_TOKEN="", TICKETBUS_TOKEN_FILE=tmp_path / "none").code == 2
    bound = gateway.token("served-bound", "--agent", "agent-bound")
    ran = json.loads(served("comment", tickets.names["TICKET"], "mine", "--json", TICKETBUS_TOKEN=bound, TICKETBUS_ACTOR="").expect(0).out)
    assert ran["events"][0]["actor"] == "agent-bound", "the token says who acts"
    assert served("comment", tickets.names["TICKET"], "no", "--actor", "agent-z", TICKETBUS_TOKEN=bound, TICKETBUS_ACTOR="").code == 1


def test_the_option_wins_over_the_setting(served, gateway):
    served("boards", "--server", gateway.url + "/", TICKETBUS_SERVER="http://127.0.0.1:1").expect(0)
    assert "address" in served("boards", "--server", "somewhere").expect(2).err


def test_events_go_on_when_the_gateway_comes_back(indexed_bus, tickets):
    """Followed across a restart: nothing is missed and nothing comes twice."""
    ticket = tickets.create("Followed")
    with Gateway(indexed_bus, "gateway-restarted") as gateway:
        settings = NOTHING_ELSE | {"TICKETBUS_SERVER": gateway.url, "TICKETBUS_TOKEN": gateway.token("restarted")}
        following = subprocess.Popen(
            [indexed_bus.stack.program("ticketctl"), "events", "--follow", "--from-beginning", "--ticket", ticket, "-n", "21", "--json"],
            env=indexed_bus.settings | settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            assert json.loads(following.stdout.readline())["type"] == "ticket.created"
            for n in range(20):
                tickets.applied("ticket.comment", ticket, {"comment_text": f"{n}"})
                if n == 8:
                    gateway.daemon.stop()
                if n == 12:
                    gateway.start()
            out, err = following.communicate(timeout=60)
        finally:
            following.kill()
    assert following.returncode == 0, err
    assert [json.loads(line)["sequence"] for line in out.splitlines()] == [f"{n}" for n in range(2, 22)], err


def test_retries_take_effect_once(indexed_bus, tickets):
    """The gateway is killed under a client that creates with an id of its own, again and again."""
    with Gateway(indexed_bus, "gateway-killed") as gateway:
        settings = NOTHING_ELSE | {"TICKETBUS_SERVER": gateway.url, "TICKETBUS_TOKEN": gateway.token("killed")}
        name = str(uuid.uuid4())
        made = set()
        for n in range(6):
            ran = indexed_bus.ctl("create", f"Once {name}", "-w", tickets.id, "--id", name, "--json", **settings)
            if ran.code == 0:
                made.add(json.loads(ran.out)["ticket_id"])
            if n % 2:
                gateway.daemon.kill()
                gateway.start()
    assert len(made) == 1
    assert indexed_bus.db.value("SELECT count(*) FROM tickets WHERE title = %s", f"Once {name}") == 1


def test_tls(indexed_bus, token, tmp_path):
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"], capture_output=True)
    assert made.returncode == 0, made.stderr
    port = free_port()
    daemon = indexed_bus.start("ticketbus-gateway", "gateway-ctl-tls", TICKETBUS_GATEWAY_LISTEN=f"127.0.0.1:{port}",
                               TICKETBUS_GATEWAY_TLS_CERT=str(tmp_path / "cert.pem"), TICKETBUS_GATEWAY_TLS_KEY=str(tmp_path / "key.pem"))
    settings = NOTHING_ELSE | {"TICKETBUS_SERVER": f"https://localhost:{port}", "TICKETBUS_TOKEN": token}
    trusted = settings | {"TICKETBUS_SERVER_CA": str(tmp_path / "cert.pem")}
    deadline = time.monotonic() + 30
    while indexed_bus.ctl("boards", **trusted).code:
        assert daemon.running and time.monotonic() < deadline, daemon.tail()
        time.sleep(0.2)
    ran = indexed_bus.ctl("boards", **settings).expect(3)
    assert "certificate" in ran.err.lower() or "SSL" in ran.err
    indexed_bus.ctl("boards", TICKETBUS_SERVER_VERIFY="false", **settings).expect(0)
    indexed_bus.ctl("events", "-n", "1", **trusted).expect(0)
    assert indexed_bus.ctl("boards", **(trusted | {"TICKETBUS_SERVER": f"https://127.0.0.2:{port}"})).code == 3, "another name"
    daemon.stop()
