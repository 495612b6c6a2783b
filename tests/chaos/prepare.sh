# shellcheck shell=bash
# What tests/chaos/run and tests/chaos/plant-all need on the machine: servers of their own, programs built with crash
# points, and the Python packages of the tests. The caller has set CHAOS_DIR and REPO_DIR.

export TICKETBUS_STATE_DIR=${TICKETBUS_STATE_DIR:-$REPO_DIR/.local-tests/chaos}
export TICKETBUS_PORT_KAFKA=${TICKETBUS_PORT_KAFKA:-41092} TICKETBUS_PORT_POSTGRES=${TICKETBUS_PORT_POSTGRES:-41432}
# Without it, and where it cannot be installed, clock-jump is skipped.
CHAOS_NEEDS='
command faketime faketime
'
CHAOS_PYTHON=$REPO_DIR/.local/venv-tests/bin/python

# in_stack COMMAND…: with the functions of deploy/local, which set options and names of their own.
in_stack() {
    (
        # shellcheck disable=SC2034
        LOCAL_DIR=$REPO_DIR/deploy/local
        # shellcheck disable=SC1091
        . "$REPO_DIR/deploy/local/lib/load.sh"
        mkdir -p "$TOOLS_DIR" "$STATE_DIR"
        "$@"
    )
}

prepare_python() {
    if [[ ! -x $CHAOS_PYTHON ]]; then
        in_stack ensure_venv_at "$REPO_DIR/.local/venv-tests" "$REPO_DIR/tests/requirements.txt" \
            "$REPO_DIR/tests/e2e/parts/requirements.txt"
    fi
}

prepare_servers() {
    if [[ -n ${CHAOS_SERVERS_READY:-} ]]; then return 0; fi
    in_stack ensure_packages "$CHAOS_NEEDS" >/dev/null || true
    "$REPO_DIR/deploy/local/up" --only kafka,postgres >"${TMPDIR:-/tmp}/chaos-up.$$" 2>&1 || {
        cat "${TMPDIR:-/tmp}/chaos-up.$$" >&2
        rm -f "${TMPDIR:-/tmp}/chaos-up.$$"
        return 1
    }
    rm -f "${TMPDIR:-/tmp}/chaos-up.$$"
}

# build FOLDER PLANT TARGET…
build() {
    local folder=$1 plant=$2 log=${TMPDIR:-/tmp}/chaos-build.$$
    shift 2
    {
        cmake -S "$REPO_DIR" -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DTB_FAULTS=ON -DTB_PLANT="$plant" &&
            cmake --build "$folder" --parallel "${CHAOS_JOBS:-2}" --target "$@"
    } >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        rm -f "$log"
        return 1
    }
    rm -f "$log"
}

# prepare_programs [PLANT]: ticketctl, and the worker with crash points and the planted bug if one is named, or those of
# TICKETBUS_BIN if it is set and none is. Sets TICKETBUS_BIN.
prepare_programs() {
    local plant=${1:-} plain=$REPO_DIR/build/chaos
    if [[ -z $plant && -n ${TICKETBUS_BIN:-} ]]; then return 0; fi
    if [[ -z $plant ]]; then
        build "$plain" "" ticketbus-worker ticketctl
        export TICKETBUS_BIN=$plain/bin
        return 0
    fi
    build "$plain" "" ticketctl
    build "$plain-$plant" "$plant" ticketbus-worker
    ln -sf "$plain/bin/ticketctl" "$plain-$plant/bin/ticketctl"
    export TICKETBUS_BIN=$plain-$plant/bin
}
