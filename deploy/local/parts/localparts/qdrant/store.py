"""Collections and aliases on disk.

Layout of the data directory: `registry.json` names every collection (its settings and its folder)
and every alias, and is replaced atomically; `shards/<uuid>/` holds one collection's data, which the
engine keeps with a write-ahead log. A folder the registry does not name is what a crash left of a
collection being created or deleted, and is removed at the next start.
"""

import fcntl
import itertools
import logging
import os
import shutil
import threading
import uuid
from pathlib import Path
from typing import Any

import orjson
import qdrant_edge as edge

from .errors import ApiError, bad_input, bad_json, invalid, no_collection
from .schema import engine_config, vector_infos

FLUSH_SECONDS = 5.0
MAX_NAME = 255
_FORBIDDEN = set('<>:"/\\|?*\0\x1f')

log = logging.getLogger("qdrant_edge")


class Collection:
    def __init__(self, name: str, folder: str, settings: dict, shard: edge.EdgeShard) -> None:
        self.name = name
        self.folder = folder
        self.settings = settings
        self.shard = shard
        self.vectors = vector_infos(settings)
        self.closed = False
        self._operation_ids = itertools.count()
        self._dirty = False

    def update(self, operation: Any) -> int:
        """Applies one operation; it is in the write-ahead log when this returns. Thread-safe."""
        self._dirty = True
        self.shard.update(operation)
        return next(self._operation_ids)

    def flush(self) -> None:
        """Brings the segments to disk, which also lets the engine shorten its log."""
        if self._dirty and not self.closed:
            self._dirty = False
            self.shard.flush()

    def close(self) -> None:
        self.closed = True
        self.shard.close()


class Store:
    """All collections of one data directory. Thread-safe."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._shards = data / "shards"
        self._registry = data / "registry.json"
        self._lock = threading.RLock()
        self._collections: dict[str, Collection] = {}
        self._aliases: dict[str, str] = {}
        self._shards.mkdir(parents=True, exist_ok=True)
        self._own_directory()
        self._load()
        self._stop = threading.Event()
        self._flusher = threading.Thread(target=self._flush_regularly, name="flush", daemon=True)
        self._flusher.start()

    def get(self, name: str) -> Collection:
        """By the name of a collection or of an alias."""
        with self._lock:
            found = self._collections.get(self._aliases.get(name, name))
        if found is None:
            raise no_collection(name)
        return found

    def exists(self, name: str) -> bool:
        with self._lock:
            return self._aliases.get(name, name) in self._collections

    def names(self) -> list[str]:
        with self._lock:
            return sorted(self._collections)

    def create(self, name: str, settings: Any) -> None:
        if not isinstance(settings, dict):
            raise bad_json("an object is expected")
        _check_name(name)
        with self._lock:
            if name in self._collections:
                raise ApiError(409, f"Wrong input: Collection `{name}` already exists!")
            config = engine_config(settings)
            if name in self._aliases:
                raise bad_input(
                    f"Can't create collection with name {name}. "
                    "Alias with the same name already exists"
                )
            folder = str(uuid.uuid4())
            path = self._shards / folder
            path.mkdir()
            try:
                shard = edge.EdgeShard.create(str(path), config)
                self._collections[name] = Collection(name, folder, settings, shard)
                self._save()
            except BaseException:
                self._collections.pop(name, None)
                shutil.rmtree(path, ignore_errors=True)
                raise

    def delete(self, name: str) -> bool:
        """-> False if there is no such collection (an alias does not count)."""
        with self._lock:
            found = self._collections.pop(name, None)
            if found is None:
                return False
            self._aliases = {a: c for a, c in self._aliases.items() if c != name}
            self._save()
        found.close()
        shutil.rmtree(self._shards / found.folder, ignore_errors=True)
        return True

    def aliases(self) -> dict[str, str]:
        with self._lock:
            return dict(sorted(self._aliases.items()))

    def change_aliases(self, body: Any) -> None:
        """`{actions: […]}`: all of them or none, in one step for every reader."""
        actions = body.get("actions") if isinstance(body, dict) else None
        if not isinstance(actions, list):
            raise bad_json("missing field `actions`")
        with self._lock:
            changed = dict(self._aliases)
            for action in actions:
                self._change_alias(action, changed)
            before, self._aliases = self._aliases, changed
            try:
                self._save()
            except BaseException:
                self._aliases = before
                raise

    def _change_alias(self, action: Any, aliases: dict[str, str]) -> None:
        kind = next(iter(action)) if isinstance(action, dict) and len(action) == 1 else None
        fields = {
            "create_alias": ("collection_name", "alias_name"),
            "delete_alias": ("alias_name",),
            "rename_alias": ("old_alias_name", "new_alias_name"),
        }.get(kind or "")
        if kind is None or fields is None or not isinstance(action[kind], dict):
            raise bad_json("an action is one of create_alias, delete_alias, rename_alias")
        values = [action[kind].get(field) for field in fields]
        for field, value in zip(fields, values, strict=True):
            if not isinstance(value, str):
                raise bad_json(f"missing field `{field}`")
        if kind == "create_alias":
            collection, alias = values
            if collection not in self._collections:
                raise no_collection(collection)
            self._free_for_alias(alias)
            aliases[alias] = collection
        elif kind == "delete_alias":
            aliases.pop(values[0], None)
        else:
            old, new = values
            if old not in aliases:
                raise ApiError(404, f"Not found: Alias {old} does not exists!")
            self._free_for_alias(new)
            aliases[new] = aliases.pop(old)

    def _free_for_alias(self, alias: str) -> None:
        _check_name(alias)
        if alias in self._collections:
            raise ApiError(409, f"Wrong input: Collection `{alias}` already exists!")

    def close(self) -> None:
        self._stop.set()
        self._flusher.join()
        with self._lock:
            for collection in self._collections.values():
                collection.close()
            self._collections.clear()

    def _flush_regularly(self) -> None:
        while not self._stop.wait(FLUSH_SECONDS):
            with self._lock:
                collections = list(self._collections.values())
            for collection in collections:
                try:
                    collection.flush()
                except Exception as err:
                    if not collection.closed:
                        log.error("flush of %s failed: %s", collection.name, err)

    def _own_directory(self) -> None:
        """Two servers on one directory would destroy it."""
        self._lock_file = open(self._data / "lock", "w", encoding="ascii")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SystemExit(f"qdrant-edge: another server uses {self._data}") from None

    def _load(self) -> None:
        known: dict = {"collections": {}, "aliases": {}}
        if self._registry.exists():
            known = orjson.loads(self._registry.read_bytes())
        folders = {entry["folder"] for entry in known["collections"].values()}
        for path in self._shards.iterdir():
            if path.name not in folders:
                shutil.rmtree(path, ignore_errors=True)
        for name, entry in known["collections"].items():
            try:
                shard = edge.EdgeShard.load(str(self._shards / entry["folder"]))
            except Exception as err:
                raise SystemExit(f"qdrant-edge: cannot load collection {name}: {err}") from err
            self._collections[name] = Collection(name, entry["folder"], entry["settings"], shard)
        self._aliases = known["aliases"]

    def _save(self) -> None:
        """The caller holds the lock."""
        content = {
            "collections": {
                name: {"folder": item.folder, "settings": item.settings}
                for name, item in self._collections.items()
            },
            "aliases": self._aliases,
        }
        fresh = self._registry.with_suffix(".new")
        with open(fresh, "wb") as file:
            file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2))
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self._registry)
        directory = os.open(self._data, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= MAX_NAME:
        raise invalid(f"name: has to have from 1 to {MAX_NAME} characters")
    bad = sorted(_FORBIDDEN & set(name))
    if bad:
        raise invalid(f"name: cannot contain {bad[0]!r}")
