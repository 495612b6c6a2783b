"""Three brokers of a run's own, any of which may be killed."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import confluent_kafka
import confluent_kafka.admin

NODES = (1, 2, 3)
# Everything in three copies, acknowledged by two: the death of one broker loses nothing.
COPIES = {"default.replication.factor": 3, "min.insync.replicas": 2, "offsets.topic.replication.factor": 3,
          "transaction.state.log.replication.factor": 3, "transaction.state.log.min.isr": 2}


def free_ports(first, count):
    found = []
    while len(found) < count:
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", first))
                found.append(first)
            except OSError:
                pass
        first += 1
    return found


class Cluster:
    """Made after the stack's own broker: its program, its classes, its settings."""

    def __init__(self, pattern, folder):
        self.folder = pathlib.Path(folder) / "brokers"
        self.folder.mkdir(parents=True)
        self._java = pattern.arguments
        self._processes = {}
        text = pathlib.Path(pattern.state_dir, "run", "kafka.properties").read_text()
        ports = free_ports(int(re.search(r"^listeners=PLAINTEXT://[^:]*:(\d+)", text, re.M)[1]) + 30, 6)
        self._ports, controllers = dict(zip(NODES, ports[:3])), dict(zip(NODES, ports[3:]))
        voters = ",".join(f"{n}@127.0.0.1:{controllers[n]}" for n in NODES)
        identity = self._tool("random-uuid").strip()
        for n in NODES:
            at = f"PLAINTEXT://127.0.0.1:{self._ports[n]}"
            changed = {key: str(value) for key, value in COPIES.items()} | {
                "node.id": str(n), "controller.quorum.voters": voters, "log.dirs": str(self.folder / f"data-{n}"),
                "listeners": f"{at},CONTROLLER://127.0.0.1:{controllers[n]}", "advertised.listeners": at}
            kept = [line for line in text.splitlines() if line.partition("=")[0] not in changed]
            self._properties(n).write_text("\n".join(kept + [f"{k}={v}" for k, v in changed.items()]) + "\n")
            self._tool("format", "--config", str(self._properties(n)), "--cluster-id", identity)

    def _properties(self, node):
        return self.folder / f"{node}.properties"

    def _tool(self, *arguments):
        classes = self._java[self._java.index("-cp") + 1]
        return subprocess.run([self._java[0], "-Xmx128m", "-cp", classes, "kafka.tools.StorageTool", *arguments], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout

    @property
    def brokers(self):
        return ",".join(f"127.0.0.1:{port}" for port in self._ports.values())

    def coordinator(self, group):
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.brokers, "log_level": 0})
        return admin.describe_consumer_groups([group], request_timeout=10)[group].result().coordinator.id

    def start(self, node=None):
        for n in NODES if node is None else (node,):
            process = self._processes.get(n)
            if process is None or process.poll() is not None:
                with open(self.folder / f"{n}.log", "ab") as log:
                    self._processes[n] = subprocess.Popen([*self._java[:-1], str(self._properties(n))], stdin=subprocess.DEVNULL,
                                                          stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    def kill(self, node):
        self._processes[node].kill()
        self._processes[node].wait(10)

    def thaw(self):
        for process in self._processes.values():
            if process.poll() is None:
                os.kill(process.pid, signal.SIGCONT)

    def wait(self, seconds=90):
        """Until all brokers belong to it."""
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.brokers, "log_level": 0})
        deadline = time.monotonic() + seconds
        while True:
            try:
                if len(admin.list_topics(timeout=2).brokers) == len(NODES):
                    return
            except confluent_kafka.KafkaException:
                pass
            assert time.monotonic() < deadline, "the three brokers do not come up"
            time.sleep(0.1)

    def wait_coordinator(self, group, seconds=90):
        """Until one of them answers for the group."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.coordinator(group)
            except confluent_kafka.KafkaException:
                assert time.monotonic() < deadline, "no broker answers for the group"
                time.sleep(0.1)

    def close(self):
        for process in self._processes.values():
            process.kill()
            process.wait(10)
