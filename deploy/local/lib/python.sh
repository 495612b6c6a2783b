# shellcheck shell=bash
# Virtual environments, made again only when a requirements file has changed.

ensure_venv() { ensure_venv_at "$VENV_DIR" "$LOCAL_DIR/requirements.txt" "$LOCAL_DIR"/parts/requirements.txt; }

# ensure_venv_at FOLDER REQUIREMENTS [FILES THEY INCLUDE…]: the requirements are complete, so nothing else is resolved.
ensure_venv_at() { with_lock "$1.lock" ensure_venv_locked "$@"; }

python_stamp() { cat "$LOCAL_DIR/requirements.txt" "$LOCAL_DIR"/parts/requirements.txt | digest; }

ensure_venv_locked() {
    local venv=$1 requirements=$2 stamp python
    shift
    stamp=$(cat "$@" | digest)
    if [[ -x $venv/bin/python && $(cat "$venv/.stamp" 2>/dev/null) == "$stamp" ]]; then
        note "unchanged"
        return 0
    fi
    # A run that was interrupted may have left one without pip.
    if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        python=$(find_python)
        rm -rf "$venv"
        "$python" -m venv "$venv"
    fi
    rm -f "$venv/.stamp"
    PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/python" -m pip install --quiet --no-input --no-deps -r "$requirements" ||
        complain "pip could not install $requirements (is the package index reachable?)."
    printf '%s\n' "$stamp" >"$venv/.stamp"
}
