"""The worker as the seeds' stack would have it: confluent-kafka and SQLAlchemy with one transaction per command, or
psycopg with hundreds of commands in one."""

import json
import os
import signal
import sys

import confluent_kafka
import psycopg
import rules
import sqlalchemy

READ = (
    "id, version, workflow_id, status, started_at, title, priority, updated_at, is_resolved, completed_at, resolved_at,"
    " is_blocked, blocked_by_ticket_ids"
)
WRITTEN = (
    ("version", "bigint"), ("status", "text"), ("started_at", "timestamptz"), ("title", "text"), ("priority", "text"),
    ("updated_at", "timestamptz"), ("is_resolved", "bool"), ("completed_at", "timestamptz"),
    ("resolved_at", "timestamptz"), ("is_blocked", "bool"),
)  # fmt: skip
CREATED = (
    ("id", "text"), ("version", "bigint"), ("workflow_id", "text"), ("created_by_agent_id", "text"), ("title", "text"),
    ("description", "text"), ("ticket_type", "text"), ("priority", "text"), ("status", "text"), ("tags", "jsonb"),
    ("created_at", "timestamptz"), ("updated_at", "timestamptz"),
)  # fmt: skip
HISTORY = (
    ("ticket_id", "text"), ("agent_id", "text"), ("change_type", "text"), ("field_name", "text"), ("old_value", "text"),
    ("new_value", "text"), ("change_description", "text"), ("metadata", "jsonb"), ("changed_at", "timestamptz"),
    ("version", "bigint"),
)  # fmt: skip
COMMENTS = (
    ("id", "text"), ("ticket_id", "text"), ("agent_id", "text"), ("comment_text", "text"), ("comment_type", "text"),
    ("created_at", "timestamptz"),
)  # fmt: skip
LOG = (
    ("stable_time", "timestamptz"), ("source", "text"), ("id", "text"), ("body_hash", "bytea"),
    ("topic_partition", "int"), ("record_offset", "bigint"), ("subject", "text"), ("type", "text"), ("actor", "text"),
    ("outcome", "text"), ("rule", "text"), ("version", "bigint"), ("outbox", "text"),
)  # fmt: skip


def names(columns):
    return ", ".join(name for name, _ in columns)


class PerCommand:
    """SQLAlchemy, one transaction per command."""

    batch = 1

    def __init__(self, address):
        url = sqlalchemy.URL.create(
            "postgresql+psycopg", address["user"], address["password"], address["host"], int(address["port"]),
            address["dbname"],
        )  # fmt: skip
        self.engine = sqlalchemy.create_engine(url, pool_size=1)
        self.lock = sqlalchemy.text(f"SELECT {READ} FROM tickets WHERE id = :id FOR NO KEY UPDATE")
        self.seen = sqlalchemy.text("SELECT 1 FROM command_log WHERE source = :source AND id = :id")
        self.edges = sqlalchemy.text("SELECT ticket_id FROM ticket_dependencies WHERE depends_on = :id")
        sets = ", ".join(f"{name} = :{name}" for name, _ in WRITTEN)
        self.update = sqlalchemy.text(
            f"UPDATE tickets SET {sets}, blocked_by_ticket_ids = CAST(:blockers AS jsonb) WHERE id = :id"
        )
        self.inserts = {
            table: self.insert(table, columns)
            for table, columns in (
                ("tickets", CREATED), ("ticket_history", HISTORY), ("ticket_comments", COMMENTS), ("command_log", LOG)
            )
        }  # fmt: skip
        self.watermark = sqlalchemy.text(
            "UPDATE partition_watermarks SET next_offset = :next, updated_at = clock_timestamp()"
            " WHERE topic = :topic AND partition = :partition"
        )

    @staticmethod
    def insert(table, columns):
        values = ", ".join(f"CAST(:{name} AS {kind})" for name, kind in columns)
        conflict = " ON CONFLICT DO NOTHING" if table == "command_log" else ""
        return sqlalchemy.text(f"INSERT INTO {table} ({names(columns)}) VALUES ({values}){conflict}")

    def run(self, records):
        changes = rules.Changes()
        with self.engine.begin() as db:
            for command, record in records:
                tickets, edges = {}, {}
                if db.execute(self.seen, {"source": command["source"], "id": command["id"]}).first():
                    continue
                if command["type"] != "ticket.create":
                    wanted = [command["subject"]]
                    if command["type"] == "ticket.resolve":
                        wanted += [row[0] for row in db.execute(self.edges, {"id": command["subject"]})]
                        edges = {command["subject"]: wanted[1:]}
                    for ticket in wanted:
                        tickets[ticket] = dict(db.execute(self.lock, {"id": ticket}).mappings().one())
                turn = rules.Turn(changes, command, record.value(), record.partition(), record.offset())
                rules.apply(turn, tickets, edges)
                self.write(db, changes)
                place = {"topic": record.topic(), "partition": record.partition(), "next": record.offset() + 1}
                db.execute(self.watermark, place)
        return changes.messages

    def write(self, db, changes):
        for row in changes.tickets.values():
            db.execute(self.update, {**row, "blockers": json.dumps(row["blocked_by_ticket_ids"])})
        for table, columns, rows in (
            ("tickets", CREATED, [list(row.values()) for row in changes.created]),
            ("ticket_comments", COMMENTS, changes.comments),
            ("ticket_history", HISTORY, changes.history),
            ("command_log", LOG, changes.log),
        ):
            for row in rows:
                values = {name: v for (name, _), v in zip(columns, row, strict=True)}
                db.execute(self.inserts[table], values)


class Batched:
    """psycopg, hundreds of commands in one transaction, each table written once."""

    batch = 500

    def __init__(self, address):
        self.db = psycopg.connect(**address, prepare_threshold=1)
        self.db.execute(
            "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;"
            " SET plan_cache_mode = force_generic_plan"
        )
        self.db.commit()
        sets = ", ".join(f"{name} = u.{name}" for name, _ in WRITTEN)
        arrays = ", ".join(f"%s::{kind}[]" for _, kind in WRITTEN)
        self.update = (
            f"UPDATE tickets t SET {sets}, blocked_by_ticket_ids = u.blockers::jsonb"
            f" FROM unnest(%s::text[], %s::text[], {arrays}) AS u(id, blockers, {names(WRITTEN)}) WHERE t.id = u.id"
        )
        self.inserts = {
            table: self.insert(table, columns)
            for table, columns in (
                ("tickets", CREATED), ("ticket_history", HISTORY), ("ticket_comments", COMMENTS), ("command_log", LOG)
            )
        }  # fmt: skip

    @staticmethod
    def insert(table, columns):
        plain = [(name, "text" if kind == "jsonb" else kind) for name, kind in columns]
        arrays = ", ".join(f"%s::{kind}[]" for _, kind in plain)
        picked = ", ".join(f"u.{name}::jsonb" if kind == "jsonb" else f"u.{name}" for name, kind in columns)
        conflict = " ON CONFLICT DO NOTHING" if table == "command_log" else ""
        return (
            f"INSERT INTO {table} ({names(columns)}) SELECT {picked} FROM unnest({arrays})"
            f" AS u({names(columns)}){conflict}"
        )

    def load(self, cursor, records):
        wanted = {command["subject"] for command, _ in records if command["type"] != "ticket.create"}
        resolved = [command["subject"] for command, _ in records if command["type"] == "ticket.resolve"]
        edges = {}
        cursor.execute(
            "SELECT depends_on, ticket_id FROM ticket_dependencies WHERE depends_on = ANY(%s::text[])", (resolved,)
        )
        for blocker, ticket in cursor:
            edges.setdefault(blocker, []).append(ticket)
            wanted.add(ticket)
        cursor.execute(
            f"SELECT {READ} FROM tickets WHERE id = ANY(%s::text[]) ORDER BY id FOR NO KEY UPDATE", (sorted(wanted),)
        )
        columns = [column.name for column in cursor.description]
        tickets = {row[0]: dict(zip(columns, row, strict=True)) for row in cursor}
        cursor.execute(
            "SELECT l.source, l.id FROM unnest(%s::text[], %s::text[]) k(source, id)"
            " JOIN command_log l ON l.source = k.source AND l.id = k.id",
            ([command["source"] for command, _ in records], [command["id"] for command, _ in records]),
        )
        return tickets, edges, set(cursor)

    def run(self, records):
        changes = rules.Changes()
        with self.db.transaction(), self.db.cursor() as cursor:
            tickets, edges, seen = self.load(cursor, records)
            places = {}
            for command, record in records:
                if (command["source"], command["id"]) not in seen:
                    turn = rules.Turn(changes, command, record.value(), record.partition(), record.offset())
                    rules.apply(turn, tickets, edges)
                places[record.partition()] = record.offset() + 1
            self.write(cursor, changes)
            cursor.execute(
                "UPDATE partition_watermarks m SET next_offset = u.next, updated_at = clock_timestamp()"
                " FROM unnest(%s::int[], %s::bigint[]) AS u(part, next) WHERE m.topic = %s AND m.partition = u.part",
                (list(places.keys()), list(places.values()), records[0][1].topic()),
            )
        return changes.messages

    def write(self, cursor, changes):
        rows = list(changes.tickets.values())
        if rows:
            columns = [[row[name] for row in rows] for name, _ in WRITTEN]
            blockers = [json.dumps(row["blocked_by_ticket_ids"]) for row in rows]
            cursor.execute(self.update, ([row["id"] for row in rows], blockers, *columns))
        for table, added in (
            ("tickets", [list(row.values()) for row in changes.created]),
            ("ticket_comments", changes.comments),
            ("ticket_history", changes.history),
            ("command_log", changes.log),
        ):
            if added:
                cursor.execute(self.inserts[table], [list(column) for column in zip(*added, strict=True)])


def main():
    env = os.environ
    address = {
        "host": env["DB_HOST"], "port": env["DB_PORT"], "user": env["DB_USER"], "password": env["DB_PASSWORD"],
        "dbname": env["DB_NAME"],
    }  # fmt: skip
    way = {"per-command": PerCommand, "batched": Batched}[sys.argv[1]](address)
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": env["KAFKA_BROKERS"], "group.id": env["TICKETBUS_WORKER_GROUP"],
            "enable.auto.commit": False, "auto.offset.reset": "earliest", "isolation.level": "read_committed",
        }
    )  # fmt: skip
    consumer.subscribe([env["TICKETBUS_TOPIC_COMMANDS"]])
    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": env["KAFKA_BROKERS"], "enable.idempotence": True, "linger.ms": 5,
            "partitioner": "murmur2_random", "compression.type": "lz4", "queue.buffering.max.messages": 1000000,
        }
    )  # fmt: skip
    events = env["TICKETBUS_TOPIC_EVENTS"]
    since_commit = 0
    while not stopped:
        records = [(json.loads(r.value()), r) for r in consumer.consume(way.batch, 0.05) if not r.error()]
        if not records:
            producer.poll(0)
            continue
        for key, body in way.run(records):
            producer.produce(events, body.encode(), key, headers={"content-type": "application/cloudevents+json"})
        producer.poll(0)
        since_commit += len(records)
        if since_commit >= 500:
            since_commit = 0
            consumer.commit(asynchronous=True)
    producer.flush(10)
    consumer.close()


if __name__ == "__main__":
    main()
