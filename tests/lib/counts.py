#!/usr/bin/env python3
"""Adds up test results.

    counts.py summary RESULTS_DIR SECTION…

Each section has a folder with JUnit files and/or checks.txt ("passed NAME" a line), and SECTION.status with its exit
code. Prints a line per section and closes with the totals. A section that failed without a failed test (a build that
broke, a runner that crashed) counts as one failure, and so does a section in which nothing ran. Exit code 0: no failure.
"""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def read_junit(path):
    """One list of (outcome, name) from a JUnit file of ctest or pytest."""
    results = []
    for case in ElementTree.parse(path).iter("testcase"):
        tags = {child.tag for child in case}
        name = f"{case.get('classname', '')}::{case.get('name', '')}"
        if case.get("status") in ("notrun", "disabled") or "skipped" in tags:
            results.append(("skipped", name))
        elif tags & {"failure", "error"} or case.get("status") == "fail":
            results.append(("failed", name))
        else:
            results.append(("passed", name))
    return results


def read_section(folder):
    results = []
    if not folder.is_dir():
        return results
    for path in sorted(folder.iterdir()):
        if path.suffix == ".xml":
            try:
                results += read_junit(path)
            except ElementTree.ParseError as problem:
                results.append(("failed", f"{path.name} is not readable: {problem}"))
        elif path.name == "checks.txt":
            results += [tuple(line.split(" ", 1)) for line in path.read_text().splitlines()]
    return results


def summary(results_dir, sections):
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    for section in sections:
        results = read_section(results_dir / section)
        status = int((results_dir / f"{section}.status").read_text())
        seconds = (results_dir / f"{section}.seconds").read_text().strip()
        failed = [name for outcome, name in results if outcome == "failed"]
        if status != 0 and not failed:
            failed.append("the section itself (see its output above)")
            results.append(("failed", failed[-1]))
        elif not any(outcome in ("passed", "failed") for outcome, _ in results):
            failed.append("no test ran")
            results.append(("failed", failed[-1]))
        count = {kind: sum(outcome == kind for outcome, _ in results) for kind in totals}
        for kind in totals:
            totals[kind] += count[kind]
        print(f"{section:6} {count['passed']:5} passed {count['failed']:4} failed "
              f"{count['skipped']:4} skipped   {seconds:>8}")
        for name in failed:
            print(f"       failed: {name}")
    print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped")
    return 1 if totals["failed"] or not totals["passed"] else 0


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[1] != "summary":
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    sys.exit(summary(pathlib.Path(sys.argv[2]), sys.argv[3:]))
