#!/usr/bin/env python3
"""Runs clang-tidy over the tracked C files of a configured build, several at a time, and remembers what passed.

    tidy.py --build DIR --cache DIR [--program clang-tidy] [--jobs N] [FILE…]

A file is checked again when it, a header that it includes, its compile command, the checks or clang-tidy changed: the
digest of all these is the name of an empty file in the cache, the same in every checkout. The headers come from ninja's
dependency log, so the build has to be up to date. Exit code 0: nothing found.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

# GCC's flags that clang does not know are no finding.
EXTRA = ["--quiet", "--extra-arg=-Wno-unknown-warning-option"]
SANITIZE = re.compile(r" -f(no-)?sanitize[-=]\S+| -fno-sanitize-recover\S*")


def output_of(*command, cwd=None):
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout


def dependencies(build):
    """Object file -> the files it was compiled from, as ninja recorded them."""
    found, current = {}, None
    for line in output_of("ninja", "-C", str(build), "-t", "deps").splitlines():
        if line.startswith("    ") and current is not None:
            found[current].append(os.path.join(build, line.strip()))
        elif ": #deps" in line:
            current = line.split(": #deps", 1)[0]
            found[current] = []
        else:
            current = None
    return found


def digest_of(entry, files, repository, fixed, contents):
    digest = hashlib.sha256(fixed)
    digest.update(entry["command"].replace(str(repository), ".").encode())
    for path in sorted({os.path.realpath(path) for path in files}):
        if path not in contents:
            contents[path] = hashlib.sha256(pathlib.Path(path).read_bytes()).digest()
        digest.update(os.path.relpath(path, repository).encode() + contents[path])
    return digest.hexdigest()[:32]


def check(program, build, path):
    done = subprocess.run([program, "-p", str(build), *EXTRA, path], capture_output=True, text=True)
    return path, done.returncode, done.stdout + (done.stderr if done.returncode else "")


def main():
    parser = argparse.ArgumentParser(description="clang-tidy with a memory")
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--cache", type=pathlib.Path, required=True)
    parser.add_argument("--program", default="clang-tidy")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    repository = pathlib.Path(__file__).resolve().parents[2]

    wanted = {str(repository / name) for name in output_of("git", "ls-files", "*.c", cwd=repository).splitlines()}
    if arguments.files:
        wanted &= {str(pathlib.Path(name).resolve()) for name in arguments.files}
    entries = [entry for entry in json.loads((build / "compile_commands.json").read_text()) if entry["file"] in wanted]
    # A file that tests compile once more, their own way, is checked as the product compiles it: clang-tidy takes all
    # commands of a file in one process, where the analyzer then mistakes va_start.
    entries = list({entry["file"]: entry for entry in reversed(entries)}.values())
    if not entries:
        print("no tracked C file in the build", file=sys.stderr)
        return 1

    # clang does not take GCC's sanitizer flags as they are, and the checks do not need them.
    database = build / "tidy"
    database.mkdir(exist_ok=True)
    for entry in entries:
        entry["command"] = SANITIZE.sub("", entry["command"])
    (database / "compile_commands.json").write_text(json.dumps(entries))

    recorded = dependencies(build)
    rules = [".clang-tidy", "tests/.clang-tidy"]
    fixed = output_of(arguments.program, "--version").encode() + b"".join((repository / name).read_bytes() for name in rules)
    arguments.cache.mkdir(parents=True, exist_ok=True)
    contents, todo = {}, {}
    for entry in entries:
        files = recorded.get(entry.get("output", ""), [entry["file"]])
        stamp = arguments.cache / digest_of(entry, files, repository, fixed, contents)
        if not stamp.exists():
            todo[entry["file"]] = stamp

    bad = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for path, status, text in pool.map(lambda name: check(arguments.program, database, name), todo):
            if status == 0:
                todo[path].touch()
                continue
            bad += 1
            print(f"-- {os.path.relpath(path, repository)}\n{text}")
    print(f"{len(entries)} files, {len(todo)} checked now, {bad} with findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
