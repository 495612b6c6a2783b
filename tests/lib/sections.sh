# shellcheck shell=bash
# The sections of tests/run. Each runs in a subshell with `set -e`, leaves JUnit files in RESULTS_DIR/SECTION/ or notes
# results with `result`, and fails when it could not do its work.

# The major version is fixed: another one formats, and finds, other things.
LINT_NEEDS='
command clang-format-16 clang-format-16
command clang-tidy-16 clang-tidy-16
command shellcheck shellcheck
command git git
'
# What opens the board.
BROWSER_NEEDS='
command chromium chromium
'
# What installs the MCP conformance suite; the suite brings its own Node.
NODE_NEEDS='
command npm npm
'
# Set by tests/run.
: "${KEEP_STACK:=no}"
if [[ ! -v PYTEST_ARGUMENTS ]]; then PYTEST_ARGUMENTS=(); fi

TEST_VENV=$TOOLS_DIR/venv-tests

ensure_test_venv() {
    ensure_venv_at "$TEST_VENV" "$TESTS_DIR/requirements.txt" "$TESTS_DIR/e2e/parts/requirements.txt"
}

NODE_DIR=$TOOLS_DIR/node-tests

# The packages of tests/conformance, exactly those of its lock file; none runs a script of its own.
ensure_test_node() { with_lock "$NODE_DIR.lock" ensure_test_node_locked; }

ensure_test_node_locked() {
    local stamp
    stamp=$(cat "$TESTS_DIR"/conformance/package*.json | digest)
    if [[ $(cat "$NODE_DIR/.stamp" 2>/dev/null) == "$stamp" ]]; then
        note "unchanged"
        return 0
    fi
    mkdir -p "$NODE_DIR"
    rm -f "$NODE_DIR/.stamp"
    cp "$TESTS_DIR"/conformance/package*.json "$NODE_DIR/"
    (cd "$NODE_DIR" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) ||
        complain "npm could not install the packages of tests/conformance (is the registry reachable?)."
    printf '%s\n' "$stamp" >"$NODE_DIR/.stamp"
}

# result SECTION passed|failed|skipped NAME: a check that has no JUnit file.
result() {
    mkdir -p "$RESULTS_DIR/$1"
    printf '%s %s\n' "$2" "$3" >>"$RESULTS_DIR/$1/checks.txt"
}

# check NAME COMMAND…: one result of the lint section; the output is shown when it fails.
check() {
    local name=$1 start=$EPOCHREALTIME status
    shift
    tick_on "$name" "$LOG_DIR/lint-$name.log"
    set +e
    (
        set -Eeuo pipefail
        "$@"
    ) >"$LOG_DIR/lint-$name.log" 2>&1
    status=$?
    set -e
    tick_off
    if ((status == 0)); then
        printf '  ok  %-58s %6s s\n' "$name" "$(elapsed_since "$start")"
        result lint passed "$name"
    else
        printf 'FAIL  %-58s %6s s\n' "$name" "$(elapsed_since "$start")"
        tail -n 60 "$LOG_DIR/lint-$name.log" | sed 's/^/      | /'
        result lint failed "$name"
    fi
}

tracked() { git -C "$REPO_DIR" ls-files -z --cached "$@"; }

check_format() {
    cd "$REPO_DIR"
    tracked '*.c' '*.h' | xargs -0 --no-run-if-empty clang-format-16 --dry-run -Werror
}

check_tidy() {
    python3 "$TESTS_DIR/lib/tidy.py" --build "$REPO_DIR/build/asan" --cache "$TOOLS_DIR/tidy" --jobs "$(nproc)" --program clang-tidy-16
}

# Scripts by extension or by their first line.
check_shell() {
    cd "$REPO_DIR"
    tracked | xargs -0 awk 'FNR == 1 && (/^#!.*[ \/](ba)?sh$/ || /^# shellcheck shell=/) { print FILENAME } { nextfile }' |
        xargs -d '\n' --no-run-if-empty shellcheck --external-sources
}

check_python() {
    cd "$REPO_DIR"
    tracked '*.py' | xargs -0 --no-run-if-empty python3 -c '
import ast, sys
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        ast.parse(file.read(), path)'
}

check_yaml() {
    cd "$REPO_DIR"
    tracked '*.yaml' '*.yml' | xargs -0 --no-run-if-empty "$TEST_VENV/bin/python" -c '
import sys, yaml
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        list(yaml.safe_load_all(file))'
}

# A program or manual page that is not installed on this machine is no fault of a unit.
check_units() {
    local unit found
    for unit in "$REPO_DIR"/build/asan/deploy/systemd/*.service; do
        found=$(systemd-analyze verify "$unit" 2>&1 | grep -v -e 'is not executable: No such file' -e "^[^:]*: Command 'man " || true)
        if [[ -n $found ]]; then
            printf '%s\n' "$found"
            return 1
        fi
    done
}

# build_preset asan|tsan
build_preset() {
    if [[ ! -f $REPO_DIR/build/$1/build.ninja ]]; then (cd "$REPO_DIR" && cmake --preset "$1"); fi
    cmake --build "$REPO_DIR/build/$1" --parallel "$(nproc)" || complain "The build with sanitizers ($1) failed."
}

# step_build asan|tsan
step_build() {
    step "Build ($1)" - with_lock "$TOOLS_DIR/build-$1.lock" build_preset "$1"
}

section_lint() {
    step "System packages" - ensure_packages "$STACK_NEEDS" "$BUILD_NEEDS" "$LINT_NEEDS"
    step "Python packages of the tests" - ensure_test_venv
    step_build asan
    check clang-format check_format
    check clang-tidy check_tidy
    check shellcheck check_shell
    check python-syntax check_python
    check yaml check_yaml
    if have systemd-analyze; then check systemd-units check_units; else result lint skipped systemd-units; fi
}

# run_ctest PRESET NAME ARGUMENTS…: quiet, the output of failing tests is shown.
run_ctest() {
    local preset=$1 name=$2
    shift 2
    mkdir -p "$RESULTS_DIR/$SECTION"
    UBSAN_OPTIONS=print_stacktrace=1 ctest --preset "$preset" --output-on-failure --timeout 300 \
        --output-junit "$RESULTS_DIR/$SECTION/$name.xml" "$@"
}

section_unit() {
    SECTION=unit
    step "System packages" - ensure_packages "$STACK_NEEDS" "$BUILD_NEEDS"
    step_build asan
    step_build tsan
    cd "$REPO_DIR"
    run_ctest asan ctest --label-exclude '^stack$' --parallel "$(nproc)" --no-tests=error
    run_ctest tsan ctest-threads --label-regex '^threads$' --parallel "$(nproc)" --no-tests=error
}

# free_ports: five bases of our own, outside the range that outgoing connections use.
choose_ports() {
    local ports
    ports=$(python3 "$TESTS_DIR/lib/free_ports.py")
    read -r TICKETBUS_PORT_KAFKA TICKETBUS_PORT_POSTGRES TICKETBUS_PORT_QDRANT TICKETBUS_PORT_EMBEDDING TICKETBUS_PORT_GATEWAY <<<"$ports"
    export TICKETBUS_PORT_KAFKA TICKETBUS_PORT_POSTGRES TICKETBUS_PORT_QDRANT TICKETBUS_PORT_EMBEDDING TICKETBUS_PORT_GATEWAY
}

stop_test_stack() {
    mkdir -p "$LOG_DIR/stack"
    cp "$STATE_DIR"/log/*.log "$LOG_DIR/stack/" 2>/dev/null || true
    if [[ ${KEEP_STACK:-no} == yes ]]; then
        printf '\nThe stack still runs: . %s\n' "$ENV_FILE"
    else
        "$LOCAL_DIR/down" --wipe 7>&-
    fi
}

# Few failures are looked at twice, by themselves: what passes then is told as unsteady, not as failed. Errors are not: they are
# what the end of an installation brought to light (a leak, a message against its schema), and no test's own.
AGAIN_MAX=5

run_pytest() { # NAME FOLDER
    local status=0 failed errors
    mkdir -p "$RESULTS_DIR/e2e"
    pytest_once "$1" "$2" "${PYTEST_ARGUMENTS[@]}" || status=$?
    # 5: nothing matched the selection given by hand.
    if ((status == 5 && ${#PYTEST_ARGUMENTS[@]} > 0)); then status=0; fi
    if ((status == 1)); then
        failed=$({ grep -o '<failure ' "$RESULTS_DIR/e2e/$1.xml" || true; } | wc -l)
        errors=$({ grep -o '<error ' "$RESULTS_DIR/e2e/$1.xml" || true; } | wc -l)
        if ((failed <= AGAIN_MAX && errors == 0)); then
            printf '\nOnce more, what failed:\n'
            status=0
            pytest_once "$1.again" "$2" "${PYTEST_ARGUMENTS[@]}" --last-failed --last-failed-no-failures none || status=$?
        fi
    fi
    return "$status"
}

pytest_once() { # NAME FOLDER ARGUMENTS…
    "$TEST_VENV/bin/python" -m pytest "$2" --junit-xml "$RESULTS_DIR/e2e/$1.xml" --timeout 600 -o cache_dir="$WORK_DIR/pytest_cache" "${@:3}"
}

section_e2e() {
    SECTION=e2e
    local status=0
    step "System packages" - ensure_packages "$STACK_NEEDS" "$BUILD_NEEDS" "$KAFKA_NEEDS" "$BROWSER_NEEDS" "$NODE_NEEDS"
    step "Python packages of the tests" - ensure_test_venv
    step "Node packages of the tests" - ensure_test_node
    step_build asan
    "$LOCAL_DIR/down" --wipe >/dev/null 7>&-
    choose_ports
    trap stop_test_stack EXIT
    "$LOCAL_DIR/up" --no-sample 7>&-
    # The ports are for `up` alone: a test that starts a stack of its own chooses its own.
    unset TICKETBUS_PORT_KAFKA TICKETBUS_PORT_POSTGRES TICKETBUS_PORT_QDRANT TICKETBUS_PORT_EMBEDDING TICKETBUS_PORT_GATEWAY
    # shellcheck disable=SC1090
    . "$ENV_FILE"
    # The tests start programs with sanitizers of their own beside the release build's that `up` has started.
    export TICKETBUS_BIN=$REPO_DIR/build/asan/bin TICKETBUS_TEST_LOGS=$LOG_DIR/e2e TICKETBUS_TEST_SCREENSHOTS=$RESULTS_DIR/e2e/screenshots
    cd "$REPO_DIR"
    # C tests that need the servers carry ctest's label `stack`.
    if ctest --test-dir build/asan --show-only -L '^stack$' 2>/dev/null | grep -q 'Test *#'; then
        run_ctest asan ctest-stack -L '^stack$' || status=1
    fi
    unset TICKETBUS_STATE_DIR
    run_pytest stack tests/stack || status=1
    export TICKETBUS_STATE_DIR=$STATE_DIR
    run_pytest e2e tests/e2e || status=1
    return "$status"
}

# The same seeds every time, at half the rate, so that a small machine works off what has piled up; TICKETBUS_TEST_SEEDS="2 3" for others.
section_chaos() {
    step "System packages" - ensure_packages "$STACK_NEEDS" "$BUILD_NEEDS" "$KAFKA_NEEDS"
    step "Python packages of the tests" - ensure_test_venv
    local base seed status=0
    base=$(python3 "$TESTS_DIR/lib/free_ports.py")
    base=${base%% *}
    trap 'TICKETBUS_STATE_DIR=$WORK_DIR/chaos "$LOCAL_DIR/down" --wipe >"$LOG_DIR/chaos-down.log" 2>&1 7>&-' EXIT
    # The proxy before Kafka takes base+3, so that Postgres and the one before it begin at base+4.
    for seed in ${TICKETBUS_TEST_SEEDS:-1}; do
        if TICKETBUS_STATE_DIR=$WORK_DIR/chaos TICKETBUS_PORT_KAFKA=$base TICKETBUS_PORT_POSTGRES=$((base + 4)) \
            "$TESTS_DIR/chaos/run" --seconds 180 --rate 150 --seed "$seed" 7>&-; then
            result chaos passed "seed $seed"
        else
            result chaos failed "seed $seed"
            status=1
        fi
    done
    return "$status"
}
