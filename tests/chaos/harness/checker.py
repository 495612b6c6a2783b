"""Holds a finished run to every promise. Linear in the history; knows the wire contract and nothing of the worker's code.

The broker's command topic says what was asked and in which order, the command log what was decided and what was to be
published, the tables what is, and the event topic what consumers see. Each is checked against the others."""

import collections
import json

import confluent_kafka
from bus import fold
from bus.wire import partition_of

from . import history

ZERO = ("lost", "applied_twice", "gaps", "reordered", "events_missing", "events_changed", "phantom_events",
        "unblock_errors", "rows_differ", "outcomes_wrong", "parked_left", "offsets_ahead")

# The event a command's effect begins with.
FIRST_EVENT = {
    "ticket.create": ("ticket.created",), "ticket.comment": ("ticket.commented",), "ticket.update": ("ticket.updated",),
    "ticket.change_status": ("ticket.status_changed",), "ticket.assign": ("ticket.assigned",),
    "ticket.unassign": ("ticket.unassigned",), "ticket.block": ("ticket.dependency_added",),
    "ticket.unblock": ("ticket.dependency_removed",), "ticket.resolve": ("ticket.resolved",),
    "ticket.reopen": ("ticket.reopened",), "ticket.delete": ("ticket.deleted",), "ticket.restore": ("ticket.restored",),
    "ticket.link_commit": ("ticket.commit_linked",), "board.put": ("board.updated",),
    "ticket.recheck": ("ticket.dependency_removed",),
}
# What a ticket's turn may come upon besides: the state of its blockers.
BY_THE_WAY = ("ticket.blocked", "ticket.unblocked", "ticket.blockers_changed")
ANSWERS = {"rejected": "command.rejected", "unchanged": "command.unchanged"}


class Checker:
    def __init__(self, rig, sent):
        self.rig, self.sent = rig, sent
        self.counters = dict.fromkeys(ZERO, 0)
        self.examples = collections.defaultdict(list)
        self.seen = collections.Counter()

    def wrong(self, counter, text):
        self.counters[counter] += 1
        if len(self.examples[counter]) < 8:
            self.examples[counter].append(text)

    def run(self):
        rig = self.rig
        self.commands = history.read_commands(rig.brokers, rig.commands)
        self.log = history.read_log(rig.db.parameters)
        self.events = list(history.read_messages(rig.brokers, rig.events))
        self.dead = list(history.read_messages(rig.brokers, rig.dlq))
        self._index()
        self._check_acknowledged()
        self._check_log_against_topic()
        self._check_own_rows()
        self._check_messages()
        self._check_tickets()
        self._check_rows()
        self._check_blocking()
        self._check_parked()
        self._check_offsets()
        return self.counters

    # ---- the command log against the topic ----

    def _index(self):
        self.by_place = collections.defaultdict(list)
        self.own = collections.defaultdict(list)   # (source, id) -> rows filed under it
        self.internal = {}                         # id -> (type, causation id) of what workers sent
        for row in self.log:
            self.by_place[row.partition, row.offset].append(row)
            self.own[row.source, row.id].append(row)
        for record in self.commands.values():
            if record.signed:
                command = json.loads(record.value)
                if command["source"] == "/ticketbus/worker":
                    self.internal[command["id"]] = (command["type"], command.get("causationid"))

    def _check_acknowledged(self):
        """What the broker has acknowledged to the publisher is on the topic, there."""
        for sent in self.sent:
            if sent.place is not None:
                record = self.commands.get(sent.place)
                if record is None or record.value != sent.body:
                    self.wrong("lost", f"acknowledged at {sent.place}, not there: {sent.type} {sent.id}")

    def _check_log_against_topic(self):
        """Each record has one row, each row a record; a row says what kind of record it is."""
        for place in self.commands:
            rows = self.by_place.get(place, [])
            if not rows:
                self.wrong("lost", f"record {place} was never applied: {self.commands[place].value[:200]!r}")
            elif len(rows) > 1:
                self.wrong("applied_twice", f"record {place} has {len(rows)} rows: {[(r.source, r.id) for r in rows]}")
        for place, rows in self.by_place.items():
            if place not in self.commands:
                self.wrong("phantom_events", f"a row for {place}, where the topic has no record: {rows[0].id}")
        for row in self.log:
            self.seen[row.outcome] += 1

    def _check_own_rows(self):
        """Every command is answered under its own id exactly once: applied, rejected, or parked; at its own partition."""
        kinds = collections.defaultdict(set)
        for sent in self.sent:
            if sent.id is not None and not sent.failed:
                kinds[sent.source, sent.id].add(sent.kind)
        for key in kinds:
            rows = self.own.get(key, [])
            if not rows:
                self.wrong("lost", f"command {key} has no outcome, sent as {sorted(kinds[key])}")
                continue
            if len(rows) > 1:
                self.wrong("applied_twice", f"command {key} has {len(rows)} outcomes")
            row = rows[0]
            if row.outcome in ("repeat", "forwarded", "dead"):
                self.wrong("outcomes_wrong", f"command {key} ended as {row.outcome}")
            if row.partition != partition_of(row.subject, self.rig.PARTITIONS):
                self.wrong("reordered", f"command {key} of {row.subject} was applied off its partition, on {row.partition}")
            self._check_answer(key, row)

    def _check_answer(self, key, row):
        types = [json.loads(body)["type"] for kind, _, body in row.frames if kind == "E"]
        effects = [t for t in types if t != "command.parked"]
        if row.outcome == "applied" and row.type not in ("ticket.replay", "ticket.drop"):
            if not effects or effects[0] not in FIRST_EVENT.get(row.type, (effects[0],)) + BY_THE_WAY:
                self.wrong("outcomes_wrong", f"{row.type} {key} was applied with events {types}")
        elif row.outcome in ANSWERS and effects != [ANSWERS[row.outcome]]:
            self.wrong("outcomes_wrong", f"{row.type} {key} is {row.outcome}, its events {types}")

    # ---- what was to be published against what is on the topics ----

    def _check_messages(self):
        outbox, repeats, sent_on = {}, collections.Counter(), collections.Counter()
        dead = {}
        for row in self.log:
            for kind, key, body in row.frames:
                if kind == "E":
                    event = json.loads(body)
                    known = outbox.setdefault(event["id"], (body, key))
                    if known[0] != body:
                        self.wrong("applied_twice", f"event {event['id']} of {event['subject']} was made twice, "
                                                    f"as {event.get('sequence')} and differently")
                elif kind == "R":
                    repeats[json.loads(body)["id"]] += 1
                elif row.outcome == "forwarded":
                    sent_on[key, body] += 1
                elif kind == "I":  # a command that waited has it twice: in its own row, and in that of its replay
                    sent_on[key, body] = max(1, sent_on[key, body])
                else:
                    dead[json.loads(body)["id"]] = body
        self.outbox = outbox
        self._check_events(outbox, repeats)
        self._check_dead(dead)
        on_topic = collections.Counter((r.key, r.value) for r in self.commands.values())
        for pair, count in sent_on.items():
            if on_topic[pair] < count:
                self.wrong("lost", f"an internal or forwarded command never reached the topic: {pair[1][:200]!r}")
        bodies = {pair[1] for pair in sent_on}
        for record in self.commands.values():
            if record.signed and record.value not in bodies and b'"ticket.expire"' not in record.value:
                self.wrong("phantom_events", f"an internal command nobody committed: {record.value[:200]!r}")

    def _check_events(self, outbox, repeats):
        seen, marked = set(), collections.Counter()
        for message in self.events:
            known = outbox.get(message.id)
            if known is None:
                self.wrong("phantom_events", f"{message.type} {message.id} of {message.subject} on the topic, committed by nobody")
                continue
            if known[0] != message.raw:
                self.wrong("events_changed", f"{message.type} {message.id} of {message.subject} has other bytes than its outbox")
            if message.key != message.subject or known[1].decode() != message.key:
                self.wrong("events_changed", f"{message.id} has the key {message.key}")
            if message.partition != partition_of(message.key, self.rig.PARTITIONS):
                self.wrong("reordered", f"{message.id} of {message.key} lies on partition {message.partition}")
            if message.is_repeat:
                marked[message.id] += 1
                if message.id not in seen:
                    self.wrong("reordered", f"{message.id} comes as a repeat first")
            elif message.id in seen:
                self.seen["events_again"] += 1
            seen.add(message.id)
        for missing in outbox.keys() - seen:
            event = json.loads(outbox[missing][0])
            self.wrong("events_missing", f"{event['type']} {event.get('sequence', '-')} of {event['subject']}, caused by "
                                         f"{event['causationid']}")
        for again, count in repeats.items():
            if marked[again] < count:
                self.wrong("events_missing", f"{again} was to be sent again {count} times, was {marked[again]}")

    def _check_dead(self, dead):
        letters = {}
        for message in self.dead:
            if message.id not in dead:
                self.wrong("phantom_events", f"dead letter {message.id} of no record")
            elif dead[message.id] != message.raw:
                self.wrong("events_changed", f"dead letter {message.id} has other bytes")
            letters[message.id] = message
        for missing in dead.keys() - letters.keys():
            self.wrong("events_missing", f"dead letter {missing}")

    # ---- per ticket ----

    def _check_tickets(self):
        self.by_ticket = collections.defaultdict(dict)
        for body, _ in self.outbox.values():
            event = json.loads(body)
            if "sequence" not in event:
                continue
            ticket = self.by_ticket[event["subject"]]
            sequence = int(event["sequence"])
            if sequence in ticket:
                self.wrong("applied_twice", f"{event['subject']} has two events {sequence}: {ticket[sequence]['type']}, "
                                            f"{event['type']}")
            ticket[sequence] = event
        self._check_sequences()
        self._check_order()
        self._check_filter()

    def _check_sequences(self):
        versions = {r["id"]: r["version"] for r in self.rig.db.rows(
            "SELECT id, version FROM tickets UNION ALL SELECT workflow_id, version FROM board_configs")}
        for subject in versions.keys() | self.by_ticket.keys():
            have, version = self.by_ticket.get(subject, {}), versions.get(subject, 0)
            if have.keys() != set(range(1, version + 1)):
                missing = sorted(set(range(1, version + 1)) - have.keys())[:5]
                extra = sorted(have.keys() - set(range(1, version + 1)))[:5]
                self.wrong("gaps", f"{subject} has version {version}; events missing {missing}, beyond {extra}")

    def _check_order(self):
        """A ticket's events come in the order of its commands on the topic. (One that waits holds up those behind it.)"""
        for subject, events in self.by_ticket.items():
            home, last = partition_of(subject, self.rig.PARTITIONS), (-1, 0)
            for sequence in sorted(events):
                event = events[sequence]
                rows = self.own.get((event["causationsource"], event["causationid"]))
                if not rows:
                    self.wrong("phantom_events", f"{event['type']} {sequence} of {subject}: no such command as {event['causationid']}")
                    continue
                place = (rows[0].offset, event["causationindex"])
                if rows[0].partition != home or place <= last:
                    self.wrong("reordered", f"{event['type']} {sequence} of {subject} is of {rows[0].partition}/{place}, after {last}")
                last = max(last, place)

    def _check_filter(self):
        """What a client sees that accepts exactly the last sequence plus one, and drops the rest."""
        last = collections.Counter()
        for message in self.events:
            if message.sequence is not None and message.sequence == last[message.subject] + 1:
                last[message.subject] += 1
        for subject, events in self.by_ticket.items():
            if last[subject] != max(events):
                self.wrong("reordered", f"a client sees {subject} up to {last[subject]}, its events go to {max(events)}")

    # ---- the tables ----

    def _check_rows(self):
        class AsMessage:
            __slots__ = ("subject", "sequence", "type", "data")

            def __init__(self, event):
                self.subject, self.sequence = event["subject"], int(event["sequence"])
                self.type, self.data = event["type"], event["data"]

        self.edges, self.tickets = collections.defaultdict(list), {}
        for flow in {r["workflow_id"] for r in self.rig.db.rows("SELECT DISTINCT workflow_id FROM tickets")}:
            rows = fold.Rows(self.rig.db, flow)
            self.tickets |= rows.tickets
            self.edges |= rows.edges
            for ticket in rows.tickets:
                events = self.by_ticket.get(ticket, {})
                try:
                    found = fold.compare(rows, ticket, [AsMessage(events[n]) for n in sorted(events)])
                except (AssertionError, KeyError) as error:
                    found = [str(error)]
                if found:
                    self.wrong("rows_differ", f"{ticket}: {found[:3]}")

    def _check_blocking(self):
        """Episodes open and close in turn, and the flag says what edges and blockers say."""
        parked = {r["ticket_id"] for r in self.rig.db.rows("SELECT ticket_id FROM parked_tickets")}
        for subject, row in self.tickets.items():
            events, is_open = self.by_ticket.get(subject, {}), False
            for sequence in sorted(events):
                kind = events[sequence]["type"]
                if kind in ("ticket.blocked", "ticket.unblocked"):
                    if is_open == (kind == "ticket.blocked"):
                        self.wrong("unblock_errors", f"{subject}: {kind} at {sequence} twice in a row")
                    is_open = kind == "ticket.blocked"
                    cause = self.internal.get(events[sequence]["causationid"])
                    if cause and cause[0] == "ticket.recheck" and self.internal.get(cause[1], ("",))[0] == "ticket.watch":
                        self.seen["block_resolve_races"] += 1
                    self.seen["episodes"] += kind == "ticket.unblocked"
                elif kind == "ticket.created":
                    is_open = bool((events[sequence]["data"]["after"] or {}).get("is_blocked", False))
            still = sorted({e["depends_on"] for e in self.edges.get(subject, [])
                            if e["dependency_type"] == "blocks" and self._holds_up(e["depends_on"])})
            if row["is_blocked"] != is_open:
                self.wrong("unblock_errors", f"{subject}: is_blocked is {row['is_blocked']}, its events leave it {is_open}")
            if subject not in parked and still != sorted(row["blocked_by_ticket_ids"]):
                self.wrong("unblock_errors", f"{subject}: waits for {row['blocked_by_ticket_ids']}, should for {still}")

    def _holds_up(self, ticket):
        row = self.tickets.get(ticket)
        return row is None or not (row["is_resolved"] or row["is_deleted"])

    def _check_parked(self):
        left = self.rig.db.rows("SELECT ticket_id, reason FROM parked_tickets")
        for row in left:
            self.wrong("parked_left", f"{row['ticket_id']} is still parked: {row['reason']}")
        for row in self.log:
            if row.outcome == "parked" and not left:
                self.wrong("lost", f"{row.id} is logged as parked, but waits nowhere")

    def _check_offsets(self):
        """Neither the watermarks nor the group's offsets are past a record that was not applied."""
        applied = collections.Counter(p for p, _ in self.by_place)
        marks = self.rig.watermarks()
        for partition, mark in marks.items():
            if mark["next_offset"] > applied[partition]:
                self.wrong("offsets_ahead", f"partition {partition}: next is {mark['next_offset']}, {applied[partition]} applied")
        asked = confluent_kafka.ConsumerGroupTopicPartitions(self.rig.group)
        admin = self.rig.kafka_admin()
        told = admin.list_consumer_group_offsets([asked], request_timeout=30)[self.rig.group].result()
        for at in told.topic_partitions:
            if at.offset > marks[at.partition]["next_offset"]:
                self.wrong("offsets_ahead", f"partition {at.partition}: the group committed {at.offset}")
