"""The local stack of the benchmarks: started once, its databases made anew for every contender."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]
SQL = REPO / "tests/bench/sql"
TICKS = os.sysconf("SC_CLK_TCK")


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, **options):
    done = subprocess.run(command, text=True, capture_output=True, check=False, **options)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def cpu_of(pid):
    """CPU seconds of a process and of the children it has waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0, 0.0
    own, waited = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return own / TICKS, waited / TICKS


def children_of(pid):
    try:
        tasks = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(child) for child in tasks.split()]


class Stack:
    def __init__(self, state):
        self.state = Path(state)
        self.build = REPO / "build/bench"
        self.env = dict(os.environ)

    def start(self, parts="kafka,postgres", targets=("ticketbus-worker", "ticketctl", "ticketbus-bench")):
        for name in list(self.env):
            if name.startswith(("TICKETBUS_", "DB_", "KAFKA_", "QDRANT_", "EMBEDDING_")) and name not in (
                "TICKETBUS_PG_OS_USER",
                *(f"TICKETBUS_PORT_{part}" for part in ("KAFKA", "POSTGRES", "QDRANT", "EMBEDDING")),
            ):
                del self.env[name]
        ports = {"KAFKA": 51092, "POSTGRES": 51432, "QDRANT": 51333, "EMBEDDING": 51080}
        self.env["TICKETBUS_STATE_DIR"] = str(self.state)
        for part, port in ports.items():
            self.env.setdefault(f"TICKETBUS_PORT_{part}", str(port))
        say(f"stack: {parts} …")
        run([REPO / "deploy/local/up", "--only", parts], env=self.env)
        script = f". '{self.state}/env' && env -0"
        lines = run(["bash", "-c", script], env=self.env).split("\0")
        self.env = dict(line.split("=", 1) for line in lines if "=" in line)
        self.pg_bin = Path(self.env["TICKETBUS_PG_BIN"])
        self.admin_password = (self.state / "data/secrets/postgres").read_text().strip()
        say("build: release …")
        run(["cmake", "-S", REPO, "-B", self.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
             "-DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON"])
        run(["cmake", "--build", self.build, "--target", *targets])
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            if self.sql(f"SHOW {setting}") != "on":
                raise SystemExit(f"{setting} is off: the figures would mean nothing")

    def stop(self, wipe=False):
        run([REPO / "deploy/local/down", *(["--wipe"] if wipe else [])], env=self.env)

    def program(self, name):
        return str(self.build / "bin" / name)

    def bench(self, *arguments, env=None):
        """One of ticketbus-bench's verbs; its result, when it prints one."""
        out = run([self.program("ticketbus-bench"), *map(str, arguments)], env=env or self.env)
        return json.loads(out) if out else None

    # ---- Postgres ----

    def psql_command(self, database, admin=False):
        user = "postgres" if admin else self.env["DB_USER"]
        return [
            str(self.pg_bin / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
            "-h", self.env["DB_HOST"], "-p", self.env["DB_PORT"], "-U", user, "-d", database,
        ]  # fmt: skip

    def pg_env(self, admin=False):
        return {**self.env, "PGPASSWORD": self.admin_password if admin else self.env["DB_PASSWORD"]}

    def sql(self, statement, database="postgres", admin=False):
        command = [*self.psql_command(database, admin), "-c", statement]
        return run(command, env=self.pg_env(admin)).strip()

    def sql_rows(self, statement, database):
        out = self.sql(statement, database)
        return [line.split("|") for line in out.splitlines()]

    def sql_file(self, path, database, **variables):
        settings = [word for name, value in variables.items() for word in ("-v", f"{name}={value}")]
        run([*self.psql_command(database), *settings, "-f", str(path)], env=self.pg_env())

    def drop(self, database):
        self.sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)", admin=True)

    def template(self, tickets):
        """The seeded database; made once per number of tickets and schema."""
        digest = run(["bash", "-c", f"cat {REPO}/sql/migrations/*.up.sql {SQL}/seed.sql | sha256sum"])[:8]
        day = time.strftime("%m%d", time.gmtime())
        name = f"bench_seed_{tickets}_{digest}_{day}"
        if self.sql(f"SELECT count(*) FROM pg_database WHERE datname = '{name}'") == "1":
            return name
        say(f"seed: {tickets} tickets …")
        making = name + "_making"
        self.drop(making)
        self.sql(f"CREATE DATABASE {making}")
        run([self.program("ticketctl"), "migrate", "up"], env={**self.env, "DB_NAME": making})
        self.sql_file(SQL / "seed.sql", making, n=tickets)
        self.sql("VACUUM (ANALYZE, FREEZE)", making, admin=True)
        self.sql(f"ALTER DATABASE {making} RENAME TO {name}", admin=True)
        return name

    def fresh(self, template, name="bench_run"):
        """A copy of the template, all of it on disk, so that nobody pays for what came before."""
        self.drop(name)
        owner = self.env["DB_USER"]
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY OWNER {owner}", admin=True)
        self.sql("CHECKPOINT", admin=True)
        return name

    def wal_bytes(self):
        return int(self.sql("SELECT pg_current_wal_lsn() - '0/0'"))

    # ---- CPU ----

    def pid_of(self, part):
        return int((self.state / f"run/{part}.pid").read_text().split()[0])

    def postgres_cpu(self):
        postmaster = self.pid_of("postgres")
        own, waited = cpu_of(postmaster)
        return own + waited + sum(cpu_of(child)[0] for child in children_of(postmaster))

    def kafka_cpu(self):
        return cpu_of(self.pid_of("kafka"))[0]


class Meter:
    """What a stretch of work cost: seconds of CPU by part, bytes of WAL. A CPU that others use too makes wall time a
    poor witness; these figures hardly care."""

    def __init__(self, stack):
        self.stack = stack

    def __enter__(self):
        self.at = (self.stack.postgres_cpu(), self.stack.kafka_cpu(), self.stack.wal_bytes())
        return self

    def __exit__(self, *_):
        self.wal = self.stack.wal_bytes() - self.at[2]
        self.postgres = self.stack.postgres_cpu() - self.at[0]
        self.kafka = self.stack.kafka_cpu() - self.at[1]
