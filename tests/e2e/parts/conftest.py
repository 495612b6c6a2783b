"""Fixtures around the local stack's Python servers, one process each, on a port of its own."""

import os
import uuid

import pytest

from parts_servers import Client, Server, outside_qdrant


@pytest.fixture
def start_server():
    """Starts servers that end with the test."""
    started: list[Server] = []

    def start(program: str, *arguments: str, env: dict[str, str] | None = None) -> Server:
        server = Server(program, *arguments, env=env)
        started.append(server)
        return server

    yield start
    for server in started:
        server.kill()


@pytest.fixture(scope="session")
def qdrant_url(tmp_path_factory):
    """A real server where QDRANT_URL names one, else ours."""
    outside = outside_qdrant()
    if outside:
        yield outside
        return
    server = Server("qdrant_edge.py", "--data", str(tmp_path_factory.mktemp("qdrant")))
    yield server.url
    server.kill()


@pytest.fixture
def qdrant(qdrant_url):
    key = os.environ.get("QDRANT_API_KEY") if outside_qdrant() else None
    return Client(qdrant_url, {"api-key": key} if key else None)


@pytest.fixture
def fresh_name(qdrant):
    """Makes names for collections and aliases; what has them is removed after the test."""
    made: list[str] = []

    def name() -> str:
        made.append(f"test-{uuid.uuid4()}")
        return made[-1]

    yield name
    for used in made:
        qdrant.post("/collections/aliases", {"actions": [{"delete_alias": {"alias_name": used}}]})
        qdrant.delete(f"/collections/{used}")


@pytest.fixture
def name(qdrant, fresh_name):
    """A collection with one unnamed vector of four dimensions and an index over `version`."""
    made = fresh_name()
    vectors = {"size": 4, "distance": "Cosine"}
    assert qdrant.put(f"/collections/{made}", {"vectors": vectors}).ok() is True
    index = {"field_name": "version", "field_schema": "integer"}
    qdrant.put(f"/collections/{made}/index?wait=true", index).ok()
    return made
