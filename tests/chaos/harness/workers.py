"""Worker processes under fault, and the supervisor that starts them again, as an init system would."""

import os
import pathlib
import re
import signal
import subprocess
import threading
import time


class Worker:
    def __init__(self, program, settings, folder, number):
        self.number = number
        self.log = pathlib.Path(folder, f"worker-{number}.log")
        self._program, self._settings = program, settings
        self.process = None
        self.expected = False  # its next end is our doing
        self.held = False      # the supervisor leaves it alone

    def start(self, **settings):
        self.expected = False
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self._program], env=os.environ | self._settings | settings, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True)

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def stopped(self):
        """Frozen by SIGSTOP, its own or ours."""
        try:
            text = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        except OSError:
            return False
        return text.rpartition(")")[2].split()[0] in "Tt"

    def signal(self, number):
        if self.running:
            os.kill(self.process.pid, number)

    def kill(self):
        self.expected = True
        self.signal(signal.SIGKILL)
        self.process.wait(10)

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def stop(self, seconds):
        """In order. None, or what was wrong."""
        self.held = self.expected = True
        if self.process is None:
            return None
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return f"worker {self.number} did not stop within {seconds} s of SIGTERM"
        return None if code == 0 else f"worker {self.number} ended with {code} on SIGTERM"


class Fleet:
    """Some workers, kept running."""

    RESTART_AFTER = 0.3

    def __init__(self, program, settings, folder, count):
        self.workers = [Worker(program, settings, folder, n + 1) for n in range(count)]
        self.unexpected = []  # ends nobody asked for
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._supervise, daemon=True)

    def start(self):
        for worker in self.workers:
            worker.start()
        self._thread.start()

    def _supervise(self):
        ended = {}
        while not self._stop.wait(0.05):
            for worker in self.workers:
                if worker.held or worker.running:
                    ended.pop(worker.number, None)
                    continue
                if worker.number not in ended:
                    ended[worker.number] = time.monotonic()
                    code = worker.process.returncode
                    if not worker.expected:
                        self.unexpected.append(f"worker {worker.number} ended with {code}: {self.tail(worker)}")
                elif time.monotonic() - ended[worker.number] > self.RESTART_AFTER:
                    ended.pop(worker.number)
                    worker.start()

    @staticmethod
    def tail(worker, size=400):
        return worker.log.read_text(errors="replace")[-size:]

    def running(self):
        return [w for w in self.workers if w.running and not w.held and not w.stopped]

    def halt(self):
        """The supervisor's end; workers go on."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def stop(self, seconds=20):
        self.halt()
        return [trouble for trouble in [w.stop(seconds) for w in self.workers] if trouble]

    def said(self, pattern):
        """Matches in all logs."""
        found = re.compile(pattern)
        return [m for w in self.workers if w.log.exists()
                for m in found.finditer(w.log.read_text(errors="replace"))]
