"""JSON of Qdrant's REST API -> the engine's filter objects. Matching itself is the engine's."""

import math
from typing import Any
from uuid import UUID

import numpy
import qdrant_edge as edge

from .errors import bad_json

MAX_DEPTH = 32


def point_id(value: Any) -> int | str:
    """A point id as the API allows it: an unsigned 64-bit integer or a UUID."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 64:
        return value
    if isinstance(value, str):
        try:
            UUID(value)
            return value
        except ValueError:
            pass
    raise bad_json(
        f"value {value} is not a valid point ID, "
        "valid values are either an unsigned integer or a UUID"
    )


def point_ids(value: Any) -> list[int | str]:
    return [point_id(item) for item in _list(value, "a list of point ids")]


def parse_filter(value: Any, depth: int = 0) -> edge.Filter | None:
    """`{must, should, must_not, min_should}` -> Filter; None stays None."""
    if value is None:
        return None
    if depth > MAX_DEPTH:
        raise bad_json(f"filter is nested deeper than {MAX_DEPTH}")
    body = _object(value, "filter", {"must", "should", "must_not", "min_should"})
    min_should = None
    if body.get("min_should") is not None:
        least = _object(body["min_should"], "min_should", {"conditions", "min_count"})
        min_should = edge.MinShould(
            _conditions(least.get("conditions"), depth) or [],
            _integer(least.get("min_count"), "min_count"),
        )
    return edge.Filter(
        must=_conditions(body.get("must"), depth),
        should=_conditions(body.get("should"), depth),
        must_not=_conditions(body.get("must_not"), depth),
        min_should=min_should,
    )


def with_conditions(
    query_filter: edge.Filter | None, *, must: list | None = None, must_not: list | None = None
) -> edge.Filter:
    """A filter and further conditions, both of which have to hold."""
    inner = [query_filter] if query_filter is not None else []
    return edge.Filter(must=inner + (must or []), must_not=must_not)


def _conditions(value: Any, depth: int) -> list | None:
    if value is None:
        return None
    items = value if isinstance(value, list) else [value]
    return [_condition(item, depth + 1) for item in items]


def _condition(value: Any, depth: int) -> Any:
    if not isinstance(value, dict):
        raise bad_json("a filter condition has to be an object")
    if "has_id" in value:
        return edge.HasIdCondition(set(point_ids(_object(value, "has_id", {"has_id"})["has_id"])))
    if "has_vector" in value:
        return edge.HasVectorCondition(_string(value["has_vector"], "has_vector"))
    if "nested" in value:
        nested = _object(value["nested"], "nested", {"key", "filter"})
        inner = parse_filter(nested.get("filter"), depth)
        if inner is None:
            raise bad_json("missing field `filter`")
        return edge.NestedCondition(_string(nested.get("key"), "key"), inner)
    if "key" in value:
        return _field_condition(value)
    for name, kind in (("is_empty", edge.IsEmptyCondition), ("is_null", edge.IsNullCondition)):
        if name in value:
            return kind(_string(_object(value[name], name, {"key"}).get("key"), "key"))
    if value.keys() <= {"must", "should", "must_not", "min_should"}:
        return parse_filter(value, depth)
    raise bad_json(f"unknown filter condition with {', '.join(sorted(value))}")


_FIELD_KEYS = {
    "key",
    "match",
    "range",
    "geo_bounding_box",
    "geo_radius",
    "geo_polygon",
    "values_count",
    "is_empty",
    "is_null",
}


def _field_condition(value: dict) -> edge.FieldCondition:
    body = _object(value, "condition", _FIELD_KEYS)
    given = {name: item for name, item in body.items() if name != "key" and item is not None}
    if not given:
        raise bad_json("a field condition needs one of " + ", ".join(sorted(_FIELD_KEYS - {"key"})))
    parsed: dict[str, Any] = {}
    for name, item in given.items():
        if name == "match":
            parsed[name] = _match(item)
        elif name == "range":
            parsed[name] = parse_range(item)
        elif name == "values_count":
            parsed[name] = edge.ValuesCount(**_object(item, name, {"lt", "gt", "lte", "gte"}))
        elif name in ("is_empty", "is_null"):
            parsed[name] = bool(item)
        elif name == "geo_radius":
            area = _object(item, name, {"center", "radius"})
            parsed[name] = edge.GeoRadius(_geo_point(area.get("center")), area.get("radius"))
        elif name == "geo_bounding_box":
            area = _object(item, name, {"top_left", "bottom_right"})
            parsed[name] = edge.GeoBoundingBox(
                _geo_point(area.get("top_left")), _geo_point(area.get("bottom_right"))
            )
        else:
            parsed[name] = _polygon(item)
    return edge.FieldCondition(_string(body["key"], "key"), **parsed)


def _match(value: Any) -> Any:
    if not isinstance(value, dict) or len(value) != 1:
        raise bad_json("match has to be an object with one of value, any, except, text")
    ((kind, wanted),) = value.items()
    if kind == "value":
        if not isinstance(wanted, (str, int)):
            raise bad_json("match.value has to be a string, an integer or a boolean")
        # The engine's class takes Python's bool for an integer, but not numpy's.
        return edge.MatchValue(numpy.bool_(wanted) if isinstance(wanted, bool) else wanted)
    if kind in ("any", "except"):
        items = _list(wanted, f"match.{kind}")
        whole = all(isinstance(i, int) and not isinstance(i, bool) for i in items)
        if not whole and not all(isinstance(i, str) for i in items):
            raise bad_json(f"match.{kind} has to hold strings only or integers only")
        return edge.MatchAny(items) if kind == "any" else edge.MatchExcept(items)
    texts = {
        "text": edge.MatchText,
        "text_any": edge.MatchTextAny,
        "phrase": edge.MatchPhrase,
        "prefix": edge.MatchPrefix,
        "substring": edge.MatchSubstring,
    }
    if kind not in texts:
        raise bad_json(f"unknown kind of match `{kind}`")
    return texts[kind](_string(wanted, f"match.{kind}"))


def parse_range(value: Any) -> Any:
    body = _object(value, "range", {"lt", "gt", "lte", "gte"})
    given = {name: bound for name, bound in body.items() if bound is not None}
    if given and all(isinstance(bound, str) for bound in given.values()):
        return edge.RangeDateTime(**given)
    for name, bound in given.items():
        if isinstance(bound, bool) or not isinstance(bound, (int, float)) or math.isnan(bound):
            raise bad_json(f"range.{name} has to be a number or a date and time")
    return edge.RangeFloat(**given)


def _geo_point(value: Any) -> edge.GeoPoint:
    point = _object(value, "geo point", {"lon", "lat"})
    return edge.GeoPoint(point.get("lon"), point.get("lat"))


def _polygon(value: Any) -> edge.GeoPolygon:
    body = _object(value, "geo_polygon", {"exterior", "interiors"})

    def line(item: Any) -> list[edge.GeoPoint]:
        points = _object(item, "line", {"points"}).get("points")
        return [_geo_point(point) for point in _list(points, "points")]

    interiors = body.get("interiors")
    rings = None if interiors is None else [line(i) for i in _list(interiors, "interiors")]
    return edge.GeoPolygon(line(body.get("exterior")), rings)


def _object(value: Any, what: str, allowed: set[str]) -> dict:
    if not isinstance(value, dict):
        raise bad_json(f"{what} has to be an object")
    for name in value:
        if name not in allowed:
            raise bad_json(f"unknown field `{name}` in {what}")
    return value


def _list(value: Any, what: str) -> list:
    if not isinstance(value, list):
        raise bad_json(f"{what} has to be a list")
    return value


def _string(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise bad_json(f"{what} has to be a string")
    return value


def _integer(value: Any, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise bad_json(f"{what} has to be an integer")
    return value
