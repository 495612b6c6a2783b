"""The face of today's Hephaestus: requests as its agents' client sends them, without token, sometimes without workflow
or agent; and what that client reads out of the answers."""

import uuid

import pytest

from bus.gateway import Client, Gateway, free_port


class Hephaestus:
    """Sends what that client sends: JSON, X-Agent-ID, nothing else."""

    def __init__(self, gateway, port):
        self.client = Client(gateway, None, X_Agent_ID="agent-of-old")
        self.client.gateway = type("Face", (), {"port": port})

    def post(self, path, status=200, **body):
        return self.client.post(f"/api/tickets/{path}", body).expect(status)

    def get(self, path="", expect=200, **query):
        return self.client.get(f"/api/tickets{path}", **query).expect(expect)


@pytest.fixture(scope="module")
def workflow():
    return f"old-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def old(indexed_bus, workflow):
    port = free_port()
    board = {"name": "Old", "columns": [{"id": "todo"}, {"id": "doing"}, {"id": "done", "category": "done"}],
             "ticket_types": ["task", "bug"], "default_ticket_type": "task", "initial_status": "todo",
             "settings": {"priorities": ["critical", "high", "medium", "low"]}}
    settings = {"TICKETBUS_COMPAT_LISTEN": f"127.0.0.1:{port}", "TICKETBUS_COMPAT_WORKFLOW": workflow}
    with Gateway(indexed_bus, "gateway-compat", **settings) as gateway:
        gateway.client("old-admin", "--scope", "admin").request("PUT", f"/tickets/board-config/{workflow}", board).expect(200)
        yield Hephaestus(gateway, port)


def create(old, title="Fix the basket", **more):
    return old.post("create", title=title, description="The voucher is lost on return.", ticket_type="bug", priority="high",
                    blocked_by_ticket_ids=[], tags=[], related_task_ids=[], **more)


def test_create_read_and_list(old, workflow):
    made = create(old)
    assert made["success"] and made["status"] == "todo" and isinstance(made["similar_tickets"], list)
    found = old.get(f"/{made['ticket_id']}")
    ticket = found["ticket"]
    assert ticket["id"] == ticket["ticket_id"] == made["ticket_id"] and ticket["workflow_id"] == workflow
    assert ticket["created_by_agent_id"] == "agent-of-old" and found["history"][0]["change_type"] == "created"
    listed = old.get(workflow_id=workflow, include_completed="true", limit=50, offset=0, sort_by="created_at", sort_order="desc")
    assert listed["success"] and listed["total_count"] >= 1 and listed["tickets"][0]["id"]
    assert old.get(workflow_id=workflow, status="doing", assigned_agent_id="nobody")["tickets"] == []


def test_commands_and_their_odd_answers(old):
    first, second = create(old, "First")["ticket_id"], create(old, "Second")["ticket_id"]
    old.post("update", ticket_id=second, updates={"blocked_by_ticket_ids": [first]}, update_comment="order")["fields_updated"].index("blocked_by_ticket_ids")
    move = dict(ticket_id=second, new_status="doing", comment="about to begin")
    refused = old.post("change-status", **move)
    assert refused["blocked"] and not refused["success"] and refused["blocking_ticket_ids"] == [first]
    assert old.post("resolve", 400, ticket_id=second, resolution_comment="not yet, it waits")["detail"]
    resolved = old.post("resolve", ticket_id=first, resolution_comment="it is repaired")
    assert resolved["success"] and resolved["unblocked_tickets"] == [second]
    moved = None
    for _ in range(50):
        moved = old.post("change-status", **move)
        if moved["success"]:
            break
    assert moved["old_status"] == "todo" and moved["new_status"] == "doing" and not moved["blocked"]
    comment = old.post("comment", ticket_id=second, comment_text="hello", comment_type="general")
    assert comment["comment_id"].startswith("comment-")
    asked = old.post("request-clarification", ticket_id=second, conflict_description="two answers that contradict each other",
                     context="", potential_solutions=["one", "two"])
    assert asked["comment_id"].startswith("comment-") and "- two" in asked["clarification"]
    assert old.post("link-commit", ticket_id=second, commit_sha="abc123", commit_message=None)["commit_sha"] == "abc123"
    detail = old.get(f"/{second}")
    assert detail["commits"][0]["commit_message"] == "" and {c["comment_text"] for c in detail["comments"]} >= {"hello", "about to begin"}


def test_search_and_what_is_not_there(old, workflow):
    found = old.post("search", query="voucher", workflow_id=workflow, search_type="keyword", filters={}, limit=10, include_comments=True)
    assert found["success"] and found["total_found"] == len(found["results"])
    assert old.get("/pending-review-count") == {"count": 0, "ticket_ids": []}
    for route in ("approve", "reject"):
        old.post(route, 501, ticket_id="x")
    assert old.get(f"/ticket-{uuid.uuid4()}", 404)["detail"]
    assert old.post("create", 404, workflow_id="nowhere", title="no board here", description="x")["detail"]
    assert old.client.get("/tickets/get").status == 404, "everything else stays behind tokens"


def test_it_listens_on_this_machine_only(indexed_bus):
    daemon = indexed_bus.start("ticketbus-gateway", "gateway-compat-open", TICKETBUS_GATEWAY_LISTEN="127.0.0.1:0", TICKETBUS_COMPAT_LISTEN="0.0.0.0:0")
    assert daemon.process.wait(20) == 3 and daemon.said("is not an address of this machine alone")
    indexed_bus.daemons.remove(daemon)
