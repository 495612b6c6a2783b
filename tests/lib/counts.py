#!/usr/bin/env python3
"""Adds up test results.

    counts.py summary RESULTS_DIR SECTION…

Each section has a folder with JUnit files and/or checks.txt ("passed NAME" a line), and SECTION.status with its exit
code. Prints a line per section and closes with the totals. A section that failed without a failed test (a build that
broke, a runner that crashed) counts as one failure, and so does a section in which nothing ran. Exit code 0: no failure.

NAME.again.xml is a second run of what failed in NAME.xml. What passes there counts as passed and is listed as unsteady:
somebody has to mend it, but it stops nobody.
"""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree


MESSAGE_MAX = 240


def why(case):
    """The first line of what a failed test says."""
    said = [child.get("message") or child.text or "" for child in case if child.tag in ("failure", "error")]
    lines = said[0].strip().splitlines() if said else []
    return f": {lines[0][:MESSAGE_MAX]}" if lines else ""


def read_junit(path):
    """(outcome, name, why) of each test in a JUnit file of ctest or pytest."""
    results = []
    for case in ElementTree.parse(path).iter("testcase"):
        tags = {child.tag for child in case}
        name = f"{case.get('classname', '')}::{case.get('name', '')}"
        if case.get("status") in ("notrun", "disabled") or "skipped" in tags:
            results.append(("skipped", name, ""))
        elif tags & {"failure", "error"} or case.get("status") == "fail":
            results.append(("failed", name, why(case)))
        else:
            results.append(("passed", name, ""))
    return results


def read_twice(path):
    """As read_junit, with what the second run of the failed ones says."""
    again = path.with_suffix(".again.xml")
    results = read_junit(path)
    if again.exists():
        second = {}
        for outcome, name, _ in read_junit(again):
            second[name] = "failed" if "failed" in (outcome, second.get(name)) else outcome
        results = [("unsteady", name, said) if outcome == "failed" and second.get(name) == "passed" else (outcome, name, said)
                   for outcome, name, said in results]
    return results


def read_section(folder):
    results = []
    if not folder.is_dir():
        return results
    for path in sorted(folder.iterdir()):
        if path.suffixes == [".xml"]:
            try:
                results += read_twice(path)
            except ElementTree.ParseError as problem:
                results.append(("failed", path.name, f" is not readable: {problem}"))
        elif path.name == "checks.txt":
            results += [(*line.split(" ", 1), "") for line in path.read_text().splitlines()]
    return results


def summary(results_dir, sections):
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    for section in sections:
        results = read_section(results_dir / section)
        status = int((results_dir / f"{section}.status").read_text())
        seconds = (results_dir / f"{section}.seconds").read_text().strip()
        ran = {outcome for outcome, _, _ in results}
        if status != 0 and "failed" not in ran:
            results.append(("failed", "the section itself (see its output above)", ""))
        elif not ran - {"skipped"}:
            results.append(("failed", "no test ran", ""))
        count = {kind: sum(outcome == kind or (outcome, kind) == ("unsteady", "passed") for outcome, _, _ in results)
                 for kind in totals}
        for kind in totals:
            totals[kind] += count[kind]
        print(f"{section:6} {count['passed']:5} passed {count['failed']:4} failed "
              f"{count['skipped']:4} skipped   {seconds:>8}")
        for outcome, name, said in results:
            if outcome in ("failed", "unsteady"):
                print(f"       {outcome}: {name}{said}")
    print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped")
    return 1 if totals["failed"] or not totals["passed"] else 0


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[1] != "summary":
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    sys.exit(summary(pathlib.Path(sys.argv[2]), sys.argv[3:]))
