"""The gateway's endpoints end to end: HTTP in, Kafka, a worker, Postgres, HTTP out."""

import time
import uuid

import pytest

from bus.gateway import Client, Gateway


@pytest.fixture(scope="module")
def gateway(bus):
    with Gateway(bus) as made:
        yield made


@pytest.fixture(scope="module")
def admin(gateway):
    return gateway.client("admin", "--scope", "admin", X_Agent_ID="agent-admin")


@pytest.fixture(scope="module")
def workflow(admin):
    """A workflow whose board was put over HTTP."""
    workflow = f"http-{uuid.uuid4().hex[:8]}"
    board = {
        "name": "Over HTTP",
        "columns": [
            {"id": "todo", "category": "open"},
            {"id": "doing", "category": "active", "wip_limit": 50},
            {"id": "done", "category": "done"},
        ],
        "ticket_types": ["task", "bug"],
        "initial_status": "todo",
        "settings": {"priorities": ["high", "medium", "low"]},
    }
    put = admin.request("PUT", f"/tickets/board-config/{workflow}", board).expect(200)
    assert put["workflow_id"] == workflow and put["version"] == 1
    found = admin.get(f"/tickets/board-config/{workflow}").expect(200)
    assert [c["id"] for c in found["columns"]] == ["todo", "doing", "done"] and found["counts"] == {}
    return workflow


@pytest.fixture
def create(admin, workflow):
    def create(title="A ticket", **fields):
        headers = fields.pop("headers", {})
        body = {"workflow_id": workflow, "title": title, "ticket_type": "task"} | fields
        return admin.post("/tickets/create", body, **headers)

    return create


def test_health_is_open_and_nothing_else(gateway):
    nobody = Client(gateway, None)
    nobody.get("/healthz").expect(200)
    nobody.get("/readyz").expect(200)
    for method, path in [("GET", "/tickets/get"), ("POST", "/tickets/create"), ("GET", "/workflows"), ("POST", "/tickets/bulk")]:
        answer = nobody.request(method, path, {"commands": [{}]} if method == "POST" else None)
        answer.problem(401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
    Client(gateway, "tbk_" + "0" * 64).get("/workflows").problem(401, "unauthorized")
    Client(gateway, None, Authorization="Basic eA==").get("/workflows").problem(401, "unauthorized")


def test_a_ticket_from_create_to_resolve(admin, create, workflow):
    made = create(description="in full", priority="high", tags=["a", "b"])
    body = made.expect(201)
    ticket = body["ticket_id"]
    assert made.headers["location"] == f"/tickets/{ticket}" and made.headers["etag"] == '"1"'
    assert body["outcome"] == "applied" and body["version"] == 1
    assert [event["type"] for event in body["events"]] == ["ticket.created"]
    assert body["ticket"]["title"] == "A ticket" and body["ticket"]["created_by_agent_id"] == "agent-admin"

    moved = admin.post("/tickets/change-status", {"ticket_id": ticket, "new_status": "doing"}).expect(200)
    assert moved["ticket"]["status"] == "doing"
    admin.post("/tickets/comment", {"ticket_id": ticket, "comment_text": "looking"}).expect(200)
    admin.post("/tickets/assign", {"ticket_id": ticket}).expect(200)
    admin.post("/tickets/update", {"ticket_id": ticket, "updates": {"title": "Other"}}).expect(200)
    admin.post("/tickets/link-commit", {"ticket_id": ticket, "commit_sha": "abc123"}).expect(200)
    admin.post("/tickets/resolve", {"ticket_id": ticket, "resolution_comment": "done"}).expect(200)

    whole = admin.get(f"/tickets/{ticket}")
    found = whole.expect(200)
    assert found["ticket"]["title"] == "Other" and found["ticket"]["is_resolved"]
    assert [c["comment_text"] for c in found["comments"]] == ["looking", "done"]
    assert [c["commit_sha"] for c in found["commits"]] == ["abc123"]
    assert found["history"][-1]["change_type"] == "created"
    assert whole.headers["etag"] == f'"{found["ticket"]["version"]}"'
    again = admin.get(f"/tickets/{ticket}", headers={"If_None_Match": whole.headers["etag"]})
    assert again.status == 304 and again.body == b""

    admin.post("/tickets/reopen", {"ticket_id": ticket}).expect(200)
    admin.post("/tickets/unassign", {"ticket_id": ticket}).expect(200)
    admin.post("/tickets/delete", {"ticket_id": ticket}).expect(200)
    admin.post("/tickets/restore", {"ticket_id": ticket}).expect(200)
    page = admin.get(f"/tickets/{ticket}/history", limit=2).expect(200)
    seen = []
    while True:
        seen += [entry["id"] for entry in page["history"]]
        if page["next_cursor"] is None:
            break
        page = admin.get(f"/tickets/{ticket}/history", limit=2, cursor=page["next_cursor"]).expect(200)
    assert len(seen) == len(set(seen)) and seen == sorted(seen, key=int, reverse=True)


def test_blockers_both_ways(admin, create):
    first = create("First").expect(201)["ticket_id"]
    second = create("Second", blocked_by_ticket_ids=[first]).expect(201)["ticket_id"]
    admin.post("/tickets/change-status", {"ticket_id": second, "new_status": "doing"}).problem(409, "ticket_blocked")
    assert [b["ticket_id"] for b in admin.get(f"/tickets/{second}").expect(200)["blocked_by"]] == [first]
    assert [b["ticket_id"] for b in admin.get(f"/tickets/{first}").expect(200)["blocks"]] == [second]
    admin.post("/tickets/unblock", {"ticket_id": second, "blocked_by_ticket_ids": [first]}).expect(200)
    admin.post("/tickets/change-status", {"ticket_id": second, "new_status": "doing"}).expect(200)
    admin.post("/tickets/block", {"ticket_id": first, "blocked_by_ticket_ids": [second]}).expect(200)
    admin.post("/tickets/block", {"ticket_id": second, "blocked_by_ticket_ids": [first]}).problem(409, "dependency_cycle")


def test_the_same_key_takes_effect_once(admin, create):
    for key in (str(uuid.uuid4()), f"some text {uuid.uuid4()}"):
        one = create("Once", headers={"Idempotency_Key": key}).expect(201)
        two = create("Once", headers={"Idempotency_Key": key}).expect(201)
        assert one["ticket_id"] == two["ticket_id"] and two["version"] == 1
        create("Twice", headers={"Idempotency_Key": key}).problem(422, "idempotency_mismatch")
    outcome = admin.get(f"/commands/{one['command_id']}").expect(200)
    assert outcome["outcome"] == "applied" and outcome["subject"] == one["ticket_id"]
    admin.get(f"/commands/{uuid.uuid4()}").problem(404, "command_not_found")


def test_if_match_is_the_expected_version(admin, create):
    ticket = create().expect(201)["ticket_id"]
    body = {"ticket_id": ticket, "comment_text": "x"}
    admin.post("/tickets/comment", body, If_Match='"2"').problem(412, "version_conflict")
    answer = admin.post("/tickets/comment", body, If_Match='"1"')
    answer.expect(200)
    assert answer.headers["etag"] == '"2"'
    admin.post("/tickets/comment", body, If_Match="1").problem(400, "bad_request", "If-Match")


def test_respond_async_is_202_with_a_place_to_ask(admin, create):
    made = create("Later", headers={"Prefer": "respond-async"})
    body = made.expect(202)
    assert made.headers["preference-applied"] == "respond-async"
    for _ in range(200):
        outcome = admin.get(made.headers["location"])
        if outcome.status == 200:
            break
        outcome.problem(404, "command_not_found")
    assert outcome.expect(200)["subject"] == body["ticket_id"]


def test_lists(admin, create, workflow):
    tag = uuid.uuid4().hex[:8]
    made = [create(f"Ticket {i}", tags=[tag], priority="high" if i % 2 else "low").expect(201)["ticket_id"] for i in range(7)]
    seen, cursor = [], {}
    while True:
        page = admin.get("/tickets/get", workflow_id=workflow, tag=tag, limit=3, sort_by="title", **cursor).expect(200)
        assert page["total"] == 7
        seen += [t["ticket_id"] for t in page["tickets"]]
        if not page["next_cursor"]:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == made
    page = admin.get("/tickets/get", workflow_id=workflow, tag=tag, limit=3, offset=5, sort_by="title").expect(200)
    assert [t["ticket_id"] for t in page["tickets"]] == made[5:]
    by_priority = admin.get("/tickets/get", tag=tag, sort_by="priority", fields="priority", total="false").expect(200)
    assert [t["priority"] for t in by_priority["tickets"]] == ["high"] * 3 + ["low"] * 4
    assert set(by_priority["tickets"][0]) == {"ticket_id", "version", "priority"} and "total" not in by_priority
    admin.post("/tickets/resolve", {"ticket_id": made[0], "resolution_comment": "r"}).expect(200)
    admin.post("/tickets/assign", {"ticket_id": made[1], "assigned_agent_id": "agent-x"}).expect(200)
    count = lambda **query: admin.get("/tickets/get", tag=tag, **query).expect(200)["total"]
    assert count() == 7 and count(include_completed="false") == 6 and count(ready="true") == 5
    assert count(status="todo,doing") == 6 and count(status=["done", "todo"]) == 7 and count(priority="high") == 3
    assert count(assignee="agent-x") == 1 and count(type="bug") == 0
    agents = admin.get("/agents", workflow_id=workflow).expect(200)["agents"]
    assert made[1] in [t["ticket_id"] for a in agents if a["agent_id"] == "agent-x" for t in a["tickets"]]
    assert admin.get("/status").expect(200)["pipeline"]["parked_tickets"] == 0


def test_what_is_wrong_is_named(admin, create, workflow):
    for query, field in [({"limit": "0"}, "limit"), ({"limit": "x"}, "limit"), ({"sort_by": "password"}, "sort_by"),
                         ({"cursor": "x"}, "cursor"), ({"fields": "nope"}, "fields"), ({"nonsense": "1"}, "nonsense")]:
        admin.get("/tickets/get", **query).problem(422, "validation_failed", field)
    create("").problem(422, "validation_failed", "title")
    create(nonsense=1).problem(422, "validation_failed", "nonsense")
    create(initial_status="nowhere").problem(422, "unknown_status")
    admin.post("/tickets/create", {"workflow_id": "no-such", "title": "x"}).problem(404, "board_not_found")
    admin.post("/tickets/comment", {"comment_text": "x"}).problem(422, "validation_failed", "ticket_id")
    admin.post("/tickets/comment", {"ticket_id": f"ticket-{uuid.uuid4()}", "comment_text": "x"}).problem(404, "ticket_not_found")
    admin.get(f"/tickets/ticket-{uuid.uuid4()}").problem(404, "ticket_not_found")
    admin.get("/nowhere").problem(404, "no_such_path")
    refused = admin.request("DELETE", "/tickets/create")
    refused.problem(405, "method_not_allowed")
    assert refused.headers["allow"] == "POST"
    admin.request("POST", "/tickets/create", b"{", Content_Type="application/json").problem(400, "bad_request")
    admin.request("POST", "/tickets/create", b"{}", Content_Type="text/plain").problem(415, "not_json")
    assert admin.post("/tickets/create", {"title": "x" * 3_000_000}).status == 413


def test_bulk_answers_each_in_its_order(admin, create):
    ticket = create().expect(201)["ticket_id"]
    texts = [f"comment {i}" for i in range(50)]
    commands = [{"operation": "comment_ticket", "ticket_id": ticket, "comment_text": text} for text in texts]
    commands.insert(25, {"operation": "change_ticket_status", "ticket_id": ticket, "new_status": "nowhere"})
    results = admin.post("/tickets/bulk", {"commands": commands}).expect(200)["results"]
    assert [r["status"] for r in results] == [200] * 25 + [422] + [200] * 25
    assert [r["result"]["version"] for r in results if "result" in r] == list(range(2, 52))
    assert {c["comment_text"] for c in admin.get(f"/tickets/{ticket}").expect(200)["comments"]} == set(texts)


def test_tokens_reach_as_far_as_they_say(gateway, admin, create, workflow):
    ticket = create().expect(201)["ticket_id"]
    comment = {"ticket_id": ticket, "comment_text": "x"}
    reader = gateway.client("reader", "--scope", "read")
    reader.get(f"/tickets/{ticket}").expect(200)
    reader.post("/tickets/comment", comment).problem(403, "scope_missing")
    writer = gateway.client("writer")
    writer.post("/tickets/comment", comment).expect(200)
    writer.request("PUT", f"/tickets/board-config/{workflow}", {}).problem(403, "scope_missing")

    bo = gateway.client("bo", "--agent", "agent-bo")
    bo.post("/tickets/comment", comment).expect(200)
    bo.post("/tickets/comment", comment, X_Agent_ID="agent-bo").expect(200)
    bo.post("/tickets/comment", comment, X_Agent_ID="agent-eve").problem(403, "agent_not_permitted")
    bo.post("/tickets/comment", comment | {"agent_id": "agent-eve"}).problem(403, "agent_not_permitted")
    admin.post("/tickets/comment", comment | {"agent_id": "agent-eve"}).problem(422, "validation_failed", "agent_id")
    agents = {c["agent_id"] for c in admin.get(f"/tickets/{ticket}").expect(200)["comments"]}
    assert agents == {"writer", "agent-bo"}

    other = gateway.client("other", "--workflow", "elsewhere")
    other.get(f"/tickets/{ticket}").problem(404, "ticket_not_found")
    other.get(f"/tickets/{ticket}/history").problem(404, "ticket_not_found")
    other.get("/tickets/get", workflow_id=workflow).problem(403, "workflow_not_permitted")
    assert other.get("/tickets/get").expect(200)["total"] == 0
    other.post("/tickets/comment", comment).problem(404, "ticket_not_found")
    other.post("/tickets/create", {"workflow_id": workflow, "title": "x"}).problem(403, "workflow_not_permitted")
    assert other.get("/workflows").expect(200)["workflows"] == []
    results = other.post("/tickets/bulk", {"commands": [{"operation": "comment_ticket"} | comment]}).expect(200)["results"]
    assert results[0]["status"] == 404

    gateway.bus.ctl("token", "revoke", "writer").expect(0)
    for _ in range(30):
        if writer.get("/workflows").status == 401:
            break
        time.sleep(0.1)
    writer.get("/workflows").problem(401, "unauthorized")
    assert "admin" in gateway.bus.ctl("token", "list").expect(0).out


def test_a_session_is_a_cookie_for_our_own_pages(gateway, admin, workflow):
    opened = admin.post("/session", {})
    assert opened.status == 204
    cookie = opened.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    page = Client(gateway, None, Cookie=cookie.split(";")[0])
    page.get("/workflows").expect(200)
    body = {"workflow_id": workflow, "title": "From the board", "ticket_type": "task"}
    page.post("/tickets/create", body).problem(401, "unauthorized")
    page.post("/tickets/create", body, Origin="https://evil.example").problem(401, "unauthorized")
    origin = gateway.url
    page.post("/tickets/create", body, Origin=origin).expect(201)
    page.post("/session", {}, Origin=origin).problem(401, "unauthorized")
    assert page.request("DELETE", "/session", Origin=origin).status == 204
    page.get("/workflows").problem(401, "unauthorized")
