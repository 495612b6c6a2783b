"""What an attacker sends: odd paths, headers and bodies, SQL and search grammar in every parameter, slow and large
requests. Nothing may come of it, and the gateway serves others as before."""

import json
import socket
import time
import uuid

import pytest

from bus.document import resolved
from bus.gateway import Client, Gateway

EVIL = ["'", "'; DROP TABLE tickets; --", "1 OR 1=1", "\\", '"', "$1", "%", "_%", "{}", "[]", "null", "a:*&|!(", "<->",
        "../../etc/passwd", "\u202e", "\U0001f4a3" * 20, "a\r\nSet-Cookie: x=1", "<script>alert(1)</script>"]


@pytest.fixture(scope="module")
def gateway(indexed_bus):
    with Gateway(indexed_bus, "gateway-security", TICKETBUS_GATEWAY_RECEIVE_S="2") as made:
        yield made


@pytest.fixture(scope="module")
def admin(gateway):
    client = gateway.client("security", "--scope", "admin")
    board = {"name": "s", "columns": [{"id": "todo"}, {"id": "done", "category": "done"}], "ticket_types": ["task"],
             "default_ticket_type": "task", "initial_status": "todo"}
    client.request("PUT", "/tickets/board-config/security", board).expect(200)
    return client


def raw(gateway, data, timeout=10):
    """Sends bytes as they are; what came back, b"" when the connection was closed."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=timeout) as sock:
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            parts = []
            while part := sock.recv(65536):
                parts.append(part)
            return b"".join(parts)
        except OSError:  # closed while we were still sending
            return b""


def test_grammar_in_every_query_parameter(gateway, admin):
    document = json.loads(admin.get("/openapi.json").body)
    tickets = admin.get("/tickets/get").expect(200)["total"]
    for path, methods in document["paths"].items():
        operation = methods.get("get")
        if operation is None or "openapi" in path or path == "/mcp":
            continue
        for parameter in operation.get("parameters", []):
            parameter = resolved(document, parameter)
            if parameter["in"] == "header":
                continue
            for evil in EVIL:
                if parameter["in"] == "query":
                    target = path.replace("{ticket_id}", f"ticket-{uuid.uuid4()}").replace("{workflow_id}", "security")
                    answer = admin.get(target.replace("{sha}", "abcd").replace("{command_id}", "x"), **{parameter["name"]: evil})
                else:
                    from urllib.parse import quote

                    answer = admin.get(path.replace("{" + parameter["name"] + "}", quote(evil, safe="")))
                assert answer.status in (200, 400, 404, 422), (path, parameter["name"], evil, answer.status, answer.body)
                assert b"SQL" not in answer.body and b"syntax" not in answer.body, answer.body
    assert admin.get("/tickets/get").expect(200)["total"] == tickets


def test_grammar_in_every_text_comes_back_as_it_went_in(admin):
    for evil in EVIL:
        made = admin.post("/tickets/create", {"workflow_id": "security", "title": evil, "description": evil, "tags": [evil]})
        if "\r" in evil or "\u202e" in evil:
            assert made.status in (201, 422)
        else:
            made.expect(201)
        if made.status == 201:
            shown = admin.get(f"/tickets/{made.json['ticket_id']}")
            assert shown.expect(200)["ticket"]["title"] == evil and shown.headers["x-content-type-options"] == "nosniff"
        for kind in ("hybrid", "keyword"):
            admin.post("/tickets/search", {"query": evil, "search_type": kind, "workflow_id": "security"}).expect(200)


@pytest.mark.parametrize("path", ["/../etc/passwd", "/tickets/../../etc/passwd", "/tickets/%2e%2e%2f%2e%2e", "//tickets/get",
                                  "/tickets/get/", "/tickets/get%00", "/tickets/%00", "/tickets/%ff", "/healthz/..;/tickets/get",
                                  "/tickets\\get", "/TICKETS/GET", "/tickets/get;x=1"])
def test_path_tricks_lead_nowhere(gateway, path):
    answer = raw(gateway, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    status = int(answer.split()[1]) if answer else 0
    assert status in (0, 400, 401, 404, 422), answer[:300]


def test_headers_cannot_be_injected(admin):
    answer = raw(admin.gateway, b"GET /tickets/get HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + admin.token.encode() +
                 b"\r\nIf-None-Match: \"1\"\rX-Evil: 1\r\nPrefer: respond-async\x0b\r\nConnection: close\r\n\r\n")
    assert b"X-Evil" not in answer
    for header in ("Idempotency_Key", "X_Agent_ID", "X_Agent_Type", "traceparent"):
        made = admin.post("/tickets/create", {"workflow_id": "security", "title": "x"}, **{header: "a%0d%0aSet-Cookie: b=c"})
        assert "set-cookie" not in made.headers and made.status in (201, 422), (header, made.status)


@pytest.mark.parametrize("request_bytes", [
    b"GET / HTTP/1.1\r\n\r\n", b"GET /\r\n\r\n", b"\x00\x01\x02\x03" * 100, b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    b"POST /tickets/create HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /tickets/create HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST /tickets/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
])
def test_what_is_no_http_harms_nobody(gateway, request_bytes):
    answer = raw(gateway, request_bytes)
    assert not answer or int(answer.split()[1]) in (400, 401, 404, 413, 414, 431, 501, 505), answer[:200]
    Client(gateway, None).get("/healthz").expect(200)


def test_json_that_is_deep_or_odd(admin):
    for body in (b"[" * 100_000, b'{"a":' * 5000 + b"1" + b"}" * 5000, b'{"title":"a","title":"b","workflow_id":"security"}',
                 b'{"title":"\xff","workflow_id":"security"}', b'{"title":"\\ud800","workflow_id":"security"}',
                 b'{"title":"\\u0000","workflow_id":"security"}', b'{"workflow_id":"security","title":1e400}', b"{}}", b"{},{}",
                 b'{"workflow_id":"security","title":"x"} x'):
        answer = admin.request("POST", "/tickets/create", body, Content_Type="application/json")
        assert answer.status in (400, 422), (body[:60], answer.status, answer.body[:300])


def test_a_hundred_megabytes_are_refused_early(gateway, admin):
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as sock:
        sock.sendall(b"POST /tickets/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 104857600\r\n"
                     b"Authorization: Bearer " + admin.token.encode() + b"\r\n\r\n")
        assert b" 413 " in sock.recv(4096)
    memory = lambda: int(next(line for line in open(f"/proc/{gateway.daemon.process.pid}/status") if line.startswith("VmRSS")).split()[1])
    before, sent = memory(), 0
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as sock:
        sock.sendall(b"POST /tickets/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while sent < 100_000_000:
                sock.sendall(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
                sent += 0x100000
        except OSError:
            pass
    assert sent < 100_000_000 and memory() - before < 60_000
    Client(gateway, None).get("/healthz").expect(200)


def test_slow_senders_are_cut_off_and_disturb_nobody(gateway, admin):
    slow = [socket.create_connection(("127.0.0.1", gateway.port), timeout=20) for _ in range(100)]
    try:
        for sock in slow:
            sock.sendall(b"POST /tickets/create HTTP/1.1\r\nHost: x\r\n")
        start = time.monotonic()
        left = set(slow)
        while left and time.monotonic() - start < 20:
            for sock in list(left):
                try:
                    sock.sendall(b"X: y\r\n")
                except OSError:
                    left.discard(sock)
            admin.get("/workflows").expect(200)
            time.sleep(0.2)
        assert not left and time.monotonic() - start >= 1
    finally:
        for sock in slow:
            sock.close()


def test_too_many_requests_are_told_when_to_come_again(indexed_bus):
    with Gateway(indexed_bus, "gateway-limited", TICKETBUS_GATEWAY_RATE="5") as limited:
        client = limited.client("eager", "--scope", "read")
        other = limited.client("calm", "--scope", "read")
        answers = [client.get("/workflows") for _ in range(30)]
        refused = [a for a in answers if a.status == 429]
        assert refused and any(a.status == 200 for a in answers)
        refused[0].problem(429, "too_many_requests")
        assert int(refused[0].headers["retry-after"]) >= 1
        other.get("/workflows").expect(200)
        time.sleep(1.1)
        client.get("/workflows").expect(200)


def test_pages_of_other_origins_only_where_configured(indexed_bus, gateway):
    with Gateway(indexed_bus, "gateway-cors", TICKETBUS_GATEWAY_CORS="https://a.example,https://b.example") as allowed:
        ask = {"Origin": "https://b.example", "Access_Control_Request_Method": "POST"}
        answer = Client(allowed, None).request("OPTIONS", "/tickets/create", **ask)
        assert answer.status == 204 and answer.headers["access-control-allow-origin"] == "https://b.example"
        assert Client(allowed, None).get("/healthz", headers={"Origin": "https://a.example"}).headers["access-control-allow-origin"]
        for server, origin in ((allowed, "https://c.example"), (gateway, "https://b.example")):
            answer = Client(server, None).request("OPTIONS", "/tickets/create", **ask | {"Origin": origin})
            assert "access-control-allow-origin" not in answer.headers


def test_tls(indexed_bus, tmp_path):
    import ssl
    import subprocess
    import urllib.request

    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                           "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"],
                          capture_output=True)
    if made.returncode != 0:
        pytest.skip("openssl makes no certificate here")
    from bus.gateway import free_port

    port = free_port()
    daemon = indexed_bus.start("ticketbus-gateway", "gateway-tls", TICKETBUS_GATEWAY_LISTEN=f"127.0.0.1:{port}",
                               TICKETBUS_GATEWAY_TLS_CERT=str(tmp_path / "cert.pem"), TICKETBUS_GATEWAY_TLS_KEY=str(tmp_path / "key.pem"))
    try:
        daemon.wait_for("listens on")
        context = ssl.create_default_context(cafile=tmp_path / "cert.pem")
        with urllib.request.urlopen(f"https://127.0.0.1:{port}/healthz", context=context, timeout=10) as answer:
            assert answer.status == 200
        with pytest.raises(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5)
    finally:
        daemon.stop()


def evil_value(document, schema, evil):
    """Of the kind the schema wants, with the text wherever a text may stand."""
    schema = resolved(document, schema)
    kinds = schema.get("type", "object" if "properties" in schema else "string")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "array" in kinds:
        return [evil_value(document, schema.get("items", {}), evil)]
    if "object" in kinds and "string" not in kinds:
        named = {name: evil_value(document, part, evil) for name, part in schema.get("properties", {}).items()
                 if "string" in str(resolved(document, part).get("type", "")) or "items" in part or "properties" in resolved(document, part)}
        return named or {evil: evil}
    return evil


def bodies(document, path, method, base):
    """[(member, body)]: each member of the body in turn holds each evil text, the others what is right."""
    schema = resolved(document, document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"])
    for member, part in schema["properties"].items():
        for evil in EVIL:
            yield member, base | {member: evil_value(document, part, evil)}


def says_nothing_of_sql(text):
    return not any(word in text for word in ("SQL", "syntax error", "relation \"", "column \"", "pg_", "libpq", "tsquery"))


def test_grammar_in_every_member_of_every_command(admin, gateway, indexed_bus):
    document = json.loads(admin.get("/openapi.json").body)
    canary = admin.post("/tickets/create", {"workflow_id": "security", "title": "canary"}).expect(201)["ticket_id"]
    before = admin.get(f"/tickets/{canary}").expect(200)
    ticket = admin.post("/tickets/create", {"workflow_id": "security", "title": "target"}).expect(201)["ticket_id"]
    base = {"workflow_id": "security", "title": "x", "ticket_id": ticket, "comment_text": "x", "commit_sha": "abcd", "new_status": "todo",
            "resolution_comment": "x", "assignee": "a", "blocked_by_ticket_id": ticket, "depends_on": ticket, "updates": {"title": "x"},
            "name": "x", "columns": [{"id": "todo"}], "ticket_types": ["task"], "initial_status": "todo", "comment_id": "x"}
    commands = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            schema = resolved(document, operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {}))
            if "agent_id" not in schema.get("properties", {}):
                continue
            takes = {name: value for name, value in base.items() if name in schema["properties"]}
            if operation["operationId"] == "put_board":
                takes["workflow_id"] = "security-boards"
            if operation["operationId"] == "delete_ticket":
                takes["ticket_id"] = f"ticket-{uuid.uuid4()}"
            commands += [({"operation": operation["operationId"]} | body) for _, body in bodies(document, path, method, takes)]
    assert len(commands) > 1500 and len({c["operation"] for c in commands}) >= 17
    for start in range(0, len(commands), 100):
        part = commands[start:start + 100]
        answer = admin.post("/tickets/bulk", {"commands": part}, X_Agent_ID=None)
        for command, result in zip(part, answer.expect(200)["results"], strict=True):
            assert result["status"] in (200, 201, 202, 403, 404, 409, 412, 413, 422), (command, result)
            assert says_nothing_of_sql(json.dumps(result.get("problem", {}))), (command, result)
    indexed_bus.settle()
    after = admin.get(f"/tickets/{canary}").expect(200)
    assert (after["ticket"], after["history"]) == (before["ticket"], before["history"])
    assert indexed_bus.db.value("SELECT count(*) FROM command_log WHERE outcome = 'dead'") == 0
    assert gateway.daemon.running and all(daemon.running for daemon in indexed_bus.daemons if "gateway" not in daemon.name)


def test_grammar_in_every_member_of_searches_and_webhooks(admin):
    document = json.loads(admin.get("/openapi.json").body)
    admin.post("/tickets/create", {"workflow_id": "security", "title": "needle"}).expect(201)
    tried = 0
    for kind in ("keyword", "hybrid"):
        for member, body in bodies(document, "/tickets/search", "post", {"query": "needle", "search_type": kind, "workflow_id": "security"}):
            answer = admin.post("/tickets/search", body)
            assert answer.status in (200, 400, 404, 422) and says_nothing_of_sql(answer.body.decode()), (body, answer.status, answer.body)
            tried += 1
    assert tried > 100
    hook = {"url": "https://receiver.invalid/", "workflow_ids": ["nowhere"]}
    for member, body in bodies(document, "/webhooks", "post", hook):
        answer = admin.post("/webhooks", body)
        assert answer.status in (201, 422) and says_nothing_of_sql(answer.body.decode()), (body, answer.status, answer.body)
        if answer.status == 201:
            made = answer.json["id"]
            assert admin.request("PATCH", f"/webhooks/{made}", body | {"workflow_ids": ["nowhere"]}).status in (200, 422)
            assert admin.request("DELETE", f"/webhooks/{made}").status == 204


def test_grammar_over_mcp(admin):
    tools = admin.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).expect(200)["result"]["tools"]

    def ask(method, **params):
        answer = admin.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        assert answer.status == 200 and says_nothing_of_sql(answer.body.decode()), (method, params, answer.status, answer.body)
        return answer.json

    for tool in tools:
        if not tool["annotations"]["readOnlyHint"]:
            continue
        for member, schema in tool["inputSchema"].get("properties", {}).items():
            for evil in EVIL:
                result = ask("tools/call", name=tool["name"], arguments={member: evil_value({}, schema, evil)})["result"]
                assert not result["isError"] or result["structuredContent"]["code"] in (
                    "validation_failed", "ticket_not_found", "board_not_found", "command_not_found", "commit_not_found", "not_found"), result
    for evil in EVIL:
        ask("tools/call", name=evil)
        ask("prompts/get", name=evil)
        assert evil in json.dumps(ask("prompts/get", name="triage", arguments={"workflow_id": evil}), ensure_ascii=False) or "\\" in json.dumps(evil)
        ask("resources/read", uri=f"ticket://{evil}")
        ask("resources/read", uri=evil)
        ask("completion/complete", ref={"type": "ref/prompt", "name": "triage"}, argument={"name": "workflow_id", "value": evil})
        ask("completion/complete", ref={"type": "ref/resource", "uri": evil}, argument={"name": evil, "value": evil})


def test_grammar_in_every_header(admin):
    for header in ("Idempotency_Key", "If_Match", "If_None_Match", "Prefer", "X_Agent_ID", "X_Agent_Type", "traceparent", "Last_Event_ID",
                   "MCP_Protocol_Version", "Origin", "Accept", "Accept_Encoding", "Content_Type", "Cookie", "Authorization"):
        for evil in EVIL:
            value = evil.replace("\r\n", " ").encode().decode("latin-1")
            for method, path, body in (("POST", "/tickets/create", b'{"workflow_id":"security","title":"x"}'), ("GET", "/tickets/get?limit=1", None),
                                       ("POST", "/mcp", b'{"jsonrpc":"2.0","id":1,"method":"ping"}')):
                answer = admin.request(method, path, body, **({"Content_Type": "application/json"} | {header: value}))
                assert answer.status in (200, 201, 202, 400, 401, 403, 404, 412, 415, 422), (header, evil, path, answer.status, answer.body)
                assert says_nothing_of_sql(answer.body.decode()) and "set-cookie" not in answer.headers


def test_slow_bodies_are_cut_off(gateway, admin):
    """A header that is whole and a body that trickles."""
    slow = [socket.create_connection(("127.0.0.1", gateway.port), timeout=20) for _ in range(50)]
    try:
        for sock in slow:
            sock.sendall(b"POST /tickets/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
        start, left = time.monotonic(), set(slow)
        while left and time.monotonic() - start < 20:
            for sock in list(left):
                try:
                    sock.sendall(b" ")
                except OSError:
                    left.discard(sock)
            admin.get("/workflows").expect(200)
            time.sleep(0.2)
        assert not left
    finally:
        for sock in slow:
            sock.close()
