"""`deploy/local/up` as a newcomer runs it: servers, schema, topics, daemons and the sample board."""

import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

from local_stack import LOCAL, REPOSITORY, LocalStack, well

SAMPLE = [json.loads(line) for line in (LOCAL / "sample" / "board.jsonl").read_text().splitlines()]
CREATED = {command["subject"] for command in SAMPLE if command["type"] == "ticket.create"}


@pytest.fixture(scope="module")
def stack():
    made = LocalStack(REPOSITORY / ".local-tests" / "whole")
    made.script("down", "--wipe")
    made.first = well(made.script("up", **made.ports))
    yield made
    made.script("down", "--wipe")


def sample_tickets(stack):
    with stack.database() as connection:
        rows = connection.execute("SELECT id, version FROM tickets WHERE workflow_id = 'sample'").fetchall()
    return dict(rows)


def eventually(check, seconds=60):
    deadline = time.monotonic() + seconds
    while not (result := check()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.2)
    return result


def program(stack, name, *arguments):
    settings = os.environ | stack.settings()
    return subprocess.run([name, *arguments], env=settings, capture_output=True, text=True, timeout=60)


def test_daemons_run_and_the_programs_are_at_hand(stack):
    code, parts = stack.status()
    assert code == 0
    assert {part for part in parts if part not in ("kafka", "postgres", "qdrant", "embedding")} == {
        "worker-1", "worker-2", "indexer-1", "gateway"
    }
    assert {row["health"] for row in parts.values()} == {"healthy"}
    assert sorted(path.name for path in (stack.state / "log").glob("*er-?.log")) == [
        "indexer-1.log", "worker-1.log", "worker-2.log"
    ]
    for name in ("ticketbus-worker", "ticketbus-indexer", "ticketbus-gateway", "ticketctl"):
        assert program(stack, name, "--version").returncode == 0


def test_the_sample_board_is_there_and_says_what_its_file_says(stack):
    eventually(lambda: sample_tickets(stack).keys() == CREATED)
    with stack.database() as connection:
        outcomes = connection.execute(
            "SELECT outcome, count(*) FROM command_log WHERE source = '/ticketbus/sample' GROUP BY outcome"
        ).fetchall()
    assert outcomes == [("applied", len(SAMPLE))]


def test_what_up_suggests_works(stack):
    suggested = [
        line.split("#")[0].split() for line in stack.first.stdout.splitlines() if line.startswith("  ticketctl")
    ]
    assert len(suggested) >= 2
    for words in suggested:
        if "--follow" not in words:
            line = " ".join(words)
            done = subprocess.run(
                ["bash", "-c", f'. "$1" && {line}', "bash", stack.state / "env"], capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"


def test_a_second_up_takes_seconds_and_changes_nothing(stack):
    eventually(lambda: sample_tickets(stack).keys() == CREATED)
    tickets, pids = sample_tickets(stack), stack.pids()
    start = time.monotonic()
    well(stack.script("up"))
    assert time.monotonic() - start < 20
    assert stack.pids() == pids
    assert sample_tickets(stack) == tickets


@pytest.mark.parametrize("part", ["worker-1", "indexer-1"])
def test_a_killed_daemon_shows_and_is_healed(stack, part):
    before = stack.pids()
    os.kill(before[part], signal.SIGKILL)
    code, parts = stack.status()
    assert (code, parts[part]["health"]) == (1, "down")
    well(stack.script("up"))
    after = stack.pids()
    assert stack.status()[0] == 0
    assert after.pop(part) not in (None, before.pop(part))
    assert after == before


def test_the_number_of_workers_follows_the_argument(stack):
    well(stack.script("up", "--workers", "3"))
    assert stack.status()[1]["worker-3"]["health"] == "healthy"
    well(stack.script("up"))
    code, parts = stack.status()
    assert code == 0
    assert "worker-3" not in parts
    assert {"worker-1", "worker-2"} <= parts.keys()


def test_workers_stop_in_good_order(stack):
    well(stack.script("down"))
    assert stack.processes() == []
    for log in pathlib.Path(stack.state, "log").glob("worker-?.log"):
        if log.name != "worker-3.log":
            assert "worker stopped" in log.read_text().splitlines()[-1]
