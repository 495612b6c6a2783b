"""The local stack the tests run on, and the programs under test."""

import os
import pathlib
import subprocess

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]


class StackMissing(Exception):
    """There is no stack to test on, or no programs to test."""


def _settings_of(file):
    """The settings file as a shell sees it."""
    shown = subprocess.run(
        ["env", "-i", "PATH=/usr/bin:/bin", "bash", "-c", '. "$1" && env -0', "bash", file],
        capture_output=True, text=True, check=True,
    ).stdout
    return dict(entry.split("=", 1) for entry in shown.split("\0") if "=" in entry)


class Stack:
    """Servers named by STATE_DIR/env: TICKETBUS_STATE_DIR, or .local of the checkout."""

    def __init__(self):
        self.state_dir = pathlib.Path(os.environ.get("TICKETBUS_STATE_DIR") or REPOSITORY / ".local")
        file = self.state_dir / "env"
        if not file.is_file():
            raise StackMissing(f"{file} is missing: start a stack with deploy/local/up, or use `tests/run e2e`")
        self.settings = _settings_of(file)
        folder = os.environ.get("TICKETBUS_BIN") or REPOSITORY / "build" / "asan" / "bin"
        self.programs = pathlib.Path(folder)

    def program(self, name):
        path = self.programs / name
        if not path.is_file():
            raise StackMissing(f"{path} is missing: build it (cmake --preset asan && cmake --build --preset asan), "
                               "or name another folder in TICKETBUS_BIN")
        return str(path)

    def pg_tool(self, name):
        return str(pathlib.Path(self.settings["TICKETBUS_PG_BIN"]) / name)

    def local(self, script, *arguments):
        """Runs a script of deploy/local on this stack."""
        kept = {k: v for k, v in os.environ.items()
                if not k.startswith(("TICKETBUS_", "DB_", "KAFKA_", "QDRANT_", "EMBEDDING_"))}
        return subprocess.run(
            [REPOSITORY / "deploy" / "local" / script, *arguments],
            env=kept | {"TICKETBUS_STATE_DIR": str(self.state_dir)},
            capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
        )
