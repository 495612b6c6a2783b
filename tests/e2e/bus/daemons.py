"""Workers and indexers under test: started with settings of their own, stopped in order, held to a clean exit."""

import os
import signal
import subprocess
import time


def sanitizer_settings(reports):
    """Reports go to files of their own, and an error ends the process with a code of its own."""
    return {
        "ASAN_OPTIONS": f"log_path={reports}:exitcode=86:abort_on_error=0:detect_leaks=1",
        "UBSAN_OPTIONS": f"log_path={reports}:print_stacktrace=1:halt_on_error=1:exitcode=86",
        "LSAN_OPTIONS": "print_suppressions=0",
    }


class Daemon:
    def __init__(self, program, settings, folder, name, *arguments):
        self.name = name
        self.log = folder / f"{name}.log"
        self._reports = folder / f"{name}.sanitizer"
        self._folder = folder
        self._killed = False
        self._arguments = ([program, *arguments], os.environ | settings | sanitizer_settings(self._reports))
        self.process = None
        self.start()

    def start(self):
        assert self.process is None or self.process.poll() is not None
        self._killed = False
        arguments, environment = self._arguments
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(arguments, env=environment, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    @property
    def running(self):
        return self.process.poll() is None

    def said(self, text):
        return text in self.log.read_text(errors="replace")

    def wait_for(self, text, seconds=30):
        deadline = time.monotonic() + seconds
        while not self.said(text):
            assert self.running, f"{self.name} ended: {self.tail()}"
            assert time.monotonic() < deadline, f"{self.name} did not say {text!r}: {self.tail()}"
            time.sleep(0.05)
        return self

    def tail(self, size=3000):
        return self.log.read_text(errors="replace")[-size:]

    def kill(self):
        """As a crash would."""
        self._killed = True
        self.process.kill()
        self.process.wait(10)

    def freeze(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self, seconds=30):
        """Stops in order; returns what was wrong with its life."""
        troubles = []
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
                self._killed = True
                troubles.append(f"{self.name} did not stop within {seconds} s of SIGTERM: {self.tail()}")
        if self.process.returncode != 0 and not self._killed:
            troubles.append(f"{self.name} ended with {self.process.returncode}: {self.tail()}")
        for report in sorted(self._folder.glob(f"{self._reports.name}.*")):
            troubles.append(f"{report}:\n{report.read_text(errors='replace')[:6000]}")
        return troubles
