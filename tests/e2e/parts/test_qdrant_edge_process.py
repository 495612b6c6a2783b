"""The vector server as a process: what survives a crash, limits, keys, many clients at once."""

import http.client
import json
import os
import random
import socket
import threading
import time

import pytest

from parts_servers import Client

PROGRAM = "qdrant_edge.py"
SIZE = 8


def make(client, name="c"):
    client.put(f"/collections/{name}", {"vectors": {"size": SIZE, "distance": "Cosine"}}).ok()
    index = {"field_name": "version", "field_schema": "integer"}
    client.put(f"/collections/{name}/index?wait=true", index).ok()


def point(number, version):
    vector = [float((number * 31 + version * 7 + i) % 13 + 1) for i in range(SIZE)]
    return {"id": number, "vector": vector, "payload": {"version": version}}


def upsert(client, points, name="c", **more):
    path = f"/collections/{name}/points?wait=true"
    assert client.put(path, {"points": points} | more).ok()["status"] == "completed"


def everything(client, name="c"):
    points, offset = {}, None
    while True:
        body = {"limit": 1000, "with_payload": True, "with_vector": True, "offset": offset}
        page = client.post(f"/collections/{name}/points/scroll", body).ok()
        points |= {p["id"]: (p["payload"], p.get("vector")) for p in page["points"]}
        offset = page["next_page_offset"]
        if offset is None:
            return points


def test_nothing_acknowledged_is_lost_in_a_crash(start_server, tmp_path):
    """Every kind of write, then SIGKILL; what is there afterwards is what was there before."""
    server = start_server(PROGRAM, "--data", str(tmp_path))
    client = server.client()
    make(client)
    make(client, "other")
    actions = [{"create_alias": {"collection_name": "c", "alias_name": "live"}}]
    client.post("/collections/aliases", {"actions": actions}).ok()
    upsert(client, [point(i, 1) for i in range(500)])
    upsert(client, [point(i, 2) for i in range(100)])
    guard = {"must": [{"key": "version", "range": {"lt": 2}}]}
    upsert(client, [point(i, 2) | {"vector": {}} for i in range(50, 150)], update_filter=guard)
    operations = [
        {"delete": {"points": [400, 401]}},
        {"set_payload": {"payload": {"s": "x"}, "points": [402]}},
        {"overwrite_payload": {"payload": {"version": 7}, "points": [403]}},
        {"delete": {"filter": {"must": [{"has_id": [404, 405]}]}}},
        # Deleted and back with a lower version: a replay that asks the guards again gets it wrong.
        {"delete": {"points": [410]}},
        {"upsert": {"points": [point(410, 0)], "update_filter": guard}},
    ]
    client.post("/collections/c/points/batch?wait=true", {"operations": operations}).ok()
    assert (
        client.put("/collections/c/points?wait=true", {"points": [{"id": 1, "vector": [1]}]}).status
        == 400
    )
    before = everything(client)
    schema = client.get("/collections/c").ok()["payload_schema"]
    assert before[60] == ({"version": 2}, before[60][1])
    assert before[120][1] in ({}, None)
    server.kill()

    server = start_server(PROGRAM, "--data", str(tmp_path))
    client = server.client()
    assert everything(client) == before
    assert everything(client, "live") == before
    assert everything(client, "other") == {}
    assert client.get("/collections/c").ok()["payload_schema"] == schema
    assert client.get("/collections/c").ok()["config"]["params"]["vectors"]["size"] == SIZE


def test_killed_while_writing(start_server, tmp_path):
    """Eight kills at random moments of a stream of guarded writes. Each answered write is there,
    and no point ever goes back to an older version."""
    rng = random.Random(20260101)
    acknowledged: dict[int, int] = {}
    version = 0
    for _round in range(8):
        server = start_server(PROGRAM, "--data", str(tmp_path))
        client = server.client()
        if not client.get("/collections/c/exists").ok()["exists"]:
            make(client)
        for number, (payload, _vector) in everything(client).items():
            assert payload["version"] >= acknowledged.get(number, 0)
        assert acknowledged.keys() <= everything(client).keys()
        killer = threading.Timer(rng.uniform(0.05, 0.5), server.kill)
        killer.start()
        while True:
            version += 1
            numbers = rng.sample(range(2000), 50)
            guard = {"must": [{"key": "version", "range": {"lt": version}}]}
            try:
                upsert(client, [point(n, version) for n in numbers], update_filter=guard)
            except (OSError, http.client.HTTPException):
                break  # killed
            acknowledged |= dict.fromkeys(numbers, version)
        killer.join()
    assert len(acknowledged) > 500


def test_stops_in_order_on_sigterm(start_server, tmp_path):
    server = start_server(PROGRAM, "--data", str(tmp_path))
    client = server.client()
    make(client)
    upsert(client, [point(1, 1)])
    start = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - start < 5
    again = start_server(PROGRAM, "--data", str(tmp_path))
    assert list(everything(again.client())) == [1]


def test_deleted_collection_stays_deleted(start_server, tmp_path):
    server = start_server(PROGRAM, "--data", str(tmp_path))
    client = server.client()
    make(client)
    upsert(client, [point(1, 1)])
    client.delete("/collections/c").ok()
    make(client)  # the same name again is a new collection
    assert everything(client) == {}
    server.kill()
    client = start_server(PROGRAM, "--data", str(tmp_path)).client()
    assert everything(client) == {}
    assert len(list((tmp_path / "shards").iterdir())) == 1


def test_a_directory_has_one_server(start_server, tmp_path):
    start_server(PROGRAM, "--data", str(tmp_path))
    with pytest.raises(RuntimeError, match="did not start"):
        start_server(PROGRAM, "--data", str(tmp_path))


def test_api_key(start_server, tmp_path):
    server = start_server(PROGRAM, "--data", str(tmp_path), env={"QDRANT_API_KEY": "sesame"})
    assert server.client().get("/collections").status == 401
    assert server.client({"api-key": "wrong"}).get("/collections").status == 401
    assert server.client({"api-key": "sesame"}).get("/collections").status == 200
    assert server.client({"authorization": "Bearer sesame"}).get("/collections").status == 200
    for path in ("/", "/healthz", "/readyz"):
        assert server.client().get(path).status == 200


def test_body_cap(start_server, tmp_path):
    server = start_server(PROGRAM, "--data", str(tmp_path))
    client = server.client()
    make(client)
    body = b'{"points":[]}' + b" " * (32 * 1024 * 1024)
    refused = client.put("/collections/c/points", body)
    assert refused.status == 413
    assert "larger than" in refused.error
    client = server.client()
    assert client.put("/collections/c/points", body[: 32 * 1024 * 1024]).status == 200
    # A client that asks first is told before it sends anything.
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall(
            b"PUT /collections/c/points HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n"
            b"expect: 100-continue\r\n\r\n"
        )
        assert raw.recv(100).startswith(b"HTTP/1.1 413 ")


def test_unknown_paths_and_methods(start_server, tmp_path):
    client = start_server(PROGRAM, "--data", str(tmp_path)).client()
    assert client.get("/nothing").status == 404
    assert client.call("PATCH", "/collections").status == 405
    make(client, "a%20bc")
    assert client.get("/collections").ok()["collections"] == [{"name": "a bc"}]
    bad = client.put("/collections/a%2Fb", {"vectors": {"size": 1, "distance": "Dot"}})
    assert bad.status == 422
    assert "cannot contain" in bad.error
    assert client.put("/collections/a%20bc/points?wait=maybe", {"points": []}).status == 400
    assert client.put("/collections/a%20bc/points?ordering=odd", {"points": []}).status == 400


def test_many_clients_at_once(start_server, tmp_path):
    """Writers with guards and readers on one collection; the newest version wins everywhere."""
    server = start_server(PROGRAM, "--data", str(tmp_path))
    make(server.client())
    failures: list[BaseException] = []

    def write(seed: int) -> None:
        rng, client = random.Random(seed), server.client()
        for version in rng.sample(range(1, 101), 100):
            guard = {"must": [{"key": "version", "range": {"lt": version}}]}
            upsert(client, [point(n, version) for n in range(20)], update_filter=guard)

    def read() -> None:
        client, last = server.client(), 0
        for _ in range(100):
            body = {"ids": [3], "with_payload": True}
            found = client.post("/collections/c/points", body).ok()
            now = found[0]["payload"]["version"] if found else 0
            assert now >= last
            last = now
            client.post("/collections/c/points/query", {"query": [1.0] * SIZE}).ok()

    def guarded(work, *arguments) -> None:
        try:
            work(*arguments)
        except BaseException as err:
            failures.append(err)

    threads = [threading.Thread(target=guarded, args=(write, seed)) for seed in range(4)]
    threads += [threading.Thread(target=guarded, args=(read,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    stored = everything(server.client())
    assert {payload["version"] for payload, _vector in stored.values()} == {100}
    assert len(stored) == 20


def test_collection_deleted_under_load(start_server, tmp_path):
    """Requests that meet the deletion get an answer, and the server lives on."""
    server = start_server(PROGRAM, "--data", str(tmp_path))
    client = server.client()
    stop = threading.Event()
    seen: set[int] = set()

    def work(path: str, body: dict) -> None:
        own = server.client()
        while not stop.is_set():
            seen.add(own.call("PUT" if "wait" in path else "POST", path, body).status)

    writes = {"points": [point(n, 1) for n in range(100)]}
    asks = {"query": [1.0] * SIZE}
    threads = [
        threading.Thread(target=work, args=("/collections/c/points?wait=true", writes)),
        threading.Thread(target=work, args=("/collections/c/points/query", asks)),
    ]
    for thread in threads:
        thread.start()
    for _ in range(15):
        make(client)
        time.sleep(0.05)
        client.delete("/collections/c").ok()
    stop.set()
    for thread in threads:
        thread.join()
    assert seen == {200, 404}
    assert client.get("/collections").ok() == {"collections": []}


def test_alias_switch_is_never_seen_half_done(start_server, tmp_path):
    server = start_server(PROGRAM, "--data", str(tmp_path))
    client = server.client()
    for number, name in enumerate(("red", "blue")):
        make(client, name)
        upsert(client, [point(number, 1)], name)
    actions = [{"create_alias": {"collection_name": "red", "alias_name": "live"}}]
    client.post("/collections/aliases", {"actions": actions}).ok()
    done = threading.Event()
    failures = []

    def read() -> None:
        reader = server.client()
        while not done.is_set():
            answer = reader.post("/collections/live/points/scroll", {})
            if answer.status != 200 or len(answer.ok()["points"]) != 1:
                failures.append(answer.body)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for turn in range(60):
        target = ("blue", "red")[turn % 2]
        actions = [
            {"delete_alias": {"alias_name": "live"}},
            {"create_alias": {"collection_name": target, "alias_name": "live"}},
        ]
        client.post("/collections/aliases", {"actions": actions}).ok()
    # One action that cannot be done undoes the others.
    actions = [
        {"delete_alias": {"alias_name": "live"}},
        {"create_alias": {"collection_name": "missing", "alias_name": "live"}},
    ]
    assert client.post("/collections/aliases", {"actions": actions}).status == 404
    done.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert [a["collection_name"] for a in client.get("/aliases").ok()["aliases"]] == ["red"]


@pytest.mark.skipif(not os.environ.get("TICKETBUS_MEASURE"), reason="TICKETBUS_MEASURE is not set")
def test_measure(start_server, tmp_path, capsys):
    """Not a check: prints figures. 256 points of 1,024 dimensions in a request, two clients."""
    server = start_server(PROGRAM, "--data", str(tmp_path))
    client = server.client()
    client.put("/collections/c", {"vectors": {"size": 1024, "distance": "Cosine"}}).ok()
    rng = random.Random(1)
    bodies = []
    for base in range(0, 256 * 8, 256):
        points = [
            {
                "id": base + i,
                "vector": [round(rng.gauss(0, 1), 7) for _ in range(1024)],
                "payload": {"version": 1, "ticket": f"ticket-{i}"},
            }
            for i in range(256)
        ]
        bodies.append(json.dumps({"points": points}).encode())

    def load() -> None:
        own = Client(server.url)
        for _ in range(3):
            for body in bodies:
                assert own.put("/collections/c/points?wait=true", body).status == 200

    start = time.monotonic()
    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = 2 * 3 * 8 * 256 / (time.monotonic() - start)
    start = time.monotonic()
    for _ in range(500):
        client.post("/collections/c/points/query", {"query": [1.0] * 1024}).ok()
    latency = (time.monotonic() - start) / 500
    with capsys.disabled():
        print(
            f"\n{rate:.0f} points/s, a query {latency * 1000:.2f} ms, {server.memory_mb():.0f} MB"
        )
