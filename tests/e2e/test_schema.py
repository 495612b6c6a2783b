"""The database schema: seed 000 in full, and a way back from every migration, on each Postgres at hand."""

import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import uuid

import psycopg
import pytest

from bus.database import Database
from bus.installation import Installation

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
DEBIAN_15 = pathlib.Path("/usr/lib/postgresql/15/bin")

# Seed 000, entity by entity. "text" and plain "varchar" name no length.
SEED_000 = {
    "tickets": {
        "id": "varchar", "workflow_id": "varchar", "created_by_agent_id": "varchar", "assigned_agent_id": "varchar null",
        "title": "varchar(500)", "description": "text", "ticket_type": "varchar(50)", "priority": "varchar(20)",
        "status": "varchar(50)", "created_at": "timestamptz", "updated_at": "timestamptz", "started_at": "timestamptz null",
        "completed_at": "timestamptz null", "resolved_at": "timestamptz null", "parent_ticket_id": "varchar null",
        "related_task_ids": "jsonb", "related_ticket_ids": "jsonb", "tags": "jsonb", "embedding": "jsonb null",
        "embedding_id": "varchar null", "blocked_by_ticket_ids": "jsonb", "is_resolved": "bool",
    },
    "ticket_comments": {
        "id": "varchar", "ticket_id": "varchar", "agent_id": "varchar", "comment_text": "text", "comment_type": "varchar(50)",
        "mentions": "jsonb", "attachments": "jsonb", "created_at": "timestamptz", "updated_at": "timestamptz null",
        "is_edited": "bool",
    },
    "ticket_history": {
        "id": "int8", "ticket_id": "varchar", "agent_id": "varchar", "change_type": "varchar(50)",
        "field_name": "varchar(100) null", "old_value": "text null", "new_value": "text null",
        "change_description": "text null", "metadata": "jsonb null", "changed_at": "timestamptz",
    },
    "ticket_commits": {
        "id": "varchar", "ticket_id": "varchar", "agent_id": "varchar", "commit_sha": "varchar(64)",
        "commit_message": "text null", "commit_timestamp": "timestamptz null", "files_changed": "int4 null",
        "insertions": "int4 null", "deletions": "int4 null", "files_list": "jsonb", "linked_at": "timestamptz",
        "link_method": "varchar(50)",
    },
    "board_configs": {
        "id": "varchar", "workflow_id": "varchar", "name": "varchar(200)", "columns": "jsonb", "ticket_types": "jsonb",
        "default_ticket_type": "varchar(50) null", "initial_status": "varchar(50)", "settings": "jsonb",
        "created_at": "timestamptz", "updated_at": "timestamptz",
    },
}
SEED_000_INDEXES = {
    "tickets": ["workflow_id", "status", "assigned_agent_id", "ticket_type", "priority", "created_at", "is_resolved",
                "workflow_id,status", "tags"],
    "ticket_comments": ["ticket_id", "agent_id", "created_at"],
    "ticket_history": ["ticket_id", "change_type", "changed_at"],
    "ticket_commits": ["ticket_id", "commit_sha", "ticket_id,commit_sha unique"],
    "board_configs": ["workflow_id unique"],
}
SEED_000_DEFAULTS = {
    ("ticket_comments", "comment_type"): "'general'", ("ticket_commits", "link_method"): "'manual'",
    ("ticket_commits", "linked_at"): "now()", ("ticket_history", "id"): "nextval",
}


# ---- servers ----

def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def postgres_15():
    """Debian's PostgreSQL 15, a cluster of its own; settings that lead there."""
    if not (DEBIAN_15 / "postgres").is_file():
        pytest.skip(f"PostgreSQL 15 is not installed ({DEBIAN_15})")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ticketbus-pg15-"))
    root = os.getuid() == 0
    user = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.getuid())
    drop = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"] if root else []
    if root:
        os.chown(folder, user.pw_uid, user.pw_gid)
    port = _free_port()
    subprocess.run([*drop, DEBIAN_15 / "initdb", "-D", folder / "data", "-U", "ticketbus", "-A", "trust", "-E", "UTF8",
                    "--locale=C.UTF-8", "-N"], check=True, capture_output=True, cwd="/")
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen([*drop, DEBIAN_15 / "postgres", "-D", folder / "data", "-p", str(port), "-k", folder,
                                   "-c", "fsync=off", "-c", "listen_addresses=127.0.0.1"], stdout=log, stderr=log, cwd="/")
    settings = {"DB_HOST": "127.0.0.1", "DB_PORT": str(port), "DB_USER": "ticketbus", "DB_PASSWORD": "", "DB_SSLMODE": "disable",
                "DB_NAME": "postgres"}
    deadline = time.monotonic() + 30
    while True:
        try:
            Database(settings).connect().close()
            break
        except psycopg.OperationalError:
            assert time.monotonic() < deadline and server.poll() is None, (folder / "log").read_text()
            time.sleep(0.1)
    yield settings | {"pg_dump": str(DEBIAN_15 / "pg_dump")}
    server.send_signal(2)
    server.wait(20)
    shutil.rmtree(folder, ignore_errors=True)


class Schema:
    """An empty database on a server, and ticketctl on it."""

    def __init__(self, stack, folder, settings, pg_dump, schema="public"):
        self.settings = {k: v for k, v in settings.items() if k.startswith("DB_")} | {
            "DB_NAME": f"e2e_schema_{uuid.uuid4().hex[:10]}", "DB_SCHEMA": schema}
        self.pg_dump = pg_dump
        self._installation = Installation(stack, folder, "schema")
        self._admin = dict(settings) | {"DB_NAME": "postgres"}
        with Database(self._admin).connect() as admin:
            admin.execute(f'CREATE DATABASE {self.settings["DB_NAME"]}')
        self.db = Database(self.settings)

    def ctl(self, *arguments):
        return self._installation.ctl(*arguments, **self.settings)

    def drop(self):
        self.db.close()
        with Database(self._admin).connect() as admin:
            admin.execute(f'DROP DATABASE {self.settings["DB_NAME"]} WITH (FORCE)')

    def dump(self):
        s = self.settings
        done = subprocess.run(
            [self.pg_dump, "--schema-only", "--no-owner", "-h", s["DB_HOST"], "-p", s["DB_PORT"], "-U", s["DB_USER"],
             s["DB_NAME"]], env=os.environ | {"PGPASSWORD": s.get("DB_PASSWORD", "")}, capture_output=True, text=True, check=True)
        # Newer ones begin and end with a random word.
        return [line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]


@pytest.fixture(params=["16", "15"])
def schema(request, stack, logs):
    if request.param == "15":
        settings = request.getfixturevalue("postgres_15")
        made = Schema(stack, logs, settings, settings["pg_dump"])
    else:
        made = Schema(stack, logs, stack.settings, stack.pg_tool("pg_dump"))
    yield made
    made.drop()


def levels():
    return sorted(int(f.name.split("_")[0]) for f in (REPOSITORY / "sql" / "migrations").glob("*.up.sql"))


# ---- migrations ----

def test_up_down_up(schema):
    """Step by step down, every level looks as it did on the way up; and up again is what it was."""
    seen = {}
    for level in levels():
        schema.ctl("migrate", "up", "--to", level).expect(0)
        seen[level] = schema.dump()
    assert len({tuple(d) for d in seen.values()}) == len(levels())
    schema.ctl("migrate", "status").expect(0)
    schema.ctl("migrate", "up").expect(0)
    assert schema.dump() == seen[levels()[-1]], "up again changes nothing"
    for level in reversed(levels()[:-1]):
        schema.ctl("migrate", "down").expect(0)
        assert schema.dump() == seen[level], f"after the way back to {level}"
    schema.ctl("migrate", "down", "--to", 0).expect(0)
    assert left_over(schema) == []
    schema.ctl("migrate", "status").expect(1)
    schema.ctl("migrate", "up").expect(0)
    assert schema.dump() == seen[levels()[-1]]


def left_over(schema):
    return [r["name"] for r in schema.db.rows(
        "SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'S')"
        " UNION ALL SELECT proname FROM pg_proc p WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS"
        "   (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')") if "migration" not in r["name"]]


def test_way_back_with_data(schema):
    """Down with rows and daily partitions there; the last step leaves nothing."""
    schema.ctl("migrate", "up").expect(0)
    schema.db.rows("SELECT command_log_ensure(current_date - 2, current_date + 2)")
    schema.db.rows("INSERT INTO command_log (stable_time, source, id, body_hash, topic_partition, record_offset, subject, type,"
                   " actor, outcome) VALUES (now(), 's', 'i', 'x', 0, 0, 't', 'ticket.create', 'a', 'applied')")
    schema.ctl("migrate", "down", "--to", 0).expect(0)
    assert left_over(schema) == []


def test_everything_of_seed_000(schema):
    schema.ctl("migrate", "up").expect(0)
    for table, wanted in SEED_000.items():
        found = {r["column_name"]: r for r in schema.db.rows(
            "SELECT * FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s", table)}
        for name, described in wanted.items():
            assert name in found, f"{table}.{name} is missing"
            kind, null = described.removesuffix(" null"), described.endswith(" null")
            row = found[name]
            length = row["character_maximum_length"]
            shown = f"{row['udt_name']}({length})" if "(" in kind else row["udt_name"]
            assert shown == kind, f"{table}.{name} is {shown}, not {kind}"
            assert (row["is_nullable"] == "YES") == null, f"{table}.{name}: nullable {row['is_nullable']}"
            default = SEED_000_DEFAULTS.get((table, name))
            assert default is None or (row["column_default"] or "").startswith(default), f"{table}.{name}"
        _check_keys(schema.db, table)


def _check_keys(db, table):
    indexes = db.rows("""
        SELECT i.indisunique, i.indisprimary, am.amname, COALESCE(pg_get_expr(i.indpred, i.indrelid), '') AS pred,
               (SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY AS k(att, n)
                JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.att) AS columns
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am am ON am.oid = c.relam
        WHERE i.indrelid = %s::regclass""", table)
    assert any(i["indisprimary"] and i["columns"] == "id" for i in indexes), f"{table}: primary key"
    for wanted in SEED_000_INDEXES[table]:
        columns, unique = wanted.removesuffix(" unique"), wanted.endswith(" unique")
        assert any(_serves(i, columns) and i["indisunique"] >= unique
                   and (columns != "tags" or i["amname"] == "gin") for i in indexes), f"{table}: index on {wanted}"
    if table in ("ticket_history", "ticket_comments"):
        _check_goes_along(db, table)
    elif table not in ("tickets", "board_configs"):
        assert db.row("SELECT confrelid::regclass::text AS to, confdeltype AS on_delete FROM pg_constraint"
                      " WHERE conrelid = %s::regclass AND contype = 'f'", table) == {"to": "tickets", "on_delete": "c"}


CHILD = {
    "ticket_history": ("ticket_id, agent_id, change_type, changed_at, version", "'ticket-' || n, 'a', 'created', now(), 1"),
    "ticket_comments": ("id, ticket_id, agent_id, comment_text, created_at",
                        "'comment-' || n, 'ticket-' || n, 'a', 'c', now()"),
}


def _check_goes_along(db, table):
    """Rows go with their ticket, and only with theirs."""
    db.rows("INSERT INTO tickets (id, version, created_at, updated_at, workflow_id, created_by_agent_id, title,"
            " ticket_type, priority, status) SELECT 'ticket-' || n, 1, now(), now(), 'w', 'a', 't', 'task', 'high', 'todo'"
            " FROM generate_series(1, 3) n ON CONFLICT DO NOTHING")
    columns, values = CHILD[table]
    db.rows(f"INSERT INTO {table} ({columns}) SELECT {values} FROM generate_series(1, 3) n")
    db.rows("DELETE FROM tickets WHERE id IN ('ticket-1', 'ticket-3')")
    assert [r["ticket_id"] for r in db.rows(f"SELECT ticket_id FROM {table}")] == ["ticket-2"]
    db.rows("DELETE FROM tickets")
    assert db.rows(f"SELECT ticket_id FROM {table}") == []


def _serves(index, columns):
    """The index finds rows by these columns alone: it has them and, a btree, first; a block range index finds by any of
    its columns; of a partial one the predicate is about the column and leaves out what nobody looks for by it."""
    has = index["columns"].split(",")
    wanted = columns.split(",")
    partial = index["pred"] not in ("", f"({columns} IS NOT NULL)", columns)
    if index["amname"] == "brin":
        return set(wanted) <= set(has) and not partial
    return has[:len(wanted)] == wanted and not partial


def test_another_schema(stack, logs):
    made = Schema(stack, logs, stack.settings, stack.pg_tool("pg_dump"), schema="tracker")
    try:
        made.ctl("migrate", "up").expect(0)
        assert made.db.value("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'tracker'"
                             " AND table_name IN ('tickets', 'command_log', 'index_state')") == 3
    finally:
        made.drop()


def test_two_at_once(schema):
    """Several programs that start together migrate once."""
    import concurrent.futures
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: schema.ctl("migrate", "up"), range(4)))
    for ran in done:
        ran.expect(0)
    schema.ctl("migrate", "status").expect(0)


def test_database_must_be_utf8(stack, logs):
    made = Schema(stack, logs, stack.settings, stack.pg_tool("pg_dump"))
    name = made.settings["DB_NAME"]
    made.drop()
    with Database(stack.settings, "postgres").connect() as admin:
        admin.execute(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    try:
        ran = made.ctl("migrate", "up")
        assert ran.code not in (0, 86) and "UTF" in ran.err.upper(), str(ran)
    finally:
        made.drop()


@pytest.mark.parametrize("statement", [
    "UPDATE tickets SET is_resolved = true",
    "UPDATE tickets SET is_deleted = true",
    "UPDATE tickets SET is_blocked = true",
    "UPDATE tickets SET parent_ticket_id = id",
    "UPDATE tickets SET parent_ticket_id = 'ticket-none'",
    "UPDATE tickets SET title = ''",
    "UPDATE tickets SET version = 0",
    "UPDATE tickets SET tags = '{}'",
    "INSERT INTO ticket_dependencies VALUES ('ticket-1', 'ticket-1', 'blocks', now())",
    "INSERT INTO ticket_comments (id, ticket_id, agent_id, comment_text, created_at, is_edited)"
    " VALUES ('comment-1', 'ticket-1', 'a', 'x', now(), true)",
    "INSERT INTO partition_watermarks (topic, partition, next_offset, published_offset) VALUES ('t', 0, 1, 2)",
])
def test_states_that_cannot_be(schema, statement):
    schema.ctl("migrate", "up").expect(0)
    schema.db.rows("INSERT INTO tickets (id, workflow_id, created_by_agent_id, title, ticket_type, priority, status, version,"
                   " created_at, updated_at) VALUES ('ticket-1', 'w', 'a', 't', 'task', 'low', 'todo', 1, now(), now())")
    with pytest.raises(psycopg.errors.IntegrityError):
        schema.db.rows(statement)
