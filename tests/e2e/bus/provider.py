"""An embedding service that plays OpenAI, Ollama, Text Embeddings Inference, vLLM or the local server: their limits,
their answers and their errors, each in its own form. It keeps what it was asked, and misbehaves on demand.

Vectors say nothing but which text they are of; a token is four bytes.
"""

import base64
import dataclasses
import hashlib
import json
import math
import struct
import threading
import time

from .small_server import SmallServer


@dataclasses.dataclass
class Persona:
    inputs: int  # most of one request
    tokens: int  # most of one input
    request_tokens: int  # most of one request, 0 for any number
    base64: str  # honoured, ignored or refused
    order: int  # 1: as asked, -1: backwards, told by the index
    body: int = 64 << 20  # most bytes of a request


PERSONAS = {
    "openai": Persona(2048, 8192, 300_000, "honoured", -1),
    "ollama": Persona(100_000, 256, 0, "ignored", 1),
    "tei": Persona(32, 512, 16_384, "honoured", 1, 2 << 20),
    "vllm": Persona(100_000, 512, 0, "honoured", 1),
    "local": Persona(2048, 256, 300_000, "honoured", 1),
}


def refusal(persona, what, **facts):
    """-> status and body of what this service says to `what`."""
    if persona == "tei":
        said = {
            "too_many": (413, "Validation", "batch size {inputs} > maximum allowed batch size {most}"),
            "too_long": (413, "Validation", "`inputs` must have less than {most} tokens. Given: {tokens}"),
            "request_too_long": (413, "Validation", "`inputs` must have less than {most} tokens. Given: {tokens}"),
            "poison": (422, "Tokenizer", "Tokenization error: this text cannot be encoded"),
            "busy": (429, "Overloaded", "Model is overloaded"),
            "broken": (424, "Backend", "Could not run the model"),
            "no_base64": (422, "Validation", "unknown variant `base64`, expected `float`"),
        }[what]
        status, kind, text = said
        return status, {"message": text.format(**facts), "code": status, "type": kind}
    texts = {
        "openai": {
            "too_many": "Invalid 'input': array too long. Expected an array with maximum length {most}, but got an array "
                        "with length {inputs} instead.",
            "too_long": "Invalid 'input[{index}]': maximum input length is {most} tokens.",
            "request_too_long": "Requested {tokens} tokens, max {most} tokens per request",
            "poison": "'$.input' is invalid. Please check the API reference.",
            "busy": "Rate limit reached for this model on tokens per min (TPM): Limit 1000000, Used 1000000.",
            "no_money": "You exceeded your current quota, please check your plan and billing details.",
            "broken": "The server had an error while processing your request. Sorry about that!",
            "no_base64": "Unrecognized request argument supplied: encoding_format",
        },
        "ollama": {
            "too_long": "the input length exceeds the context length",
            "poison": "invalid input type",
            "busy": "server busy, please try again.  maximum pending requests exceeded",
            "broken": "llama runner process has terminated: signal: killed",
            "no_base64": "invalid encoding_format",
        },
        "vllm": {
            "too_long": "This model's maximum context length is {most} tokens. However, you requested {tokens} tokens in the "
                        "input for embedding generation. Please reduce the length of the input.",
            "poison": "The prompt contains characters the tokenizer cannot encode",
            "busy": "The server is overloaded",
            "broken": "EngineCore encountered an issue",
            "no_base64": "encoding_format is not supported",
        },
    }
    texts["local"] = texts["openai"] | {"too_long": "This model's maximum context length is {most} tokens, however input"
                                                    "[{index}] has {tokens} tokens. Please reduce your input."}
    text = texts[persona][what].format(**facts)
    status = {"busy": 503 if persona == "ollama" else 429, "no_money": 429, "broken": 500}.get(what, 400)
    if persona == "ollama" and status != 400:
        return status, {"error": text}
    if persona == "vllm":
        return status, {"object": "error", "message": text, "type": "BadRequestError", "param": None, "code": status}
    code = {"too_many": "array_above_max_length", "request_too_long": "max_tokens_per_request", "busy": "rate_limit_exceeded",
            "no_money": "insufficient_quota"}.get(what)
    return status, {"error": {"message": text, "type": "invalid_request_error", "param": "input", "code": code}}


def tokens_of(text):
    return -(-len(text.encode()) // 4)


@dataclasses.dataclass
class Asked:
    at: float  # monotonic seconds
    inputs: list
    status: int = 0
    at_once: int = 0  # requests under way when this one came, itself included
    body: dict = dataclasses.field(default_factory=dict)


class Provider:
    def __init__(self, persona="openai", dim=8, **limits):
        self.persona, self.dim = persona, dim
        self.limits = dataclasses.replace(PERSONAS[persona], **limits)
        self.asked = []
        self.poison = ""  # a text that contains it is refused
        self.fault = None  # called with each Asked: None, or status, body (str or dict) and headers; "hang"; "hang up"
        self.latency = 0
        self._under_way = 0
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._server = SmallServer(self._serve)
        self.url = self._server.url + "/v1"

    @property
    def settings(self):
        """Of an indexer that uses it."""
        return {"EMBEDDING_URL": self.url, "EMBEDDING_PROVIDER": self.persona, "EMBEDDING_DIM": str(self.dim),
                "EMBEDDING_MODEL": "stub"}

    @property
    def embedded(self):
        """Every text it has given a vector for."""
        with self._lock:
            return [text for asked in self.asked if asked.status == 200 for text in asked.inputs]

    def close(self):
        self._closed.set()
        self._server.close()

    # ---- one request ----

    def _serve(self, request):
        body = json.loads(request.body)
        inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
        with self._lock:
            self._under_way += 1
            asked = Asked(time.monotonic(), inputs, at_once=self._under_way, body=body)
            self.asked.append(asked)
        try:
            if self.latency:
                time.sleep(self.latency)
            return self._answer(asked, len(request.body))
        finally:
            with self._lock:
                self._under_way -= 1

    def _answer(self, asked, size):
        done = self.fault(asked) if self.fault else None
        if done == "hang":
            self._closed.wait(60)
            done = "hang up"
        if done == "hang up":
            return None
        answered = done or self._embed(asked, size)
        asked.status = answered[0]
        return answered

    def _embed(self, asked, size):
        limits, inputs = self.limits, asked.inputs
        if size > limits.body:
            return 413, "length limit exceeded"
        wants = asked.body.get("encoding_format", "float")
        if wants == "base64" and limits.base64 == "refused":
            return refusal(self.persona, "no_base64")
        if len(inputs) > limits.inputs:
            return refusal(self.persona, "too_many", inputs=len(inputs), most=limits.inputs)
        for index, text in enumerate(inputs):
            if tokens_of(text) > limits.tokens:
                return refusal(self.persona, "too_long", index=index, most=limits.tokens, tokens=tokens_of(text))
            if self.poison and self.poison in text:
                return refusal(self.persona, "poison")
        total = sum(map(tokens_of, inputs))
        if limits.request_tokens and total > limits.request_tokens:
            return refusal(self.persona, "request_too_long", most=limits.request_tokens, tokens=total)
        data = []
        for index, text in list(enumerate(inputs))[::limits.order]:
            vector = self.vector_of(text)
            if wants == "base64" and limits.base64 == "honoured":
                vector = base64.b64encode(struct.pack(f"<{self.dim}f", *vector)).decode()
            data.append({"object": "embedding", "index": index, "embedding": vector})
        return 200, {"object": "list", "data": data, "model": asked.body["model"],
                     "usage": {"prompt_tokens": total, "total_tokens": total}}

    def vector_of(self, text):
        digest = hashlib.shake_128(text.encode()).digest(2 * self.dim)
        numbers = [n - 32767.5 for n in struct.unpack(f"<{self.dim}H", digest)]
        size = math.sqrt(sum(n * n for n in numbers))
        return [n / size for n in numbers]
