# shellcheck shell=bash
# Qdrant and the embedding server: outside ones where QDRANT_URL or EMBEDDING_URL name them, else our own Python parts.
#
# The stack's own env file exports the same two variables. Whoever has sourced it must not be taken to have a server of
# his own, so the env file also says which address is a local stack's.

outside_qdrant() { [[ -n ${QDRANT_URL:-} && ${QDRANT_URL:-} != "${TICKETBUS_LOCAL_QDRANT_URL:-}" ]]; }
outside_embedding() { [[ -n ${EMBEDDING_URL:-} && ${EMBEDDING_URL:-} != "${TICKETBUS_LOCAL_EMBEDDING_URL:-}" ]]; }

# expect_vectors qdrant|embedding: for status, which also has to know about an outside server.
expect_vectors() {
    local rest
    rest=$(grep -v "^$1 " "$RUN_DIR/outside" 2>/dev/null || true)
    if "outside_$1"; then
        rest+=${rest:+$'\n'}"$1 $("$1_url")"
        forget_part "$1"
    else
        expect_part "$1"
    fi
    printf '%s\n' "$rest" | write_file "$RUN_DIR/outside" 0644
}

qdrant_url() { if outside_qdrant; then echo "${QDRANT_URL%/}"; else echo "http://127.0.0.1:$PORT_QDRANT"; fi; }

# The base of the API: clients add /embeddings.
embedding_url() {
    if outside_embedding; then echo "${EMBEDDING_URL%/}"; else echo "http://127.0.0.1:$PORT_EMBEDDING/v1"; fi
}

qdrant_healthy() { PROBE_API_KEY=${QDRANT_API_KEY:-} probe http "$1/readyz"; }

# Of our own server only: an outside one may have no /health, `ticketctl doctor` asks it for an embedding.
embedding_healthy() { probe http "http://127.0.0.1:$PORT_EMBEDDING/health"; }

# The parts' own sources: a change of any restarts both.
parts_sources() { find "$LOCAL_DIR/parts" -name '*.py' -print0 | sort -z | xargs -0 cat; }

start_qdrant() {
    local url stamp
    url=$(qdrant_url)
    if outside_qdrant; then
        stop_part qdrant
        qdrant_healthy "$url" || fail "QDRANT_URL=$url does not answer GET /readyz." \
            "Start that server, or unset QDRANT_URL to use the built-in one."
        note "at $url"
        return 0
    fi
    stamp=$({
        parts_sources
        python_stamp
        echo "$PORT_QDRANT"
    } | digest)
    if running_as qdrant "$stamp" && qdrant_healthy "$url"; then
        note "already running"
        return 0
    fi
    stop_part qdrant
    need_port "$PORT_QDRANT" TICKETBUS_PORT_QDRANT
    mkdir -p "$DATA_DIR/qdrant"
    start_part qdrant "$stamp" env -u QDRANT_API_KEY "$VENV_DIR/bin/python" -u "$LOCAL_DIR/parts/qdrant_edge.py" \
        --port "$PORT_QDRANT" --data "$DATA_DIR/qdrant"
    wait_healthy qdrant 60 qdrant_healthy "$url"
}

start_embedding() {
    local url stamp
    url=$(embedding_url)
    if outside_embedding; then
        stop_part embedding
        note "at $url"
        return 0
    fi
    stamp=$({
        parts_sources
        python_stamp
        echo "$PORT_EMBEDDING"
    } | digest)
    if running_as embedding "$stamp" && embedding_healthy; then
        note "already running"
        return 0
    fi
    stop_part embedding
    need_port "$PORT_EMBEDDING" TICKETBUS_PORT_EMBEDDING
    start_part embedding "$stamp" env -u EMBEDDING_API_KEY "$VENV_DIR/bin/python" -u "$LOCAL_DIR/parts/embedding_server.py" \
        --port "$PORT_EMBEDDING"
    wait_healthy embedding 90 embedding_healthy
}
