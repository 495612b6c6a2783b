"""The vector server's reading calls: filters, paging, queries, groups. See test_qdrant_edge.py."""

import pytest

from qdrant_calls import SIZE, field, found_ids, point_at, upsert


@pytest.fixture
def filled(qdrant, name):
    payloads = {
        1: {
            "board": "a",
            "version": 1,
            "tags": ["x", "y"],
            "open": True,
            "at": "2026-01-01T00:00:00Z",
        },
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
    (
        {"must": [field("parts[].k", match={"value": 1}), field("parts[].v", match={"value": 2})]},
        [4, 5],
    ),
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
    counted = qdrant.post(f"/collections/{filled}/points/count", count).ok()
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
        page = qdrant.post(f"/collections/{name}/points/scroll", body).ok()
        seen += [point["id"] for point in page["points"]]
        offset = page["next_page_offset"]
        if offset is None:
            break
        assert len(page["points"]) == 4
    assert seen == list(range(1, 25, 2))
    assert qdrant.post(f"/collections/{name}/points/scroll", {"limit": 0}).status == 422


def test_scroll_in_order_of_a_field(qdrant, filled):
    body = {
        "order_by": {"key": "version", "direction": "desc"},
        "limit": 2,
        "with_payload": ["board"],
    }
    page = qdrant.post(f"/collections/{filled}/points/scroll", body).ok()
    assert [point["id"] for point in page["points"]] == [5, 4]
    assert page["points"][0]["payload"] == {"board": "c"}
    body = {"order_by": {"key": "text"}}
    unindexed = qdrant.post(f"/collections/{filled}/points/scroll", body)
    assert unindexed.status == 400
    assert "order_by" in unindexed.error


def test_retrieve(qdrant, filled):
    path = f"/collections/{filled}/points"
    plain = qdrant.post(path, {"ids": [2, 99]}).ok()
    assert [point["id"] for point in plain] == [2]
    assert plain[0]["payload"]["board"] == "a"
    assert plain[0].get("vector") is None
    some = qdrant.post(path, {"ids": [1], "with_payload": {"exclude": ["tags", "at", "open"]}})
    assert some.ok()[0]["payload"] == {"board": "a", "version": 1}
    one = qdrant.get(f"{path}/3").ok()
    assert one["payload"]["board"] == "b"
    assert qdrant.get(f"{path}/99").status == 404


def test_query(qdrant, filled):
    path = f"/collections/{filled}/points/query"
    body = {"query": [1, 1, 0, 0], "limit": 2, "with_payload": ["board"], "params": {"exact": True}}
    points = qdrant.post(path, body).ok()["points"]
    assert [point["id"] for point in points] == [1, 2]
    assert points[0]["score"] == pytest.approx(1.0, abs=1e-6)
    assert points[1]["score"] == pytest.approx(3 / 10**0.5, abs=1e-6)
    assert points[0]["payload"] == {"board": "a"}
    ids = [p["id"] for p in qdrant.post(path, body | {"offset": 2}).ok()["points"]]
    assert ids == [3, 4]
    strict = qdrant.post(path, body | {"limit": 10, "score_threshold": 0.9}).ok()["points"]
    assert [point["id"] for point in strict] == [1, 2]
    of_b = {"filter": {"must_not": [field("board", match={"value": "a"})]}}
    assert qdrant.post(path, body | of_b).ok()["points"][0]["id"] == 3
    by_id = qdrant.post(path, {"query": 1, "limit": 2}).ok()["points"]
    assert [point["id"] for point in by_id] == [2, 3]
    nearest = qdrant.post(path, {"query": {"nearest": [1, 1, 0, 0]}, "limit": 1}).ok()["points"]
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
    assert [hit["id"] for hit in answer.ok()] == [1, 2]
    assert len(answer.ok()[0]["vector"]) == SIZE


def test_query_fuses_prefetches(qdrant, filled):
    body = {
        "prefetch": [
            {"query": [1, 1, 0, 0], "limit": 3},
            {"query": [5, 1, 0, 0], "limit": 3, "filter": {"must_not": [{"has_id": [5]}]}},
        ],
        "query": {"fusion": "rrf"},
        "limit": 3,
    }
    points = qdrant.post(f"/collections/{filled}/points/query", body).ok()["points"]
    # Ranks 1 2 3 and 4 3 2: in both lists beats first in one.
    assert {point["id"] for point in points[:2]} == {2, 3}
    assert points[0]["score"] == pytest.approx(1 / 3 + 1 / 4)
    assert points[2]["score"] == pytest.approx(1 / 2)
    alone = qdrant.post(f"/collections/{filled}/points/query", {"query": {"fusion": "rrf"}})
    assert alone.status == 400


def test_query_groups(qdrant, filled):
    path = f"/collections/{filled}/points/query/groups"
    body = {"query": [1, 1, 0, 0], "group_by": "board", "group_size": 1, "limit": 2}
    groups = qdrant.post(path, body).ok()["groups"]
    assert [(group["id"], [hit["id"] for hit in group["hits"]]) for group in groups] == [
        ("a", [1]),
        ("b", [3]),
    ]
    body |= {"group_size": 2, "limit": 10, "with_payload": ["version"]}
    groups = qdrant.post(path, body).ok()["groups"]
    assert [(group["id"], [hit["id"] for hit in group["hits"]]) for group in groups] == [
        ("a", [1, 2]),
        ("b", [3]),
        ("c", [4, 5]),
    ]
    assert groups[0]["hits"][1]["payload"] == {"version": 2}
    body["group_by"] = "tags"  # a point is in the group of each of its values
    groups = qdrant.post(path, body).ok()["groups"]
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
    groups = qdrant.post(f"/collections/{name}/points/query/groups", body).ok()["groups"]
    assert groups[0]["id"] == "big"
    assert [hit["id"] for hit in groups[0]["hits"]] == [0, 1]
    assert len(groups) == 3


def test_groups_that_cannot_be_filled(qdrant, name):
    """Most groups are smaller than group_size; their few hits lie far behind the others'."""
    points = [
        {
            "id": 10 * i + n,
            "vector": [1, i / 10, n, 0],
            "payload": {"ticket": i if i % 2 else str(i)},
        }
        for i in range(100)
        for n in range(3 if i == 0 else 2)
    ]
    upsert(qdrant, name, points)
    body = {"query": [1, 0, 0, 0], "group_by": "ticket", "group_size": 3, "limit": 4}
    groups = qdrant.post(f"/collections/{name}/points/query/groups", body).ok()["groups"]
    assert [(group["id"], [hit["id"] for hit in group["hits"]]) for group in groups] == [
        ("0", [0, 1, 2]),
        (1, [10, 11]),
        ("2", [20, 21]),
        (3, [30, 31]),
    ]


def test_facet(qdrant, filled):
    index = {"field_name": "board", "field_schema": "keyword"}
    qdrant.put(f"/collections/{filled}/index?wait=true", index).ok()
    hits = qdrant.post(f"/collections/{filled}/facet", {"key": "board", "exact": True}).ok()["hits"]
    assert {hit["value"]: hit["count"] for hit in hits} == {"a": 2, "b": 1, "c": 2}
