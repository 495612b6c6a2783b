"""Write requests: JSON of the REST API -> the engine's update operations.

Everything is parsed and checked before the first operation is applied: a request that is wrong in
its form changes nothing and never reaches the write-ahead log.
"""

from typing import Any

import qdrant_edge as edge

from .errors import bad_input, bad_json, invalid
from .filters import parse_filter, point_id, point_ids
from .schema import VectorInfo

Vectors = dict[str, VectorInfo]

_UPDATE_MODES = {
    "upsert": edge.UpdateMode.Upsert,
    "insert_only": edge.UpdateMode.InsertOnly,
    "update_only": edge.UpdateMode.UpdateOnly,
}


def upsert(body: Any, vectors: Vectors) -> Any:
    """`{points: […]}` or `{batch: {ids, vectors, payloads}}`, update_filter, update_mode."""
    body = _object(body)
    mode = body.get("update_mode")
    if mode is not None and mode not in _UPDATE_MODES:
        raise bad_json(f"unknown variant `{mode}`, expected one of {', '.join(_UPDATE_MODES)}")
    if "points" in body:
        points = [_point(item, vectors) for item in _items(body["points"], "points")]
    elif "batch" in body:
        points = _columns(body["batch"], vectors)
    else:
        raise bad_json("missing field `points`")
    return edge.UpdateOperation.upsert_points(
        points,
        parse_filter(body.get("update_filter")),
        None if mode is None else _UPDATE_MODES[mode],
    )


def delete(body: Any, _vectors: Vectors) -> Any:
    ids, selected = _selector(body)
    if ids is not None:
        return edge.UpdateOperation.delete_points(ids)
    return edge.UpdateOperation.delete_points_by_filter(selected)


def set_payload(body: Any, _vectors: Vectors) -> Any:
    ids, selected = _selector(body)
    payload, key = _payload(body), body.get("key")
    if ids is not None:
        return edge.UpdateOperation.set_payload(ids, payload, key)
    return edge.UpdateOperation.set_payload_by_filter(selected, payload, key)


def overwrite_payload(body: Any, _vectors: Vectors) -> Any:
    ids, selected = _selector(body)
    payload, key = _payload(body), body.get("key")
    if ids is not None:
        return edge.UpdateOperation.overwrite_payload(ids, payload, key)
    return edge.UpdateOperation.overwrite_payload_by_filter(selected, payload, key)


def delete_payload(body: Any, _vectors: Vectors) -> Any:
    ids, selected = _selector(body)
    keys = _items(body.get("keys"), "keys")
    if ids is not None:
        return edge.UpdateOperation.delete_payload(ids, keys)
    return edge.UpdateOperation.delete_payload_by_filter(selected, keys)


def clear_payload(body: Any, _vectors: Vectors) -> Any:
    ids, selected = _selector(body)
    if ids is not None:
        return edge.UpdateOperation.clear_payload(ids)
    return edge.UpdateOperation.clear_payload_by_filter(selected)


def update_vectors(body: Any, vectors: Vectors) -> Any:
    body = _object(body)
    changed = []
    for item in _items(body.get("points"), "points"):
        item = _object(item)
        new = _vector(_required(item, "vector"), vectors)
        changed.append(edge.PointVectors(point_id(_required(item, "id")), new))
    return edge.UpdateOperation.update_vectors(changed, parse_filter(body.get("update_filter")))


def delete_vectors(body: Any, vectors: Vectors) -> Any:
    ids, selected = _selector(body)
    names = _items(body.get("vector"), "vector")
    for name in names:
        _known(name, vectors)
    if ids is not None:
        return edge.UpdateOperation.delete_vectors(ids, names)
    return edge.UpdateOperation.delete_vectors_by_filter(selected, names)


# The operations of POST /collections/{name}/points/batch.
OPERATIONS = {
    "upsert": upsert,
    "delete": delete,
    "set_payload": set_payload,
    "overwrite_payload": overwrite_payload,
    "delete_payload": delete_payload,
    "clear_payload": clear_payload,
    "update_vectors": update_vectors,
    "delete_vectors": delete_vectors,
}


def batch(body: Any, vectors: Vectors) -> list:
    """`{operations: [{upsert: {…}}, {delete: {…}}, …]}` -> the operations in order."""
    operations = []
    for item in _items(_object(body).get("operations"), "operations"):
        item = _object(item)
        if len(item) != 1 or next(iter(item)) not in OPERATIONS:
            raise bad_json("an operation has to be an object with one of " + ", ".join(OPERATIONS))
        ((name, inner),) = item.items()
        operations.append(OPERATIONS[name](inner, vectors))
    return operations


def _point(item: Any, vectors: Vectors) -> edge.Point:
    item = _object(item)
    payload = item.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise bad_json("payload has to be an object")
    vector = _vector(_required(item, "vector"), vectors)
    return edge.Point(point_id(_required(item, "id")), vector, payload)


def _columns(body: Any, vectors: Vectors) -> list[edge.Point]:
    body = _object(body)
    ids = _items(body.get("ids"), "batch.ids")
    columns = _required(body, "vectors")
    if isinstance(columns, dict):  # by name: one list for each vector
        rows: list = [
            {name: column[row] for name, column in columns.items()} for row in range(len(ids))
        ]
    else:
        rows = _items(columns, "batch.vectors")
    payloads = body.get("payloads") or [None] * len(ids)
    if not len(ids) == len(rows) == len(payloads):
        raise bad_input("batch.ids, batch.vectors and batch.payloads differ in length")
    return [
        _point({"id": ids[row], "vector": rows[row], "payload": payloads[row]}, vectors)
        for row in range(len(ids))
    ]


def _vector(value: Any, vectors: Vectors) -> Any:
    """One vector, or vectors by name ({} for a point without any)."""
    if isinstance(value, dict):
        if value.keys() == {"indices", "values"}:
            raise bad_json("a sparse vector needs the name of its vector")
        return {name: named_vector(item, name, vectors) for name, item in value.items()}
    return named_vector(value, "", vectors)


def named_vector(value: Any, name: str, vectors: Vectors) -> Any:
    """Checks one vector against its definition; sparse vectors become the engine's class."""
    info = _known(name, vectors)
    if isinstance(value, dict):
        if value.keys() != {"indices", "values"} or not info.sparse:
            raise bad_json(f"vector `{name}` has to be a list of numbers")
        return _sparse(value)
    rows = _items(value, "vector")
    if info.sparse:
        raise bad_json(f"vector `{name}` has to be an object with indices and values")
    if info.multi:
        rows = rows if rows and isinstance(rows[0], list) else [rows]
        for row in rows:
            _dimensions(row, info)
        return rows
    _dimensions(rows, info)
    return rows


def _sparse(value: dict) -> edge.SparseVector:
    """The engine trusts these lists, and panics later over what is wrong with them."""
    indices = _items(value["indices"], "indices")
    values = _items(value["values"], "values")
    for index in indices:
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < 1 << 32:
            raise bad_json("indices have to be unsigned 32-bit integers")
    if len(indices) != len(values):
        raise invalid("values: must be the same length as indices")
    if len(set(indices)) != len(indices):
        raise invalid("indices: must be unique")
    return edge.SparseVector(indices, values)


def _dimensions(row: list, info: VectorInfo) -> None:
    if len(row) != info.size:
        raise bad_input(f"Vector dimension error: expected dim: {info.size}, got {len(row)}")


def _known(name: str, vectors: Vectors) -> VectorInfo:
    if name not in vectors:
        raise bad_input(f"Not existing vector name error: {name}")
    return vectors[name]


def _selector(body: Any) -> tuple[list | None, edge.Filter | None]:
    """`points` or `filter`; where both are given, points counts (as in Qdrant)."""
    if isinstance(body, list):
        return point_ids(body), None
    body = _object(body)
    if body.get("points") is not None:
        return point_ids(body["points"]), None
    selected = parse_filter(body.get("filter"))
    if selected is None:
        raise bad_json("missing field: either `points` or `filter` has to be given")
    return None, selected


def _payload(body: dict) -> dict:
    payload = _required(body, "payload")
    if not isinstance(payload, dict):
        raise bad_json("payload has to be an object")
    return payload


def _object(value: Any) -> dict:
    if not isinstance(value, dict):
        raise bad_json("an object is expected")
    return value


def _items(value: Any, what: str) -> list:
    if not isinstance(value, list):
        raise bad_json(f"{what} has to be a list")
    return value


def _required(body: dict, name: str) -> Any:
    if body.get(name) is None:
        raise bad_json(f"missing field `{name}`")
    return body[name]
