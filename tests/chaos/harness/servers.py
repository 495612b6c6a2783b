"""The servers under fault: processes of a local stack, adopted from deploy/local/up by their pid files."""

import os
import pathlib
import signal
import subprocess
import time


def start_time(pid):
    """Clock ticks since boot, None when there is no such process (a zombie is none)."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


class Server:
    """One server of the stack. Its pid file stays true, so that deploy/local/down finds what was started here."""

    def __init__(self, state_dir, name):
        self.name, self.state_dir = name, state_dir
        self._pid_file = pathlib.Path(state_dir, "run", f"{name}.pid")
        self._log = pathlib.Path(state_dir, "log", f"{name}.log")
        self._process = None
        pid = self.pid
        assert pid, f"{name} does not run"
        self.arguments = [a.decode() for a in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]]
        self._environment = dict(entry.decode().split("=", 1) for entry in
                                 pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") if b"=" in entry)
        self._program = os.readlink(f"/proc/{pid}/exe")
        self.user = os.stat(f"/proc/{pid}").st_uid

    @property
    def pid(self):
        pid, started = self._pid_file.read_text().split()
        return int(pid) if start_time(int(pid)) == started else None

    def signal(self, number):
        if pid := self.pid:
            os.kill(pid, number)

    def wait_gone(self, seconds=30):
        deadline = time.monotonic() + seconds
        while self.pid:
            if self._process is not None:
                self._process.poll()
            assert time.monotonic() < deadline, f"{self.name} does not end"
            time.sleep(0.02)
        if self._process is not None:
            self._process.wait(10)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.wait_gone()

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def start(self):
        """The same program with the same arguments, as the same user."""
        if self.pid:
            return
        options = {"user": self.user, "group": os.stat(self._program).st_gid, "extra_groups": []} \
            if os.geteuid() == 0 and self.user != 0 else {}
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                [self._program, *self.arguments[1:]], env=self._environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True, cwd="/", **options)
        self._pid_file.write_text(f"{self._process.pid} {start_time(self._process.pid)}\n")
