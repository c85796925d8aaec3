# Fuzzing that is guided by coverage. Sourced by .ci/run.
#
# Each test whose name begins with fuzz_ is a target of bolero: a plain test with random bytes
# everywhere else, here driven by the libFuzzer that comes with bolero. Nothing more is needed than
# a C++ compiler: the flags for coverage are those of stable Rust. Sanitizers are not to be had
# there, and what is looked at is safe code.

# Seconds for each target.
readonly FUZZ_SECONDS="${QUORATE_FUZZ_SECONDS:-60}"
readonly FUZZ_FLAGS="--cfg fuzzing --cfg fuzzing_libfuzzer -Ccodegen-units=1 \
-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"

# fuzz: each target, one after the other.
fuzz() {
    fuzz_targets -p quorate-core --lib || return
    fuzz_targets -p quorate --bins
}

# fuzz_targets SELECTION...: those of a program with tests, as cargo selects it. Only such a program
# has libFuzzer, so there must be no other.
fuzz_targets() {
    local listed targets target
    listed="$(fuzz_cargo "$@" -- --list --format terse)" || return
    targets="$(sed -n 's/: test$//p' <<<"$listed" | grep -E '(^|::)fuzz_')" || return
    for target in $targets; do
        fuzz_target "$target" "$@" || return
    done
}

# fuzz_target TARGET SELECTION...: inputs that reached something new are kept, for the next run to
# begin with; one that fails is left beside them.
fuzz_target() {
    local target="$1" kept="$cache/fuzz/${1//::/.}" told
    shift
    mkdir -p "$kept/inputs" || return
    told="$(
        export BOLERO_TEST_NAME="$target" BOLERO_LIBTEST_HARNESS=1
        export BOLERO_LIBFUZZER_ARGS="$kept/inputs -artifact_prefix=$kept/ -timeout=10 \
-max_total_time=$FUZZ_SECONDS"
        fuzz_cargo "$@" -- "$target" --exact --nocapture --test-threads 1 2>&1
    )" || {
        tail -60 <<<"$told"
        echo "$target fails; the input is in $kept" >&2
        return 1
    }
    # How many inputs, and what they reached.
    echo "$target: $(grep -o '#[0-9]*[[:space:]]DONE.*' <<<"$told")" || return
}

# fuzz_cargo ARGUMENT...: cargo test. With a target named, the flags are not those of build scripts.
fuzz_cargo() {
    local host
    host="$(rustc -vV | sed -n 's/^host: //p')" || return
    RUSTFLAGS="$FUZZ_FLAGS" cargo test --locked --quiet --profile testing --target "$host" "$@"
}
