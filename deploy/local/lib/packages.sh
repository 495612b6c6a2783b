# shellcheck shell=bash disable=SC2034  # variables for the other parts of the library
# Debian packages: asks for what is missing only, by what it provides, so that another JDK or a self-built library
# counts as well.

# Each line: kind, name, Debian package. `command` looks in PATH, `lib` asks pkg-config, `java` wants 17 or newer,
# `venv` wants a Python that can make virtual environments.
BUILD_NEEDS='
command cc gcc
command cmake cmake
command ninja ninja-build
command pkg-config pkg-config
lib rdkafka librdkafka-dev
lib libpq libpq-dev
lib jansson libjansson-dev
lib libcurl libcurl4-openssl-dev
lib libcrypto libssl-dev
lib uuid uuid-dev
lib libmicrohttpd libmicrohttpd-dev
lib zlib zlib1g-dev
lib cmocka libcmocka-dev
'
STACK_NEEDS='
command python3 python3
venv - python3-venv
command flock util-linux
command git git
'
KAFKA_NEEDS='
java - openjdk-17-jre-headless
'

java_is_new_enough() {
    local version
    version=$(java -version 2>&1 | sed -n '1s/.*version "\([0-9]*\).*/\1/p')
    [[ -n $version ]] && ((version >= 17))
}

is_provided() { # KIND NAME
    case $1 in
        command) have "$2" ;;
        lib) have pkg-config && pkg-config --exists "$2" ;;
        java) have java && java_is_new_enough ;;
        venv) [[ -n $(find_python) ]] ;;
        *) return 1 ;;
    esac
}

# find_python: a Python of 3.11 or newer that can make virtual environments; prints nothing when there is none.
find_python() {
    local candidate
    for candidate in python3 /usr/bin/python3; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return 0
        fi
    done
}

# missing_packages NEEDS…: the packages to install, one a line.
missing_packages() {
    local kind name package
    while read -r kind name package; do
        if [[ -n $kind ]] && ! is_provided "$kind" "$name"; then echo "$package"; fi
    done <<<"$(printf '%s\n' "$@")" | sort -u
}

# install_packages PACKAGE…
install_packages() {
    local as_root=()
    if ! have apt-get; then
        fail "This machine lacks: $*" "It has no apt-get: install the same things with its own package manager."
    fi
    if ! is_root; then
        if have sudo && sudo -n true 2>/dev/null; then
            as_root=(sudo -n)
        else
            fail "These packages are missing and installing them takes root:" \
                "    sudo apt-get install --no-install-recommends $*"
        fi
    fi
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300)
    "${apt[@]}" update
    "${apt[@]}" install --no-install-recommends "$@"
}

# ensure_packages NEEDS…: a step of its own.
ensure_packages() {
    local missing
    missing=$(missing_packages "$@")
    if [[ -z $missing ]]; then
        note "nothing missing"
        return 0
    fi
    # shellcheck disable=SC2086  # one word per package
    install_packages $missing
    missing=$(missing_packages "$@")
    if [[ -n $missing ]]; then fail "Installed, and still not usable: $missing"; fi
    note "installed"
}
