"""An embedding service without a model, that tags its vectors with the model's name and counts."""

import base64
import collections
import hashlib
import json
import pathlib
import subprocess
import sys
import time

import numpy as np

from .small_server import SmallServer


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
        self._server = SmallServer(self._answer)
        self.url = self._server.url + "/v1"

    def vector(self, model, text):
        seed = hashlib.blake2b(text.encode(), digest_size=8).digest()
        rest = np.random.Generator(np.random.SFC64(int.from_bytes(seed, "little"))).standard_normal(self.dim - 1, np.float32)
        rest *= np.sqrt(1 - self.TAG ** 2) / np.linalg.norm(rest)
        return np.concatenate([[self.TAG if model.endswith("-up") else -self.TAG], rest]).astype("<f4")

    def _answer(self, request):
        if self.broken:
            return 503, {"error": {"message": "out of order"}}
        asked = json.loads(request.body)
        texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
        self.asked[asked["model"]] += len(texts)
        if self.inputs is not None:
            self.inputs += texts
        if self.delay:
            time.sleep(self.delay)
        encode = (lambda v: base64.b64encode(v.tobytes()).decode()) if asked.get("encoding_format") == "base64" else (
            lambda v: v.tolist())
        return 200, {
            "object": "list", "model": asked["model"],
            "data": [{"object": "embedding", "index": i, "embedding": encode(self.vector(asked["model"], t))}
                     for i, t in enumerate(texts)],
            "usage": {"prompt_tokens": sum(len(t) for t in texts) // 4, "total_tokens": sum(len(t) for t in texts) // 4},
        }

    def close(self):
        self._server.close()


class StubProcess:
    """StubEmbeddings in a process of its own, for tests that keep their own busy."""

    def __init__(self, dim=16):
        self.dim = dim
        self._process = subprocess.Popen([sys.executable, "-m", "bus.vectors", str(dim)], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True, cwd=pathlib.Path(__file__).parents[1])
        self.url = self._process.stdout.readline().strip()

    def set(self, **attributes):
        """-> inputs by model."""
        print(json.dumps(attributes), file=self._process.stdin, flush=True)
        return collections.Counter(json.loads(self._process.stdout.readline()))

    @property
    def asked(self):
        return self.set()

    def close(self):
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


def main():
    made = StubEmbeddings(int(sys.argv[1]))
    print(made.url, flush=True)
    for line in sys.stdin:
        vars(made).update(json.loads(line))
        print(json.dumps(made.asked), flush=True)


if __name__ == "__main__":
    main()
