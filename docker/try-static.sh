#!/usr/bin/env bash
# Runs the static program as the image does: in a root directory that holds nothing but it, a
# directory for data and /etc/hosts, as user 65532. Two members must find each other by name, which
# a static C library could get wrong.
#
#   docker/try-static.sh PROGRAM [FIRST-PORT]        (as root, for chroot)

set -euo pipefail
program="${1:?usage: docker/try-static.sh PROGRAM [FIRST-PORT]}"
port="${2:-28750}"
root="$(mktemp -d)"
members=()

clean_up() {
    [ "${#members[@]}" -eq 0 ] || kill "${members[@]}" 2>/dev/null || true
    wait || true
    rm -rf "$root"
}
trap clean_up EXIT

chmod 0755 "$root"
install -D "$program" "$root/quorate"
install -d -m 0700 -o 65532 -g 65532 "$root/data"
install -d "$root/etc"
echo "127.0.0.1 member-a member-b" >"$root/etc/hosts"
alone=(chroot --userspec=65532:65532 "$root" /quorate)

"${alone[@]}" --version
cluster="a=http://member-a:$((port + 1)),b=http://member-b:$((port + 3))"
at=$port
for name in a b; do
    "${alone[@]}" --name="$name" --data-dir="/data/$name.quorate" \
        --listen-client-urls="http://127.0.0.1:$at" \
        --advertise-client-urls="http://127.0.0.1:$at" \
        --listen-peer-urls="http://127.0.0.1:$((at + 1))" \
        --initial-advertise-peer-urls="http://member-$name:$((at + 1))" \
        --initial-cluster="$cluster" >"$root/$name.log" 2>&1 &
    members+=($!)
    at=$((at + 2))
done
for _ in $(seq 100); do
    "${alone[@]}" --probe="http://member-b:$((port + 2))" 2>/dev/null && exit 0
    sleep 0.1
done
echo "the members did not find each other within 10 s" >&2
cat "$root"/*.log >&2
exit 1
