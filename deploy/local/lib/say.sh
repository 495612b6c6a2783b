# shellcheck shell=bash
# What a person sees: one line per step with the seconds it took; on a failure the reason, the end of the log that
# belongs to the part, and what to do.


elapsed_since() { # START in EPOCHREALTIME form; prints seconds with one decimal
    local from=${1/[.,]/} now=${EPOCHREALTIME/[.,]/}
    local tenths=$(((now - from) / 100000))
    printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# note TEXT: inside a step, a remark for the step's line ("already running").
note() { if [[ -n ${STEP_NOTE_FILE:-} ]]; then printf '%s' "$*" >"$STEP_NOTE_FILE"; fi; }

# fail TEXT…: inside a step, the whole reason a person needs; ends the step.
fail() {
    if [[ -n ${STEP_FAIL_FILE:-} ]]; then printf '%s\n' "$@" >>"$STEP_FAIL_FILE"; fi
    printf 'error: %s\n' "$@" >&2
    exit 1
}

# complain TEXT…: the same where the output so far is the evidence: its last lines are shown as well.
complain() {
    : >"$STEP_FAIL_FILE.evidence"
    fail "$@"
}

# ticker TITLE LOG: on a terminal, keeps the line of the step that runs alive: seconds, and how far a build has come.
ticker() {
    local seconds=0 progress
    while kill -0 $$ 2>/dev/null; do
        progress=$(tail -n 1 "$2" 2>/dev/null | grep -o '^\[[0-9]*/[0-9]*\]' || true)
        printf '\r  ..  %-58s %6s s\033[K' "$1${progress:+ $progress}" "$seconds"
        sleep 1
        seconds=$((seconds + 1))
    done
}

# tick_on TITLE LOG starts the ticker where somebody watches; tick_off ends it and clears its line.
tick_on() {
    TICKER_PID=
    if [[ -t 1 ]]; then
        ticker "$@" 7>&- 8>&- 9>&- &
        TICKER_PID=$!
    fi
}

tick_off() {
    if [[ -n $TICKER_PID ]]; then
        kill "$TICKER_PID" 2>/dev/null || true
        wait "$TICKER_PID" 2>/dev/null || true
        printf '\r\033[K'
    fi
}

# step TITLE PART COMMAND…: runs COMMAND with its output in log/up.log. PART names the process whose log is shown when
# the step fails ('-' for none). Must not be called in a condition: `set -e` would be off inside.
step() {
    local title=$1 part=$2 start=$EPOCHREALTIME status log=$LOG_DIR/up.log from part_from=0 remark
    shift 2
    STEP_NOTE_FILE=$RUN_DIR/step.note
    STEP_FAIL_FILE=$RUN_DIR/step.fail
    rm -f "$STEP_NOTE_FILE" "$STEP_FAIL_FILE" "$STEP_FAIL_FILE.evidence"
    printf '== %s\n' "$title" >>"$log"
    tick_on "$title" "$log"
    from=$(stat -c %s "$log")
    if [[ $part != - && -f $LOG_DIR/$part.log ]]; then part_from=$(stat -c %s "$LOG_DIR/$part.log"); fi
    set +e
    (
        set -Eeuo pipefail
        "$@"
    ) >>"$log" 2>&1 </dev/null
    status=$?
    set -e
    tick_off
    if ((status == 0)); then
        remark=
        if [[ -s $STEP_NOTE_FILE ]]; then remark=" ($(<"$STEP_NOTE_FILE"))"; fi
        printf '  ok  %-58s %6s s\n' "$title$remark" "$(elapsed_since "$start")"
        rm -f "$STEP_NOTE_FILE" "$STEP_FAIL_FILE"
        return 0
    fi
    printf 'FAIL  %-58s %6s s\n' "$title" "$(elapsed_since "$start")"
    explain_failure "$part" "$log" "$from" "$part_from"
    exit 1
}

# explain_failure PART UP-LOG OFFSET PART-OFFSET: reason first, then the evidence, on standard error.
explain_failure() {
    local part=$1 log=$2 from=$3 part_from=$4 shown=$2 offset=$3
    {
        echo
        if [[ -s $STEP_FAIL_FILE ]]; then
            sed 's/^/      /' "$STEP_FAIL_FILE"
            echo
        fi
        if [[ $part != - && -f $LOG_DIR/$part.log ]] && (($(stat -c %s "$LOG_DIR/$part.log") > part_from)); then
            shown=$LOG_DIR/$part.log
            offset=$part_from
        fi
        # With a reason given, the installer's own output adds nothing; a daemon's log may.
        if [[ ! -s $STEP_FAIL_FILE || -f $STEP_FAIL_FILE.evidence || $shown != "$log" ]]; then
            echo "      The last lines of $shown:"
            tail -c +$((offset + 1)) "$shown" | tail -n 20 | sed 's/^/      | /'
            echo
        fi
        echo "      Once that is put right, run the same command again: it goes on from here."
    } >&2
}
