"""The installation under test: a database, topics, a collection and processes of its own on a running local stack."""

import os
import pathlib
import signal

import pytest

from bus.installation import Installation
from bus.proxy import CountingProxy
from bus.stack import Stack, StackMissing
from bus.workflow import Workflow


def pytest_configure():
    """SIGTERM ends the tests as Ctrl-C does: with everything they have started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """What looks at everything that went over the wire in this session comes last."""
    items.sort(key=lambda item: item.path.name == "test_wire_contract.py")


@pytest.fixture(scope="session")
def stack():
    try:
        return Stack()
    except StackMissing as missing:
        pytest.fail(str(missing))


@pytest.fixture(scope="session")
def logs(tmp_path_factory):
    """Folder of the logs of what the tests start."""
    kept = os.environ.get("TICKETBUS_TEST_LOGS")
    if kept:
        pathlib.Path(kept).mkdir(parents=True, exist_ok=True)
        return pathlib.Path(kept)
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def closed_installations():
    """Installations of single tests, for those who look at what went over their wires."""
    return []


def _closed(installation):
    troubles = installation.close()
    assert not troubles, "\n\n".join(troubles)


@pytest.fixture(scope="session")
def bus(stack, logs):
    """The installation most tests share, with two workers."""
    made = Installation(stack, logs, "shared", TICKETBUS_REFERENCE_WAIT_S="4")
    try:
        made.prepare()
        made.start_workers(2)
        yield made
    finally:
        _closed(made)


@pytest.fixture(scope="session")
def indexed_bus(stack, logs, closed_installations):
    """An installation with a worker, an indexer, and a proxy in front of the embedding service that counts."""
    proxy = CountingProxy(stack.settings["EMBEDDING_URL"])
    made = Installation(stack, logs, "indexed", EMBEDDING_URL=proxy.url)
    made.embedding_proxy = proxy
    try:
        made.prepare()
        made.start_workers(1)
        made.start_indexer()
        yield made
    finally:
        closed_installations.append(made)
        _closed(made)
        proxy.close()


@pytest.fixture
def new_bus(stack, logs, closed_installations):
    """Makes installations that end with the test."""
    made = []

    def make(name, workers=2, **settings):
        installation = Installation(stack, logs, name, **settings)
        made.append(installation)
        installation.prepare()
        if workers:
            installation.start_workers(workers)
        return installation

    yield make
    troubles = []
    for installation in made:
        closed_installations.append(installation)
        troubles += installation.close()
    assert not troubles, "\n\n".join(troubles)


@pytest.fixture
def make_flow(bus):
    """Makes workflows; at the end of the test rows, history and events of their tickets must agree."""
    made = []

    def make(board=None, **options):
        made.append(Workflow(bus, board, **options))
        return made[-1]

    yield make
    for flow in made:
        flow.check()


@pytest.fixture
def flow(make_flow):
    """A workflow with the plain board."""
    return make_flow()
