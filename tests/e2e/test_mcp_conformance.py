"""The official MCP conformance suite: every server scenario there is for a revision, on a gateway that has the suite's
test tools beside its own (tests/conformance). What is listed in expected-failures.yaml and passes is as wrong as what
fails and is not listed."""

import json
import os
import pathlib
import re
import subprocess

import pytest
import yaml

from bus.gateway import Client, Gateway
from bus.mcp_proxy import McpProxy

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "tests" / "conformance"
REVISIONS = ["2025-11-25", "2025-06-18"]


def suite(*arguments, **options):
    packages = pathlib.Path(os.environ.get("TICKETBUS_TEST_NODE", REPOSITORY / ".local" / "node-tests")) / "node_modules"
    (node,) = packages.glob("node-linux-*/bin/node")
    return subprocess.run([node, packages / "@modelcontextprotocol" / "conformance" / "dist" / "index.js", *arguments],
                          capture_output=True, text=True, timeout=280, stdin=subprocess.DEVNULL, **options)


@pytest.fixture(scope="module")
def gateway(bus):
    with Gateway(bus, "gateway-conformance", program="ticketbus-gateway-conformance") as made:
        yield made


@pytest.fixture(scope="module")
def token(gateway):
    return gateway.token("conformance", "--scope", "admin")


def failed(checks):
    """As the suite itself holds results against a baseline."""
    return [f"{check['status']} {check['id']}: {check.get('errorMessage')}" for check in checks
            if check["status"] in ("FAILURE", "WARNING")]


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_server_scenario(gateway, token, revision, tmp_path):
    listed = suite("list", "--server", "--spec-version", revision)
    scenarios = set(re.findall(r"^  - (\S+)", listed.stdout, re.MULTILINE))
    proxy = McpProxy(gateway, token, revision)
    try:
        done = suite("server", "--url", proxy.url, "--suite", "all", "--spec-version", revision, "--output-dir", tmp_path)
    finally:
        proxy.close()
    found = {re.sub(r"^server-(.*)-\d{4}-\d\d-\d\dT.*$", r"\1", file.parent.name): failed(json.loads(file.read_text()))
             for file in tmp_path.glob("*/checks.json")}
    assert len(scenarios) >= 24 and set(found) == scenarios, done.stdout[-3000:] + done.stderr[-3000:]
    assert proxy.revisions == {revision}
    expected = set(yaml.safe_load((FOLDER / "expected-failures.yaml").read_text())["server"]) & scenarios
    assert {name: why for name, why in found.items() if why and name not in expected} == {}
    assert [name for name in expected if not found[name]] == [], "listed as failing, and passes"


def test_the_gateway_proper_has_no_test_tools(bus, token):
    with Gateway(bus, "gateway-proper") as proper:
        client = Client(proper, token)
        ask = lambda method, **params: client.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        for method in ("tools/list", "prompts/list", "resources/list", "resources/templates/list"):
            answer = ask(method)
            assert answer.status == 200 and b"test_" not in answer.body and b"test://" not in answer.body
        assert "error" in ask("tools/call", name="test_simple_text").expect(200)
