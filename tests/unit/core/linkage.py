"""The rules are pure: what libtb_core.a needs from outside is this short list, and nothing else.

usage: linkage.py NM ARCHIVE...   the first archive is looked at, the others may provide
"""

import subprocess
import sys

# libc without input or output, clock, environment, randomness or memory of its own. Text and memory
# come from the arena and the buffer of common/base, which are given to the core from outside.
ALLOWED = {"memcmp", "memcpy", "memmove", "memset", "qsort", "strlen", "strcmp"}
# What compilers and sanitizers put in.
COMPILER_PREFIXES = ("__stack_chk_", "__asan_", "__ubsan_", "__tsan_", "__sanitizer_", "__gcov_", "llvm_gcov_", "_GLOBAL_OFFSET_TABLE_")
# Functions of common/base that reach the world: the core may not call them, though the archive has them.
FORBIDDEN = {"tb_log", "tb_log_init", "tb_log_enabled", "tb_clock_wall_us", "tb_clock_mono_us", "tb_arena_new", "tb_arena_free", "tb_arena_reset", "tb_buf_init"}


def symbols(nm, archive, *options):
    out = subprocess.run([nm, *options, archive], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1] for line in out.splitlines() if len(line.split()) >= 2 and not line.endswith(":")}


def main():
    nm, core, *others = sys.argv[1:]
    defined = symbols(nm, core, "--defined-only", "--extern-only")
    provided = set().union(*(symbols(nm, a, "--defined-only", "--extern-only") for a in others))
    undefined = symbols(nm, core, "--undefined-only") - defined
    bad = sorted(
        s
        for s in undefined
        if s in FORBIDDEN or not (s in provided or s in ALLOWED or s.startswith(COMPILER_PREFIXES))
    )
    unprefixed = sorted(s for s in defined if not s.startswith(("tb_", "__odr_asan", "__asan_")))
    for s in bad:
        print(f"the core calls {s}")
    for s in unprefixed:
        print(f"the core defines {s}, which has no prefix")
    if len(undefined) < 5 or not provided:
        print("too few symbols: the archives were not read")
        return 1
    print(f"{len(undefined)} symbols from outside, {len(bad)} not allowed")
    return 1 if bad or unprefixed else 0


if __name__ == "__main__":
    sys.exit(main())
