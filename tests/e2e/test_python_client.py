"""The Python client against a gateway: every operation, retries, streams, types."""

import contextlib
import datetime
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
import time
import uuid

import pytest

from bus.boards import board
from bus.gateway import Gateway
from bus.receiver import Receiver

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "gateway" / "clients" / "python"
sys.path.insert(0, str(FOLDER))

import ticketbus  # noqa: E402
from ticketbus import Client, Pending, Problem, TicketbusError  # noqa: E402


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repository")

    def git(*words):
        subprocess.run(["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.org", *words], check=True, capture_output=True)
        return subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    (folder / "a.txt").write_text("one\n")
    git("add", "a.txt")
    return folder, git("commit", "-q", "-m", "First")


@pytest.fixture(scope="module")
def gateway(indexed_bus, repository):
    with Gateway(indexed_bus, "gateway-python", TICKETBUS_GATEWAY_REPOSITORIES=f"here={repository[0]}",
                 TICKETBUS_WEBHOOK_NETWORKS="127.0.0.0/8") as made:
        yield made


@pytest.fixture(scope="module")
def token(gateway):
    return gateway.token("python", "--scope", "admin")


@pytest.fixture
def client(gateway, token):
    with Client(gateway.url, token, agent="agent-py") as made:
        yield made


@pytest.fixture
def workflow(client):
    name = f"python-{uuid.uuid4().hex[:8]}"
    put = client.put_board(name, **board())
    assert put.outcome == "applied" and put.version == 1 and put.workflow_id == name
    return name


# ---- the code itself ----

def test_it_is_generated_from_the_document():
    done = subprocess.run([sys.executable, FOLDER / "generate.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_types_hold(tmp_path):
    """mypy --strict over the package and over a program that uses it."""
    program = tmp_path / "program.py"
    program.write_text(re.search(r"```python\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)[1])
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", FOLDER / "ticketbus", program],
                          capture_output=True, text=True, env=os.environ | {"MYPYPATH": str(FOLDER)}, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    program.write_text("from ticketbus import Client\nClient().create_ticket(title=3)\n")
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", program],
                          capture_output=True, text=True, env=os.environ | {"MYPYPATH": str(FOLDER)}, cwd=tmp_path)
    assert done.returncode == 1 and "workflow_id" in done.stdout, "a wrong call is found"


def test_only_the_standard_library():
    done = subprocess.run([sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(FOLDER)!r}); import ticketbus"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_example_of_the_readme(gateway, token, client):
    client.put_board("sample", **board())
    text = re.search(r"```python\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)[1]
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=120,
                          env=os.environ | {"PYTHONPATH": str(FOLDER), "TICKETBUS_URL": gateway.url, "TICKETBUS_TOKEN": token})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["applied 1", "422 unknown_status new_status", "ticket.created", "command.rejected",
                                        "ticket.updated"]


# ---- every operation ----

def test_every_operation(client, workflow, gateway, repository, indexed_bus):
    called = set()

    class Noting:
        def __getattr__(self, name):
            called.add(name)
            return getattr(client, name)

    say = Noting()
    assert say.health().status and say.ready().status
    ticket = say.create_ticket(workflow_id=workflow, title="First", description="text", tags=["a"], rationale="because",
                               agent_type="worker_agent")
    assert (ticket.outcome, ticket.version, ticket.events[0].type) == ("applied", 1, "ticket.created")
    name = ticket.ticket_id
    assert ticket.ticket.title == "First" and isinstance(ticket.ticket.created_at, datetime.datetime)
    other = say.create_ticket(workflow_id=workflow, title="Second", external_id="EXT").ticket_id
    say.update_ticket(ticket_id=name, updates={"priority": "high", "parent_ticket_id": None}, update_comment="why", if_match=1)
    say.change_ticket_status(ticket_id=name, new_status="doing")
    comment = say.comment_ticket(ticket_id=name, comment_text="Hello", mentions=["agent-b"])
    say.link_commit(ticket_id=name, commit_sha=repository[1], commit_timestamp=datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc))
    say.assign_ticket(ticket_id=name, assigned_agent_id="agent-x")
    say.unassign_ticket(ticket_id=name)
    say.block_ticket(ticket_id=name, blocked_by_ticket_ids=[other])
    say.unblock_ticket(ticket_id=name, blocked_by_ticket_ids=[other])
    say.link_tickets(ticket_id=name, dependencies=[{"depends_on": other, "dependency_type": "related"}])
    whole = say.get_ticket(name)
    assert [c.comment_text for c in whole.comments] == ["why", "Hello"] and whole.links[0].direction == "out"
    assert whole.ticket.version == comment.version + 8 and whole.commits[0].commit_timestamp.year == 2026
    say.edit_comment(ticket_id=name, comment_id=whole.comments[1].comment_id, comment_text="Edited")
    say.unlink_tickets(ticket_id=name, dependencies=[{"depends_on": other, "dependency_type": "related"}])
    say.resolve_ticket(ticket_id=name, resolution_comment="Done")
    say.reopen_ticket(ticket_id=name)
    say.delete_ticket(ticket_id=name)
    assert say.restore_ticket(ticket_id=name).events[0].type == "ticket.restored"
    assert say.get_board(workflow).columns[0].id == "todo"
    page = say.list_tickets(workflow_id=workflow, limit=1, sort_by="title", sort_order="desc")
    assert page.total == 2 and page.has_more and page.tickets[0].title == "Second"
    assert say.list_tickets(workflow_id=workflow, limit=5, sort_by="title", sort_order="desc", cursor=page.next_cursor).tickets[0].ticket_id == name
    assert say.list_tickets(named="EXT", workflow_id=workflow, status=["todo", "doing"]).tickets[0].ticket_id == other
    assert workflow in {w.workflow_id for w in say.list_workflows(counts=True).workflows}
    history = say.get_ticket_history(name, limit=2)
    assert len(history.history) == 2 and history.next_cursor
    outcome = say.get_command(ticket.command_id, events=True)
    assert outcome.outcome == "applied" and outcome.events[0]["type"] == "ticket.created" and outcome.source == "/ticketbus/gateway"
    deadline = time.monotonic() + 30
    while not say.search_tickets(query="First", workflow_id=workflow, filters={"priority": "high"}, explain=True).results:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    hit = say.search_tickets(query="First", workflow_id=workflow, search_type="keyword", explain=True).results[0]
    assert hit.ticket_id == name and hit.ranks["keyword"] == 1
    assert name not in {r.ticket_id for r in say.find_similar_tickets(name, anywhere=True).results}
    diff = say.get_commit_diff(repository[1])
    assert diff.files[0].path == "a.txt" and diff.files[0].hunks[0].lines[0].text == "one"
    say.assign_ticket(ticket_id=name, assigned_agent_id="agent-x")
    assert "agent-x" in {a.agent_id for a in say.list_agents(workflow_id=workflow).agents}
    assert say.get_status().pipeline.unpublished >= 0
    results = say.bulk(commands=[{"operation": "comment_ticket", "ticket_id": name, "comment_text": "one"},
                                 {"operation": "change_ticket_status", "ticket_id": name, "new_status": "nowhere"}]).results
    assert [r.status for r in results] == [200, 422] and results[1].problem.code == "unknown_status"
    hooks(say)
    assert say.open_session() is None and say.end_session() is None
    assert say.openapi()["info"]["title"] == "Ticketbus"
    assert next(iter(say.follow_events(ticket_id=[name], last_event_id="0=0"))).type == "ticket.created"
    say.put_board(workflow, **board(name="Another"))
    document = json.loads((REPOSITORY / "docs" / "openapi.json").read_text())
    all_operations = {o["operationId"] for methods in document["paths"].values() for o in methods.values()} - {"mcp"}
    assert all_operations - called == set()


def hooks(say):
    receiver = Receiver()
    try:
        made = say.create_webhook(url=receiver.url("/x"), event_types=["ticket.created"])
        assert made.secret.startswith("whsec_") and made.status == "active"
        assert made.id in {w.id for w in say.list_webhooks().webhooks}
        assert say.update_webhook(made.id, status="paused").status == "paused"
        assert say.get_webhook(made.id).status == "paused"
        say.update_webhook(made.id, status="active")
        assert say.rotate_webhook_secret(made.id, hours=1).secret != made.secret
        sent = say.test_webhook(made.id)
        deadline = time.monotonic() + 20
        while say.list_webhook_deliveries(made.id, status="delivered").deliveries == []:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert say.list_webhook_deliveries(made.id).deliveries[0].id == sent.delivery_id
        assert say.redrive_webhook(made.id).redriven == 0
        assert say.delete_webhook(made.id) is None
        with pytest.raises(Problem) as gone:
            say.get_webhook(made.id)
        assert gone.value.status == 404
    finally:
        receiver.close()


# ---- refusals, retries, streams ----

def test_refusals_are_problems(client, workflow):
    ticket = client.create_ticket(workflow_id=workflow, title="t").ticket_id
    with pytest.raises(Problem) as refused:
        client.update_ticket(ticket_id=ticket, updates={"title": "x"}, if_match=7)
    assert (refused.value.status, refused.value.code) == (412, "version_conflict") and refused.value.ticket_id == ticket
    with pytest.raises(Problem) as invalid:
        client.create_ticket(workflow_id=workflow, title="")
    assert (invalid.value.status, invalid.value.field) == (422, "title")


def test_nobody_there(token):
    with pytest.raises(TicketbusError):
        Client("http://127.0.0.1:1", token, retries=1).health()
    with pytest.raises(ValueError):
        Client("somewhere")


def test_not_known_yet(indexed_bus, gateway, token, client, workflow):
    workers = [daemon for daemon in indexed_bus.daemons if "worker" in daemon.name]
    with Gateway(indexed_bus, "gateway-hasty", TICKETBUS_GATEWAY_WAIT_MS="300") as hasty:
        for daemon in workers:
            daemon.freeze()
        try:
            with pytest.raises(Pending) as pending:
                Client(hasty.url, token).create_ticket(workflow_id=workflow, title="Late")
        finally:
            for daemon in workers:
                daemon.thaw()
    deadline = time.monotonic() + 30
    while True:
        try:
            assert client.get_command(pending.value.command_id).outcome == "applied"
            break
        except Problem as unknown:
            assert unknown.status == 404 and time.monotonic() < deadline
            time.sleep(0.2)


class Cutting(threading.Thread):
    """A proxy that lets requests through and then cuts every other connection before the answer."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.target, self.cuts = port, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        number = 0
        while True:
            try:
                inside, _ = self.listener.accept()
            except OSError:
                return
            number += 1
            threading.Thread(target=self.carry, args=(inside, number % 2 == 1), daemon=True).start()

    def carry(self, inside, cut):
        with inside, socket.create_connection(("127.0.0.1", self.target)) as outside:
            def answers():
                with contextlib.suppress(OSError):  # either side may be gone
                    while data := outside.recv(65536):
                        if cut:
                            self.cuts += 1
                            inside.shutdown(socket.SHUT_RDWR)
                            return
                        inside.sendall(data)
            threading.Thread(target=answers, daemon=True).start()
            with contextlib.suppress(OSError):
                while data := inside.recv(65536):
                    outside.sendall(data)


def test_what_was_sent_twice_takes_effect_once(gateway, token, client, workflow, indexed_bus):
    """The command arrives, its answer does not: the client asks again and gets the same."""
    proxy = Cutting(gateway.port)
    for n in range(4):
        with Client(f"http://127.0.0.1:{proxy.port}", token) as shaky:
            made = shaky.create_ticket(workflow_id=workflow, title=f"Shaky {n}")
            assert made.version == 1
            shaky.close()
            results = shaky.bulk(commands=[{"operation": "comment_ticket", "ticket_id": made.ticket_id, "comment_text": "once"}]).results
            assert results[0].status == 200
            assert len(client.get_ticket(made.ticket_id).comments) == 1
    assert proxy.cuts >= 4
    assert client.list_tickets(workflow_id=workflow).total == 4
    with Client(f"http://127.0.0.1:{proxy.port}", token) as shaky, pytest.raises(TicketbusError):
        shaky.create_webhook(url="http://192.0.2.1/x")  # no key: it must not be sent twice unasked
    proxy.listener.close()


def test_a_stream_goes_on_behind_the_last_event(gateway, token, client, workflow):
    proxy = Cutting(gateway.port)
    ticket = client.create_ticket(workflow_id=workflow, title="Streamed").ticket_id
    for n in range(5):
        client.comment_ticket(ticket_id=ticket, comment_text=f"{n}")
    seen = []
    for event in Client(f"http://127.0.0.1:{proxy.port}", token).follow_events(ticket_id=[ticket], last_event_id="0=0"):
        seen.append(event)
        if len(seen) == 6:
            break
    assert [e.data["sequence"] for e in seen] == ["1", "2", "3", "4", "5", "6"] and proxy.cuts >= 1
    later = next(iter(client.follow_events(ticket_id=[ticket], last_event_id=seen[2].id)))
    assert later.data["sequence"] == "4"
    with pytest.raises(Problem):
        next(iter(client.follow_events(last_event_id="nonsense")))
    proxy.listener.close()


def test_large_answers_come_compressed(gateway, token, client, workflow):
    for n in range(3):
        client.create_ticket(workflow_id=workflow, title=f"{n}", description="text " * 500)
    fields = ["title", "description"]
    assert len(client.list_tickets(workflow_id=workflow, fields=fields).tickets[0].description) == 2500
    plain = gateway.client("plain", "--scope", "read").get("/tickets/get", workflow_id=workflow, fields="title,description")
    zipped = gateway.client("zipped", "--scope", "read").get("/tickets/get", headers={"Accept_Encoding": "gzip"}, workflow_id=workflow,
                                                            fields="title,description")
    assert zipped.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert len(zipped.body) < len(plain.body) / 10
    assert ticketbus.UNSET is not None
