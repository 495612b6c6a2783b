"""The points of an installation, read and damaged past the product."""

import json
import urllib.request
import uuid


def points_of(bus):
    return PgPoints(bus) if bus.settings.get("TICKETBUS_STORE") == "pgvector" else QdrantPoints(bus)


class QdrantPoints:
    def __init__(self, bus, collection=None):
        self.bus, self.collection = bus, collection or bus.settings["QDRANT_COLLECTION"]

    def call(self, path, body=None, method="POST"):
        headers = {"content-type": "application/json"}
        if self.bus.settings.get("QDRANT_API_KEY"):
            headers["api-key"] = self.bus.settings["QDRANT_API_KEY"]
        request = urllib.request.Request(
            f"{self.bus.settings['QDRANT_URL'].rstrip('/')}/collections/{self.collection}{path}", method=method,
            headers=headers, data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["result"]

    def live(self, **what):
        offset = None
        while True:
            page = self.call("/points/scroll", {"limit": 5000, "with_payload": True, "offset": offset, **what})
            yield from (point for point in page["points"] if not point["payload"]["is_deleted"])
            offset = page.get("next_page_offset")
            if offset is None:
                return

    def all(self):
        """Payloads of live points by id, without nulls: they say the same as absence."""
        return {p["id"]: {k: v for k, v in p["payload"].items() if v is not None} for p in self.live()}

    def vectors(self):
        """Payloads of live points, and their vectors."""
        points = list(self.live(with_vector=True))
        return [p["payload"] for p in points], [p["vector"]["text"] for p in points]

    def delete(self, ids):
        self.call("/points/delete?wait=true", {"points": ids})

    def set(self, ids, **payload):
        self.call("/points/payload?wait=true", {"points": ids, "payload": payload})

    def _plant(self, ids, ticket, version=1):
        dim = int(self.bus.settings["EMBEDDING_DIM"])
        self.call("/points?wait=true", {"points": [
            {"id": id, "vector": {"text": [0.25] * dim}, "payload": {
                "ticket_id": ticket(i), "version": version, "is_deleted": False, "kind": "body", "chunk": 77, "hash": "f" * 32}}
            for i, id in enumerate(ids)]}, "PUT")
        return ids

    def plant_orphans(self, n):
        return self._plant([str(uuid.uuid4()) for _ in range(n)], lambda i: f"ticket-{uuid.uuid4()}")

    def plant_extra(self, ticket):
        return self._plant([str(uuid.uuid4())], lambda i: ticket)[0]

    def revive(self, id, ticket):
        self._plant([id], lambda i: ticket)


class PgPoints:
    def __init__(self, bus, number=1):
        self.bus, self.points, self.vectors_table = bus, f"vector_points_{number}", f"vectors_{number}"

    def all(self):
        return {str(r["id"]): r for r in self.bus.db.rows(
            f"SELECT p.*, v.id IS NOT NULL AS has_vector FROM {self.points} p LEFT JOIN {self.vectors_table} v USING (id)"
            " WHERE NOT p.is_deleted")}

    def vectors(self):
        rows = self.bus.db.rows(f"SELECT p.*, v.embedding::text AS vector FROM {self.points} p JOIN {self.vectors_table} v"
                                " USING (id) WHERE NOT p.is_deleted")
        return rows, [json.loads(r.pop("vector")) for r in rows]

    def delete(self, ids):
        self.bus.db.rows(f"DELETE FROM {self.points} WHERE id = ANY(%s::uuid[])", ids)

    def set(self, ids, **payload):
        columns = ", ".join(f"{name} = %s" for name in payload)
        self.bus.db.rows(f"UPDATE {self.points} SET {columns} WHERE id = ANY(%s::uuid[])", *payload.values(), ids)

    def _plant(self, ids, ticket, version=1):
        vector = str([0.25] * int(self.bus.settings["EMBEDDING_DIM"]))
        for i, id in enumerate(ids):
            self.bus.db.rows(
                f"INSERT INTO {self.points} (id, ticket_id, version, workflow_id, is_deleted, kind, chunk, hash)"
                " VALUES (%s, %s, %s, 'x', false, 'body', 77, %s) ON CONFLICT (id) DO UPDATE SET is_deleted = false",
                id, ticket(i), version, "f" * 32)
            self.bus.db.rows(f"INSERT INTO {self.vectors_table} (id, embedding) VALUES (%s, %s)", id, vector)
        return ids

    plant_orphans = QdrantPoints.plant_orphans
    plant_extra = QdrantPoints.plant_extra
    revive = QdrantPoints.revive
