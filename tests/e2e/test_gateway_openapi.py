"""The OpenAPI document against the server: requests made up from it, answers held against it."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

from bus.gateway import Gateway

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = int(os.environ.get("TICKETBUS_SCHEMATHESIS_EXAMPLES", "6"))
SEED = os.environ.get("TICKETBUS_SCHEMATHESIS_SEED", "1")


@pytest.fixture(scope="module")
def gateway(indexed_bus):
    with Gateway(indexed_bus, "gateway-openapi") as made:
        yield made


def test_the_document_is_served_as_committed(gateway):
    served = gateway.client("document", "--scope", "read").get("/openapi.json").expect(200)
    assert served == json.loads((REPOSITORY / "docs" / "openapi.json").read_text())


def test_schemathesis_finds_no_error_and_no_undocumented_answer(gateway, tmp_path):
    token = gateway.token("schemathesis", "--scope", "admin")
    done = subprocess.run(
        [pathlib.Path(sys.executable).parent / "schemathesis", "run", f"{gateway.url}/openapi.json",
         "--header", f"Authorization: Bearer {token}",
         "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
         "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES), "--workers", "2", "--seed", SEED,
         # A stream does not end; test_events_stream.py looks at it.
         "--continue-on-failure", "--exclude-path", "/events"],
        cwd=tmp_path, capture_output=True, text=True, timeout=500, env=os.environ | {"NO_COLOR": "1"})
    found = "; ".join(re.findall(r"^(?:_{3,} [A-Z]+ /.*? _{3,}|- .*|\[\d{3}\] .*|\s+Received: .*)$", done.stdout, re.MULTILINE))
    assert done.returncode == 0, f"{found}\n{done.stdout[-12000:]}{done.stderr[-3000:]}"
    assert gateway.daemon.running
