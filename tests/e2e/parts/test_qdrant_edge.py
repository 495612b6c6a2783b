"""The vector server's REST contract. With QDRANT_URL set these tests ask that server instead, so
they are to hold of a real Qdrant too (of the wording of errors they check its own part alone)."""

import uuid

import pytest

from parts_servers import outside_qdrant, wait_until
from qdrant_calls import fetch, found_ids, older_than, point_at, upsert

# Service


def test_says_what_it_is(qdrant):
    root = qdrant.get("/")
    assert root.json["title"] == "qdrant - vector search engine"
    assert [int(part) for part in root.json["version"].split(".")[:2]] >= [1, 16]
    for path in ("/healthz", "/readyz", "/livez"):
        assert qdrant.get(path).status == 200


# Collections and aliases


def test_collection_comes_and_goes(qdrant, fresh_name):
    name = fresh_name()
    path = f"/collections/{name}"
    assert qdrant.get(f"{path}/exists").ok() == {"exists": False}
    assert qdrant.get(path).status == 404
    settings = {"vectors": {"size": 3, "distance": "Dot"}}
    assert qdrant.put(path, settings).ok() is True
    assert qdrant.get(f"{path}/exists").ok() == {"exists": True}
    assert {"name": name} in qdrant.get("/collections").ok()["collections"]
    info = qdrant.get(path).ok()
    assert info["status"] == "green"
    assert info["points_count"] == 0
    assert info["config"]["params"]["vectors"]["size"] == 3
    again = qdrant.put(path, settings)
    assert again.status == 409
    assert again.error == f"Wrong input: Collection `{name}` already exists!"
    assert qdrant.delete(path).ok() is True
    assert qdrant.delete(path).ok() is False
    missing = qdrant.post(f"{path}/points/count", {})
    assert missing.status == 404
    assert missing.error == f"Not found: Collection `{name}` doesn't exist!"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        ({"vectors": {"size": 4}}, 400),
        ({"vectors": {"size": 4, "distance": "Nearest"}}, 400),
        ({"vectors": {"size": 0, "distance": "Dot"}}, 422),
    ],
)
def test_bad_collection_is_refused(qdrant, fresh_name, body, status):
    name = fresh_name()
    answer = qdrant.put(f"/collections/{name}", body)
    assert answer.status == status
    assert answer.error
    assert qdrant.get(f"/collections/{name}/exists").ok() == {"exists": False}


def test_payload_indexes(qdrant, name):
    path = f"/collections/{name}"
    qdrant.put(f"{path}/index?wait=true", {"field_name": "board", "field_schema": "keyword"}).ok()
    text = {"type": "text", "tokenizer": "word", "lowercase": True}
    qdrant.put(f"{path}/index?wait=true", {"field_name": "title", "field_schema": text}).ok()
    upsert(qdrant, name, [{"id": 1, "vector": [1, 0, 0, 0], "payload": {"board": "b"}}])
    schema = qdrant.get(path).ok()["payload_schema"]
    assert schema["version"]["data_type"] == "integer"
    assert schema["board"]["data_type"] == "keyword"
    assert schema["board"]["points"] == 1
    assert schema["title"]["data_type"] == "text"
    qdrant.delete(f"{path}/index/board?wait=true").ok()
    assert "board" not in qdrant.get(path).ok()["payload_schema"]
    bad = qdrant.put(f"{path}/index", {"field_name": "x", "field_schema": "words"})
    assert bad.status in (400, 422)


def test_alias_is_the_collection(qdrant, name, fresh_name):
    alias = fresh_name()
    create = {"create_alias": {"collection_name": name, "alias_name": alias}}
    assert qdrant.post("/collections/aliases", {"actions": [create]}).ok() is True
    upsert(qdrant, alias, [{"id": 1, "vector": [1, 0, 0, 0], "payload": {"version": 1}}])
    assert fetch(qdrant, name, 1)[1]["payload"] == {"version": 1}
    assert qdrant.get(f"/collections/{alias}").ok()["points_count"] == 1
    assert qdrant.post(f"/collections/{alias}/points/count", {"exact": True}).ok() == {"count": 1}
    shown = {"alias_name": alias, "collection_name": name}
    assert shown in qdrant.get("/aliases").ok()["aliases"]
    assert qdrant.get(f"/collections/{name}/aliases").ok()["aliases"] == [shown]
    # Deleting the collection takes its aliases along.
    qdrant.delete(f"/collections/{name}").ok()
    assert shown not in qdrant.get("/aliases").ok()["aliases"]
    assert qdrant.get(f"/collections/{alias}").status == 404


def test_alias_switch_in_one_step(qdrant, fresh_name):
    old, new, alias = fresh_name(), fresh_name(), fresh_name()
    for place, made in enumerate((old, new)):
        qdrant.put(f"/collections/{made}", {"vectors": {"size": 2, "distance": "Dot"}}).ok()
        upsert(qdrant, made, [{"id": place, "vector": [1, 1], "payload": {}}])
    create = {"create_alias": {"collection_name": old, "alias_name": alias}}
    qdrant.post("/collections/aliases", {"actions": [create]}).ok()
    assert found_ids(qdrant, alias, {}) == [0]
    switch = [
        {"delete_alias": {"alias_name": alias}},
        {"create_alias": {"collection_name": new, "alias_name": alias}},
    ]
    qdrant.post("/collections/aliases", {"actions": switch}).ok()
    assert found_ids(qdrant, alias, {}) == [1]
    renamed = fresh_name()
    rename = {"rename_alias": {"old_alias_name": alias, "new_alias_name": renamed}}
    qdrant.post("/collections/aliases", {"actions": [rename]}).ok()
    assert found_ids(qdrant, renamed, {}) == [1]
    assert qdrant.get(f"/collections/{alias}").status == 404
    missing = {"create_alias": {"collection_name": fresh_name(), "alias_name": alias}}
    assert qdrant.post("/collections/aliases", {"actions": [missing]}).status == 404


# Writing


def test_upsert_replaces_the_whole_point(qdrant, name):
    point = str(uuid.uuid4())
    first = {"id": point, "vector": [3, 0, 4, 0], "payload": {"a": 1, "b": {"c": [1, None, True]}}}
    upsert(qdrant, name, [first])
    stored = fetch(qdrant, name, point)[point]
    assert stored["payload"] == first["payload"]
    assert stored["vector"] == pytest.approx([0.6, 0, 0.8, 0])  # Cosine: stored at unit length
    upsert(qdrant, name, [{"id": point, "vector": [1, 0, 0, 0], "payload": {"a": 2}}])
    assert fetch(qdrant, name, point)[point]["payload"] == {"a": 2}


def test_upsert_in_columns(qdrant, name):
    batch = {"ids": [1, 2], "vectors": [[1, 0, 0, 0], [0, 1, 0, 0]], "payloads": [{"n": 1}, None]}
    qdrant.put(f"/collections/{name}/points?wait=true", {"batch": batch}).ok()
    stored = fetch(qdrant, name, 1, 2)
    assert stored[1]["payload"] == {"n": 1}
    assert stored[2]["vector"] == [0, 1, 0, 0]


def test_guard_lets_only_newer_versions_in(qdrant, name):
    def write(version, text):
        point = {"id": 1, "vector": [1, 0, 0, 0], "payload": {"version": version, "text": text}}
        upsert(qdrant, name, [point], update_filter=older_than(version))

    write(5, "five")  # there is nothing yet: inserted
    write(4, "four")  # older: ignored, and not an error
    write(5, "again")  # the same version: ignored
    assert fetch(qdrant, name, 1)[1]["payload"] == {"version": 5, "text": "five"}
    write(6, "six")
    assert fetch(qdrant, name, 1)[1]["payload"] == {"version": 6, "text": "six"}


def test_guard_for_each_point_of_one_request(qdrant, name):
    versions = {1: 10, 2: 10, 3: 10}
    upsert(qdrant, name, [point_at(i, v) for i, v in versions.items()])
    offered = {1: 9, 2: 11, 3: 10, 4: 1}
    guard = {
        "should": [
            {"must": [{"has_id": [i]}, {"key": "version", "range": {"lt": v}}]}
            for i, v in offered.items()
        ]
    }
    points = [point_at(i, v) for i, v in offered.items()]
    upsert(qdrant, name, points, update_filter=guard)
    stored = {i: p["payload"]["version"] for i, p in fetch(qdrant, name, 1, 2, 3, 4).items()}
    assert stored == {1: 10, 2: 11, 3: 10, 4: 1}


def test_without_wait_the_write_is_acknowledged(qdrant, name):
    answer = qdrant.put(f"/collections/{name}/points", {"points": [point_at(1, 1)]}).ok()
    assert answer["status"] == "acknowledged"
    wait_until(lambda: 1 in fetch(qdrant, name, 1))


def test_duplicates_of_one_request_leave_the_last(qdrant, name):
    upsert(qdrant, name, [point_at(1, 1), point_at(1, 3), point_at(1, 2)])
    assert fetch(qdrant, name, 1)[1]["payload"] == {"version": 2}


def test_update_modes(qdrant, name):
    upsert(qdrant, name, [point_at(1, 1)])
    both = [point_at(1, 2), point_at(2, 2)]
    upsert(qdrant, name, both, update_mode="insert_only")
    stored = {i: p["payload"]["version"] for i, p in fetch(qdrant, name, 1, 2).items()}
    assert stored == {1: 1, 2: 2}
    upsert(qdrant, name, [point_at(1, 3), point_at(3, 3)], update_mode="update_only")
    stored = {i: p["payload"]["version"] for i, p in fetch(qdrant, name, 1, 2, 3).items()}
    assert stored == {1: 3, 2: 2}
    bad = qdrant.put(f"/collections/{name}/points", {"points": both, "update_mode": "always"})
    assert bad.status == 400


def test_tombstone_keeps_a_late_write_out(qdrant, name):
    """A delete is a point without a vector: it holds its version, and no search finds it."""
    upsert(qdrant, name, [point_at(1, 3), point_at(2, 3)])
    grave = {"id": 1, "vector": {}, "payload": {"version": 4, "deleted": True}}
    upsert(qdrant, name, [grave], update_filter=older_than(4))
    upsert(qdrant, name, [point_at(1, 3)], update_filter=older_than(3))  # the zombie's
    stored = fetch(qdrant, name, 1)[1]
    assert stored["payload"] == {"version": 4, "deleted": True}
    assert stored["vector"] in ({}, None)
    hits = qdrant.post(f"/collections/{name}/points/query", {"query": [1, 0, 0, 0]}).ok()
    assert [hit["id"] for hit in hits["points"]] == [2]
    upsert(qdrant, name, [point_at(1, 5)], update_filter=older_than(5))  # it came back to life
    hits = qdrant.post(f"/collections/{name}/points/query", {"query": [1, 0, 0, 0]}).ok()
    assert sorted(hit["id"] for hit in hits["points"]) == [1, 2]


def test_batch_applies_in_order(qdrant, name):
    upsert(qdrant, name, [point_at(i, 1) for i in (1, 2, 3, 4, 5)])
    operations = [
        {"upsert": {"points": [point_at(1, 2)], "update_filter": older_than(2)}},
        {"upsert": {"points": [point_at(2, 0)], "update_filter": older_than(0)}},
        {"delete": {"points": [3]}},
        {
            "delete": {
                "filter": {"must": [{"has_id": [4]}, {"key": "version", "match": {"value": 1}}]}
            }
        },
        {"set_payload": {"payload": {"board": "b", "x": 1}, "points": [1, 5]}},
        {"overwrite_payload": {"payload": {"version": 9}, "points": [5]}},
        {"delete_payload": {"keys": ["x"], "points": [1]}},
    ]
    path = f"/collections/{name}/points/batch?wait=true&ordering=medium"
    answers = qdrant.post(path, {"operations": operations}).ok()
    assert [answer["status"] for answer in answers] == ["completed"] * len(operations)
    stored = {i: p["payload"] for i, p in fetch(qdrant, name, 1, 2, 3, 4, 5).items()}
    assert stored == {1: {"version": 2, "board": "b"}, 2: {"version": 1}, 5: {"version": 9}}


def test_batch_with_a_bad_operation_changes_nothing(qdrant, name):
    operations = [{"upsert": {"points": [point_at(1, 1)]}}, {"delete": {"nothing": []}}]
    answer = qdrant.post(f"/collections/{name}/points/batch?wait=true", {"operations": operations})
    assert answer.status in (400, 422)
    assert fetch(qdrant, name, 1) == {}


def test_payload_calls(qdrant, name):
    upsert(qdrant, name, [point_at(1, 1), point_at(2, 1)])
    path = f"/collections/{name}/points/payload"
    qdrant.post(f"{path}?wait=true", {"payload": {"status": "open"}, "points": [1]}).ok()
    everywhere = {"payload": {"seen": True}, "filter": older_than(2)}
    qdrant.post(f"{path}?wait=true", everywhere).ok()
    stored = {i: p["payload"] for i, p in fetch(qdrant, name, 1, 2).items()}
    assert stored == {
        1: {"version": 1, "status": "open", "seen": True},
        2: {"version": 1, "seen": True},
    }
    qdrant.put(f"{path}?wait=true", {"payload": {"only": 1}, "points": [2]}).ok()
    qdrant.post(f"{path}/delete?wait=true", {"keys": ["seen"], "points": [1]}).ok()
    stored = {i: p["payload"] for i, p in fetch(qdrant, name, 1, 2).items()}
    assert stored == {1: {"version": 1, "status": "open"}, 2: {"only": 1}}
    qdrant.post(f"{path}/clear?wait=true", {"points": [2]}).ok()
    assert fetch(qdrant, name, 2)[2]["payload"] in ({}, None)
    assert qdrant.post(path, {"payload": {"a": 1}}).status in (400, 422)
    # A payload write leaves the vector alone, and the guard can ride in the filter.
    guard = {"must": [{"has_id": [1]}, {"key": "version", "range": {"lt": 1}}]}
    qdrant.post(f"{path}?wait=true", {"payload": {"status": "late"}, "filter": guard}).ok()
    stored = fetch(qdrant, name, 1)[1]
    assert stored["payload"]["status"] == "open"
    assert stored["vector"] == [1, 0, 0, 0]


def test_delete_by_ids_and_by_filter(qdrant, name):
    upsert(qdrant, name, [point_at(i, i) for i in range(6)])
    path = f"/collections/{name}/points/delete?wait=true"
    assert qdrant.post(path, {"points": [0, 99]}).ok()["status"] == "completed"
    qdrant.post(path, {"filter": older_than(3)}).ok()
    assert found_ids(qdrant, name, {}) == [3, 4, 5]
    assert qdrant.post(path, {}).status in (400, 422)
    assert found_ids(qdrant, name, {}) == [3, 4, 5]


@pytest.mark.parametrize(
    ("point", "says"),
    [
        ({"id": 1, "vector": [1, 2, 3]}, "expected dim: 4, got 3"),
        ({"id": 1, "vector": {"other": [1, 2, 3, 4]}}, "Not existing vector name"),
        ({"id": "ticket-1", "vector": [1, 2, 3, 4]}, "not a valid point ID"),
        ({"id": -1, "vector": [1, 2, 3, 4]}, "not a valid point ID"),
        ({"vector": [1, 2, 3, 4]}, "missing field `id`"),
        ({"id": 1, "vector": [1, 2, "3", 4]}, ""),
        ({"id": 1, "vector": [1, 2, 3, 4], "payload": "text"}, ""),
    ],
)
def test_bad_point_is_refused_with_its_neighbours(qdrant, name, point, says):
    points = [point_at(7, 1), point]
    answer = qdrant.put(f"/collections/{name}/points?wait=true", {"points": points})
    assert answer.status in (400, 422)
    assert answer.error
    if not outside_qdrant():
        assert says in answer.error
    assert fetch(qdrant, name, 7) == {}


def test_named_vectors(qdrant, fresh_name):
    name = fresh_name()
    vectors = {
        "title": {"size": 2, "distance": "Cosine"},
        "body": {"size": 3, "distance": "Euclid"},
    }
    qdrant.put(f"/collections/{name}", {"vectors": vectors}).ok()
    points = [
        {"id": 1, "vector": {"title": [1, 0], "body": [0, 0, 1]}, "payload": {}},
        {"id": 2, "vector": {"title": [0, 1]}, "payload": {}},
        {"id": 3, "vector": {}, "payload": {}},
    ]
    upsert(qdrant, name, points)
    stored = fetch(qdrant, name, 1, 2, 3)
    assert stored[1]["vector"] == {"title": [1, 0], "body": [0, 0, 1]}
    assert stored[2]["vector"] == {"title": [0, 1]}
    assert stored[3]["vector"] in ({}, None)

    def nearest(vector, using):
        body = {"query": vector, "using": using}
        hits = qdrant.post(f"/collections/{name}/points/query", body).ok()["points"]
        return [hit["id"] for hit in hits]

    assert nearest([0, 2], "title") == [2, 1]
    assert nearest([0, 0, 0], "body") == [1]
    bad = qdrant.post(f"/collections/{name}/points/query", {"query": [1, 0], "using": "other"})
    assert bad.status == 400
    only = {"ids": [1], "with_vector": ["body"], "with_payload": False}
    shown = qdrant.post(f"/collections/{name}/points", only).ok()[0]
    assert shown["vector"] == {"body": [0, 0, 1]}
    more = {"points": [{"id": 2, "vector": {"body": [1, 1, 1]}}]}
    qdrant.put(f"/collections/{name}/points/vectors?wait=true", more).ok()
    assert fetch(qdrant, name, 2)[2]["vector"] == {"title": [0, 1], "body": [1, 1, 1]}
    less = {"points": [1], "vector": ["title"]}
    qdrant.post(f"/collections/{name}/points/vectors/delete?wait=true", less).ok()
    assert fetch(qdrant, name, 1)[1]["vector"] == {"body": [0, 0, 1]}
    with_title = {"must": [{"has_vector": "title"}]}
    assert found_ids(qdrant, name, with_title) == [2]
