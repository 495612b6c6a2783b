"""The vector server's REST contract. With QDRANT_URL set these tests ask that server instead:
what they say holds of a real Qdrant too."""

import uuid

import pytest

SIZE = 4


@pytest.fixture
def name(qdrant, fresh_name):
    """A collection with one unnamed vector of four dimensions and an index over `version`."""
    made = fresh_name()
    vectors = {"size": SIZE, "distance": "Cosine"}
    assert qdrant.put(f"/collections/{made}", {"vectors": vectors}).result is True
    index = {"field_name": "version", "field_schema": "integer"}
    qdrant.put(f"/collections/{made}/index?wait=true", index).result
    return made


def upsert(qdrant, name, points, **more):
    body = {"points": points} | more
    answer = qdrant.put(f"/collections/{name}/points?wait=true&ordering=medium", body).result
    assert answer["status"] == "completed"
    return answer


def fetch(qdrant, name, *ids):
    """-> {id: point} with payload and vector."""
    body = {"ids": list(ids), "with_payload": True, "with_vector": True}
    points = qdrant.post(f"/collections/{name}/points", body).result
    return {point["id"]: point for point in points}


def found_ids(qdrant, name, condition):
    body = {"filter": condition, "limit": 100, "with_payload": False}
    points = qdrant.post(f"/collections/{name}/points/scroll", body).result["points"]
    assert all("payload" not in p or p["payload"] is None for p in points)
    return [point["id"] for point in points]


def older_than(version):
    return {"must": [{"key": "version", "range": {"lt": version}}]}


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
    assert qdrant.get(f"{path}/exists").result == {"exists": False}
    assert qdrant.get(path).status == 404
    settings = {"vectors": {"size": 3, "distance": "Dot"}}
    assert qdrant.put(path, settings).result is True
    assert qdrant.get(f"{path}/exists").result == {"exists": True}
    assert {"name": name} in qdrant.get("/collections").result["collections"]
    info = qdrant.get(path).result
    assert info["status"] == "green"
    assert info["points_count"] == 0
    assert info["config"]["params"]["vectors"]["size"] == 3
    again = qdrant.put(path, settings)
    assert again.status == 409
    assert again.error == f"Wrong input: Collection `{name}` already exists!"
    assert qdrant.delete(path).result is True
    assert qdrant.delete(path).result is False
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
    assert qdrant.get(f"/collections/{name}/exists").result == {"exists": False}


def test_payload_indexes(qdrant, name):
    path = f"/collections/{name}"
    qdrant.put(f"{path}/index?wait=true", {"field_name": "board", "field_schema": "keyword"}).result
    text = {"type": "text", "tokenizer": "word", "lowercase": True}
    qdrant.put(f"{path}/index?wait=true", {"field_name": "title", "field_schema": text}).result
    upsert(qdrant, name, [{"id": 1, "vector": [1, 0, 0, 0], "payload": {"board": "b"}}])
    schema = qdrant.get(path).result["payload_schema"]
    assert schema["version"]["data_type"] == "integer"
    assert schema["board"]["data_type"] == "keyword"
    assert schema["board"]["points"] == 1
    assert schema["title"]["data_type"] == "text"
    qdrant.delete(f"{path}/index/board?wait=true").result
    assert "board" not in qdrant.get(path).result["payload_schema"]
    bad = qdrant.put(f"{path}/index", {"field_name": "x", "field_schema": "words"})
    assert bad.status in (400, 422)


def test_alias_is_the_collection(qdrant, name, fresh_name):
    alias = fresh_name()
    create = {"create_alias": {"collection_name": name, "alias_name": alias}}
    assert qdrant.post("/collections/aliases", {"actions": [create]}).result is True
    upsert(qdrant, alias, [{"id": 1, "vector": [1, 0, 0, 0], "payload": {"version": 1}}])
    assert fetch(qdrant, name, 1)[1]["payload"] == {"version": 1}
    assert qdrant.get(f"/collections/{alias}").result["points_count"] == 1
    assert qdrant.post(f"/collections/{alias}/points/count", {"exact": True}).result == {"count": 1}
    shown = {"alias_name": alias, "collection_name": name}
    assert shown in qdrant.get("/aliases").result["aliases"]
    assert qdrant.get(f"/collections/{name}/aliases").result["aliases"] == [shown]
    # Deleting the collection takes its aliases along.
    qdrant.delete(f"/collections/{name}").result
    assert shown not in qdrant.get("/aliases").result["aliases"]
    assert qdrant.get(f"/collections/{alias}").status == 404


def test_alias_switch_in_one_step(qdrant, fresh_name):
    old, new, alias = fresh_name(), fresh_name(), fresh_name()
    for place, made in enumerate((old, new)):
        qdrant.put(f"/collections/{made}", {"vectors": {"size": 2, "distance": "Dot"}}).result
        upsert(qdrant, made, [{"id": place, "vector": [1, 1], "payload": {}}])
    create = {"create_alias": {"collection_name": old, "alias_name": alias}}
    qdrant.post("/collections/aliases", {"actions": [create]}).result
    assert found_ids(qdrant, alias, {}) == [0]
    switch = [
        {"delete_alias": {"alias_name": alias}},
        {"create_alias": {"collection_name": new, "alias_name": alias}},
    ]
    qdrant.post("/collections/aliases", {"actions": switch}).result
    assert found_ids(qdrant, alias, {}) == [1]
    renamed = fresh_name()
    rename = {"rename_alias": {"old_alias_name": alias, "new_alias_name": renamed}}
    qdrant.post("/collections/aliases", {"actions": [rename]}).result
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
    qdrant.put(f"/collections/{name}/points?wait=true", {"batch": batch}).result
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


def point_at(point, version, vector=(1, 0, 0, 0)):
    return {"id": point, "vector": list(vector), "payload": {"version": version}}


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
    hits = qdrant.post(f"/collections/{name}/points/query", {"query": [1, 0, 0, 0]}).result
    assert [hit["id"] for hit in hits["points"]] == [2]
    upsert(qdrant, name, [point_at(1, 5)], update_filter=older_than(5))  # it came back to life
    hits = qdrant.post(f"/collections/{name}/points/query", {"query": [1, 0, 0, 0]}).result
    assert sorted(hit["id"] for hit in hits["points"]) == [1, 2]


def test_batch_applies_in_order(qdrant, name):
    upsert(qdrant, name, [point_at(i, 1) for i in (1, 2, 3, 4, 5)])
    operations = [
        {"upsert": {"points": [point_at(1, 2)], "update_filter": older_than(2)}},
        {"upsert": {"points": [point_at(2, 0)], "update_filter": older_than(0)}},
        {"delete": {"points": [3]}},
        {"delete": {"filter": {"must": [{"has_id": [4]}, {"key": "version", "match": {"value": 1}}]}}},
        {"set_payload": {"payload": {"board": "b", "x": 1}, "points": [1, 5]}},
        {"overwrite_payload": {"payload": {"version": 9}, "points": [5]}},
        {"delete_payload": {"keys": ["x"], "points": [1]}},
    ]
    path = f"/collections/{name}/points/batch?wait=true&ordering=medium"
    answers = qdrant.post(path, {"operations": operations}).result
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
    qdrant.post(f"{path}?wait=true", {"payload": {"status": "open"}, "points": [1]}).result
    everywhere = {"payload": {"seen": True}, "filter": older_than(2)}
    qdrant.post(f"{path}?wait=true", everywhere).result
    stored = {i: p["payload"] for i, p in fetch(qdrant, name, 1, 2).items()}
    assert stored == {
        1: {"version": 1, "status": "open", "seen": True},
        2: {"version": 1, "seen": True},
    }
    qdrant.put(f"{path}?wait=true", {"payload": {"only": 1}, "points": [2]}).result
    qdrant.post(f"{path}/delete?wait=true", {"keys": ["seen"], "points": [1]}).result
    stored = {i: p["payload"] for i, p in fetch(qdrant, name, 1, 2).items()}
    assert stored == {1: {"version": 1, "status": "open"}, 2: {"only": 1}}
    qdrant.post(f"{path}/clear?wait=true", {"points": [2]}).result
    assert fetch(qdrant, name, 2)[2]["payload"] in ({}, None)
    assert qdrant.post(path, {"payload": {"a": 1}}).status in (400, 422)
    # A payload write leaves the vector alone, and the guard can ride in the filter.
    guard = {"must": [{"has_id": [1]}, {"key": "version", "range": {"lt": 1}}]}
    qdrant.post(f"{path}?wait=true", {"payload": {"status": "late"}, "filter": guard}).result
    stored = fetch(qdrant, name, 1)[1]
    assert stored["payload"]["status"] == "open"
    assert stored["vector"] == [1, 0, 0, 0]


def test_delete_by_ids_and_by_filter(qdrant, name):
    upsert(qdrant, name, [point_at(i, i) for i in range(6)])
    path = f"/collections/{name}/points/delete?wait=true"
    assert qdrant.post(path, {"points": [0, 99]}).result["status"] == "completed"
    qdrant.post(path, {"filter": older_than(3)}).result
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
    assert says in answer.error


def test_named_vectors(qdrant, fresh_name):
    name = fresh_name()
    vectors = {
        "title": {"size": 2, "distance": "Cosine"},
        "body": {"size": 3, "distance": "Euclid"},
    }
    qdrant.put(f"/collections/{name}", {"vectors": vectors}).result
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
        hits = qdrant.post(f"/collections/{name}/points/query", body).result["points"]
        return [hit["id"] for hit in hits]

    assert nearest([0, 2], "title") == [2, 1]
    assert nearest([0, 0, 0], "body") == [1]
    bad = qdrant.post(f"/collections/{name}/points/query", {"query": [1, 0], "using": "other"})
    assert bad.status == 400
    only = {"ids": [1], "with_vector": ["body"], "with_payload": False}
    shown = qdrant.post(f"/collections/{name}/points", only).result[0]
    assert shown["vector"] == {"body": [0, 0, 1]}
    more = {"points": [{"id": 2, "vector": {"body": [1, 1, 1]}}]}
    qdrant.put(f"/collections/{name}/points/vectors?wait=true", more).result
    assert fetch(qdrant, name, 2)[2]["vector"] == {"title": [0, 1], "body": [1, 1, 1]}
    less = {"points": [1], "vector": ["title"]}
    qdrant.post(f"/collections/{name}/points/vectors/delete?wait=true", less).result
    assert fetch(qdrant, name, 1)[1]["vector"] == {"body": [0, 0, 1]}
    with_title = {"must": [{"has_vector": "title"}]}
    assert found_ids(qdrant, name, with_title) == [2]


# Reading


@pytest.fixture
def filled(qdrant, name):
    payloads = {
        1: {"board": "a", "version": 1, "tags": ["x", "y"], "open": True, "at": "2026-01-01T00:00:00Z"},
        2: {"board": "a", "version": 2, "tags": [], "open": False, "at": "2026-02-01T00:00:00Z"},
        3: {"board": "b", "version": 3, "tags": ["y"], "open": True, "owner": None},
        4: {"board": "c", "version": 4, "parts": [{"k": 1, "v": 1}, {"k": 2, "v": 2}]},
        5: {"board": "c", "version": 5, "text": "the quick brown fox", "parts": [{"k": 1, "v": 2}]},
    }
    points = [
        {"id": i, "vector": [i, 1, 0, 0], "payload": payload} for i, payload in payloads.items()
    ]
    upsert(qdrant, name, points)
    return name


def field(key, **condition):
    return {"key": key, **condition}


FILTERS = [
    ({"must": [field("board", match={"value": "a"})]}, [1, 2]),
    ({"must": field("board", match={"value": "a"})}, [1, 2]),
    ({"must": [field("open", match={"value": True})]}, [1, 3]),
    ({"must": [field("version", match={"value": 3})]}, [3]),
    ({"must": [field("board", match={"any": ["a", "b"]})]}, [1, 2, 3]),
    ({"must": [field("version", match={"any": [1, 5]})]}, [1, 5]),
    ({"must": [field("board", match={"except": ["a", "b"]})]}, [4, 5]),
    ({"must": [field("tags", match={"value": "y"})]}, [1, 3]),
    ({"must": [field("text", match={"text": "quick"})]}, [5]),
    ({"must": [field("version", range={"gt": 1, "lte": 3})]}, [2, 3]),
    ({"must": [field("at", range={"gte": "2026-01-15T00:00:00Z"})]}, [2]),
    ({"must": [field("tags", values_count={"gte": 2})]}, [1]),
    ({"must": [{"has_id": [1, 3, 77]}]}, [1, 3]),
    ({"must": [{"is_empty": {"key": "tags"}}]}, [2, 4, 5]),
    ({"must": [{"is_null": {"key": "owner"}}]}, [3]),
    ({"must_not": [field("board", match={"value": "c"})]}, [1, 2, 3]),
    ({"should": [{"has_id": [1]}, field("version", range={"gte": 5})]}, [1, 5]),
    (
        {
            "min_should": {
                "conditions": [
                    field("board", match={"value": "a"}),
                    field("open", match={"value": True}),
                    field("version", range={"lt": 2}),
                ],
                "min_count": 2,
            }
        },
        [1],
    ),
    (
        {
            "must": [{"should": [{"has_id": [4]}, {"has_id": [5]}]}],
            "must_not": [{"must": [field("version", match={"value": 4})]}],
        },
        [5],
    ),
    ({"must": [field("parts[].k", match={"value": 1}), field("parts[].v", match={"value": 2})]}, [4, 5]),
    (
        {
            "must": [
                {
                    "nested": {
                        "key": "parts",
                        "filter": {
                            "must": [
                                field("k", match={"value": 1}),
                                field("v", match={"value": 2}),
                            ]
                        },
                    }
                }
            ]
        },
        [5],
    ),
    ({}, [1, 2, 3, 4, 5]),
]


@pytest.mark.parametrize(("condition", "expected"), FILTERS, ids=[str(f)[:60] for f, _ in FILTERS])
def test_filters(qdrant, filled, condition, expected):
    assert found_ids(qdrant, filled, condition) == expected
    count = {"filter": condition, "exact": True}
    counted = qdrant.post(f"/collections/{filled}/points/count", count).result
    assert counted == {"count": len(expected)}


@pytest.mark.parametrize(
    "condition",
    [
        {"must": [{"key": "version"}]},
        {"must": [{"key": "version", "match": {"value": 1.5}}]},
        {"must": [{"key": "version", "match": {}}]},
        {"must": [{"has_id": ["nonsense"]}]},
        {"must": ["version"]},
        {"whatever": []},
        [],
    ],
    ids=str,
)
def test_bad_filters_are_refused(qdrant, filled, condition):
    """A filter that is not understood must never count as no filter: deletes use it."""
    answer = qdrant.post(f"/collections/{filled}/points/delete?wait=true", {"filter": condition})
    assert answer.status in (400, 422)
    assert found_ids(qdrant, filled, {}) == [1, 2, 3, 4, 5]


def test_scroll_pages_through_all(qdrant, name):
    upsert(qdrant, name, [point_at(i, i % 2) for i in range(25)])
    seen, offset = [], None
    while True:
        body = {"limit": 4, "filter": {"must": [field("version", match={"value": 1})]}}
        if offset is not None:
            body["offset"] = offset
        page = qdrant.post(f"/collections/{name}/points/scroll", body).result
        seen += [point["id"] for point in page["points"]]
        offset = page["next_page_offset"]
        if offset is None:
            break
        assert len(page["points"]) == 4
    assert seen == list(range(1, 25, 2))
    assert qdrant.post(f"/collections/{name}/points/scroll", {"limit": 0}).status == 422


def test_scroll_in_order_of_a_field(qdrant, filled):
    body = {"order_by": {"key": "version", "direction": "desc"}, "limit": 2, "with_payload": ["board"]}
    page = qdrant.post(f"/collections/{filled}/points/scroll", body).result
    assert [point["id"] for point in page["points"]] == [5, 4]
    assert page["points"][0]["payload"] == {"board": "c"}
    body = {"order_by": {"key": "text"}}
    unindexed = qdrant.post(f"/collections/{filled}/points/scroll", body)
    assert unindexed.status == 400
    assert "order_by" in unindexed.error


def test_retrieve(qdrant, filled):
    path = f"/collections/{filled}/points"
    plain = qdrant.post(path, {"ids": [2, 99]}).result
    assert [point["id"] for point in plain] == [2]
    assert plain[0]["payload"]["board"] == "a"
    assert plain[0].get("vector") is None
    some = qdrant.post(path, {"ids": [1], "with_payload": {"exclude": ["tags", "at", "open"]}})
    assert some.result[0]["payload"] == {"board": "a", "version": 1}
    one = qdrant.get(f"{path}/3").result
    assert one["payload"]["board"] == "b"
    assert qdrant.get(f"{path}/99").status == 404


def test_query(qdrant, filled):
    path = f"/collections/{filled}/points/query"
    body = {"query": [1, 1, 0, 0], "limit": 2, "with_payload": ["board"], "params": {"exact": True}}
    points = qdrant.post(path, body).result["points"]
    assert [point["id"] for point in points] == [1, 2]
    assert points[0]["score"] == pytest.approx(1.0, abs=1e-6)
    assert points[1]["score"] == pytest.approx(3 / 10**0.5, abs=1e-6)
    assert points[0]["payload"] == {"board": "a"}
    ids = [p["id"] for p in qdrant.post(path, body | {"offset": 2}).result["points"]]
    assert ids == [3, 4]
    strict = qdrant.post(path, body | {"limit": 10, "score_threshold": 0.9}).result["points"]
    assert [point["id"] for point in strict] == [1, 2]
    of_b = {"filter": {"must_not": [field("board", match={"value": "a"})]}}
    assert qdrant.post(path, body | of_b).result["points"][0]["id"] == 3
    by_id = qdrant.post(path, {"query": 1, "limit": 2}).result["points"]
    assert [point["id"] for point in by_id] == [2, 3]
    nearest = qdrant.post(path, {"query": {"nearest": [1, 1, 0, 0]}, "limit": 1}).result["points"]
    assert nearest[0]["id"] == 1
    assert nearest[0].get("payload") is None
    assert qdrant.post(path, {"query": [1, 2]}).status == 400
    assert qdrant.post(path, {"query": 99}).status == 404
    assert qdrant.post(path, {"query": [1, 1, 0, 0], "limit": 0}).status == 422


def test_older_search_call(qdrant, filled):
    body = {"vector": [1, 1, 0, 0], "limit": 2, "with_payload": True, "with_vector": True}
    answer = qdrant.post(f"/collections/{filled}/points/search", body)
    if answer.status == 404:
        pytest.skip("this server no longer has it")
    assert [hit["id"] for hit in answer.result] == [1, 2]
    assert len(answer.result[0]["vector"]) == SIZE


def test_query_fuses_prefetches(qdrant, filled):
    body = {
        "prefetch": [
            {"query": [1, 1, 0, 0], "limit": 3},
            {"query": [5, 1, 0, 0], "limit": 3, "filter": {"must_not": [{"has_id": [5]}]}},
        ],
        "query": {"fusion": "rrf"},
        "limit": 3,
    }
    points = qdrant.post(f"/collections/{filled}/points/query", body).result["points"]
    # Ranks 1 2 3 and 4 3 2: in both lists beats first in one.
    assert {point["id"] for point in points[:2]} == {2, 3}
    assert points[0]["score"] == pytest.approx(1 / 3 + 1 / 4)
    assert points[2]["score"] == pytest.approx(1 / 2)
    alone = qdrant.post(f"/collections/{filled}/points/query", {"query": {"fusion": "rrf"}})
    assert alone.status == 400


def test_query_groups(qdrant, filled):
    path = f"/collections/{filled}/points/query/groups"
    body = {"query": [1, 1, 0, 0], "group_by": "board", "group_size": 1, "limit": 2}
    groups = qdrant.post(path, body).result["groups"]
    assert [(group["id"], [hit["id"] for hit in group["hits"]]) for group in groups] == [
        ("a", [1]),
        ("b", [3]),
    ]
    body |= {"group_size": 2, "limit": 10, "with_payload": ["version"]}
    groups = qdrant.post(path, body).result["groups"]
    assert [(group["id"], [hit["id"] for hit in group["hits"]]) for group in groups] == [
        ("a", [1, 2]),
        ("b", [3]),
        ("c", [4, 5]),
    ]
    assert groups[0]["hits"][1]["payload"] == {"version": 2}
    body["group_by"] = "tags"  # a point is in the group of each of its values
    groups = qdrant.post(path, body).result["groups"]
    assert {group["id"]: [hit["id"] for hit in group["hits"]] for group in groups} == {
        "x": [1],
        "y": [1, 3],
    }


def test_groups_behind_many_hits_of_one(qdrant, name):
    """The best group has far more points than a window of hits holds."""
    points = [
        {"id": i, "vector": [1, i / 100, 0, 0], "payload": {"ticket": "big"}} for i in range(300)
    ]
    points += [
        {"id": 1000 + i, "vector": [0, 1, i, 0], "payload": {"ticket": f"t{i}"}} for i in range(3)
    ]
    upsert(qdrant, name, points)
    body = {"query": [1, 0, 0, 0], "group_by": "ticket", "group_size": 2, "limit": 3}
    groups = qdrant.post(f"/collections/{name}/points/query/groups", body).result["groups"]
    assert groups[0]["id"] == "big"
    assert [hit["id"] for hit in groups[0]["hits"]] == [0, 1]
    assert len(groups) == 3


def test_facet(qdrant, filled):
    index = {"field_name": "board", "field_schema": "keyword"}
    qdrant.put(f"/collections/{filled}/index?wait=true", index).result
    hits = qdrant.post(f"/collections/{filled}/facet", {"key": "board", "exact": True}).result["hits"]
    assert {hit["value"]: hit["count"] for hit in hits} == {"a": 2, "b": 1, "c": 2}
