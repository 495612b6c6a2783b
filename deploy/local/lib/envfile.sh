# shellcheck shell=bash
# .local/env: the settings of the running stack, for ticketctl, the tests and any client: `. .local/env`.

quoted() { printf "'%s'" "${1//\'/\'\\\'\'}"; }

export_line() { printf 'export %s=%s\n' "$1" "$(quoted "$2")"; } # NAME VALUE

write_env() {
    local qdrant embedding
    qdrant=$(qdrant_url)
    embedding=$(embedding_url)
    {
        echo "# Settings of the local Ticketbus stack, written by deploy/local/up. Use: . ${ENV_FILE##*/}"
        export_line DB_HOST 127.0.0.1
        export_line DB_PORT "$PORT_POSTGRES"
        export_line DB_NAME "$PG_DATABASE"
        export_line DB_USER "$PG_APP_USER"
        export_line DB_PASSWORD "$(secret "$PG_APP_USER")"
        export_line DB_SSLMODE disable
        export_line KAFKA_BROKERS "127.0.0.1:$PORT_KAFKA"
        export_line QDRANT_URL "$qdrant"
        if outside_qdrant; then
            if [[ -n ${QDRANT_API_KEY:-} ]]; then export_line QDRANT_API_KEY "$QDRANT_API_KEY"; fi
        else
            export_line TICKETBUS_LOCAL_QDRANT_URL "$qdrant"
        fi
        export_line EMBEDDING_URL "$embedding"
        if outside_embedding; then
            export_line EMBEDDING_PROVIDER "${EMBEDDING_PROVIDER:-openai}"
            export_line EMBEDDING_MODEL "${EMBEDDING_MODEL:-text-embedding-3-small}"
            export_line EMBEDDING_DIM "${EMBEDDING_DIM:-1536}"
            export_line EMBEDDING_API_KEY "${EMBEDDING_API_KEY:-}"
        else
            export_line EMBEDDING_PROVIDER local
            export_line EMBEDDING_MODEL all-MiniLM-L6-v2
            export_line EMBEDDING_DIM 384
            export_line EMBEDDING_API_KEY ''
            export_line TICKETBUS_LOCAL_EMBEDDING_URL "$embedding"
        fi
        export_line TICKETBUS_GATEWAY_LISTEN "127.0.0.1:$PORT_GATEWAY"
        export_line TICKETBUS_URL "http://127.0.0.1:$PORT_GATEWAY"
        if [[ -s $TOKEN_FILE ]]; then export_line TICKETBUS_TOKEN "$(cat "$TOKEN_FILE")"; fi
        export_line TICKETBUS_PG_BIN "$(pg_packaged_dir)/bin"
        # Written so that sourcing twice adds nothing.
        # shellcheck disable=SC2016  # $PATH is for the shell that reads the file
        printf 'case ":$PATH:" in *:%s:*) ;; *) export PATH=%s:"$PATH" ;; esac\n' \
            "$(quoted "$BIN_DIR")" "$(quoted "$BIN_DIR")"
    } | write_file "$ENV_FILE" 0600
}
