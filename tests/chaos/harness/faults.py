"""The faults, each by name. A fault is a function of the run: it breaks something, waits, and mends it; it returns once
the broken part answers again (or is gone for good). What it did is counted in run.seen."""

import dataclasses
import random
import signal
import time

import psycopg

FAULTS = {}


@dataclasses.dataclass
class Fault:
    name: str
    act: object
    about: str
    # A worker that is gone or frozen is only replaced after its session.
    session: bool = False
    # What must be there for it: crash points, a proxy, root …
    needs: tuple = ()


def fault(name, about, session=False, needs=()):
    def register(act):
        FAULTS[name] = Fault(name, act, about, session, needs)
        return act
    return register


def some_worker(run):
    running = run.fleet.running()
    return run.rng.choice(running) if running else None


# ---- workers ----

@fault("worker-kill", "SIGKILL of one worker, at any moment", session=True)
def worker_kill(run):
    if worker := some_worker(run):
        time.sleep(run.rng.random())
        worker.kill()
        run.saw("worker-kill")


@fault("worker-kill-all", "SIGKILL of all workers at once", session=True)
def worker_kill_all(run):
    time.sleep(run.rng.random())
    for worker in run.fleet.running():
        worker.kill()
    run.saw("worker-kill-all")


@fault("worker-freeze", "SIGSTOP of a worker past its session, SIGCONT afterwards, and sometimes SIGKILL right then", session=True)
def worker_freeze(run):
    if worker := some_worker(run):
        worker.held = True
        try:
            time.sleep(run.rng.random())
            worker.freeze()
            run.saw("worker-freeze")
            wake(run, worker)
        finally:
            worker.held = False


def wake(run, worker):
    """A frozen worker, past its session: others must have taken over before it wakes up."""
    started = time.monotonic()
    run.recover("frozen", run.session_s, since=started)
    left = started + run.session_s + 1 + run.rng.random() * 3 - time.monotonic()
    time.sleep(max(0, left))
    worker.thaw()
    if run.rng.random() < 0.4:
        time.sleep(run.rng.random() * 0.1)
        worker.kill()


@fault("rebalance-storm", "workers stopped and started every second or two")
def rebalance_storm(run):
    for _ in range(run.rng.randrange(3, 6)):
        if worker := some_worker(run):
            worker.expected = True
            worker.signal(signal.SIGTERM)
            run.saw("rebalance-storm")
        time.sleep(0.5 + run.rng.random() * 1.5)


# ---- Postgres ----

def backends(run, admin, condition="TRUE"):
    return [row[0] for row in admin.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = %s AND application_name LIKE 'ticketbus-worker%%' AND " + condition,
        (run.rig.database_name,)).fetchall()]


@fault("backend-kill", "a worker's backend terminated, again and again, mostly in a transaction")
def backend_kill(run):
    with run.rig.admin_database() as admin:
        until = time.monotonic() + 1 + run.rng.random() * 2
        while time.monotonic() < until:
            for pid in backends(run, admin, "state <> 'idle'"):
                if run.rng.random() < 0.5:
                    admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
                    run.saw("backend-kill")
            time.sleep(run.rng.random() * 0.1)
        for pid in backends(run, admin)[:1]:
            admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
            run.saw("backend-kill")


@fault("commit-kill", "a worker's backend terminated while it commits")
def commit_kill(run):
    with run.rig.admin_database() as admin:
        until, hits = time.monotonic() + 4, 0
        while time.monotonic() < until and hits < 5:
            found = admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
                " AND application_name LIKE 'ticketbus-worker%%' AND query = 'COMMIT' AND state = 'active'",
                (run.rig.database_name,)).fetchall()
            hits += len(found)
            run.saw("commit-kill", len(found))
            if found:
                time.sleep(0.3)


@fault("postgres-crash", "Postgres stopped at once (SIGQUIT), started again after a while")
def postgres_crash(run):
    run.rig.postgres.signal(signal.SIGQUIT)
    run.rig.postgres.wait_gone()
    run.saw("postgres-crash")
    time.sleep(run.rng.random() * 3)
    run.rig.postgres.start()
    run.rig.wait_postgres()


@fault("postgres-kill-backend", "SIGKILL of one backend: Postgres ends all sessions and recovers")
def postgres_kill_backend(run):
    import os
    with run.rig.admin_database() as admin:
        pids = backends(run, admin, "state <> 'idle'") or backends(run, admin)
    if pids:
        os.kill(pids[0], signal.SIGKILL)
        run.saw("postgres-kill-backend")
    time.sleep(0.3)
    run.rig.wait_postgres()


@fault("connections-exhausted", "all connections taken by others while the workers must connect again")
def connections_exhausted(run):
    held = []
    try:
        with run.rig.admin_database() as admin:
            try:
                while len(held) < 400:
                    held.append(psycopg.connect(**run.rig.db.parameters))
            except psycopg.OperationalError:
                pass
            for pid in backends(run, admin):
                admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
                try:
                    held.append(psycopg.connect(**run.rig.db.parameters))
                except psycopg.OperationalError:
                    pass
            run.saw("connections-exhausted")
            time.sleep(1 + run.rng.random() * 3)
    finally:
        for connection in held:
            connection.close()


@fault("row-locked", "an idle transaction holds a busy ticket's row lock, another holds xmin")
def row_locked(run):
    with run.rig.admin_database() as one, run.rig.admin_database() as other:
        one.autocommit = other.autocommit = False
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT count(*) FROM tickets")
        ticket = run.rng.choice(run.load.tickets[-300:])
        run.load.hot = ticket
        try:
            one.execute("SELECT 1 FROM tickets WHERE id = %s FOR UPDATE", (ticket.id,))
            run.saw("row-locked")
            time.sleep(4 + run.rng.random() * 4)
        finally:
            run.load.hot = None


# ---- the broker ----

@fault("broker-kill", "SIGKILL of the broker, started again")
def broker_kill(run):
    run.rig.kafka.kill()
    run.saw("broker-kill")
    time.sleep(run.rng.random() * 2)
    run.rig.kafka.start()
    run.rig.wait_kafka()


@fault("broker-freeze", "SIGSTOP of the broker for some seconds")
def broker_freeze(run):
    run.rig.kafka.freeze()
    run.saw("broker-freeze")
    try:
        time.sleep(1 + run.rng.random() * 7)
    finally:
        run.rig.kafka.thaw()
    run.rig.wait_kafka()


# ---- the publishers ----

@fault("hot-ticket", "one ticket takes half of the traffic")
def hot_ticket(run):
    run.load.hot = run.rng.choice(run.load.tickets)
    run.saw("hot-ticket")
    time.sleep(3)
    run.load.hot = None


@fault("messy-publisher", "a third of the commands sent again, a third out of order")
def messy_publisher(run):
    run.load.messy = True
    run.saw("messy-publisher")
    time.sleep(3)
    run.load.messy = False


def order(rng, faults):
    """Names in an endless random order in which none comes again before all have been."""
    while True:
        names = list(faults)
        rng.shuffle(names)
        yield from names


def rng_of(seed, what):
    return random.Random(f"{seed} {what}")
