# shellcheck shell=bash
# Building Ticketbus itself, and running its daemons.

PROGRAMS=(ticketbus-worker ticketbus-indexer ticketbus-gateway ticketctl)

ensure_build() { with_lock "$TOOLS_DIR/build.lock" build_release; }

# build_release: ninja decides what has to be compiled; a program is copied only when it differs, so that a running
# daemon is replaced exactly when its program changed. Nothing else is built: linking takes long here.
build_release() {
    local build=$REPO_DIR/build/release program built changed=0
    if [[ ! -f $build/build.ninja ]]; then (cd "$REPO_DIR" && cmake --preset release); fi
    cmake --build "$build" --parallel "$(nproc)" --target "${PROGRAMS[@]}" ||
        complain "The build failed. By hand: cmake --preset release && cmake --build --preset release"
    mkdir -p "$BIN_DIR"
    for program in "${PROGRAMS[@]}"; do
        built=$(find "$build" -type f -name "$program" -perm -u+x -print -quit)
        if [[ -n $built ]] && ! cmp -s "$built" "$BIN_DIR/$program"; then
            install -m 0755 "$built" "$BIN_DIR/$program.new"
            mv -f "$BIN_DIR/$program.new" "$BIN_DIR/$program"
            changed=$((changed + 1))
        fi
    done
    if ((changed == 0)); then note "unchanged"; fi
}

need_program() {
    if [[ ! -x $BIN_DIR/$1 ]]; then fail "The program $1 is not in $BIN_DIR." "Run deploy/local/up without --only."; fi
}

# with_env COMMAND…: with the settings of this stack.
with_env() {
    (
        # shellcheck disable=SC1090
        . "$ENV_FILE"
        exec "$@"
    )
}

start_with_env() { # PART STAMP COMMAND…
    (
        # shellcheck disable=SC1090
        . "$ENV_FILE"
        start_part "$@"
    )
}

migrate_schema() {
    need_program ticketctl
    with_env "$BIN_DIR/ticketctl" migrate up
}

ensure_topics() {
    need_program ticketctl
    with_env "$BIN_DIR/ticketctl" topics ensure
}

# --once: what has been done to the sample board since is not done over.
load_sample() {
    need_program ticketctl
    with_env "$BIN_DIR/ticketctl" send --once --in-order "$LOCAL_DIR/sample/board.jsonl"
}

# A daemon is ready when it still runs a moment later: neither offers a port. `ticketctl doctor` looks deeper.
still_running() { # PART SECONDS
    local until=$((SECONDS + $2))
    while ((SECONDS < until)); do
        part_pid "$1" >/dev/null || fail "$1 stopped while starting."
        sleep 0.2
    done
}

# start_daemons PROGRAM NAME COUNT: NAME-1 … NAME-COUNT; those above COUNT from an earlier run are stopped.
start_daemons() {
    local program=$1 name=$2 count=$3 stamp part number fresh=0
    need_program "$program"
    stamp=$({
        cat "$ENV_FILE"
        sha256sum <"$BIN_DIR/$program"
    } | digest)
    for ((number = 1; number <= count; number++)); do
        part=$name-$number
        expect_part "$part"
        if ! running_as "$part" "$stamp"; then
            stop_part "$part"
            start_with_env "$part" "$stamp" "$BIN_DIR/$program"
            fresh=1
        fi
    done
    for part in $(known_parts); do
        if [[ $part =~ ^$name-([0-9]+)$ ]] && ((BASH_REMATCH[1] > count)); then
            stop_part "$part"
            forget_part "$part"
        fi
    done
    if ((fresh == 0)); then
        note "already running"
        return 0
    fi
    for ((number = 1; number <= count; number++)); do still_running "$name-$number" 1; done
}

# ensure_token: one token that may do everything on this stack, in the env file as TICKETBUS_TOKEN.
ensure_token() {
    need_program ticketctl
    if [[ -s $TOKEN_FILE ]] && with_env "$BIN_DIR/ticketctl" token list --json | grep -q '"name":"local"'; then
        note "unchanged"
        return 0
    fi
    (umask 077 && mkdir -p "$DATA_DIR/secrets")
    with_env "$BIN_DIR/ticketctl" token revoke local 2>/dev/null || true
    with_env "$BIN_DIR/ticketctl" token create local --scope admin 2>/dev/null | write_file "$TOKEN_FILE" 0600
    write_env
}

gateway_healthy() { probe http "http://127.0.0.1:$PORT_GATEWAY/readyz"; }

start_gateway() {
    local stamp
    need_program ticketbus-gateway
    stamp=$({
        cat "$ENV_FILE"
        sha256sum <"$BIN_DIR/ticketbus-gateway"
    } | digest)
    if running_as gateway "$stamp" && gateway_healthy; then
        note "already running"
        return 0
    fi
    stop_part gateway
    need_port "$PORT_GATEWAY" TICKETBUS_PORT_GATEWAY
    start_with_env gateway "$stamp" "$BIN_DIR/ticketbus-gateway"
    wait_healthy gateway 30 gateway_healthy
    note "http://127.0.0.1:$PORT_GATEWAY"
}
