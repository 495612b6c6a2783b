"""The rivals that have no queue to serve: pgbench with one transaction per command, and pure SQL in sets of 500.

Both write what the worker writes, row for row, straight from constants: no JSON is read, no rule is asked, nothing is
published. The scripts in sql/ are frozen: figures are compared over time.
"""

import json
import re
import subprocess

from lib.stack import SQL, run
from lib.workload import COMMENT, DESCRIPTION, MIX, RESOLUTION, Ids

PARTITIONS = 32  # one per client, so that no client waits for another's position
KINDS = ("create", "status", "comment", "update", "resolve")


def literal(text):
    """An SQL string in which pgbench sees no variable."""
    plain = text.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n").replace(":", "\\x3a")
    return f"E'{plain}'"


class Baselines:
    def __init__(self, stack, tickets):
        self.stack = stack
        self.tickets = tickets
        self.rooms = tickets // 5
        self.folder = stack.state / "sql"
        self.folder.mkdir(exist_ok=True)
        self.outbox = json.loads((SQL / "outbox.json").read_text(encoding="utf-8"))

    def render(self, name, ticket=None):
        head = Ids(7).head
        spread = f"(2 * {self.rooms} + ((:s::bigint * 350 + @j@) * 7919) % {3 * self.rooms})"
        words = {
            "id": f"'{head}' || lpad(to_hex(:n::bigint), 12, '0')",
            "sid": f"'{head}' || lpad(to_hex((:n + g)::bigint), 12, '0')",
            "hash": "'\\x4ad68f734ab931d15a1fec5feb49c8fe5f70f303122985185702d15465db4c29'",
            "description": DESCRIPTION,
            "comment": COMMENT,
            "resolution": RESOLUTION,
            # As history spells a moment.
            "time": """to_char(now(), E'YYYY-MM-DD"T"HH24\\x3aMI\\x3aSS.US"Z"')""",
            "rooms": str(self.rooms),
            "ticket": ticket or f"random({2 * self.rooms}, {self.tickets - 1})",
            "seeded": "'ticket-01990000-0000-7000-8000-' || lpad(to_hex(i::bigint), 12, '0')",
            "blocker": f"(((:s::bigint * 50 + g % 50) * 7919) % {self.rooms})",
            "watermark": (
                "UPDATE partition_watermarks SET next_offset = :k + 1, published_offset = :k,"
                " last_record = '4ad68f734ab931d15a1fec5feb49c8fe', updated_at = clock_timestamp()"
                " WHERE topic = 'bench' AND partition = :client_id;"
            ),
            **{f"outbox.{kind}": literal(text) for kind, text in self.outbox.items()},
        }
        text = (SQL / f"{name}.sql").read_text(encoding="utf-8")
        if name == "ceiling":
            text = self.spread_sets(text, spread)
        text = re.sub(r"@([a-z_.]+)@", lambda m: words[m.group(1)], text)
        path = self.folder / f"{name}{'_hot' if ticket else ''}.sql"
        path.write_text(text, encoding="utf-8")
        return path

    @staticmethod
    def spread_sets(text, spread):
        """The log's rows are numbered by place in the set, 100 after the tickets they are about."""
        lines = []
        for line in text.splitlines():
            logged = line.startswith("INSERT INTO command_log")
            lines.append(line.replace("@spread@", spread.replace("@j@", "(g - 100)" if logged else "g")))
        return "\n".join(lines) + "\n"

    def prepare(self, database):
        self.stack.sql(
            "INSERT INTO partition_watermarks (topic, partition) SELECT 'bench', p"
            f" FROM generate_series(0, {PARTITIONS - 1}) p",
            database,
        )

    def pgbench(self, database, scripts, clients, seconds):
        command = [
            str(self.stack.pg_bin / "pgbench"), "-n", "-M", "prepared", "-h", self.stack.env["DB_HOST"],
            "-p", self.stack.env["DB_PORT"], "-U", self.stack.env["DB_USER"], "-c", str(clients),
            "-j", str(min(clients, 2)), "-T", str(seconds), "-D", "k=0", "-D", "r=0", *scripts, database,
        ]  # fmt: skip
        env = self.stack.pg_env()
        env["PGOPTIONS"] = (
            "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"
            " -c plan_cache_mode=force_generic_plan"
        )
        done = subprocess.run(command, env=env, text=True, capture_output=True, check=False)
        rate = re.search(r"tps = ([0-9.]+) \(without", done.stdout)
        failed = re.search(r"number of failed transactions: (\d+)", done.stdout)
        if done.returncode != 0 or not rate or (failed and failed.group(1) != "0"):
            raise SystemExit(f"pgbench failed:\n{done.stdout}{done.stderr}")
        count = int(re.search(r"actually processed: (\d+)", done.stdout).group(1))
        return float(rate.group(1)), count

    def per_command(self, database, clients, seconds, hot=False):
        """Commands per second, and how many, with one transaction each."""
        mix = {kind: MIX.count(kind) for kind in KINDS}
        ticket = None
        if hot:
            mix = {"status": 40, "comment": 40, "update": 20}
            ticket = str(self.tickets - 1)
        scripts = []
        for kind, weight in mix.items():
            scripts += ["-f", f"{self.render(kind, ticket)}@{weight}"]
        self.prepare(database)
        return self.pgbench(database, scripts, clients, seconds)

    def in_sets(self, database, seconds, connections=2):
        self.prepare(database)
        rate, sets = self.pgbench(database, ["-f", str(self.render("ceiling"))], connections, seconds)
        return rate * 500, sets * 500
