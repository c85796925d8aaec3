# Where build output lives between runs. Sourced by .ci/run.

# Over this the output of many changes has piled up; it is cheaper to start anew.
readonly BUILD_CACHE_MIB_MAX=24576

# One run at a time uses the build output; held, on descriptor 9, until the script ends.
lock_build_cache() {
    exec 9>"$cache/target.lock"
    flock --timeout 3000 9 || {
        echo "another .ci/run holds $cache/target.lock" >&2
        exit 1
    }
}

# Sets CARGO_TARGET_DIR to a directory keyed by the dependencies and the compiler, deletes those
# of other keys, and makes sure that cargo takes nothing old for new.
open_build_cache() {
    local key
    key="$({ rustc -vV && cat Cargo.lock; } | sha256sum | cut -c1-16)" || return
    export CARGO_TARGET_DIR="$cache/target-$key"
    local other
    for other in "$cache"/target-*; do
        [ ! -d "$other" ] || [ "$other" = "$CARGO_TARGET_DIR" ] || rm -rf "$other"
    done
    if [ -d "$CARGO_TARGET_DIR" ]; then
        local mib
        mib="$(du -sm "$CARGO_TARGET_DIR" | cut -f1)"
        echo "reusing $CARGO_TARGET_DIR ($mib MiB)"
        [ "$mib" -le "$BUILD_CACHE_MIB_MAX" ] || rm -rf "$CARGO_TARGET_DIR"
    fi
    mkdir -p "$CARGO_TARGET_DIR" || return
    # Cargo compares times. A clone made while another one was building has files older than that
    # output; touched, ours are newer than anything there, and only dependencies are reused.
    find proto core gateway compat-tests -type f \
        \( -name '*.rs' -o -name '*.proto' -o -name Cargo.toml \) -not -path '*/target/*' \
        -exec touch {} +
}
