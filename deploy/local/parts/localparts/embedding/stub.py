"""Vectors without a model, for benchmarks and fault tests: a text's hash seeds a random unit
vector. The same text always has the same vector; nothing else about it means anything."""

import hashlib
import time

import numpy as np

BYTES_PER_TOKEN = 4


class Stub:
    def __init__(self, dimensions: int, latency_ms: int, max_tokens: int | None = None) -> None:
        """latency_ms: how long a request takes at least, whatever its size."""
        self.names = ("stub", f"stub-{dimensions}")
        self.dimensions = dimensions
        self.max_tokens = max_tokens or 8192
        self._latency = latency_ms / 1000

    def tokenize(self, texts: list[str]) -> list[list[int]]:
        """One token for every four bytes; the ids are zeros."""
        return [[0] * -(-len(text.encode()) // BYTES_PER_TOKEN) for text in texts]

    def embed(self, texts: list[str], tokens: list[list[int]]) -> np.ndarray:
        start = time.monotonic()
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        for row, text in enumerate(texts):
            cut = text.encode()[: self.max_tokens * BYTES_PER_TOKEN]
            seed = int.from_bytes(hashlib.blake2b(cut, digest_size=8).digest(), "little")
            np.random.Generator(np.random.SFC64(seed)).standard_normal(
                dtype=np.float32, out=vectors[row]
            )
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        time.sleep(max(0.0, self._latency - (time.monotonic() - start)))
        return vectors
