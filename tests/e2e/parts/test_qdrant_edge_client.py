"""Qdrant's own Python client against the vector server: it checks each answer by its models."""

import os
import uuid

import pytest

pytest.importorskip("qdrant_client", reason="see requirements.txt in this folder")

from qdrant_client import QdrantClient, models  # noqa: E402
from qdrant_client.http.exceptions import UnexpectedResponse  # noqa: E402

from parts_servers import outside_qdrant  # noqa: E402


@pytest.fixture
def client(qdrant_url):
    key = os.environ.get("QDRANT_API_KEY") if outside_qdrant() else None
    made = QdrantClient(url=qdrant_url, api_key=key, timeout=30)
    yield made
    made.close()


@pytest.fixture
def name(client, fresh_name):
    made = fresh_name()
    assert client.create_collection(
        made,
        vectors_config={"text": models.VectorParams(size=3, distance=models.Distance.COSINE)},
        sparse_vectors_config={"words": models.SparseVectorParams(modifier=models.Modifier.IDF)},
    )
    for field, schema in (
        ("version", models.PayloadSchemaType.INTEGER),
        ("ticket_id", models.KeywordIndexParams(type="keyword", is_tenant=True)),
    ):
        client.create_payload_index(made, field, schema, wait=True)
    return made


def chunk(ticket, number, version, vector):
    return models.PointStruct(
        id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{ticket}#{number}")),
        vector={} if vector is None else {"text": vector},
        payload={"ticket_id": ticket, "version": version, "chunk": number},
    )


def newer(version):
    below = models.FieldCondition(key="version", range=models.Range(lt=version))
    unversioned = models.IsEmptyCondition(is_empty=models.PayloadField(key="version"))
    return models.Filter(should=[below, unversioned])


def versions(client, name):
    points, _next = client.scroll(name, limit=100, with_payload=True)
    return {p.payload["ticket_id"]: p.payload["version"] for p in points}


def test_collection(client, name):
    assert client.collection_exists(name)
    info = client.get_collection(name)
    assert info.status == models.CollectionStatus.GREEN
    assert info.config.params.vectors["text"].size == 3
    assert info.payload_schema["version"].data_type == models.PayloadSchemaType.INTEGER
    assert name in [c.name for c in client.get_collections().collections]
    with pytest.raises(UnexpectedResponse) as refused:
        client.create_collection(
            name, vectors_config=models.VectorParams(size=3, distance=models.Distance.DOT)
        )
    assert refused.value.status_code == 409


def test_life_of_a_ticket_in_the_index(client, name):
    def write(version, vector):
        return client.upsert(
            name, [chunk("t1", 0, version, vector)], wait=True, update_filter=newer(version)
        )

    assert write(2, [1, 0, 0]).status == models.UpdateStatus.COMPLETED
    write(1, [0, 1, 0])
    assert versions(client, name) == {"t1": 2}
    write(3, None)  # deleted
    write(2, [1, 0, 0])  # a late redelivery
    assert versions(client, name) == {"t1": 3}
    hits = client.query_points(name, [1, 0, 0], using="text", limit=5).points
    assert hits == []
    assert client.retrieve(name, [chunk("t1", 0, 0, None).id], with_vectors=True)[0].vector == {}


def test_batch_of_a_ticket(client, name):
    """What the indexer sends for a ticket: chunks, then the removal of chunks that are gone."""
    client.upsert(name, [chunk("t1", n, 1, [1, n, 0]) for n in range(4)], wait=True)
    of_ticket = models.FieldCondition(key="ticket_id", match=models.MatchValue(value="t1"))
    stale = models.Filter(
        must=[of_ticket, models.FieldCondition(key="version", range=models.Range(lt=2))]
    )
    answers = client.batch_update_points(
        name,
        [
            models.UpsertOperation(
                upsert=models.PointsList(
                    points=[chunk("t1", n, 2, [1, n, 1]) for n in range(2)], update_filter=newer(2)
                )
            ),
            models.DeleteOperation(delete=models.FilterSelector(filter=stale)),
            models.SetPayloadOperation(
                set_payload=models.SetPayload(
                    payload={"status": "open"}, filter=models.Filter(must=[of_ticket])
                )
            ),
        ],
        wait=True,
        ordering=models.WriteOrdering.MEDIUM,
    )
    assert [a.status for a in answers] == [models.UpdateStatus.COMPLETED] * 3
    points, _next = client.scroll(name, limit=10)
    assert sorted(p.payload["chunk"] for p in points) == [0, 1]
    assert {p.payload["status"] for p in points} == {"open"}
    assert client.count(name, count_filter=models.Filter(must=[of_ticket])).count == 2


def test_groups_and_filters(client, name):
    points = [chunk(f"t{t}", n, 1, [1, t / 10, n / 10]) for t in range(5) for n in range(3)]
    client.upsert(name, points, wait=True)
    groups = client.query_points_groups(
        name, group_by="ticket_id", query=[1, 0, 0], using="text", limit=3, group_size=2
    ).groups
    assert [group.id for group in groups] == ["t0", "t1", "t2"]
    assert [len(group.hits) for group in groups] == [2, 2, 2]
    some = models.Filter(
        must=[
            models.FieldCondition(key="ticket_id", match=models.MatchAny(any=["t3", "t4"])),
            models.FieldCondition(key="chunk", range=models.Range(gte=1)),
        ],
        must_not=[models.HasIdCondition(has_id=[points[-1].id])],
    )
    hits = client.query_points(name, [1, 0, 0], using="text", query_filter=some, limit=10).points
    assert [(h.payload["ticket_id"], h.payload["chunk"]) for h in hits] == [
        ("t3", 1),
        ("t3", 2),
        ("t4", 1),
    ]


def test_sparse_vectors_and_fusion(client, name):
    points = [
        models.PointStruct(
            id=i,
            vector={
                "text": [1, i, 0],
                "words": models.SparseVector(indices=[i, 100], values=[2.0, 1.0]),
            },
            payload={},
        )
        for i in range(1, 6)
    ]
    client.upsert(name, points, wait=True)
    sparse = models.SparseVector(indices=[4], values=[1.0])
    hits = client.query_points(name, sparse, using="words", limit=3).points
    assert [hit.id for hit in hits] == [4]
    fused = client.query_points(
        name,
        prefetch=[
            models.Prefetch(query=[1, 1, 0], using="text", limit=2),
            models.Prefetch(query=sparse, using="words", limit=2),
        ],
        query=models.FusionQuery(fusion=models.Fusion.RRF),
    ).points
    assert {hit.id for hit in fused} == {1, 2, 4}
    stored = client.retrieve(name, [4], with_vectors=True)[0].vector
    assert stored["words"].indices == [4, 100]


@pytest.mark.parametrize(("indices", "values"), [([1, 1], [1.0, 2.0]), ([1, 2], [1.0])])
def test_bad_sparse_vectors_are_refused(client, name, indices, values):
    vector = models.SparseVector(indices=indices, values=values)
    point = models.PointStruct(id=1, vector={"words": vector}, payload={})
    with pytest.raises(UnexpectedResponse) as refused:
        client.upsert(name, [point], wait=True)
    assert refused.value.status_code in (400, 422)
    assert client.count(name).count == 0


def test_alias_switch(client, name, fresh_name):
    alias, second = fresh_name(), fresh_name()
    client.create_collection(
        second,
        vectors_config={"text": models.VectorParams(size=3, distance=models.Distance.COSINE)},
    )
    client.upsert(second, [chunk("new", 0, 1, [1, 0, 0])], wait=True)
    client.upsert(name, [chunk("old", 0, 1, [1, 0, 0])], wait=True)

    def point_to(target):
        return models.CreateAliasOperation(
            create_alias=models.CreateAlias(collection_name=target, alias_name=alias)
        )

    assert client.update_collection_aliases([point_to(name)])
    assert versions(client, alias) == {"old": 1}
    drop = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))
    assert client.update_collection_aliases([drop, point_to(second)])
    assert versions(client, alias) == {"new": 1}
    assert [a.alias_name for a in client.get_collection_aliases(second).aliases] == [alias]
