# shellcheck shell=bash disable=SC2034  # variables for the other parts of the library
# Paths, ports and small helpers that every script of the local stack shares.
# Sourced, never run. Callers have set LOCAL_DIR to deploy/local.

set -Eeuo pipefail
umask 022

REPO_DIR=$(cd "$LOCAL_DIR/../.." && pwd)

# What can be fetched or built again lives in the tools folder and is shared by all stacks of this checkout;
# what belongs to one stack lives in its state folder. By default the two are the same folder.
TOOLS_DIR=$REPO_DIR/.local
STATE_DIR=${TICKETBUS_STATE_DIR:-$TOOLS_DIR}
case $STATE_DIR in
    /*) ;;
    *) STATE_DIR=$PWD/$STATE_DIR ;;
esac

BIN_DIR=$TOOLS_DIR/bin
VENV_DIR=$TOOLS_DIR/venv
KAFKA_LIBS_DIR=$TOOLS_DIR/kafka/libs
LOG_DIR=$STATE_DIR/log
RUN_DIR=$STATE_DIR/run
DATA_DIR=$STATE_DIR/data
ENV_FILE=$STATE_DIR/env
PORTS_FILE=$STATE_DIR/ports
TOKEN_FILE=$DATA_DIR/secrets/token

# Every process of the stack, in the order it is started. Stopping goes backwards.
PART_NAMES=(kafka postgres qdrant embedding)

# load_ports: the environment wins, then what this stack used last, then the default.
load_ports() {
    local name value
    local -A saved=()
    if [[ -r $PORTS_FILE ]]; then
        while IFS='=' read -r name value; do
            if [[ $name == TICKETBUS_PORT_* && $value =~ ^[0-9]+$ ]]; then saved[$name]=$value; fi
        done <"$PORTS_FILE"
    fi
    PORT_KAFKA=${TICKETBUS_PORT_KAFKA:-${saved[TICKETBUS_PORT_KAFKA]:-19092}}
    PORT_POSTGRES=${TICKETBUS_PORT_POSTGRES:-${saved[TICKETBUS_PORT_POSTGRES]:-15432}}
    PORT_QDRANT=${TICKETBUS_PORT_QDRANT:-${saved[TICKETBUS_PORT_QDRANT]:-16333}}
    PORT_EMBEDDING=${TICKETBUS_PORT_EMBEDDING:-${saved[TICKETBUS_PORT_EMBEDDING]:-18080}}
    # A stack with ports of its own gets one of its own here, too.
    PORT_GATEWAY=${TICKETBUS_PORT_GATEWAY:-${saved[TICKETBUS_PORT_GATEWAY]:-$(((PORT_KAFKA == 19092) ? 18800 : PORT_KAFKA + 5))}}
    for name in KAFKA POSTGRES QDRANT EMBEDDING GATEWAY; do
        value=PORT_$name
        if [[ ! ${!value} =~ ^[1-9][0-9]{0,4}$ ]] || ((${!value} > 65534)); then
            printf 'TICKETBUS_PORT_%s=%s is not a port (1 to 65534)\n' "$name" "${!value}" >&2
            exit 2
        fi
    done
    # Kafka's controller speaks on a port of its own, right beside the broker's.
    PORT_KAFKA_CONTROLLER=$((PORT_KAFKA + 1))
}

save_ports() {
    printf 'TICKETBUS_PORT_%s\n' "KAFKA=$PORT_KAFKA" "POSTGRES=$PORT_POSTGRES" "QDRANT=$PORT_QDRANT" \
        "EMBEDDING=$PORT_EMBEDDING" "GATEWAY=$PORT_GATEWAY" | write_file "$PORTS_FILE" 0644
}

# write_file PATH MODE: standard input becomes the file, whole or not at all.
write_file() {
    local path=$1 mode=$2 partial=$1.partial.$BASHPID
    (umask 077 && cat >"$partial")
    chmod "$mode" "$partial"
    mv -f "$partial" "$path"
}

have() { command -v "$1" >/dev/null 2>&1; }

is_root() { [[ $(id -u) == 0 ]]; }

# own_state: a stack belongs to the user who started it first.
own_state() {
    if [[ -e $STATE_DIR && ! -O $STATE_DIR ]]; then
        printf '%s belongs to %s. Run this as that user, or set TICKETBUS_STATE_DIR to a folder of your own.\n' \
            "$STATE_DIR" "$(stat -c %U "$STATE_DIR")" >&2
        exit 1
    fi
}

# digest: a short hash of standard input, for stamps.
digest() { sha256sum | cut -c1-16; }

# probe ARGS…: see probe.py.
probe() { python3 "$LOCAL_DIR/lib/probe.py" "$@"; }

# with_lock FILE COMMAND…: one at a time per FILE; daemons started inside must close fd 8.
with_lock() {
    local file=$1
    shift
    (
        exec 8>"$file"
        flock -w 600 8
        "$@"
    )
}

# in_list WORD COMMA-LIST
in_list() { [[ ,$2, == *",$1,"* ]]; }
