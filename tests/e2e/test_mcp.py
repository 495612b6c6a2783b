"""The gateway's MCP face, with the official Python SDK over Streamable HTTP and over stdio, and by hand."""

import asyncio
import contextlib
import json
import os
import time
import uuid

import httpx
import pytest
from mcp import ClientSession, McpError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import PromptReference, ResourceTemplateReference

from bus.gateway import Client, Gateway
from bus.relay import Relay

REVISIONS = ["2025-11-25", "2025-06-18"]


@pytest.fixture(scope="module")
def gateway(bus):
    with Gateway(bus, "gateway-mcp") as made:
        yield made


@pytest.fixture(scope="module")
def tokens(gateway):
    return {scope: gateway.token(f"mcp-{scope}", "--scope", scope) for scope in ("read", "write", "admin")}


@pytest.fixture(scope="module")
def workflow(gateway, tokens):
    workflow = f"mcp-{uuid.uuid4().hex[:8]}"
    board = {
        "name": "Agents' board",
        "columns": [{"id": "todo", "category": "open"}, {"id": "doing", "category": "active"}, {"id": "done", "category": "done"}],
        "ticket_types": ["task"],
        "default_ticket_type": "task",
        "initial_status": "todo",
    }
    Client(gateway, tokens["admin"]).request("PUT", f"/tickets/board-config/{workflow}", board).expect(200)
    return workflow


@contextlib.asynccontextmanager
async def over_http(gateway, token, agent="agent-mcp"):
    headers = {"Authorization": f"Bearer {token}", "X-Agent-ID": agent}
    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        async with streamable_http_client(f"{gateway.url}/mcp", http_client=http) as (read, write, _):
            async with ClientSession(read, write) as session:
                yield session


@contextlib.asynccontextmanager
async def over_stdio(gateway, token):
    server = StdioServerParameters(
        command=os.path.join(os.environ["TICKETBUS_BIN"], "ticketctl"),
        args=["mcp", "--server", gateway.url],
        env=dict(os.environ) | {"TICKETBUS_TOKEN": token, "TICKETBUS_ACTOR": "agent-stdio"},
    )
    async with stdio_client(server) as (read, write):
        async with ClientSession(read, write) as session:
            yield session


@pytest.fixture(params=["http", "stdio"])
def connect(request, gateway):
    return lambda token: (over_http if request.param == "http" else over_stdio)(gateway, token)


def test_an_agent_s_working_day(connect, gateway, tokens, workflow):
    async def run():
        async with connect(tokens["write"]) as session:
            hello = await session.initialize()
            assert hello.protocolVersion == "2025-11-25" and hello.serverInfo.name == "ticketbus"
            await session.send_ping()

            tools = {tool.name: tool for tool in (await session.list_tools()).tools}
            assert "put_board" not in tools, "a token without admin sees no tool for it"
            assert tools["list_tickets"].annotations.readOnlyHint and tools["delete_ticket"].annotations.destructiveHint
            assert not tools["create_ticket"].annotations.readOnlyHint
            assert {"workflow_id", "title"} <= set(tools["create_ticket"].inputSchema["required"])

            made = await session.call_tool("create_ticket", {"workflow_id": workflow, "title": "Parse the log", "ticket_type": "task"})
            assert not made.isError and made.structuredContent["outcome"] == "applied"
            ticket = made.structuredContent["ticket_id"]
            assert json.loads(made.content[0].text) == made.structuredContent

            ready = await session.call_tool("list_tickets", {"workflow_id": workflow, "ready": True})
            assert ticket in [t["ticket_id"] for t in ready.structuredContent["tickets"]]
            taken = await session.call_tool("assign_ticket", {"ticket_id": ticket, "exclusive": True})
            assert not taken.isError
            async with over_http(gateway, tokens["write"], "agent-other") as rival:
                await rival.initialize()
                late = await rival.call_tool("assign_ticket", {"ticket_id": ticket, "exclusive": True})
                assert late.isError and late.structuredContent["code"] == "already_assigned", late

            moved = await session.call_tool("change_ticket_status", {"ticket_id": ticket, "new_status": "nowhere"})
            assert moved.isError and "unknown_status" in moved.content[0].text
            await session.call_tool("resolve_ticket", {"ticket_id": ticket, "resolution_comment": "parsed"})

            read = await session.read_resource(f"ticket://{ticket}")
            assert json.loads(read.contents[0].text)["ticket"]["is_resolved"] is True
            boards = (await session.list_resources()).resources
            assert f"board://{workflow}" in [str(r.uri) for r in boards]
            assert json.loads((await session.read_resource(f"board://{workflow}")).contents[0].text)["name"] == "Agents' board"
            assert {t.name for t in (await session.list_resource_templates()).resourceTemplates} == {"ticket", "board"}

            assert {p.name for p in (await session.list_prompts()).prompts} == {"triage", "hand_over"}
            prompt = await session.get_prompt("triage", {"workflow_id": workflow})
            assert workflow in prompt.messages[0].content.text

    asyncio.run(run())


def test_what_does_not_work_says_why(gateway, tokens, workflow):
    async def run():
        async with over_http(gateway, tokens["write"]) as session:
            await session.initialize()
            wrong = await session.call_tool("create_ticket", {"workflow_id": workflow, "titel": "x"})
            assert wrong.isError and wrong.structuredContent["field"], wrong
            for call in (
                session.call_tool("no_such_tool", {}),
                session.read_resource("ticket://ticket-00000000-0000-7000-8000-000000000000"),
                session.read_resource("file:///etc/passwd"),
                session.get_prompt("no_such_prompt"),
                session.get_prompt("triage", {}),
            ):
                with pytest.raises(McpError):
                    await call
        async with over_http(gateway, tokens["read"]) as session:
            await session.initialize()
            assert "create_ticket" not in {tool.name for tool in (await session.list_tools()).tools}
            refused = await session.call_tool("create_ticket", {"workflow_id": workflow, "title": "no"})
            assert refused.isError and refused.structuredContent["code"] == "scope_missing"

    asyncio.run(run())


def test_retry_with_the_same_key_takes_effect_once(gateway, tokens, workflow):
    async def run():
        async with over_http(gateway, tokens["write"]) as session:
            await session.initialize()
            arguments = {"workflow_id": workflow, "title": "Once"}
            meta = {"ticketbus/idempotencyKey": f"key-{uuid.uuid4()}"}
            first = await session.call_tool("create_ticket", arguments, meta=meta)
            again = await session.call_tool("create_ticket", arguments, meta=meta)
            assert first.structuredContent["ticket_id"] == again.structuredContent["ticket_id"]
            stale = await session.call_tool(
                "comment_ticket",
                {"ticket_id": first.structuredContent["ticket_id"], "comment_text": "x"},
                meta={"ticketbus/expectedVersion": 7},
            )
            assert stale.isError and stale.structuredContent["code"] == "version_conflict"

    asyncio.run(run())


def test_progress_is_told_when_asked_for(gateway, tokens, workflow):
    told = []

    async def on_progress(done, total, message):
        told.append((done, total, message))

    async def run():
        async with over_http(gateway, tokens["write"]) as session:
            await session.initialize()
            made = await session.call_tool("create_ticket", {"workflow_id": workflow, "title": "Slowly"}, progress_callback=on_progress)
            assert not made.isError

    asyncio.run(run())
    assert told and told[0][0] == 0 and told[0][1] > 0


@contextlib.contextmanager
def frozen_workers(bus):
    workers = [daemon for daemon in bus.daemons if "worker" in daemon.name and daemon.running]
    for worker in workers:
        worker.freeze()
    try:
        yield
    finally:
        for worker in workers:
            worker.thaw()


def test_a_long_call_tells_every_second_that_it_is_waited_for(bus, gateway, tokens, workflow):
    told = []

    async def on_progress(done, total, message):
        told.append((done, total))

    async def run():
        async with over_http(gateway, tokens["write"]) as session:
            await session.initialize()
            with frozen_workers(bus):
                call = asyncio.create_task(
                    session.call_tool("create_ticket", {"workflow_id": workflow, "title": "Long"}, progress_callback=on_progress))
                await asyncio.sleep(3.3)
            made = await call
            assert not made.isError and made.structuredContent["outcome"] == "applied"

    asyncio.run(run())
    done = [d for d, _ in told]
    assert len(done) >= 3 and done == sorted(set(done)) and all(d < total for d, total in told), told


def events_of(text):
    """The server-sent events of a text: [(id, data)], whatever else they hold."""
    fields = [dict(line.split(":", 1) for line in block.splitlines()) for block in text.strip().split("\n\n")]
    return [(block.get("id", "").strip(), block.get("data", "").strip()) for block in fields]


def call_message(title, workflow, id=7):
    return {"jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": {"name": "create_ticket", "arguments": {"workflow_id": workflow, "title": title}, "_meta": {"progressToken": "p"}}}


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_call_whose_gateway_is_killed_is_answered_by_another(bus, gateway, tokens, workflow, revision):
    title = f"Survives {revision}"
    headers = {"Authorization": f"Bearer {tokens['write']}", "Accept": "application/json, text/event-stream",
               "MCP-Protocol-Version": revision}
    with frozen_workers(bus):
        with Gateway(bus, f"gateway-killed-{revision}") as doomed:
            with httpx.stream("POST", f"{doomed.url}/mcp", json=call_message(title, workflow, 'x"y'), headers=headers, timeout=30) as stream:
                text, chunks = "", stream.iter_text()
                while '"progress":1' not in text:  # so the command was sent a second ago
                    text += next(chunks)
                doomed.daemon.kill()
        told = events_of(text)
        assert all(id for id, _ in told) and len({id for id, _ in told}) == len(told)
        primed = told[0][1] == ""
        assert primed == (revision == "2025-11-25"), "older clients do not know events without data"
        resume = lambda token: httpx.get(f"{gateway.url}/mcp", headers=headers | {"Last-Event-ID": told[-1][0],
                                         "Authorization": f"Bearer {token}"}, timeout=30)
        early = resume(tokens["write"])
        assert early.status_code == 200 and [data for _, data in events_of(early.text)] == [""] and "retry:" in early.text
    deadline = time.monotonic() + 30
    while not (data := events_of(resume(tokens["write"]).text)[0][1]):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    answer = json.loads(data)
    assert answer["id"] == 'x"y' and not answer["result"]["isError"], answer
    made = answer["result"]["structuredContent"]
    assert made["outcome"] == "applied" and made["version"] == 1
    found = Client(gateway, tokens["read"]).get("/tickets/get", workflow_id=workflow).expect(200)["tickets"]
    assert [t["ticket_id"] for t in found if t["title"] == title] == [made["ticket_id"]]
    elsewhere = gateway.token(f"elsewhere-{revision}", "--scope", "write", "--workflow", "another")
    hidden = events_of(resume(elsewhere).text)
    assert hidden[0][1] == "", "another workflow's command is not there for this token"


def test_the_official_client_gets_its_answer_although_the_gateway_dies(bus, gateway, tokens, workflow):
    """By itself: it comes back with the last event's id, and the balancer leads it to another gateway."""
    title = f"Outlives {uuid.uuid4().hex[:6]}"
    with Gateway(bus, "gateway-dies") as doomed:
        relay = Relay(doomed.port)
        waited = asyncio.Event()

        async def on_progress(done, total, message):
            if done >= 1:
                waited.set()

        async def run():
            headers = {"Authorization": f"Bearer {tokens['write']}", "X-Agent-ID": "agent-mcp"}
            async with httpx.AsyncClient(headers=headers, timeout=30) as http:
                async with streamable_http_client(f"http://127.0.0.1:{relay.port}/mcp", http_client=http) as (read, write, _):
                    async with ClientSession(read, write) as session:
                        await session.initialize()
                        with frozen_workers(bus):
                            call = asyncio.create_task(session.call_tool("create_ticket", {"workflow_id": workflow, "title": title},
                                                                         progress_callback=on_progress))
                            await asyncio.wait_for(waited.wait(), 20)
                            doomed.daemon.kill()
                            relay.target = gateway.port
                            await asyncio.sleep(1.5)
                            assert not call.done()
                        made = await asyncio.wait_for(call, 30)
                        assert not made.isError and made.structuredContent["outcome"] == "applied"
                        return made.structuredContent["ticket_id"]

        try:
            ticket = asyncio.run(run())
        finally:
            relay.close()
    found = Client(gateway, tokens["read"]).get("/tickets/get", workflow_id=workflow).expect(200)["tickets"]
    assert [t["ticket_id"] for t in found if t["title"] == title] == [ticket]


def test_a_refused_call_can_be_resumed_too(gateway, tokens, workflow):
    headers = {"Authorization": f"Bearer {tokens['write']}", "Accept": "text/event-stream"}
    message = call_message("x", workflow)
    ticket = Client(gateway, tokens["write"]).post("/tickets/create", {"workflow_id": workflow, "title": "x"}).expect(201)["ticket_id"]
    message["params"] |= {"name": "change_ticket_status", "arguments": {"ticket_id": ticket, "new_status": "nowhere"}}
    direct = events_of(httpx.post(f"{gateway.url}/mcp", json=message, headers=headers, timeout=30).text)
    again = events_of(httpx.get(f"{gateway.url}/mcp", headers=headers | {"Last-Event-ID": direct[0][0]}, timeout=30).text)
    first, second = (json.loads(events[-1][1])["result"] for events in (direct, again))
    assert first["isError"] and second["isError"]
    assert first["structuredContent"]["code"] == second["structuredContent"]["code"] == "unknown_status"


@pytest.mark.parametrize("last", ["", "1", "x" * 5000, f"{uuid.uuid4()}.1.1.", f"{uuid.uuid4()}.1.1.e30=", f"{uuid.uuid4()}.1.1.MQ==MQ",
                                  f"{uuid.uuid4()}.-1.1.MQ==", f"{uuid.uuid4()}.99999999999999999999.1.MQ==", "' OR 1=1 --"])
def test_ids_of_events_that_are_none(gateway, tokens, last):
    answer = httpx.get(f"{gateway.url}/mcp", headers={"Authorization": f"Bearer {tokens['read']}", "Last-Event-ID": last}, timeout=30)
    assert answer.status_code == 400, answer.text


def test_a_command_never_heard_of_is_pending_after_a_minute(gateway, tokens):
    headers = {"Authorization": f"Bearer {tokens['read']}", "Last-Event-ID": f"{uuid.uuid4()}.{int(time.time()) - 90}.1.MQ=="}
    answer = httpx.get(f"{gateway.url}/mcp", headers=headers, timeout=30)
    told = json.loads(events_of(answer.text)[0][1])
    assert told["id"] == 1 and told["result"]["structuredContent"]["outcome"] == "pending"
    assert httpx.get(f"{gateway.url}/mcp", headers=headers | {"Authorization": "Bearer no"}).status_code == 401


def test_ids_are_completed(gateway, tokens, workflow):
    client = Client(gateway, tokens["write"])
    ticket = client.post("/tickets/create", {"workflow_id": workflow, "title": "Rename the Zeppelin"}).expect(201)["ticket_id"]

    async def run():
        async with over_http(gateway, tokens["read"]) as session:
            hello = await session.initialize()
            assert hello.capabilities.completions is not None
            ask = lambda ref, name, value: session.complete(ref, {"name": name, "value": value})
            triage = PromptReference(type="ref/prompt", name="triage")
            found = (await ask(triage, "workflow_id", workflow[:-2])).completion
            assert workflow in found.values and not found.hasMore
            hand_over = PromptReference(type="ref/prompt", name="hand_over")
            assert (await ask(hand_over, "ticket_id", ticket[:-4])).completion.values[0] == ticket
            by_uri = ResourceTemplateReference(type="ref/resource", uri="ticket://{ticket_id}")
            assert (await ask(by_uri, "ticket_id", "the zepp")).completion.values == [ticket]
            board = ResourceTemplateReference(type="ref/resource", uri="board://{workflow_id}")
            assert (await ask(board, "workflow_id", "no such")).completion.values == []
            for ref, name in ((triage, "ticket_id"), (PromptReference(type="ref/prompt", name="none"), "x"), (by_uri, "x")):
                with pytest.raises(McpError):
                    await ask(ref, name, "")
        elsewhere = gateway.token(f"completes-{uuid.uuid4().hex[:6]}", "--scope", "read", "--workflow", "another")
        async with over_http(gateway, elsewhere) as session:
            await session.initialize()
            assert (await ask_board(session)).completion.values == []

    async def ask_board(session):
        return await session.complete(ResourceTemplateReference(type="ref/resource", uri="board://{workflow_id}"),
                                      {"name": "workflow_id", "value": ""})

    asyncio.run(run())


@pytest.fixture
def raw(gateway, tokens):
    def post(body, **headers):
        sent = {"Authorization": f"Bearer {tokens['read']}", "Accept": "application/json, text/event-stream"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        if isinstance(body, dict):
            body = json.dumps(body)
        return httpx.post(f"{gateway.url}/mcp", content=body, headers={k: v for k, v in sent.items() if v is not None}, timeout=30)

    return post


@pytest.mark.parametrize("asked, given", [(r, r) for r in REVISIONS] + [("1999-01-01", REVISIONS[0])])
def test_the_revision_is_agreed_on(raw, asked, given):
    params = {"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    answer = raw({"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": params}).json()
    assert answer["id"] == "a" and answer["result"]["protocolVersion"] == given


@pytest.mark.parametrize(
    "body, code",
    [
        ("{", -32700),
        ('[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600),
        ({"jsonrpc": "1.0", "id": 1, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": 1}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}, -32600),
    ],
)
def test_what_is_no_message_is_refused(raw, body, code):
    answer = raw(body)
    assert answer.status_code == 400 and answer.json()["error"]["code"] == code


def test_transport(raw, gateway, tokens):
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    assert raw(ping).json() == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert raw({"jsonrpc": "2.0", "id": 2, "method": "no/such"}).json()["error"]["code"] == -32601
    assert raw({"jsonrpc": "2.0", "method": "notifications/initialized"}).status_code == 202
    assert raw(ping, Authorization=None).status_code == 401
    assert raw(ping, MCP_Protocol_Version="2020-01-01").status_code == 400
    assert raw(ping, MCP_Protocol_Version="2025-06-18").status_code == 200
    assert raw(ping, Origin="https://evil.example").status_code == 403
    assert raw(ping, Origin=gateway.url).status_code == 200
    got = httpx.get(f"{gateway.url}/mcp", headers={"Authorization": f"Bearer {tokens['read']}"})
    assert got.status_code == 405 and got.headers["allow"] == "POST"


def test_pages_of_other_hosts_do_not_get_in(raw, gateway):
    """Nor by a name of theirs that was led to this address."""
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    port = gateway.port
    for host, origin, status in [(f"127.0.0.1:{port}", f"http://127.0.0.1:{port}", 200), (f"localhost:{port}", f"http://localhost:{port}", 200),
                                 (f"[::1]:{port}", f"http://[::1]:{port}", 200), (f"evil.example:{port}", f"http://evil.example:{port}", 403),
                                 ("127.0.0.1.evil.example", "http://127.0.0.1.evil.example", 403), (f"127.0.0.1:{port}", "null", 403),
                                 ("board.example", "https://board.example", 200), (f"127.0.0.1:{port}", f"http://localhost:{port}", 403)]:
        assert raw(ping, Host=host, Origin=origin).status_code == status, (host, origin)
        got = httpx.get(f"{gateway.url}/mcp", headers={"Host": host, "Origin": origin})
        assert got.status_code == (403 if status == 403 else 405), (host, origin)
