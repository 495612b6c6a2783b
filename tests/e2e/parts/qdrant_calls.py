"""Calls that the tests of the vector server share."""

SIZE = 4


def upsert(qdrant, name, points, **more):
    body = {"points": points} | more
    answer = qdrant.put(f"/collections/{name}/points?wait=true&ordering=medium", body).ok()
    assert answer["status"] == "completed"
    return answer


def fetch(qdrant, name, *ids):
    """-> {id: point} with payload and vector."""
    body = {"ids": list(ids), "with_payload": True, "with_vector": True}
    points = qdrant.post(f"/collections/{name}/points", body).ok()
    return {point["id"]: point for point in points}


def found_ids(qdrant, name, condition):
    body = {"filter": condition, "limit": 100, "with_payload": False}
    points = qdrant.post(f"/collections/{name}/points/scroll", body).ok()["points"]
    assert all("payload" not in p or p["payload"] is None for p in points)
    return [point["id"] for point in points]


def older_than(version):
    return {"must": [{"key": "version", "range": {"lt": version}}]}


def point_at(point, version, vector=(1, 0, 0, 0)):
    return {"id": point, "vector": list(vector), "payload": {"version": version}}


def field(key, **condition):
    return {"key": key, **condition}
