#!/usr/bin/env bash
# Builds the program with everything linked into it, puts it at OUT and proves that it stands
# alone: it needs no shared library and it answers.
#
#   docker/build-static.sh OUT
#
# The C library is glibc's static one, so any machine with Rust and a C compiler can do this; with
# an explicit target the flag does not reach build scripts and procedural macros, which can't be
# static.

set -euo pipefail
cd "$(dirname "$0")/.."
out="${1:?usage: docker/build-static.sh OUT}"
target="$(rustc -vV | sed -n 's/^host: //p')"

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
RUSTFLAGS="-C target-feature=+crt-static" \
    cargo build --locked --release --package quorate --bin quorate --target "$target"
install -D "$CARGO_TARGET_DIR/$target/release/quorate" "$out"

# `ldd` says so with a status that differs between its versions.
libraries="$(ldd "$out" 2>&1 || true)"
echo "ldd: $libraries"
case "$libraries" in
*"statically linked"* | *"not a dynamic executable"*) ;;
*)
    echo "$out is not static" >&2
    exit 1
    ;;
esac
"$out" --version
