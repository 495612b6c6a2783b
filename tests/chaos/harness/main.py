"""tests/chaos/run: a load, faults, quiescence, the checker."""

import argparse
import collections
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import confluent_kafka
import psycopg

from . import faults as catalog
from .checker import ZERO, Checker
from .load import Load
from .rig import Rig

RECOVERY_LIMIT_MS = 15000
GIVE_UP_S = 30
# A run of at least this length must have met all that follows; a shorter one says what it has not.
LONG_S = 600
MUST_BE_SEEN = ("fences_lost", "commits_unknown_applied", "commits_unknown_lost", "republished", "block_resolve_races",
                "forwarded", "parked")


def arguments():
    parser = argparse.ArgumentParser(prog="tests/chaos/run", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="length of the load with faults (default 60)")
    parser.add_argument("--seed", type=int, default=1, help="decides what is sent and which faults come when (default 1)")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME",
                        help="only this fault (may be given again); `none` for no fault at all")
    parser.add_argument("--rate", type=float, default=300, help="commands a second (default 300)")
    parser.add_argument("--tickets", type=int, default=800, help="tickets made before the faults begin (default 800)")
    parser.add_argument("--workers", type=int, default=3, help="worker processes (default 3)")
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1,
                        help="3: a cluster of the run's own, for coordinator-kill (default 1)")
    parser.add_argument("--list", action="store_true", help="show the faults")
    parser.add_argument("--json", action="store_true", help="nothing but the last line on standard output")
    parser.add_argument("--plant", default="", help="the bug that was planted in the programs under test")
    parser.add_argument("--keep", action="store_true", help="keep the database, the topics and the logs")
    return parser.parse_args()


class Run:
    def __init__(self, options, folder):
        self.options = options
        self.rng = catalog.rng_of(options.seed, "faults")
        self.rig = Rig(folder, options.workers, options.brokers == 3)
        self.session_s = self.rig.SESSION_MS / 1000
        self.load = None
        self.seen = collections.Counter()
        self.recoveries = []       # (fault, ms beyond what is granted)
        self.troubles = []
        self._stop = threading.Event()

    @property
    def fleet(self):
        return self.rig.fleet

    def say(self, text):
        if not self.options.json:
            print(f"{time.monotonic() - self.began:7.1f} s  {text}", flush=True)

    def saw(self, name, count=1):
        self.seen[name] += count

    # ---- recovery ----

    def recover(self, name, granted, since=None):
        """Waits until all that was sent before now is applied and published. Counts from `since` (default: now)."""
        since = since or time.monotonic()
        ends = self.rig.ends()
        while True:
            try:
                left = self.rig.behind(ends)
            except psycopg.Error:
                left = ["Postgres is away"]
            took = time.monotonic() - since
            if not left:
                break
            if took > GIVE_UP_S + granted:
                self.say(f"{name}: no recovery in {took:.0f} s: {left}")
                break
            time.sleep(0.05)
        beyond = max(0, round((took - granted) * 1000))
        self.recoveries.append((name, beyond))
        return beyond

    # ---- beside the faults ----

    def _operate(self):
        """An operator: mends what is poison, or not, and replays or drops what is parked."""
        rng = catalog.rng_of(self.options.seed, "operator")
        database = type(self.rig.db)(self.rig.settings)
        while not self._stop.wait(0.5 + rng.random()):
            try:
                for row in database.rows("SELECT ticket_id FROM parked_tickets WHERE reason = 'poison'"
                                         " ORDER BY ticket_id LIMIT 40"):
                    if rng.random() < 0.3:
                        self.unpark(database, row["ticket_id"], rng.random())
            except psycopg.Error:
                continue
        database.close()

    def unpark(self, database, ticket, dice):
        if dice < 0.6:
            self.mend(database, ticket)
        self.load.operate("ticket.drop" if dice > 0.8 else "ticket.replay", ticket, {})

    @staticmethod
    def mend(database, ticket):
        for waiting in database.rows("SELECT body FROM parked_commands WHERE ticket_id = %s", ticket):
            text = json.loads(bytes(waiting["body"]))["data"].get("comment_text", "")
            if text.startswith("poison"):
                database.rows("INSERT INTO chaos_mended VALUES (%s) ON CONFLICT DO NOTHING", text)

    def _watch(self):
        """In one snapshot, a watermark is exactly past the last row of the log."""
        database = type(self.rig.db)(self.rig.settings)
        while not self._stop.wait(0.4):
            try:
                for row in database.rows(
                        "SELECT m.partition, m.next_offset, (SELECT max(record_offset) + 1 FROM command_log l"
                        "  WHERE l.topic_partition = m.partition) AS logged FROM partition_watermarks m"
                        " WHERE topic = %s", self.rig.commands):
                    self.saw("snapshots")
                    if row["logged"] is not None and row["next_offset"] != row["logged"]:
                        self.troubles.append(f"watermark of partition {row['partition']} is {row['next_offset']}, the log "
                                             f"goes to {row['logged']}")
            except psycopg.Error:
                continue
        database.close()

    # ---- the run ----

    def execute(self):
        options = self.options
        self.version = subprocess.run([self.rig.stack.program("ticketbus-worker"), "--version"], capture_output=True,
                                      text=True, check=True).stdout.split()[-1]
        assert "+" in self.version, "the worker under test was built without TB_FAULTS"
        assert not options.plant or self.version.endswith(f"+planted-{options.plant}"), self.version
        self.began = time.monotonic()
        self.rig.prepare()
        self.load = Load(self.rig, options.seed, options.rate)
        self.load.prepare(options.tickets)
        self.fleet.start()
        self.rig.wait_claimed()
        self.recover("start", 60)
        self.recoveries.clear()
        self.say(f"{options.workers} workers, {len(self.load.sent)} commands applied; the load begins")
        helpers = [threading.Thread(target=target, daemon=True) for target in (self._operate, self._watch)]
        for helper in helpers:
            helper.start()
        self.load.start()
        self.skipped = {name: why for name, why in catalog.impossible(self.rig).items()
                        if not options.fault or name in options.fault}
        for name, why in self.skipped.items():
            print(f"NOT TESTED: {name}: {why}", file=sys.stderr)
        self._break_things([name for name in options.fault or catalog.FAULTS if name not in self.skipped])
        self.load.finish()
        self.say(f"the load ends: {len(self.load.sent)} commands sent")
        self._stop.set()
        for helper in helpers:
            helper.join(30)
        left = self._settle()
        self.troubles += self.fleet.stop()
        self.troubles += self.fleet.unexpected
        checker = Checker(self.rig, self.load.sent)
        for trouble in left:
            checker.wrong("lost", f"not applied or not published at the end: partition, at, end: {trouble}")
        self.say("checking")
        checker.run()
        self.say(f"checked {len(checker.log)} commands, {len(checker.events)} events")
        return self._result(checker)

    def _break_things(self, names):
        until = time.monotonic() + self.options.seconds
        if names == ["none"]:
            time.sleep(self.options.seconds)
            return
        for name in catalog.order(self.rng, names):
            time.sleep(0.5 + self.rng.random())
            if time.monotonic() > until:
                return
            fault = catalog.FAULTS[name]
            started = time.monotonic()
            before = self.seen[name]
            try:
                fault.act(self)
            except (psycopg.Error, confluent_kafka.KafkaException, AssertionError) as error:
                self.troubles.append(f"{name}: {error!r}")
                self.rig.wait_servers()
            broken = time.monotonic() - started
            beyond = self.recover(name, self.session_s if fault.session else 0)
            self.say(f"{name}: {self.seen[name] - before} times in {broken:.1f} s, recovered in {beyond} ms"
                     + (" beyond the session" if fault.session else ""))

    def _settle(self):
        """Everything is applied and published, and nothing is parked; what is left when that takes too long."""
        left = self.rig.wait_done(GIVE_UP_S + self.session_s)
        for _ in range(20):
            if left:
                break
            parked = [r["ticket_id"] for r in self.rig.db.rows("SELECT ticket_id FROM parked_tickets")]
            if not parked:
                break
            self.say(f"{len(parked)} tickets are parked; replaying")
            for n, row in enumerate(self.rig.db.rows("SELECT ticket_id FROM parked_tickets WHERE reason = 'poison'")):
                if n % 5:
                    self.mend(self.rig.db, row["ticket_id"])
                self.load.operate("ticket.replay" if n % 5 else "ticket.drop", row["ticket_id"], {})
            self.load.flush()
            time.sleep(0.5)
            left = self.rig.wait_done(GIVE_UP_S)
        return left

    def _result(self, checker):
        counters = dict(checker.counters)
        late = [(name, ms) for name, ms in self.recoveries if ms > RECOVERY_LIMIT_MS]
        counters["recovery_late"] = len(late)
        counters["troubles"] = len(self.troubles)
        said = self.fleet.said
        seen = {
            "fences_lost": len(said("another worker has advanced or claimed")),
            "republished": len(said(r"published \d+ messages of offsets")),
            "commits_unknown_applied": self.seen["unknown_applied"], "commits_unknown_lost": self.seen["unknown_lost"],
            "forwarded": checker.seen["forwarded"],
            "parked": sum(any(f[0] == "E" and b'"command.parked"' in f[2] for f in row.frames) for row in checker.log),
            "repeats": checker.seen["repeat"],
            "events_again": checker.seen["events_again"],
            "block_resolve_races": checker.seen["block_resolve_races"],
            "episodes": checker.seen["episodes"],
        }
        seconds = (self.load.ended or 0) - (self.load.started or 0)
        examples = {name: found for name, found in checker.examples.items() if found}
        if late:
            examples["recovery_late"] = [f"{name}: {ms} ms" for name, ms in late]
        if self.troubles:
            examples["troubles"] = self.troubles[:8]
        self.examples = examples
        return {
            "seed": self.options.seed, "version": self.version, "seconds": round(seconds, 1), "commands": len(checker.log),
            "commands_per_s": round(len(checker.log) / max(seconds, 1)), **counters,
            "recovery_ms_max": max((ms for _, ms in self.recoveries), default=0),
            "skipped": sorted(self.skipped),
            "faults": {name: self.seen[name] for name in sorted(catalog.FAULTS) if self.seen[name]},
            "sent": dict(sorted(self.load.counts.items())), "seen": seen,
        }


def verdict(result, options):
    """Names of what must not be, of what has not been seen, and whether the latter may be."""
    wrong = [name for name in (*ZERO, "recovery_late", "troubles") if result[name]]
    if options.fault:
        unseen = [name for name in options.fault if name not in ("none", *result["skipped"]) and not result["faults"].get(name)]
    else:
        unseen = [name for name in MUST_BE_SEEN if not result["seen"][name]]
    return wrong, unseen, not options.fault and options.seconds < LONG_S


def leave(number, _frame):
    """SIGTERM and SIGINT, which a shell's background jobs ignore otherwise: once, then all is taken down in peace."""
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def take_down(run, keep):
    if run.fleet is not None:
        run.fleet.halt()
        for worker in run.fleet.workers:
            worker.held = True
            if worker.running:
                worker.kill()
    try:
        run.rig.mend()
    finally:
        run.rig.close(keep)


def main():
    options = arguments()
    if options.list:
        for fault in catalog.FAULTS.values():
            print(f"{fault.name:24} {fault.about}")
        return 0
    for name in options.fault:
        if name != "none" and name not in catalog.FAULTS:
            sys.exit(f"no such fault: {name}; see --list")
    base = pathlib.Path(os.environ.get("TICKETBUS_STATE_DIR", tempfile.gettempdir()), "runs")
    base.mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"seed-{options.seed}-", dir=base))
    run = Run(options, folder)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, leave)
    try:
        run.rig.open()
        result = run.execute()
    except SystemExit:
        options.keep = False
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        take_down(run, options.keep)
    wrong, unseen, may_be_unseen = verdict(result, options)
    result["wrong"], result["unseen"] = wrong, unseen
    report = folder / "report.json"
    report.write_text(json.dumps(result | {"examples": run.examples, "recoveries": run.recoveries}, indent=1))
    if not options.json:
        for name, found in run.examples.items():
            for text in found[:4]:
                print(f"  {name}: {text}")
    if wrong or options.keep:
        print(f"logs and report: {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder)
    if unseen:
        print(f"{'not seen in this run' if may_be_unseen else 'this run proves nothing: it has not seen'}: {', '.join(unseen)}",
              file=sys.stderr)
    print(json.dumps(result))
    return 1 if wrong or (unseen and not may_be_unseen) else 0


if __name__ == "__main__":
    sys.exit(main())
