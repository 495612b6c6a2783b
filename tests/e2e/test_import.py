"""Import of the beads tracker's files: nothing lost, nothing made up, repeatable at any time."""

import collections
import json
import pathlib
import uuid

import pytest

from bus import fold
from bus.wire import parse_time

OWN = pathlib.Path(__file__).parent / "data"
BEADS = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data" / "beads"


def read(file):
    return [json.loads(line) for line in file.read_text().splitlines() if line.strip()]


def beads(name):
    if not (BEADS / name).is_file():
        pytest.skip(f"the beads tracker's data is not there: {BEADS / name}")
    return BEADS / name


def summary(ran):
    return json.loads(ran.out.strip().splitlines()[-1])


class Imported:
    """A file imported into a workflow of its own."""

    def __init__(self, bus, file, *options):
        self.bus, self.file = bus, file
        self.workflow = f"import-{uuid.uuid4().hex[:10]}"
        self.options = ("--workflow", self.workflow, "--json", *options)
        self.ran = self.again()
        self.summary = summary(self.ran)

    def again(self):
        return self.bus.ctl("import", "beads", self.file, *self.options, timeout=240)

    def tickets(self):
        """By the source's id."""
        return {r["external_id"]: r for r in self.bus.db.rows("SELECT * FROM tickets WHERE workflow_id = %s", self.workflow)}

    def versions(self):
        return {k: r["version"] for k, r in self.tickets().items()}

    def edges(self):
        """(from, to, type) by the source's ids; what the file lacks by ticket id."""
        return {(r["a"], r["b"] or r["depends_on"], r["dependency_type"]) for r in self.bus.db.rows(
            "SELECT t.external_id AS a, o.external_id AS b, d.depends_on, d.dependency_type FROM ticket_dependencies d"
            " JOIN tickets t ON t.id = d.ticket_id LEFT JOIN tickets o ON o.id = d.depends_on WHERE t.workflow_id = %s",
            self.workflow)}

    def check(self):
        """Bar 3: gapless sequences, rows equal to the fold, history complete."""
        self.bus.settle(120)
        rows, wrong = fold.Rows(self.bus.db, self.workflow), []
        for ticket, row in rows.tickets.items():
            self.bus.events.wait_sequence(ticket, row["version"])
            wrong += fold.compare(rows, ticket, self.bus.events.of_ticket(ticket))
        assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong[:20])
        self.bus.events.check()
        return rows


@pytest.fixture(scope="module")
def own(bus):
    return Imported(bus, OWN / "issues.jsonl")


@pytest.fixture(scope="module")
def whole(bus):
    return Imported(bus, beads("issues.jsonl"))


def check_against_file(imported):
    """Every issue of the file against its row, field by field."""
    rows, issues, wrong = imported.tickets(), read(imported.file), []
    assert set(rows) == {i["id"] for i in issues}
    for issue in issues:
        row, dead = rows[issue["id"]], issue["status"] == "tombstone"
        told = {
            "title": issue["title"], "ticket_type": issue["issue_type"], "priority": f"P{issue['priority']}",
            "tags": issue.get("labels", []), "is_deleted": dead or None,
            "status": "closed" if dead else issue["status"],
            "is_resolved": issue["status"] == "closed" or None if not dead else None,
            "assigned_agent_id": issue.get("assignee"),
            "created_by_agent_id": issue.get("created_by") or None,
        }
        for name, value in told.items():
            if value is not None and row[name] != value:
                wrong.append(f"{issue['id']}: {name} is {row[name]!r}, the file says {value!r}")
        if not (row["description"] or "").startswith(issue.get("description", "").rstrip()):
            wrong.append(f"{issue['id']}: description {row['description'][:80]!r}")
        for name, key in (("created_at", "created_at"), ("updated_at", "updated_at")):
            if row[name] != parse_time(issue[key]):
                wrong.append(f"{issue['id']}: {name} is {row[name]}, the file says {issue[key]}")
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong[:20])


def check_relations(imported):
    """Parents, edges and comments against the file."""
    rows, issues = imported.tickets(), read(imported.file)
    names = {r["id"]: k for k, r in rows.items()}
    parents = {k: names.get(r["parent_ticket_id"]) for k, r in rows.items()}
    edges, wanted_comments, left_out = imported.edges(), collections.Counter(), set()
    for issue in issues:
        for d in issue.get("dependencies", []):
            a, b, kind = d["issue_id"], d["depends_on_id"], d["type"]
            there = (a, b, kind) in edges or (kind == "parent-child" and parents[a] == b)
            if not there and b in rows:
                left_out.add((a, b, kind))
        for comment in issue.get("comments", []):
            wanted_comments[(issue["id"], comment["author"], comment["text"], parse_time(comment["created_at"]))] += 1
        for reason in ("close_reason", "delete_reason"):
            if issue.get(reason, "").strip():
                wanted_comments[(issue["id"], None, issue[reason], None)] += 1
    found = imported.bus.db.rows(
        "SELECT t.external_id AS id, c.agent_id, c.comment_text, c.created_at FROM ticket_comments c"
        " JOIN tickets t ON t.id = c.ticket_id WHERE t.workflow_id = %s", imported.workflow)
    exact = collections.Counter((r["id"], r["agent_id"], r["comment_text"], r["created_at"]) for r in found)
    texts = collections.Counter((r["id"], None, r["comment_text"], None) for r in found)
    missing = {k: n for k, n in wanted_comments.items() if (exact if k[1] else texts)[k] < n}
    assert not missing, list(missing.items())[:5]
    return left_out


# ---- our own small file ----

def test_own_file(own):
    assert own.summary["tickets"] == 24 and own.summary["rejected"] == 0, own.summary
    assert own.summary["edges"] == {"parent-child": 7, "blocks": 6, "related": 1, "discovered-from": 1, "duplicates": 1}
    assert own.summary["comments"] == 3
    own.check()


def test_own_file_fields(own):
    check_against_file(own)
    rows = own.tickets()
    assert rows["hb-17"]["is_deleted"] and rows["hb-17"]["deleted_at"] == parse_time("2026-03-14T00:00:00Z")
    assert "Ask the pilots on channel 12." in rows["hb-22"]["description"], "notes are kept"
    assert "A list, oldest first." in rows["hb-22"]["description"], "so is the design"
    assert rows["hb-03"]["is_blocked"] and rows["hb-05"]["is_blocked"] and not rows["hb-04"]["is_blocked"]
    assert rows["hb-02"]["resolved_at"] is not None and rows["hb-02"]["status"] == "closed"


def test_own_file_relations(own):
    left_out = check_relations(own)
    assert len(left_out) == 1 and left_out <= {("hb-15", "hb-16", "blocks"), ("hb-16", "hb-15", "blocks")}
    assert len(own.summary["cycles"]) == 1 and "hb-15" in own.summary["cycles"][0] and "hb-16" in own.summary["cycles"][0]
    assert len(own.summary["dangling"]) == 1 and "hb-14" in own.summary["dangling"][0] and "hb-99" in own.summary["dangling"][0]
    row = own.tickets()["hb-14"]
    assert row["is_blocked"] and len(row["blocked_by_ticket_ids"]) == 1, "a blocker that is not there blocks"
    two = own.tickets()["hb-11"]["parent_ticket_id"], {e for e in own.edges() if e[0] == "hb-11"}
    ids = {k: r["id"] for k, r in own.tickets().items()}
    assert (two[0], two[1]) in [(ids["hb-01"], {("hb-11", "hb-12", "parent-child")}),
                                (ids["hb-12"], {("hb-11", "hb-01", "parent-child")})]


def test_own_file_again(own):
    before = own.versions()
    second = summary(own.again())
    assert second["sent"] == 0 and second["unchanged"] == 24, second
    assert own.versions() == before


def test_own_file_changed(own, tmp_path):
    """A later file: what differs is sent, the rest is left alone."""
    before, issues = own.versions(), read(own.file)
    issues[6] |= {"title": "Nightly backup fills the whole disk", "status": "closed", "close_reason": "Old ones go now",
                  "updated_at": "2026-04-01T00:00:00Z", "closed_at": "2026-04-01T00:00:00Z"}
    later = tmp_path / "later.jsonl"
    later.write_text("".join(json.dumps(i) + "\n" for i in issues))
    ran = own.bus.ctl("import", "beads", later, *own.options).expect(0)
    assert summary(ran)["updated"] == 1, ran.out
    after = own.versions()
    assert {k for k in after if after[k] != before[k]} == {"hb-07"}
    assert own.tickets()["hb-07"]["is_resolved"]
    own.bus.ctl("import", "beads", own.file, *own.options).expect(0)  # and back
    check_against_file(own)
    own.check()


def test_lines_that_are_no_issues(bus, tmp_path):
    file = tmp_path / "broken.jsonl"
    good = (OWN / "issues.jsonl").read_text().splitlines()[0]
    file.write_text(f'{good}\nnot json\n{{"id": "x"}}\n[]\n\n')
    imported = Imported(bus, file)
    assert imported.ran.code == 1 and imported.summary["tickets"] == 1 and imported.summary["invalid"] == 3, str(imported.ran)
    assert "line 2" in imported.ran.err and "line 3" in imported.ran.err and "line 4" in imported.ran.err


def test_existing_board_is_left_alone(bus, make_flow):
    flow = make_flow()
    ran = bus.ctl("import", "beads", OWN / "issues.jsonl", "--workflow", flow.id, "--json")
    assert ran.code == 1 and summary(ran)["rejected"] > 0, "the board does not know these statuses"
    assert bus.db.value("SELECT version FROM board_configs WHERE workflow_id = %s", flow.id) == 1


def test_own_change_stream(bus):
    workflow = f"stream-{uuid.uuid4().hex[:10]}"
    ran = bus.ctl("import", "beads", "--events", OWN / "events.jsonl", "--workflow", workflow, "--json").expect(0)
    told = summary(ran)
    assert told["changes"] == 8 and told["applied"] + told["merged"] + told["skipped"] == 8, told
    rows = {r["external_id"]: r for r in bus.db.rows("SELECT * FROM tickets WHERE workflow_id = %s", workflow)}
    assert set(rows) == {"ev-1", "ev-2", "ev-3"}
    assert rows["ev-1"]["title"] == "Lamp on pier 3" and rows["ev-1"]["description"] == "It flickers in the rain."
    assert not rows["ev-1"]["is_resolved"] and rows["ev-1"]["status"] == "open" and rows["ev-1"]["tags"] == ["electric"]
    assert rows["ev-2"]["priority"] == "P0" and rows["ev-3"]["is_resolved"]
    versions = {k: r["version"] for k, r in rows.items()}
    again = summary(bus.ctl("import", "beads", "--events", OWN / "events.jsonl", "--workflow", workflow, "--json").expect(0))
    assert again["changes"] == 8
    assert {r["external_id"]: r["version"] for r in bus.db.rows(
        "SELECT * FROM tickets WHERE workflow_id = %s", workflow)} == versions


# ---- the public tracker's files ----

def test_beads(whole):
    """Bar 2."""
    told = whole.summary
    assert whole.ran.code == 0 and (told["tickets"], told["rejected"], told["comments"]) == (2646, 0, 16), told
    assert (told["edges"]["blocks"], told["edges"]["parent-child"]) == (475, 444) and sum(told["edges"].values()) == 1003
    assert not told["cycles"] and not told["dangling"], "nothing was left out"


def test_beads_rows_events_and_history(whole):
    """Bar 3."""
    assert len(whole.check().tickets) == 2646


def test_beads_fields(whole):
    check_against_file(whole)


def test_beads_relations(whole):
    assert check_relations(whole) == set()
    both = [i for i in read(whole.file)
            if sum(d["type"] == "parent-child" for d in i.get("dependencies", [])) == 2]
    rows, edges = whole.tickets(), whole.edges()
    assert len(both) == 4
    for issue in both:
        assert rows[issue["id"]]["parent_ticket_id"] is not None
        assert len([e for e in edges if e[0] == issue["id"] and e[2] == "parent-child"]) == 1


def test_beads_again(whole):
    before = whole.versions()
    assert summary(whole.again())["sent"] == 0
    assert whole.versions() == before


def test_beads_change_stream(bus):
    file = beads("events.jsonl")
    workflow = f"stream-{uuid.uuid4().hex[:10]}"
    ran = bus.ctl("import", "beads", "--events", file, "--workflow", workflow, "--json", timeout=240).expect(0)
    told = summary(ran)
    assert told["changes"] == 1086 and told["applied"] + told["merged"] + told["skipped"] == 1086, told
    kinds = collections.Counter(e["event_type"] for e in read(file))
    assert {k: sum(v.values()) if isinstance(v, dict) else v for k, v in told["kinds"].items()} == dict(kinds), told
    named = {e["issue_id"] for e in read(file)}
    rows = bus.db.rows("SELECT external_id FROM tickets WHERE workflow_id = %s", workflow)
    assert len(rows) <= len(named) and len(rows) > 0.9 * len(named)
