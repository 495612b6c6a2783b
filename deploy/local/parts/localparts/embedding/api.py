"""POST /v1/embeddings and its neighbours, with OpenAI's bodies and errors.

Beside OpenAI's API: `truncate` (body or query parameter) cuts texts that are too long, which are
refused otherwise; POST /tokenize counts tokens; faults can be switched on for tests of clients.
"""

import base64
import hmac
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import orjson

from ..http import App, BadJson, Request, Response, Router

MAX_INPUTS = 2048
MAX_REQUEST_TOKENS = 300_000
MAX_BODY = 32 * 1024 * 1024
# Waiting requests hold a thread each; only the model's own threads work.
REQUEST_THREADS = 32

log = logging.getLogger("embedding_server")


class Model(Protocol):
    names: tuple[str, ...]
    dimensions: int
    max_tokens: int

    def tokenize(self, texts: list[str]) -> list[list[int]]: ...

    def embed(self, texts: list[str], tokens: list[list[int]]) -> np.ndarray: ...


@dataclass(frozen=True)
class Faults:
    """What goes wrong on purpose; by default nothing."""

    every: int = 0  # every so many embedding requests fail, 0 for none
    status: int = 429
    retry_after: int = 1  # seconds, named in the answer
    poison: str = ""  # a request with this in one of its texts is refused, "" for none


class ApiError(Exception):
    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        more: dict | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.more, self.headers = more or {}, headers or {}


def application(model: Model, *, api_key: str = "", faults: Faults = Faults()) -> App:
    """api_key: required of every request but /health; empty for none."""
    router = Router()
    serving = _Embeddings(model, faults)

    def route(method: str, path: str, answer: Callable[[Request], Any]) -> None:
        def handle(request: Request) -> Response:
            return Response(orjson.dumps(answer(request), option=orjson.OPT_SERIALIZE_NUMPY))

        router.add(method, path, handle)

    route("POST", "/v1/embeddings", serving.embeddings)
    route("POST", "/tokenize", serving.tokenize)
    route("GET", "/v1/models", serving.models)
    route("GET", "/v1/models/{name}", serving.model)
    route("GET", "/health", serving.health)

    def guard(request: Request) -> Response | None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not api_key or request.path == "/health":
            return None
        if hmac.compare_digest(given.encode(), api_key.encode()):
            return None
        return _fail(ApiError(401, "Incorrect API key provided.", code="invalid_api_key"))

    return App(
        router,
        max_body=MAX_BODY,
        error=lambda status, message: _fail(ApiError(status, message)),
        fail=_fail,
        guard=guard,
        threads=REQUEST_THREADS,
    )


class _Embeddings:
    def __init__(self, model: Model, faults: Faults) -> None:
        self._model = model
        self._faults = faults
        self._requests = itertools.count(1)

    def embeddings(self, request: Request) -> dict:
        body = _body(request)
        self._misbehave()
        self._check_model(body)
        texts = _texts(body)
        self._refuse_poison(texts)
        self._check_dimensions(body)
        encoding = body.get("encoding_format", "float")
        if encoding not in ("float", "base64"):
            raise ApiError(
                400, "encoding_format has to be float or base64.", param="encoding_format"
            )
        tokens = self._model.tokenize(texts)
        counts = self._fit(tokens, _flag(request, body, "truncate"))
        vectors = self._model.embed(texts, tokens)
        data = [
            {"object": "embedding", "index": row, "embedding": _encoded(vectors[row], encoding)}
            for row in range(len(texts))
        ]
        usage = {"prompt_tokens": sum(counts), "total_tokens": sum(counts)}
        return {"object": "list", "data": data, "model": body["model"], "usage": usage}

    def tokenize(self, request: Request) -> dict:
        """-> how many tokens each input has, the model's special tokens included."""
        body = _body(request)
        if "model" in body:
            self._check_model(body)
        counts = [len(ids) for ids in self._model.tokenize(_texts(body))]
        return {"tokens": counts, "max_tokens": self._model.max_tokens}

    def models(self, _request: Request) -> dict:
        return {"object": "list", "data": [_shown_model(name) for name in self._model.names]}

    def model(self, request: Request) -> dict:
        self._check_model({"model": request.params["name"]})
        return _shown_model(request.params["name"])

    def health(self, _request: Request) -> dict:
        model = self._model
        return {
            "status": "ok",
            "model": model.names[0],
            "dimensions": model.dimensions,
            "max_tokens": model.max_tokens,
            "max_inputs": MAX_INPUTS,
        }

    def _misbehave(self) -> None:
        faults = self._faults
        if faults.every and next(self._requests) % faults.every == 0:
            headers = {"retry-after": str(faults.retry_after)}
            raise ApiError(faults.status, "A fault that was asked for.", headers=headers)

    def _refuse_poison(self, texts: list[str]) -> None:
        if self._faults.poison and any(self._faults.poison in text for text in texts):
            raise ApiError(400, "The input cannot be processed.", param="input")

    def _check_model(self, body: dict) -> None:
        name = body.get("model")
        if not isinstance(name, str) or not name:
            raise ApiError(400, "You must provide a model parameter.", param="model")
        if name not in self._model.names:
            raise ApiError(
                404,
                f"The model `{name}` does not exist; this server has "
                f"{', '.join(self._model.names)}.",
                param="model",
                code="model_not_found",
            )

    def _check_dimensions(self, body: dict) -> None:
        wanted = body.get("dimensions")
        if wanted is not None and wanted != self._model.dimensions:
            raise ApiError(
                400,
                f"This model has {self._model.dimensions} dimensions and cannot give {wanted}.",
                param="dimensions",
            )

    def _fit(self, tokens: list[list[int]], truncate: bool) -> list[int]:
        """-> how many tokens of each text are embedded; refuses what is too long."""
        most = self._model.max_tokens
        too_long = [
            {"index": row, "tokens": len(ids)} for row, ids in enumerate(tokens) if len(ids) > most
        ]
        if too_long and not truncate:
            first = too_long[0]
            raise ApiError(
                400,
                f"This model's maximum context length is {most} tokens, however input"
                f"[{first['index']}] has {first['tokens']} tokens. Please reduce your input.",
                param="input",
                code="context_length_exceeded",
                more={"inputs": too_long, "max_tokens": most},
            )
        counts = [min(len(ids), most) for ids in tokens]
        if sum(counts) > MAX_REQUEST_TOKENS:
            raise ApiError(
                400,
                f"The request has {sum(counts)} tokens, at most {MAX_REQUEST_TOKENS} are allowed.",
                param="input",
                code="max_tokens_per_request",
            )
        return counts


def _body(request: Request) -> dict:
    try:
        body = request.json()
    except BadJson as err:
        raise ApiError(400, f"We could not parse the JSON body of your request: {err}") from None
    if not isinstance(body, dict):
        raise ApiError(400, "The JSON body of your request has to be an object.")
    return body


def _texts(body: dict) -> list[str]:
    value = body.get("input")
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts:
        raise ApiError(
            400, "input has to be a string or a non-empty list of strings.", param="input"
        )
    if len(texts) > MAX_INPUTS:
        raise ApiError(
            400,
            f"input has {len(texts)} elements, at most {MAX_INPUTS} are allowed.",
            param="input",
            code="too_many_inputs",
        )
    for row, text in enumerate(texts):
        if isinstance(text, (int, list)) and not isinstance(text, bool):
            raise ApiError(
                400,
                "Token arrays are not supported by this server: send input as text.",
                param="input",
            )
        if not isinstance(text, str):
            raise ApiError(400, f"input[{row}] has to be a string.", param="input")
        if not text:
            raise ApiError(400, f"input[{row}] cannot be an empty string.", param="input")
    return texts


def _flag(request: Request, body: dict, name: str) -> bool:
    value = body.get(name, request.query.get(name, False))
    if value in (True, "true", "1"):
        return True
    if value in (False, "false", "0"):
        return False
    raise ApiError(400, f"{name} has to be true or false.", param=name)


def _encoded(vector: np.ndarray, encoding: str) -> Any:
    """base64 is of the vector's little-endian 32-bit floats."""
    if encoding == "base64":
        return base64.b64encode(vector.astype("<f4", copy=False).tobytes()).decode("ascii")
    return vector


def _shown_model(name: str) -> dict:
    return {"id": name, "object": "model", "created": 0, "owned_by": "local"}


def _fail(err: Exception) -> Response:
    if not isinstance(err, ApiError):
        log.exception("request failed", exc_info=err)
        err = ApiError(500, "The server had an error while processing your request.")
    kind = "invalid_request_error" if err.status < 500 else "server_error"
    if err.status == 429:
        kind = "requests"
    detail = {"message": err.message, "type": kind, "param": err.param, "code": err.code}
    body = orjson.dumps({"error": detail | err.more})
    return Response(body, err.status, headers=dict(err.headers))
