"""Sets of reports with known duplicates: a CSV of reports and a CSV of pairs."""

import csv
import hashlib
import json
import sys

PRIORITIES = {"blocker": 0, "critical": 1, "major": 2, "normal": 2, "minor": 3, "trivial": 4}


def _rows(path):
    csv.field_size_limit(sys.maxsize)
    with open(path, newline="", encoding="utf-8", errors="replace") as file:
        return list(csv.DictReader(file))


class Set:
    """reports: id to (title, description). relevant: id to the ids it is paired with, both there."""

    def __init__(self, reports, pairs):
        self.reports, self.priority = {}, {}
        for row in _rows(reports):
            name, title = row["Issue id"].strip(), " ".join((row["Summary"] or "").split())
            if name and title:
                self.reports[name] = title[:500], (row.get("Description") or "").replace("\0", "").strip()
                self.priority[name] = PRIORITIES.get((row.get("Priority") or "").strip().lower(), 2)
        self.relevant = {}
        for row in _rows(pairs):
            one, other = row["Issue id"].strip(), row["Duplicate id"].strip()
            if one != other and one in self.reports and other in self.reports:
                self.relevant.setdefault(one, set()).add(other)
                self.relevant.setdefault(other, set()).add(one)
        self.queries = sorted(self.relevant)

    def query(self, name, kind):
        title, description = self.reports[name]
        whole = title if kind == "title" else f"{title}\n\n{description}".strip()
        return whole.encode()[:65000].decode(errors="ignore")

    def write_import(self, path):
        """In the form that `ticketctl import beads` reads."""
        with open(path, "w", encoding="utf-8") as file:
            for name, (title, description) in self.reports.items():
                file.write(json.dumps({
                    "id": name, "title": title, "description": description, "status": "open",
                    "priority": self.priority[name], "issue_type": "bug", "created_at": "2026-01-01T00:00:00Z",
                    "updated_at": "2026-01-01T00:00:00Z"}) + "\n")


def half(name):
    """0 or 1, by hash: what is chosen on one half is reported on the other."""
    return hashlib.sha256(name.encode()).digest()[0] & 1
