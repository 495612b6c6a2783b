"""The REST calls: paths, query parameters, answers in Qdrant's envelope."""

import hmac
import time
from collections.abc import Callable
from typing import Any

import orjson

from ..http import App, BadJson, Request, Response, Router
from . import reads, updates
from .errors import ApiError, bad_json, from_engine, no_collection
from .groups import query_groups
from .schema import index_schema, payload_schema, shown_config
from .store import Collection, Store

# The engine (qdrant-edge-py 0.9.0) is built from Qdrant's sources as of this version.
QDRANT_VERSION = "1.20.0"
MAX_BODY = 32 * 1024 * 1024  # Qdrant's own default

_OPEN_PATHS = ("/", "/healthz", "/readyz", "/livez")
_ORDERINGS = (None, "weak", "medium", "strong")


def application(store: Store, api_key: str) -> App:
    """api_key: required of every request but health checks; empty for none."""
    return App(
        _router(store),
        max_body=MAX_BODY,
        error=_error,
        fail=_fail,
        guard=_guard(api_key),
        on_stop=store.close,
    )


def _router(store: Store) -> Router:
    router = Router()

    def route(method: str, path: str, answer: Callable[[Request], Any]) -> None:
        def handle(request: Request) -> Response:
            start = time.perf_counter()
            result = answer(request)
            body = {"result": result, "status": "ok", "time": time.perf_counter() - start}
            return Response(orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY))

        router.add(method, path, handle)

    def on_collection(method: str, path: str, act: Callable[[Collection, Request], Any]) -> None:
        def answer(request: Request) -> Any:
            collection = store.get(request.params["name"])
            try:
                return act(collection, request)
            except (ApiError, BadJson):
                raise
            except BaseException as err:
                if collection.closed:
                    raise no_collection(request.params["name"]) from None
                raise from_engine(err) from err

        route(method, "/collections/{name}" + path, answer)

    def change(method: str, path: str, parse: Callable[[Any, updates.Vectors], Any]) -> None:
        def act(collection: Collection, request: Request) -> Any:
            status = _status(request)
            operation = parse(request.json(), collection.vectors)
            return {"operation_id": collection.update(operation), "status": status}

        on_collection(method, path, act)

    def ask(path: str, read: Callable[..., Any], *, with_vectors: bool = False) -> None:
        def act(collection: Collection, request: Request) -> Any:
            extra = (collection.vectors,) if with_vectors else ()
            return read(collection.shard, request.json(), *extra)

        on_collection("POST", path, act)

    router.add("GET", "/", _version)
    for path, text in (
        ("/healthz", b"healthz check passed"),
        ("/livez", b"livez check passed"),
        ("/readyz", b"all shards are ready"),
    ):
        answer = Response(text, content_type="text/plain; charset=utf-8")
        router.add("GET", path, lambda _request, answer=answer: answer)

    route("GET", "/collections", lambda _r: {"collections": [{"name": n} for n in store.names()]})
    route("PUT", "/collections/{name}", lambda r: store.create(r.params["name"], r.json()) or True)
    route("DELETE", "/collections/{name}", lambda r: store.delete(r.params["name"]))
    route("GET", "/collections/{name}/exists", lambda r: {"exists": store.exists(r.params["name"])})
    on_collection("GET", "", _info)
    on_collection("PUT", "/index", _create_index)
    on_collection("DELETE", "/index/{field}", _delete_index)

    route("GET", "/aliases", lambda _r: _aliases(store.aliases()))
    on_collection("GET", "/aliases", lambda c, _r: _aliases(store.aliases(), c.name))
    route("POST", "/collections/aliases", lambda r: store.change_aliases(r.json()) or True)

    change("PUT", "/points", updates.upsert)
    change("POST", "/points/delete", updates.delete)
    change("POST", "/points/payload", updates.set_payload)
    change("PUT", "/points/payload", updates.overwrite_payload)
    change("POST", "/points/payload/delete", updates.delete_payload)
    change("POST", "/points/payload/clear", updates.clear_payload)
    change("PUT", "/points/vectors", updates.update_vectors)
    change("POST", "/points/vectors/delete", updates.delete_vectors)
    on_collection("POST", "/points/batch", _batch)

    ask("/points", reads.retrieve)
    on_collection("GET", "/points/{id}", _get_point)
    ask("/points/scroll", reads.scroll)
    ask("/points/count", reads.count)
    ask("/facet", reads.facet)
    ask("/points/query", reads.query, with_vectors=True)
    ask("/points/query/batch", _query_batch, with_vectors=True)
    ask("/points/query/groups", query_groups, with_vectors=True)
    ask("/points/search", reads.search, with_vectors=True)
    return router


def _info(collection: Collection, _request: Request) -> dict:
    info = collection.shard.info()
    return {
        "status": "green",
        "optimizer_status": "ok",
        "indexed_vectors_count": info.indexed_vectors_count,
        "points_count": info.points_count,
        "segments_count": info.segments_count,
        "config": shown_config(collection.settings),
        "payload_schema": payload_schema(info),
    }


def _create_index(collection: Collection, request: Request) -> dict:
    body = request.json()
    if not isinstance(body, dict) or not isinstance(body.get("field_name"), str):
        raise bad_json("missing field `field_name`")
    schema = index_schema(body.get("field_schema", body.get("field_type")))
    operation = updates.edge.UpdateOperation.create_field_index(body["field_name"], schema)
    return {"operation_id": collection.update(operation), "status": _status(request)}


def _delete_index(collection: Collection, request: Request) -> dict:
    operation = updates.edge.UpdateOperation.delete_field_index(request.params["field"])
    return {"operation_id": collection.update(operation), "status": _status(request)}


def _batch(collection: Collection, request: Request) -> list[dict]:
    """Operations are applied in order; the first that fails ends the request (as in Qdrant)."""
    status = _status(request)
    operations = updates.batch(request.json(), collection.vectors)
    return [{"operation_id": collection.update(op), "status": status} for op in operations]


def _get_point(collection: Collection, request: Request) -> dict:
    wanted: int | str = request.params["id"]
    if wanted.isdigit():
        wanted = int(wanted)
    found = reads.retrieve(collection.shard, {"ids": [wanted], "with_vector": True})
    if not found:
        raise ApiError(404, f"Not found: Point with id {wanted} does not exists!")
    return found[0]


def _query_batch(shard: Any, body: Any, vectors: updates.Vectors) -> list[dict]:
    searches = body.get("searches") if isinstance(body, dict) else None
    if not isinstance(searches, list):
        raise bad_json("missing field `searches`")
    return [reads.query(shard, item, vectors) for item in searches]


def _aliases(aliases: dict[str, str], collection: str | None = None) -> dict:
    shown = [
        {"alias_name": alias, "collection_name": target}
        for alias, target in aliases.items()
        if collection in (None, target)
    ]
    return {"aliases": shown}


def _status(request: Request) -> str:
    """Every write is applied before the answer; wait=false only changes what is promised."""
    if request.query.get("ordering") not in _ORDERINGS:
        raise ApiError(400, "Deserialize error in query parameters: unknown ordering")
    wait = request.query.get("wait", "false")
    if wait not in ("true", "false"):
        raise ApiError(400, "Deserialize error in query parameters: wait is not a boolean")
    return "completed" if wait == "true" else "acknowledged"


def _version(_request: Request) -> Response:
    body = {"title": "qdrant - vector search engine", "version": QDRANT_VERSION}
    return Response(orjson.dumps(body))


def _guard(api_key: str) -> Callable[[Request], Response | None]:
    def guard(request: Request) -> Response | None:
        if not api_key or request.path in _OPEN_PATHS:
            return None
        given = request.headers.get("api-key", "")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not given and scheme.lower() == "bearer":
            given = token
        if not given:
            text = b"Must provide an API key or an Authorization bearer token"
        elif hmac.compare_digest(given.encode(), api_key.encode()):
            return None
        else:
            text = b"Invalid API key or JWT"
        return Response(text, 401, "text/plain; charset=utf-8")

    return guard


def _error(status: int, message: str) -> Response:
    return Response(orjson.dumps({"status": {"error": message}, "time": 0.0}), status)


def _fail(err: Exception) -> Response:
    if isinstance(err, BadJson):
        err = bad_json(str(err))
    if not isinstance(err, ApiError):
        err = from_engine(err)
    return _error(err.status, err.message)
