"""The gateway's MCP face, with the official Python SDK over Streamable HTTP and over stdio, and by hand."""

import asyncio
import contextlib
import json
import os
import uuid

import httpx
import pytest
from mcp import ClientSession, McpError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from bus.gateway import Client, Gateway

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
    assert told and told[0][:2] == (0, 1)


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
