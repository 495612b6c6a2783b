"""The published examples do what their pages say, against real workers."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from bus.stack import REPOSITORY

EXAMPLES = REPOSITORY / "docs" / "examples"


def run(bus, arguments, cwd=None):
    settings = {name: value for name, value in bus.settings.items() if name != "PATH"}
    return subprocess.run([str(a) for a in arguments], env=os.environ | settings, cwd=cwd, capture_output=True,
                          text=True, timeout=180, stdin=subprocess.DEVNULL)


def publish(bus, workflow, title):
    return run(bus, [sys.executable, EXAMPLES / "python" / "publish.py", workflow, title])


def titles(bus, workflow):
    return [r["title"] for r in bus.db.rows("SELECT title FROM tickets WHERE workflow_id = %s ORDER BY id", workflow)]


def test_python_publish_takes_effect_once(bus, flow):
    done = publish(bus, flow.id, "From Python: Grüße \"quoted\"")
    assert done.returncode == 0, done.stdout + done.stderr
    ticket = done.stdout.split()[0]
    assert done.stdout == f"{ticket} is at version 1\n"
    row = bus.db.row("SELECT * FROM tickets WHERE id = %s", ticket)
    assert (row["title"], row["version"]) == ("From Python: Grüße \"quoted\"", 1)
    assert titles(bus, flow.id) == [row["title"]]


def test_python_publish_tells_a_rejection(bus):
    done = publish(bus, "flow-without-board", "x")
    assert (done.returncode, done.stdout.split(" ")[:2]) == (1, ["rejected:", "board_not_found"]), done.stderr


def test_python_follow_prints_each_event_once(bus, flow, tmp_path):
    def follow():
        done = run(bus, [sys.executable, EXAMPLES / "python" / "follow.py", tmp_path / "state.db", 2])
        assert done.returncode == 0, done.stderr
        return [line.split() for line in done.stdout.splitlines()]

    ticket = flow.create("First")
    mine = [line for line in follow() if line[0] == ticket]
    assert mine == [[ticket, "1", "ticket.created"]]
    flow.applied("ticket.comment", ticket, {"comment_text": "and on"})
    published = publish(bus, flow.id, "Sent twice").stdout.split()[0]
    later = follow()
    assert [line for line in later if line[0] == ticket] == [[ticket, "2", "ticket.commented"]]
    assert [line for line in later if line[0] == published] == [[published, "1", "ticket.created"]]


def test_go_publish(bus, flow, tmp_path):
    if not shutil.which("go"):
        pytest.skip("no Go here")
    program = tmp_path / "publish"
    built = run(bus, ["go", "build", "-o", program, "."], cwd=EXAMPLES / "go")
    if built.returncode and ("dial tcp" in built.stderr or "cannot find module" in built.stderr):
        pytest.skip("modules cannot be downloaded here")
    assert built.returncode == 0, built.stderr
    done = run(bus, [program, flow.id, "From Go"])
    assert done.returncode == 0, done.stderr
    ticket = done.stdout.strip()
    flow.applied("ticket.comment", ticket, {"comment_text": "same partition, so it comes after the create"})
    assert titles(bus, flow.id) == ["From Go"]


def test_java_publish(bus, flow, tmp_path):
    if not shutil.which("mvn"):
        pytest.skip("no Maven here")
    copy = tmp_path / "java"  # keeps target/ out of the checkout
    shutil.copytree(EXAMPLES / "java", copy)
    done = run(bus, ["mvn", "-q", "-B", "compile", "exec:java", f"-Dexec.args={flow.id} FromJava"], cwd=copy)
    if done.returncode and ("could not be resolved" in done.stdout or "Could not transfer" in done.stdout):
        pytest.skip("packages cannot be downloaded here")
    assert done.returncode == 0, done.stdout + done.stderr
    ticket = re.search("ticket-[0-9a-f-]{36}", done.stdout)[0]  # Maven adds colours
    flow.applied("ticket.comment", ticket, {"comment_text": "same partition, so it comes after the create"})
    assert titles(bus, flow.id) == ["FromJava"]
