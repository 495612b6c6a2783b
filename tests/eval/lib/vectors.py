"""An embedding service that remembers: in front of the real one, answers by fingerprint of model and text."""

import base64
import hashlib
import json
import sqlite3
import struct
import threading
import urllib.error
import urllib.request

from bus.small_server import SmallServer


class CachingProxy:
    def __init__(self, target, file):
        self.target = target.rstrip("/")
        self.asked = self.embedded = 0
        self._lock = threading.Lock()
        self._db = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("CREATE TABLE IF NOT EXISTS vectors (fingerprint BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")
        self._server = SmallServer(self._answer)
        self.url = self._server.url + "/v1"

    def _known(self, key):
        with self._lock:
            row = self._db.execute("SELECT vector FROM vectors WHERE fingerprint = ?", (key,)).fetchone()
        return row and row[0]

    def _ask(self, path, request):
        call = urllib.request.Request(self.target.removesuffix("/v1") + path, json.dumps(request).encode(),
                                      {"content-type": "application/json"})
        with urllib.request.urlopen(call, timeout=300) as answer:
            return json.load(answer)["data"]

    def _answer(self, asked):
        request = json.loads(asked.body)
        texts = request["input"] if isinstance(request["input"], list) else [request["input"]]
        model = str(request.get("model"))
        keys = [hashlib.sha256(f"{model}\0{text}".encode()).digest() for text in texts]
        found = {k: v for k in set(keys) if (v := self._known(k))}
        missing = [i for i, k in enumerate(keys) if k not in found]
        try:
            fresh = self._ask(asked.path, {"model": model, "input": [texts[i] for i in missing]}) if missing else []
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError as error:
            return 503, json.dumps({"error": {"message": str(error)}}).encode()
        for item in fresh:
            vector = item["embedding"]
            found[keys[missing[item["index"]]]] = struct.pack(f"<{len(vector)}f", *vector)
        with self._lock:
            self.asked += len(texts)
            self.embedded += len(missing)
            self._db.execute("BEGIN")
            self._db.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)",
                                 [(keys[i], found[keys[i]]) for i in missing])
            self._db.execute("COMMIT")
        wanted = base64.b64encode if request.get("encoding_format") == "base64" else None
        data = [{"object": "embedding", "index": i,
                 "embedding": wanted(found[k]).decode() if wanted else struct.unpack(f"<{len(found[k]) // 4}f", found[k])}
                for i, k in enumerate(keys)]
        return 200, json.dumps({"object": "list", "data": data, "model": model,
                                "usage": {"prompt_tokens": 0, "total_tokens": 0}}).encode()

    def close(self):
        self._server.close()
        self._db.close()
