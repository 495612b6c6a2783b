"""An embedding service without a model, that tags its vectors with the model's name and counts."""

import base64
import collections
import contextlib
import hashlib
import http.server
import json
import threading
import time

import numpy as np


class StubEmbeddings:
    """Vectors of two models point away from each other: of one model any two have a cosine of at least 0.28, of two
    with different tags at most -0.28. Models are named NAME-up or NAME-down."""

    TAG = 0.8

    def __init__(self, dim=16):
        self.dim = dim
        self.asked = collections.Counter()  # inputs by model
        self.inputs = None  # set to a list to keep them
        self.broken = False
        self.delay = 0.0
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def finish(self):
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    super().finish()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                status, answer = (503, b'{"error":{"message":"out of order"}}') if owner.broken else (200, owner._embed(body))
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # clients are killed by tests
                    self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def vector(self, model, text):
        seed = hashlib.blake2b(text.encode(), digest_size=8).digest()
        rest = np.random.Generator(np.random.SFC64(int.from_bytes(seed, "little"))).standard_normal(self.dim - 1, np.float32)
        rest *= np.sqrt(1 - self.TAG ** 2) / np.linalg.norm(rest)
        return np.concatenate([[self.TAG if model.endswith("-up") else -self.TAG], rest]).astype("<f4")

    def _embed(self, body):
        asked = json.loads(body)
        texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
        self.asked[asked["model"]] += len(texts)
        if self.inputs is not None:
            self.inputs += texts
        if self.delay:
            time.sleep(self.delay)
        encode = (lambda v: base64.b64encode(v.tobytes()).decode()) if asked.get("encoding_format") == "base64" else (
            lambda v: v.tolist())
        return json.dumps({
            "object": "list", "model": asked["model"],
            "data": [{"object": "embedding", "index": i, "embedding": encode(self.vector(asked["model"], t))}
                     for i, t in enumerate(texts)],
            "usage": {"prompt_tokens": sum(len(t) for t in texts) // 4, "total_tokens": sum(len(t) for t in texts) // 4},
        }).encode()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
