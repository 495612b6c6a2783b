#!/usr/bin/env python3
"""A local embedding server with OpenAI's API: POST /v1/embeddings.

    embedding_server.py --port 8081                       all-MiniLM-L6-v2, 384 dimensions
    embedding_server.py --port 8081 --model e5            multilingual-e5-small, 384 dimensions
    embedding_server.py --port 8081 --stub 1024           no model: vectors from a hash

Environment: EMBEDDING_THREADS  for the model; default: the processors this process may use
             EMBEDDING_API_KEY  if set, every request but /health has to carry it
"""

import argparse
import logging
import os

from localparts.embedding.api import Faults, Model, application
from localparts.http import serve

MAX_STUB_DIMENSIONS = 8192


def main() -> None:
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    faults = Faults(options.fail_every, options.fail_status, options.retry_after, options.poison)
    api_key = os.environ.get("EMBEDDING_API_KEY", "")
    app = application(_model(options), api_key=api_key, faults=faults)
    serve(app, options.host, options.port, "embedding-server")


def _model(options: argparse.Namespace) -> Model:
    # Each model's libraries are loaded only where it is used.
    if options.stub:
        from localparts.embedding.stub import Stub

        return Stub(options.stub, options.latency_ms, options.max_tokens)
    threads = _threads()
    os.environ.setdefault("RAYON_NUM_THREADS", str(threads))  # the tokenizer's
    if options.model == "e5":
        from localparts.embedding.e5 import E5

        return E5(threads, options.max_tokens)
    from localparts.embedding.minilm import MiniLm

    return MiniLm(threads, options.max_tokens)


def _threads() -> int:
    given = os.environ.get("EMBEDDING_THREADS", "")
    if not given:
        return len(os.sched_getaffinity(0))
    if not given.isdigit() or not 1 <= int(given) <= 256:
        raise SystemExit("embedding-server: EMBEDDING_THREADS has to be a number from 1 to 256")
    return int(given)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--model", choices=("minilm", "e5"), default="minilm")
    parser.add_argument("--max-tokens", type=int, help="of one text; default: the model's")
    stub = parser.add_argument_group("for benchmarks and fault tests")
    stub.add_argument("--stub", type=int, metavar="DIM", help="vectors of DIM numbers, no model")
    stub.add_argument("--latency-ms", type=int, default=0, help="of each request to the stub")
    stub.add_argument(
        "--fail-every", type=int, default=0, metavar="N", help="fail each Nth request"
    )
    stub.add_argument("--fail-status", type=int, default=429)
    stub.add_argument("--retry-after", type=int, default=1, metavar="S", help="told on a failure")
    stub.add_argument("--poison", default="", metavar="TEXT", help="refuse texts that contain it")
    options = parser.parse_args()
    if options.stub is not None and not 1 <= options.stub <= MAX_STUB_DIMENSIONS:
        parser.error(f"--stub has to be from 1 to {MAX_STUB_DIMENSIONS}")
    if options.max_tokens is not None and options.max_tokens < 3:
        parser.error("--max-tokens has to be at least 3")
    return options


if __name__ == "__main__":
    main()
