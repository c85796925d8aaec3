set -euo pipefail

# until_done COMMAND...: repeats it until it succeeds, for at most 20 seconds.
until_done() {
    local end=$((SECONDS + 20))
    while ((SECONDS < end)); do
        if "$@" >last.out 2>&1; then return; fi
        sleep 0.1
    done
    echo "not within 20 seconds: $*" >&2
    cat last.out ./*.log >&2
    return 1
}

# The ports that anything listens on here, in order.
listening() {
    local ports
    ports=$(awk '$4 == "0A" { split($2, at, ":"); print at[2] }' /proc/net/tcp /proc/net/tcp6 |
        while read -r port; do echo $((16#$port)); done | sort -nu | tr '\n' ' ')
    echo "listening: ${ports% }"
}

answers() { # client ports
    local port
    for port; do
        until_done "$ETCDCTL" --endpoints "127.0.0.1:$port" endpoint health
    done
}

