# shellcheck shell=bash
# Starting, finding and stopping the processes of one stack.
#
# run/PART.pid holds "PID STARTTIME": the start time (field 22 of /proc/PID/stat) tells our process from a later one
# with the same number. Each process also carries TICKETBUS_STACK_PART=STATE_DIR:PART in its environment, so that it is
# found even when the pid file is lost. run/PART.stamp holds a digest of what it was started with: another digest means
# that it has to be started anew.

# start_time PID: clock ticks since boot; fails when there is no such process or it is a zombie.
start_time() {
    local line
    line=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    line=${line##*) } # the name in brackets may hold spaces
    local fields
    read -ra fields <<<"$line"
    [[ ${fields[0]} != Z ]] || return 1
    printf '%s' "${fields[19]}"
}

# part_pid PART: prints the id of the running process, else fails.
part_pid() {
    local pid started
    [[ -r $RUN_DIR/$1.pid ]] || return 1
    read -r pid started <"$RUN_DIR/$1.pid" || return 1
    [[ $pid =~ ^[0-9]+$ && $(start_time "$pid") == "$started" ]] || return 1
    printf '%s' "$pid"
}

# start_part PART STAMP COMMAND…: COMMAND must exec its way to the daemon. Output is appended to log/PART.log.
start_part() {
    local part=$1 stamp=$2 pid log=$LOG_DIR/$1.log
    shift 2
    if [[ -f $log ]] && (($(stat -c %s "$log") > 20 * 1024 * 1024)); then mv -f "$log" "$log.1"; fi
    # A background job of a script is no group leader, so setsid becomes the daemon itself and keeps the process id.
    (
        cd / || exit 1
        exec env TICKETBUS_STACK_PART="$STATE_DIR:$part" setsid "$@"
    ) >>"$log" 2>&1 </dev/null 8>&- 9>&- &
    pid=$!
    disown "$pid"
    printf '%s %s\n' "$pid" "$(start_time "$pid" || echo 0)" | write_file "$RUN_DIR/$part.pid" 0644
    printf '%s\n' "$stamp" | write_file "$RUN_DIR/$part.stamp" 0644
}

# wait_healthy PART SECONDS COMMAND…: polls COMMAND; a process that died ends the wait at once.
wait_healthy() {
    local part=$1 deadline=$((SECONDS + $2))
    shift 2
    while true; do
        if ! part_pid "$part" >/dev/null; then fail "$part stopped while starting."; fi
        if "$@" >/dev/null 2>&1; then return 0; fi
        if ((SECONDS >= deadline)); then fail "$part runs but does not answer yet; its log may say why."; fi
        sleep 0.2
    done
}

# need_port PORT VARIABLE [VALUE]: fails with the name of the process that has it. VALUE is what VARIABLE holds where
# PORT is only derived from it.
need_port() {
    local owner value=${3:-$1}
    owner=$(probe port "$1")
    if [[ -z $owner ]]; then return 0; fi
    fail "Port $1 is taken by $owner." \
        "Stop that process or choose another port: $2=$((value + 1000)) deploy/local/up"
}

# running_as PART STAMP: true when it runs and was started with the same stamp from a program that is still there.
running_as() {
    local pid
    pid=$(part_pid "$1") || return 1
    [[ $(cat "$RUN_DIR/$1.stamp" 2>/dev/null) == "$2" ]] || return 1
    [[ $(readlink "/proc/$pid/exe" 2>/dev/null) != *' (deleted)' ]]
}

# stop_signal PART: how this part is asked to stop in good order.
stop_signal() {
    case $1 in
        postgres) echo INT ;; # "fast": ends sessions, writes a checkpoint
        *) echo TERM ;;
    esac
}

# pids_of PART: the recorded process and any other that carries the part's tag (a lost pid file, a double start).
pids_of() {
    {
        part_pid "$1" && echo
        probe tagged "TICKETBUS_STACK_PART=$STATE_DIR:$1"
    } | sort -un | sed '/^$/d'
}

# stop_part PART [SECONDS]: asks, waits, then kills. Prints "stopped", "killed" or "not running".
stop_part() {
    local part=$1 seconds=${2:-20} pids pid result=stopped deadline
    pids=$(pids_of "$part")
    if [[ -z $pids ]]; then
        rm -f "$RUN_DIR/$part.pid" "$RUN_DIR/$part.stamp"
        echo "not running"
        return 0
    fi
    for pid in $pids; do kill -s "$(stop_signal "$part")" "$pid" 2>/dev/null || true; done
    deadline=$((SECONDS + seconds))
    while true; do
        pids=$(for pid in $pids; do if start_time "$pid" >/dev/null; then echo "$pid"; fi; done)
        [[ -n $pids ]] || break
        if ((SECONDS >= deadline)); then
            result=killed
            for pid in $pids; do kill -s KILL "$pid" 2>/dev/null || true; done
            sleep 0.3
            break
        fi
        sleep 0.1
    done
    # What the process itself has started and left behind carries the tag too.
    for pid in $(probe tagged "TICKETBUS_STACK_PART=$STATE_DIR:$part"); do kill -s KILL "$pid" 2>/dev/null || true; done
    rm -f "$RUN_DIR/$part.pid" "$RUN_DIR/$part.stamp"
    echo "$result"
}

# known_parts: every part with a pid file or expected by the last `up`, in starting order.
known_parts() {
    local part
    for part in "${PART_NAMES[@]}"; do echo "$part"; done
    {
        if [[ -r $RUN_DIR/expected ]]; then cat "$RUN_DIR/expected"; fi
        find "$RUN_DIR" -maxdepth 1 -name '*.pid' -printf '%f\n' 2>/dev/null | sed 's/\.pid$//'
    } | sort -u | grep -vxF "$(printf '%s\n' "${PART_NAMES[@]}")" || true
}

expect_part() {
    if ! grep -qxF "$1" "$RUN_DIR/expected" 2>/dev/null; then echo "$1" >>"$RUN_DIR/expected"; fi
}

forget_part() { # PART: no longer expected by status
    local rest
    rest=$(grep -vxF "$1" "$RUN_DIR/expected" 2>/dev/null || true)
    printf '%s' "${rest:+$rest$'\n'}" | write_file "$RUN_DIR/expected" 0644
}
