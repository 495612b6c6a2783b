"""Requests that are almost right. None may be the server's own failure, and none may leave in its
log what it cannot read again: an engine that trusts a bad vector panics at the next start."""

import random

import pytest

PROGRAM = "qdrant_edge.py"
REQUESTS = 3000

POINTS = [
    {"id": i, "vector": [1, 2, 3, i], "payload": {"version": i, "group": f"g{i % 3}"}}
    for i in range(20)
]
FILTER = {
    "must": [{"key": "version", "range": {"lt": 3, "gte": 0}}, {"has_id": [1, 2]}],
    "should": [{"key": "group", "match": {"any": ["g1"]}}],
    "min_should": {"conditions": [{"is_empty": {"key": "z"}}], "min_count": 1},
}
VECTOR = [1, 2, 3, 4]
SPARSE = {"indices": [1, 2], "values": [0.5, 0.25]}
CALLS = [
    ("PUT", "/collections/c/points", {"points": POINTS[:2], "update_filter": FILTER}),
    (
        "POST",
        "/collections/c/points/batch",
        {
            "operations": [
                {"upsert": {"points": POINTS[:1], "update_mode": "upsert"}},
                {"delete": {"points": [3]}},
                {"set_payload": {"payload": {"a": 1}, "points": [1], "key": "inner"}},
                {"delete_payload": {"keys": ["a"], "filter": FILTER}},
            ]
        },
    ),
    ("POST", "/collections/c/points", {"ids": [1, 2], "with_payload": {"include": ["a"]}}),
    ("POST", "/collections/c/points/scroll", {"limit": 3, "offset": 1, "filter": FILTER}),
    ("POST", "/collections/c/points/count", {"filter": FILTER, "exact": True}),
    ("POST", "/collections/c/facet", {"key": "group", "limit": 3}),
    (
        "POST",
        "/collections/c/points/query",
        {
            "query": VECTOR,
            "limit": 3,
            "filter": FILTER,
            "params": {"exact": True, "hnsw_ef": 10},
            "prefetch": [{"query": VECTOR, "limit": 2}],
        },
    ),
    (
        "POST",
        "/collections/c/points/query/groups",
        {"query": VECTOR, "group_by": "group", "group_size": 2, "limit": 2},
    ),
    ("PUT", "/collections/n/points", {"points": [{"id": 1, "vector": {"a": [1, 2], "w": SPARSE}}]}),
    ("PUT", "/collections/n/points/vectors", {"points": [{"id": 1, "vector": {"w": SPARSE}}]}),
    ("POST", "/collections/n/points/vectors/delete", {"points": [1], "vector": ["a"]}),
    ("POST", "/collections/n/points/query", {"query": SPARSE, "using": "w"}),
    (
        "PUT",
        "/collections/c/index",
        {"field_name": "group", "field_schema": {"type": "keyword", "is_tenant": True}},
    ),
    (
        "POST",
        "/collections/aliases",
        {
            "actions": [
                {"create_alias": {"collection_name": "c", "alias_name": "one"}},
                {"rename_alias": {"old_alias_name": "one", "new_alias_name": "two"}},
                {"delete_alias": {"alias_name": "two"}},
            ]
        },
    ),
]
ODD = [None, True, 0, -1, 1, 2**32, 2**63, 2**64, 1.5, 1e300, "", "x", "a.b[]", [], {}, [None]]
ODD += [[[]], {"a": None}, [1, [2]], {"id": 1}, "550e8400-e29b-41d4-a716-446655440000"]


def mutated(rng, value, rate):
    if rng.random() < rate:
        return rng.choice(ODD)
    if isinstance(value, dict):
        kept = {k: mutated(rng, v, rate) for k, v in value.items() if rng.random() > rate / 2}
        if rng.random() < rate / 3:
            kept[rng.choice(["other", "filter", "must", "points", "vector"])] = rng.choice(ODD)
        return kept
    if isinstance(value, list):
        items = [mutated(rng, item, rate) for item in value]
        repeats = items[:1] if rng.random() < rate else []
        return items + repeats
    return value


def state(client):
    body = {"limit": 1000, "with_vector": True}
    return [client.post(f"/collections/{c}/points/scroll", body).ok() for c in ("c", "n")]


@pytest.mark.parametrize("seed", range(2))
def test_no_request_is_the_servers_own_failure(start_server, tmp_path, seed):
    rng = random.Random(seed)
    server = start_server(PROGRAM, "--data", str(tmp_path))
    client = server.client()
    client.put("/collections/c", {"vectors": {"size": 4, "distance": "Cosine"}}).ok()
    named = {"vectors": {"a": {"size": 2, "distance": "Dot"}}, "sparse_vectors": {"w": {}}}
    client.put("/collections/n", named).ok()
    client.put("/collections/c/points?wait=true", {"points": POINTS}).ok()
    statuses = set()
    for _ in range(REQUESTS):
        method, path, body = rng.choice(CALLS)
        sent = mutated(rng, body, rng.choice([0.03, 0.1]))
        answer = client.call(method, path, sent)
        assert answer.status < 500, (method, path, sent, answer.body[:300])
        assert answer.status == 200 or answer.error
        statuses.add(answer.status)
    assert {200, 400} <= statuses
    before = state(client)
    server.kill()
    assert state(start_server(PROGRAM, "--data", str(tmp_path)).client()) == before
