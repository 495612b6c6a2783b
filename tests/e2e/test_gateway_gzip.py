"""Compressed answers end to end: what is, what is not, and conditions about both forms."""

import gzip
import json
import uuid

import pytest

from bus.boards import board
from bus.gateway import Client, Gateway
from bus.sse import Stream


@pytest.fixture(scope="module")
def gateway(bus):
    with Gateway(bus, "gateway-gzip") as made:
        yield made


@pytest.fixture(scope="module")
def admin(gateway):
    return gateway.client("gzip", "--scope", "admin", X_Agent_ID="agent-gzip")


@pytest.fixture(scope="module")
def ticket(admin):
    workflow = f"gzip-{uuid.uuid4().hex[:8]}"
    admin.request("PUT", f"/tickets/board-config/{workflow}", board()).expect(200)
    return admin.post("/tickets/create", {"workflow_id": workflow, "title": "t", "description": "ä text " * 400}).expect(201)["ticket_id"]


ZIPPED = {"Accept_Encoding": "gzip, deflate, br"}


def test_answers(admin, ticket):
    plain, zipped = admin.get(f"/tickets/{ticket}"), admin.get(f"/tickets/{ticket}", headers=ZIPPED)
    assert json.loads(gzip.decompress(zipped.body)) == plain.expect(200)
    assert int(zipped.headers["content-length"]) == len(zipped.body) < len(plain.body) / 4
    assert zipped.headers["content-type"] == "application/json" and "content-encoding" not in plain.headers
    for answer in (plain, zipped):
        assert "Accept-Encoding" in answer.headers["vary"]
    small = admin.get("/healthz", headers=ZIPPED)
    assert small.expect(200) and "content-encoding" not in small.headers
    refused = admin.get(f"/tickets/{ticket}", headers={"Accept_Encoding": "gzip;q=0, identity"})
    assert "content-encoding" not in refused.headers
    head = admin.request("HEAD", f"/tickets/{ticket}", **ZIPPED)
    assert head.headers["content-encoding"] == "gzip" and head.headers["content-length"] == zipped.headers["content-length"]


def test_conditions_name_either_form(admin, ticket):
    plain, zipped = admin.get(f"/tickets/{ticket}"), admin.get(f"/tickets/{ticket}", headers=ZIPPED)
    tag = plain.headers["etag"]
    assert zipped.headers["etag"] == tag[:-1] + '-gzip"', "a tag is that of one form"
    for accepting in ({}, ZIPPED):
        for known in (tag, zipped.headers["etag"], f'W/{tag}', f'"0", {tag}', "*"):
            answer = admin.get(f"/tickets/{ticket}", headers=accepting | {"If_None_Match": known})
            assert (answer.status, answer.body) == (304, b""), known
    again = admin.get(f"/tickets/{ticket}", headers=ZIPPED | {"If_None_Match": zipped.headers["etag"]})
    assert again.headers["etag"] == zipped.headers["etag"]
    changed = {"ticket_id": ticket, "updates": {"title": "Another"}}
    done = admin.post("/tickets/update", changed, If_Match=zipped.headers["etag"], **ZIPPED)
    assert done.status == 200, done.body
    assert admin.get(f"/tickets/{ticket}", headers=ZIPPED | {"If_None_Match": zipped.headers["etag"]}).status == 200
    admin.post("/tickets/update", changed, If_Match=zipped.headers["etag"]).problem(412, "version_conflict")
    for nonsense in ('"-gzip"', '"x-gzip"', '"1-gzip-gzip"'):
        admin.post("/tickets/update", changed, If_Match=nonsense).problem(400, "bad_request", "If-Match")


def test_files_of_the_board(gateway):
    nobody = Client(gateway, None)
    plain, zipped = nobody.get("/board/board.js"), nobody.get("/board/board.js", headers=ZIPPED)
    assert gzip.decompress(zipped.body) == plain.body and zipped.headers["etag"] == plain.headers["etag"][:-1] + '-gzip"'
    assert nobody.get("/board/board.js", headers=ZIPPED | {"If_None_Match": zipped.headers["etag"]}).status == 304
    assert nobody.get("/board/board.js", headers={"If_None_Match": plain.headers["etag"]}).status == 304


def test_streams_are_not(gateway, admin, ticket):
    stream = Stream(f"127.0.0.1:{gateway.port}", last_id="0=0", ticket_id=ticket,
                    headers={"Authorization": f"Bearer {admin.token}", "Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in stream.headers and stream.read(1)[0].type == "ticket.created"
    stream.kill()


def test_none_where_it_is_switched_off(bus, ticket):
    with Gateway(bus, "gateway-gzip-off", TICKETBUS_GATEWAY_GZIP_MIN="0") as off:
        answer = off.client("gzip-off", "--scope", "read").get(f"/tickets/{ticket}", headers=ZIPPED)
        assert answer.expect(200) and "content-encoding" not in answer.headers and answer.headers["vary"] == "Origin"
