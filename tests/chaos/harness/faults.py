"""The faults, each by name. A fault is a function of the run: it breaks something, waits, and mends it; it returns once
the broken part answers again (or is gone for good). What it did is counted in run.seen."""

import dataclasses
import glob
import random
import signal
import subprocess
import time

import psycopg

from .proxy import Trap

FAULTS = {}
MAX_POLL_S = 12  # common/kafka/consumer.c, built with TB_FAULTS


@dataclasses.dataclass
class Fault:
    name: str
    act: object
    about: str
    # A worker that is gone or frozen is only replaced after its session.
    session: bool = False


def fault(name, about, session=False):
    def register(act):
        FAULTS[name] = Fault(name, act, about, session)
        return act
    return register


def clock_library():
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    return found[0] if found else None


def impossible(rig):
    """What this machine or this run cannot do, with the reason."""
    found = {}
    if rig.disk is None:
        found["postgres-disk-full"] = "needs root and the right to mount a file system"
    if clock_library() is None:
        found["clock-jump"] = "libfaketime is not installed"
    if rig.is_cluster:
        found |= {name: "the run has three brokers" for name in FAULTS
                  if name.startswith(("broker-", "kafka-", "produce-")) or name == "slow-produce-kill"}
    else:
        found["coordinator-kill"] = "needs --brokers 3"
    return found


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


# point: how often it may be passed before
POINTS = {"before_commit": 60, "after_commit": 60, "after_produce": 60, "before_watermark": 4, "before_offset_commit": 4,
          "before_claim": 2, "in_claim": 2, "after_claim": 2}


def crash_setting(run, point, action=""):
    """The process then ends, or freezes, at the point."""
    return {"TICKETBUS_CRASH_AT": f"{point}:{run.rng.randint(1, POINTS[point])}{action}"}


def restart_with(run, worker, **settings):
    """In order, so that nobody waits for a session."""
    worker.held = worker.expected = True
    worker.signal(signal.SIGTERM)
    try:
        worker.process.wait(20)
    except subprocess.TimeoutExpired:
        worker.kill()
    worker.start(**settings)
    worker.expected = True


def crash_at(point):
    def act(run):
        if not (worker := some_worker(run)):
            return
        try:
            restart_with(run, worker, **crash_setting(run, point))
            worker.process.wait(15)
            run.saw(f"crash-{point}")
        except subprocess.TimeoutExpired:
            worker.kill()  # the point was not passed that often; it must not be later, under another fault or none
        finally:
            worker.held = False
    return act


def freeze_at(point):
    def act(run):
        if not (worker := some_worker(run)):
            return
        try:
            restart_with(run, worker, **crash_setting(run, point, ":stop"))
            deadline = time.monotonic() + 10
            while worker.running and not worker.stopped and time.monotonic() < deadline:
                time.sleep(0.01)
            if worker.stopped:
                run.saw(f"freeze-{point}")
                wake(run, worker)
            else:
                worker.kill()
        finally:
            worker.thaw()
            worker.held = False
    return act


for name in POINTS:
    fault(f"crash-{name}", f"a worker dies at its crash point {name}", session=True)(crash_at(name))
for name in ("before_commit", "after_commit", "before_claim", "in_claim"):
    fault(f"freeze-{name}", f"a worker freezes at its crash point {name}, past its session", session=True)(freeze_at(name))


@fault("replay-crash", "many parked tickets replayed at once by workers that die right after a COMMIT", session=True)
def replay_crash(run):
    run.load.poisonous = True
    time.sleep(2.5)
    run.load.poisonous = False
    time.sleep(0.5)
    workers = run.fleet.running()
    for worker in workers:
        worker.held = worker.expected = True
        worker.signal(signal.SIGTERM)
    try:
        for worker in workers:
            worker.process.wait(20)
        for row in run.rig.db.rows("SELECT ticket_id FROM parked_tickets WHERE reason = 'poison'"):
            run.mend(run.rig.db, row["ticket_id"])
            run.load.operate("ticket.replay", row["ticket_id"], {})
            run.saw("replays")
        for worker in workers:
            worker.start(TICKETBUS_CRASH_AT="after_commit:0.15")
            worker.expected = True
        deadline = time.monotonic() + 12
        while time.monotonic() < deadline and any(worker.running for worker in workers):
            time.sleep(0.05)
        run.saw("replay-crash", sum(not worker.running for worker in workers))
    except subprocess.TimeoutExpired:
        pass
    finally:
        for worker in workers:
            if worker.running:
                worker.kill()
            worker.held = False


@fault("clock-jump", "a worker's clock jumps an hour ahead, then an hour behind (libfaketime)", session=True)
def clock_jump(run):
    library = clock_library()
    if library is None or not (worker := some_worker(run)):
        return
    at = run.rig.folder / "clock"
    set_clock(at, "+0")
    restart_with(run, worker, LD_PRELOAD=library, FAKETIME_TIMESTAMP_FILE=str(at), FAKETIME_NO_CACHE="1",
                 FAKETIME_DONT_FAKE_MONOTONIC="1")
    worker.held = False
    time.sleep(1.5)
    for jump in ("+3600", "-3600", "+0"):
        set_clock(at, jump)
        run.saw("clock-jump")
        time.sleep(1 + run.rng.random())
    worker.kill()


def set_clock(file, text):
    new = file.with_name("clock.new")
    new.write_text(text)
    new.replace(file)


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


@fault("postgres-away", "Postgres away for longer than max.poll.interval.ms (12 s in these programs)")
def postgres_away(run):
    run.rig.postgres.signal(signal.SIGQUIT)
    run.rig.postgres.wait_gone()
    time.sleep(MAX_POLL_S + 2 + run.rng.random() * 2)
    run.rig.postgres.start()
    run.rig.wait_postgres()
    run.saw("postgres-away")


@fault("postgres-disk-full", "no space left for the database, which lies on a small file system of its own (as root only)")
def postgres_disk_full(run):
    if run.rig.disk is None:
        return
    try:
        run.rig.disk.fill()
        refused = len(run.fleet.said("No space left"))
        # What Postgres has room for in the pages it has lasts for a while.
        until = time.monotonic() + 15
        while time.monotonic() < until and len(run.fleet.said("No space left")) == refused:
            time.sleep(0.3)
        time.sleep(1 + run.rng.random() * 2)
        run.saw("postgres-disk-full", len(run.fleet.said("No space left")) - refused)
    finally:
        run.rig.disk.free()


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


@fault("coordinator-kill", "SIGKILL of the broker that coordinates the workers' group, of three (--brokers 3)")
def coordinator_kill(run):
    node = run.rig.kafka.coordinator(run.rig.group)
    run.rig.kafka.kill(node)
    run.saw("coordinator-kill")
    time.sleep(2 + run.rng.random() * 3)
    run.rig.kafka.start(node)
    run.rig.kafka.wait()
    run.rig.kafka.wait_coordinator(run.rig.group)


# ---- the network ----

def everything(link):
    return True


def producers(link):
    return link.is_producer


def hold(run, least, most):
    time.sleep(least + run.rng.random() * (most - least))


def network_fault(name, net, about, breaks, least, most):
    def act(run):
        proxy = getattr(run.rig, net)
        count = proxy.count()
        breaks(run, proxy)
        run.saw(name, count)
        try:
            hold(run, least, most)
        finally:
            proxy.heal()
    fault(name, about)(act)


def cut(run, proxy):
    proxy.refuse = True
    proxy.reset_all()


def stall(run, proxy):
    proxy.stall_up = proxy.stall_down = everything


def slow(run, proxy):
    proxy.delay = 0.02 + run.rng.random() * 0.05


def one_by_one(run, proxy):
    for _ in range(run.rng.randint(2, 6)):
        proxy.reset_all(lambda link: run.rng.random() < 0.5)
        time.sleep(run.rng.random() * 0.4)


def mute_producers(run, proxy):
    proxy.stall_up = producers


def deafen_producers(run, proxy):
    proxy.stall_down = producers
    time.sleep(0.5 + run.rng.random())
    proxy.reset_all(producers)


for server, net in (("postgres", "postgres_net"), ("kafka", "kafka_net")):
    network_fault(f"{server}-cut", net, f"connections to {server} reset, new ones refused", cut, 0.5, 5)
    network_fault(f"{server}-stall", net, f"nothing passes to or from {server} for a while", stall, 0.5, 6)
    network_fault(f"{server}-slow", net, f"every piece to and from {server} comes late", slow, 2, 4)
    network_fault(f"{server}-reset", net, f"connections to {server} reset again and again", one_by_one, 0, 1)
network_fault("produce-stall", "kafka_net", "what producers send does not arrive, while commands come in", mute_producers, 2.5, 6)
network_fault("produce-ack-lost", "kafka_net", "acknowledgements to producers are lost with their connections",
              deafen_producers, 0, 1)


@fault("slow-produce-kill", "producers get through slowly, all workers are killed meanwhile", session=True)
def slow_produce_kill(run):
    proxy = run.rig.kafka_net
    proxy.rate = (30000, producers)
    run.load.messy = True  # repeats: many messages for few commands
    try:
        hold(run, 2, 4)
        for worker in run.fleet.running():
            worker.kill()
        run.saw("slow-produce-kill")
    finally:
        run.load.messy = False
        proxy.heal()


def statement_fault(name, about, statement, what, times):
    def act(run):
        proxy = run.rig.postgres_net
        for _ in range(times):
            trap = Trap(statement, what, hold=0.5 + run.rng.random() * 2)
            proxy.trap = trap
            if statement == "claim":
                proxy.reset_all()
            if not trap.sprung.wait(5):
                break
            deadline = time.monotonic() + 20
            while trap.applied is None and time.monotonic() < deadline:
                time.sleep(0.02)
            run.saw(name)
            if statement == "commit":
                run.saw("unknown_applied" if trap.applied else "unknown_lost")
            time.sleep(run.rng.random() * 0.3)
        proxy.trap = None
    fault(name, about)(act)


statement_fault("commit-reply-lost", "only the reply to COMMIT is lost: the worker cannot know that it was done", "commit",
                "reply", 3)
statement_fault("commit-lost", "COMMIT never reaches Postgres", "commit", "request", 3)
statement_fault("commit-late", "the connection is lost, COMMIT reaches Postgres all the same, seconds later", "commit", "late", 2)
statement_fault("claim-late", "a claim given up for lost reaches Postgres after the claim that took its place", "claim", "late", 2)


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


# Between them these touch every rule of the protocol; they come first, so that a short run has had them.
SHARP = ("commit-reply-lost", "commit-lost", "commit-late", "claim-late", "slow-produce-kill", "produce-stall", "freeze-before_commit",
         "replay-crash", "crash-after_commit", "backend-kill")


def order(rng, faults):
    """Names in an endless random order in which none comes again before all have been; the sharp ones first."""
    while True:
        for some in (set(SHARP), set(FAULTS) - set(SHARP)):
            names = sorted(some & set(faults))
            rng.shuffle(names)
            yield from names


def rng_of(seed, what):
    return random.Random(f"{seed} {what}")
