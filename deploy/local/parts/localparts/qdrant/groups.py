"""POST …/points/query/groups: the best hits of each of the best groups.

The engine has no grouping of its own. First hits are read, in windows that double, until enough
groups have shown up; then the hits of those groups alone, until each is full or has no more. Unlike
Qdrant, which stops looking after a few rounds, this is exact.
"""

import re
from typing import Any

import qdrant_edge as edge

from .errors import bad_json, not_supported
from .reads import number, payload_selector, run_query, scored
from .updates import Vectors

_PATH_PART = re.compile(r'"([^"]*)"|([^.\[\]"]+)|\[(\d*)\]')


def query_groups(shard: edge.EdgeShard, body: Any, vectors: Vectors) -> dict:
    if not isinstance(body, dict):
        raise bad_json("an object is expected")
    if body.get("with_lookup") is not None:
        raise not_supported("with_lookup")
    key = body.get("group_by")
    if not isinstance(key, str) or not key:
        raise bad_json("missing field `group_by`")
    wanted = number(body, "limit", 10, least=1)
    size = number(body, "group_size", 3, least=1)
    path = parse_path(key)

    # The hits are read with the grouping field alone, whatever payload the caller asked for.
    plain = {name: item for name, item in body.items() if name not in ("limit", "offset")}
    plain["with_payload"] = [key]
    no_group = [edge.IsEmptyCondition(key)]

    def read(limit: int, must: list | None) -> tuple[list, bool]:
        hits = run_query(shard, plain, vectors, limit=limit, must=must, must_not=no_group)
        return hits, len(hits) < limit

    window = wanted * size
    while True:
        hits, exhausted = read(window, None)
        groups = dict(list(_collect(hits, path, size).items())[:wanted])
        if exhausted or len(groups) == wanted:
            break
        window *= 2
    only_these = [_any_of(key, groups)]
    while not exhausted and any(len(hits) < size for hits in groups.values()):
        hits, exhausted = read(window, only_these)
        filled = _collect(hits, path, size)
        groups = {group: filled[group] for group in groups}
        window *= 2
    return {"groups": _shown(shard, groups, body)}


def _any_of(key: str, groups: dict) -> edge.Filter:
    """Points of these groups; a match is of strings or of integers, not of both."""
    conditions = []
    for kind in ("str", "int"):
        values = [value for of_kind, value in groups if of_kind == kind]
        if values:
            conditions.append(edge.FieldCondition(key, match=edge.MatchAny(values)))
    return edge.Filter(should=conditions)


def _shown(shard: edge.EdgeShard, groups: dict, body: dict) -> list[dict]:
    """Adds the payload that was asked for to the hits, which were read without it."""
    with_payload = payload_selector(body, False)
    payloads = {}
    if with_payload:
        ids = list({hit.id for hits in groups.values() for hit in hits})
        for point in shard.retrieve(ids, with_payload, False):
            payloads[point.id] = point.payload
    answer = []
    for (_kind, value), hits in groups.items():
        shown_hits = []
        for hit in hits:
            shown = scored(hit)
            shown.pop("payload", None)
            if with_payload:
                shown["payload"] = payloads.get(hit.id)
            shown_hits.append(shown)
        answer.append({"id": value, "hits": shown_hits})
    return answer


def _collect(hits: list, path: list[str | None], size: int) -> dict:
    """Groups in order of their best hit. Keys carry their type: 1 and "1" differ."""
    groups: dict[tuple[str, Any], list] = {}
    for hit in hits:
        seen = set()
        for value in values_at(hit.payload or {}, path):
            if isinstance(value, bool) or not isinstance(value, (str, int)):
                continue  # only strings and integers make a group
            key = (type(value).__name__, value)
            if key in seen:
                continue
            seen.add(key)
            group = groups.setdefault(key, [])
            if len(group) < size:
                group.append(hit)
    return groups


def parse_path(key: str) -> list[str | None]:
    """`a.b[].c` -> ["a", "b", None, "c"]: None stands for all elements of a list."""
    parts: list[str | None] = []
    for quoted, plain, index in _PATH_PART.findall(key):
        if index:
            raise not_supported("a list index in group_by")
        parts.append(quoted or plain or None)
    return parts


def values_at(value: Any, path: list[str | None]) -> list:
    """All values at a path; a list at its end counts with each of its elements."""
    if not path:
        return value if isinstance(value, list) else [value]
    part, rest = path[0], path[1:]
    if part is None:
        items = value if isinstance(value, list) else []
        return [found for item in items for found in values_at(item, rest)]
    if isinstance(value, dict) and part in value:
        return values_at(value[part], rest)
    return []
