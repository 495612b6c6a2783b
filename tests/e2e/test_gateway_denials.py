"""Who may not, may nowhere: every operation of the document without a token, with less than its scope, in another agent's
name and on another workflow's ticket, over every face. Each denial is logged and counted, and nothing was changed."""

import time
import uuid

import pytest

from bus.document import resolved
from bus.gateway import Client, Gateway, free_port

GOOD = {"commit_sha": "abcd", "comment_id": f"comment-{uuid.uuid4()}", "updates": {"title": "x"}, "ticket_types": ["task"],
        "initial_status": "todo", "blocked_by_ticket_ids": [f"ticket-{uuid.uuid4()}"], "columns": [{"id": "todo"}, {"id": "done", "category": "done"}]}
BELOW = {"read": None, "write": "read", "admin": "write"}


@pytest.fixture(scope="module")
def gateway(bus):
    with Gateway(bus, "gateway-denials", TICKETBUS_ADMIN_LISTEN=f"127.0.0.1:{free_port()}", TICKETBUS_LOG_REPEATS="0") as made:
        yield made


@pytest.fixture(scope="module")
def admin(gateway):
    return gateway.client("denials", "--scope", "admin")


@pytest.fixture(scope="module")
def document(admin):
    return admin.get("/openapi.json").expect(200)


@pytest.fixture(scope="module")
def ticket(admin):
    board = {"name": "d", "columns": [{"id": "todo"}, {"id": "done", "category": "done"}], "ticket_types": ["task"],
             "default_ticket_type": "task", "initial_status": "todo"}
    admin.request("PUT", "/tickets/board-config/denials", board).expect(200)
    return admin.post("/tickets/create", {"workflow_id": "denials", "title": "Hands off"}).expect(201)["ticket_id"]


def operations(document):
    """(operation id, method, path, scope, schema of the body) of what needs a token."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if operation.get("security") != []:
                content = operation.get("requestBody", {}).get("content", {})
                yield operation["operationId"], method.upper(), path, operation["x-scope"], content.get("application/json", {}).get("schema")


def sample(document, schema, ticket):
    """A body with what is required, of the right kinds."""
    body = {}
    schema = resolved(document, schema)
    for name in schema.get("required", []):
        part = resolved(document, schema["properties"][name])
        kinds = part.get("type", "object" if "properties" in part else "string")
        kind = kinds if isinstance(kinds, str) else kinds[0]
        if name in ("ticket_id", "depends_on") or name.endswith("_ticket_id"):
            body[name] = ticket
        elif name in GOOD:
            body[name] = GOOD[name]
        elif name == "dependencies":
            body[name] = [{"depends_on": ticket, "dependency_type": "related"}]
        elif name == "commands":
            body[name] = [{"operation": "comment_ticket", "ticket_id": ticket, "comment_text": "x"}]
        elif "enum" in part:
            body[name] = part["enum"][0]
        else:
            body[name] = {"string": "x", "integer": 1, "number": 1, "boolean": True, "array": ["x"]}.get(kind) or sample(document, part, ticket)
    return body


def target(path, ticket):
    return (path.replace("{ticket_id}", ticket).replace("{workflow_id}", "denials").replace("{sha}", "abcd")
            .replace("{command_id}", str(uuid.uuid4())).replace("{webhook_id}", str(uuid.uuid4())))


class Denials:
    """What was logged and counted since it was made."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.start = self._counted()
        self.lines = len(self._logged())

    def _logged(self):
        return [line for line in self.gateway.daemon.log.read_text(errors="replace").splitlines() if "denied: " in line]

    def _counted(self):
        time.sleep(1.2)  # counts are shown once a second
        return {reason: int(self.gateway.metrics().get(f'ticketbus_gateway_denied_total{{reason="{reason}"}}', 0))
                for reason in ("unauthorized", "forbidden")}

    def check(self, reason, number, *words):
        """So many more, each on record with these words."""
        now = self._counted()
        assert now[reason] - self.start[reason] == number, (reason, self.start, now)
        lines = self._logged()[self.lines:]
        assert len(lines) == number and all(word in line for line in lines for word in words), lines
        self.start, self.lines = now, self.lines + number
        return lines


def test_without_a_token_nothing_opens(gateway, document, ticket):
    denials = Denials(gateway)
    tried = 0
    for secret in (None, "tbk_" + "0" * 64, "tbk_short", "' OR 1=1 --"):
        client = Client(gateway, secret)
        for name, method, path, scope, schema in operations(document):
            body = sample(document, schema, ticket) if schema else None
            answer = client.request(method, target(path, ticket), body)
            assert answer.status == 401, (name, answer.status, answer.body)
            assert answer.headers["www-authenticate"] == "Bearer" and ticket not in answer.body.decode()
            tried += 1
        client.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).expect(401)
        tried += 1
    assert tried > 150
    lines = denials.check("unauthorized", tried)
    assert not any("0" * 64 in line or "OR 1=1" in line for line in lines), "no secrets in logs"


def test_less_than_its_scope_is_not_enough(gateway, document, admin, ticket):
    before = admin.get(f"/tickets/{ticket}").expect(200)["ticket"]["version"]
    clients = {scope: gateway.client(f"only-{scope}", "--scope", scope) for scope in ("read", "write")}
    denials = Denials(gateway)
    tried = 0
    for name, method, path, scope, schema in operations(document):
        if BELOW[scope] is None:
            continue
        for lower in ("read", "write")[:("read", "write", "admin").index(scope)]:
            body = sample(document, schema, ticket) if schema else None
            answer = clients[lower].request(method, target(path, ticket), body)
            assert answer.problem(403, "scope_missing"), name
            tried += 1
    assert tried > 30
    denials.check("forbidden", tried, "scope_missing", "only-")
    tools = [tool["name"] for tool in admin.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).expect(200)["result"]["tools"]]
    tried = 0
    scopes = {name: scope for name, _, _, scope, _ in operations(document)}
    for tool in tools:
        if BELOW[scopes[tool]]:
            called = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": {"ticket_id": ticket}}}
            result = clients["read"].post("/mcp", called).expect(200)["result"]
            assert result["isError"] and result["structuredContent"]["code"] == "scope_missing", tool
            tried += 1
    assert tried > 15
    denials.check("forbidden", tried, "scope_missing", "only-read")
    assert admin.get(f"/tickets/{ticket}").expect(200)["ticket"]["version"] == before


def commands(document, ticket):
    for name, method, path, scope, schema in operations(document):
        if schema and "agent_id" in resolved(document, schema).get("properties", {}):
            yield name, method, target(path, ticket), sample(document, schema, ticket)


def test_nobody_acts_in_anothers_name(gateway, document, admin, ticket):
    before = admin.get(f"/tickets/{ticket}").expect(200)["ticket"]["version"]
    bo = gateway.client("bound", "--scope", "admin", "--agent", "agent-bo")
    denials = Denials(gateway)
    tried = 0
    listed = list(commands(document, ticket))
    assert len(listed) >= 17
    for name, method, path, body in listed:
        bo.request(method, path, body, X_Agent_ID="agent-eve").problem(403, "agent_not_permitted", "agent_id")
        bo.request(method, path, body | {"agent_id": "agent-eve"}).problem(403, "agent_not_permitted", "agent_id")
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                "params": {"name": name, "arguments": body | {"agent_id": "agent-eve"} | ({"workflow_id": "denials"} if name == "put_board" else {})}}
        result = bo.post("/mcp", call).expect(200)["result"]
        assert result["isError"] and result["structuredContent"]["code"] == "agent_not_permitted", name
        tried += 3
    bulk = [{"operation": name} | body | {"agent_id": "agent-eve"} | ({"workflow_id": "denials"} if name == "put_board" else {})
            for name, _, _, body in listed]
    results = bo.post("/tickets/bulk", {"commands": bulk}).expect(200)["results"]
    assert [r["status"] for r in results] == [403] * len(bulk)
    # Other spellings are other agents.
    for other in ("agent-Bo", "agent-bo.", "agent-b\u00f6", "agent-bo,agent-eve", "agent-b"):
        bo.post("/tickets/comment", {"ticket_id": ticket, "comment_text": "x", "agent_id": other}).problem(403, "agent_not_permitted")
    denials.check("forbidden", tried + len(bulk) + 5, "agent_not_permitted", "bound")
    assert admin.get(f"/tickets/{ticket}").expect(200)["ticket"]["version"] == before
    bo.post("/tickets/comment", {"ticket_id": ticket, "comment_text": "in my own"}).expect(200)
    assert admin.get(f"/tickets/{ticket}").expect(200)["comments"][-1]["agent_id"] == "agent-bo"


def test_another_workflows_ticket_is_not_there(gateway, document, admin, ticket):
    before = admin.get(f"/tickets/{ticket}").expect(200)["ticket"]
    other = gateway.client("elsewhere", "--scope", "admin", "--workflow", "elsewhere")
    denials = Denials(gateway)
    tried = 0
    for name, method, path, scope, schema in operations(document):
        body = sample(document, schema, ticket) if schema else None
        about_ticket = "{ticket_id}" in path or (body and "ticket_id" in body)
        about_board = "{workflow_id}" in path or (body and "workflow_id" in body)
        if body and "workflow_id" in body:
            body["workflow_id"] = "denials"
        if about_ticket or about_board:
            answer = other.request(method, target(path, ticket), body)
            assert answer.status in (403, 404), (name, answer.status, answer.body)
            assert before["title"] not in answer.body.decode()
            tried += 1
    for path in ("/tickets/get", "/agents", "/events"):
        other.get(path, workflow_id="denials").expect(403)
        tried += 1
    other.post("/webhooks", {"url": "https://receiver.example/", "workflow_ids": ["denials"]}).problem(422, "validation_failed", "workflow_ids")
    for uri in (f"ticket://{ticket}", "board://denials"):
        assert "error" in other.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": uri}}).expect(200)
    tried += 3
    results = other.post("/tickets/bulk", {"commands": [{"operation": "comment_ticket", "ticket_id": ticket, "comment_text": "x"}]})
    assert results.expect(200)["results"][0]["status"] == 404
    assert tried > 20
    denials.check("forbidden", tried + 1, "elsewhere")
    # A search finds nothing and an id that is nowhere is no denial.
    assert other.post("/tickets/search", {"query": "Hands", "search_type": "keyword"}).expect(200)["results"] == []
    other.get(f"/tickets/ticket-{uuid.uuid4()}").expect(404)
    denials.check("forbidden", 0)
    assert admin.get(f"/tickets/{ticket}").expect(200)["ticket"] == before


def test_pages_of_strangers_are_denials_too(gateway, admin):
    denials = Denials(gateway)
    admin.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "ping"}, Origin="https://evil.example").expect(403)
    denials.check("forbidden", 1, "mcp", "origin")
    cookie = admin.post("/session", {}).headers["set-cookie"].split(";")[0]
    page = Client(gateway, None, Cookie=cookie)
    page.post("/tickets/comment", {"ticket_id": "x", "comment_text": "x"}, Origin="https://evil.example").expect(401)
    denials.check("unauthorized", 1)
