"""Read requests: JSON of the REST API -> the engine's queries, and its answers back to JSON."""

from typing import Any

import qdrant_edge as edge

from .errors import ApiError, bad_input, bad_json, invalid, not_supported
from .filters import parse_filter, point_id, point_ids, with_conditions
from .updates import Vectors, named_vector

MAX_LIMIT = 1_000_000
MAX_PREFETCH_DEPTH = 8


def retrieve(shard: edge.EdgeShard, body: Any) -> list[dict]:
    body = _object(body)
    found = shard.retrieve(
        point_ids(body.get("ids")), payload_selector(body, True), vector_selector(body)
    )
    return [record(item) for item in found]


def scroll(shard: edge.EdgeShard, body: Any) -> dict:
    body = _object(body)
    limit = number(body, "limit", 10, least=1)
    order = None if body.get("order_by") is None else _order_by(body["order_by"])
    offset = body.get("offset")
    if order is not None and offset is not None:
        raise bad_input("Cannot use an `offset` when using `order_by`")
    points, following = shard.scroll(
        edge.ScrollRequest(
            offset=None if offset is None else point_id(offset),
            limit=limit,
            filter=parse_filter(body.get("filter")),
            with_payload=payload_selector(body, True),
            with_vector=vector_selector(body),
            order_by=order,
        )
    )
    return {"points": [record(point) for point in points], "next_page_offset": following}


def count(shard: edge.EdgeShard, body: Any) -> dict:
    body = _object(body)
    request = edge.CountRequest(body.get("exact", True), parse_filter(body.get("filter")))
    return {"count": shard.count(request)}


def facet(shard: edge.EdgeShard, body: Any) -> dict:
    body = _object(body)
    key = body.get("key")
    if not isinstance(key, str):
        raise bad_json("missing field `key`")
    request = edge.FacetRequest(
        key,
        number(body, "limit", 10, least=1),
        bool(body.get("exact")),
        parse_filter(body.get("filter")),
    )
    hits = shard.facet(request).hits
    return {"hits": [{"value": hit.value, "count": hit.count} for hit in hits]}


def query(shard: edge.EdgeShard, body: Any, vectors: Vectors) -> dict:
    """POST …/points/query: nearest by vector or by a point's id, order_by, fusion, sample."""
    return {"points": [scored(point) for point in run_query(shard, _object(body), vectors)]}


def search(shard: edge.EdgeShard, body: Any, vectors: Vectors) -> list[dict]:
    """POST …/points/search, the older call: `vector` is a list or {name, vector}."""
    body = dict(_object(body))
    vector = body.pop("vector", None)
    if vector is None:
        raise bad_json("missing field `vector`")
    if isinstance(vector, dict):
        body["using"], vector = vector.get("name", ""), vector.get("vector")
    if body.get("limit") is None:
        raise bad_json("missing field `limit`")
    body["query"] = {"nearest": vector}
    return [scored(point) for point in run_query(shard, body, vectors)]


def run_query(
    shard: edge.EdgeShard,
    body: dict,
    vectors: Vectors,
    *,
    limit: int | None = None,
    must: list | None = None,
    must_not: list | None = None,
) -> list[edge.ScoredPoint]:
    """limit, must and must_not override or narrow what the body says (grouping needs it)."""
    if body.get("lookup_from") is not None:
        raise not_supported("lookup_from")
    excluded = list(must_not or [])
    scoring = _scoring(shard, body.get("query"), body.get("using") or "", vectors, excluded)
    query_filter = parse_filter(body.get("filter"))
    if must or excluded:
        query_filter = with_conditions(query_filter, must=must, must_not=excluded)
    prefetches = _prefetches(shard, body.get("prefetch"), vectors, 0)
    if isinstance(scoring, edge.Fusion) and not prefetches:
        raise bad_input("cannot make a fusion query without prefetches")
    threshold = body.get("score_threshold")
    return shard.query(
        edge.QueryRequest(
            limit=number(body, "limit", 10, least=1) if limit is None else limit,
            offset=number(body, "offset", 0, least=0),
            query=scoring,
            prefetches=prefetches,
            with_vector=vector_selector(body),
            with_payload=payload_selector(body, False),
            filter=query_filter,
            score_threshold=threshold,
            params=_params(body.get("params")),
        )
    )


def _prefetches(
    shard: edge.EdgeShard, value: Any, vectors: Vectors, depth: int
) -> list[edge.Prefetch] | None:
    if value is None:
        return None
    if depth >= MAX_PREFETCH_DEPTH:
        raise bad_input(f"prefetch is nested deeper than {MAX_PREFETCH_DEPTH}")
    stages = []
    for item in value if isinstance(value, list) else [value]:
        item = _object(item)
        excluded: list = []
        scoring = _scoring(shard, item.get("query"), item.get("using") or "", vectors, excluded)
        stage_filter = parse_filter(item.get("filter"))
        if excluded:
            stage_filter = with_conditions(stage_filter, must_not=excluded)
        stages.append(
            edge.Prefetch(
                limit=number(item, "limit", 10, least=1),
                query=scoring,
                prefetches=_prefetches(shard, item.get("prefetch"), vectors, depth + 1),
                params=_params(item.get("params")),
                filter=stage_filter,
                score_threshold=item.get("score_threshold"),
            )
        )
    return stages


def _scoring(
    shard: edge.EdgeShard, value: Any, using: str, vectors: Vectors, excluded: list
) -> Any:
    """The `query` of a request. A query by a point's id appends to `excluded` that point."""
    if value is None:
        return None
    if isinstance(value, dict) and value.keys() != {"indices", "values"}:
        kinds = [kind for kind in value if kind != "params"]
        if kinds == ["nearest"]:
            if value["nearest"] is None or "mmr" in value:
                raise bad_json("nearest has to be a vector or a point id")
            return _nearest(shard, value["nearest"], using, vectors, excluded)
        if kinds == ["order_by"]:
            return _order_by(value["order_by"])
        if kinds == ["sample"]:
            return edge.Sample.Random
        if kinds == ["fusion"] and value["fusion"] in ("rrf", "dbsf"):
            return edge.Fusion.Rrf(k=2) if value["fusion"] == "rrf" else edge.Fusion.Dbsf()
        if kinds == ["rrf"]:
            rrf = _object(value["rrf"])
            return edge.Fusion.Rrf(k=number(rrf, "k", 2, least=1), weights=rrf.get("weights"))
        raise not_supported("a query by " + ", ".join(sorted(kinds)))
    return _nearest(shard, value, using, vectors, excluded)


def _nearest(
    shard: edge.EdgeShard, value: Any, using: str, vectors: Vectors, excluded: list
) -> edge.Query:
    if isinstance(value, (int, str)):
        known = point_id(value)
        found = shard.retrieve([known], False, True)
        if not found:
            raise ApiError(404, f"Not found: No point with id {value} found")
        held = found[0].vector
        vector = held.get(using) if isinstance(held, dict) else held
        if vector is None:
            raise bad_input(f"Point {value} does not have a vector named `{using}`")
        excluded.append(edge.HasIdCondition({known}))
    else:
        vector = named_vector(value, using, vectors)
    return edge.Query.Nearest(vector, using or None)


def _order_by(value: Any) -> edge.OrderBy:
    if isinstance(value, str):
        return edge.OrderBy(value)
    body = _object(value)
    directions = {None: None, "asc": edge.Direction.Asc, "desc": edge.Direction.Desc}
    if not isinstance(body.get("key"), str) or body.get("direction") not in directions:
        raise bad_json("order_by needs a key, and asc or desc as its direction")
    return edge.OrderBy(body["key"], directions[body.get("direction")], body.get("start_from"))


def _params(value: Any) -> edge.SearchParams | None:
    if value is None:
        return None
    body = _object(value)
    return edge.SearchParams(
        hnsw_ef=body.get("hnsw_ef"),
        exact=bool(body.get("exact")),
        indexed_only=bool(body.get("indexed_only")),
    )


def payload_selector(body: dict, default: bool) -> Any:
    value = body.get("with_payload")
    if value is None:
        return default
    if isinstance(value, (bool, list)):
        return value
    if isinstance(value, dict) and len(value) == 1:
        if "include" in value:
            return edge.PayloadSelector.Include(value["include"])
        if "exclude" in value:
            return edge.PayloadSelector.Exclude(value["exclude"])
    raise bad_json("with_payload has to be a boolean, a list, {include} or {exclude}")


def vector_selector(body: dict) -> Any:
    value = body.get("with_vector", body.get("with_vectors"))
    if value is None:
        return False
    if not isinstance(value, (bool, list)):
        raise bad_json("with_vector has to be a boolean or a list of names")
    return value


def number(body: dict, name: str, default: int, *, least: int) -> int:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool):
        raise bad_json(f"{name} has to be an integer")
    if value < least:
        raise invalid(f"{name}: value {value} invalid, must be {least} or larger")
    return min(value, MAX_LIMIT)


def record(item: Any) -> dict:
    """A stored point; what was not asked for is absent, as in Qdrant."""
    shown: dict[str, Any] = {"id": item.id}
    if item.payload is not None:
        shown["payload"] = item.payload
    if item.vector is not None:
        shown["vector"] = _shown_vector(item.vector)
    if item.order_value is not None:
        shown["order_value"] = item.order_value
    return shown


def scored(item: Any) -> dict:
    shown = {"version": item.version, "score": item.score}
    return record(item) | shown


def _shown_vector(vector: Any) -> Any:
    if isinstance(vector, edge.SparseVector):
        return {"indices": vector.indices, "values": vector.values}
    if isinstance(vector, dict):
        return {name: _shown_vector(item) for name, item in vector.items()}
    return vector


def _object(value: Any) -> dict:
    if not isinstance(value, dict):
        raise bad_json("an object is expected")
    return value
