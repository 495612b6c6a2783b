# shellcheck shell=bash
# One virtual environment for the stack's Python parts, made again only when a requirements file has changed.

python_stamp() { cat "$LOCAL_DIR/requirements.txt" "$LOCAL_DIR"/parts/requirements*.txt | digest; }

ensure_venv() { with_lock "$TOOLS_DIR/venv.lock" ensure_venv_locked; }

ensure_venv_locked() {
    local stamp python
    stamp=$(python_stamp)
    if [[ -x $VENV_DIR/bin/python && $(cat "$VENV_DIR/.stamp" 2>/dev/null) == "$stamp" ]]; then
        note "unchanged"
        return 0
    fi
    if ! "$VENV_DIR/bin/python" -c '' 2>/dev/null; then
        python=$(find_python)
        rm -rf "$VENV_DIR"
        "$python" -m venv "$VENV_DIR"
    fi
    rm -f "$VENV_DIR/.stamp"
    PIP_DISABLE_PIP_VERSION_CHECK=1 "$VENV_DIR/bin/python" -m pip install --quiet --no-input \
        -r "$LOCAL_DIR/requirements.txt" ||
        complain "pip could not install deploy/local/requirements.txt (is the package index reachable?)."
    printf '%s\n' "$stamp" >"$VENV_DIR/.stamp"
}
