#!/bin/sh
# Builds the client, its example programs and its tests, runs these, and ends with `N passed, N failed, N skipped`.
# Crates come from the folder of the distribution's librust-*-dev packages where it is there, so that no network is
# needed; else from wherever cargo is configured to find them. NEXUSD_BIN_DIR names the folder with `nexusd`.
set -u
cd "$(dirname "$0")" || exit 1

if ! command -v cargo >/dev/null 2>&1; then
    echo "skipped: cargo is missing; install it (Debian: apt-get install cargo)"
    exit 77
fi

crates=${NEXUSD_CRATES_DIR:-/usr/share/cargo/registry}
mkdir -p target
: >target/cargo-config.toml
if [ -d "$crates/tokio-1.24.2" ] || [ -n "${NEXUSD_CRATES_DIR:-}" ]; then
    cat >target/cargo-config.toml <<END
[source.crates-io]
replace-with = "local-crates"
[source.local-crates]
directory = "$crates"
[net]
offline = true
END
fi
if [ ! -f target/lock-of ] || ! cmp -s target/cargo-config.toml target/lock-of; then
    rm -f Cargo.lock
    cp target/cargo-config.toml target/lock-of
fi

run_cargo() {
    subcommand=$1
    shift
    cargo "$subcommand" --config target/cargo-config.toml "$@"
}

log=target/test.log
: >"$log"
failed_steps=0
skipped=0

step() {
    echo "== $*"
    if ! "$@"; then
        echo "failed: $*"
        failed_steps=$((failed_steps + 1))
    fi
}

tests() {
    run_cargo test --release "$@" 2>&1 | tee -a "$log"
    ! tail -n 40 "$log" | grep -q -E '^error(:|\[)|test result: FAILED'
}

step run_cargo build --release --lib --examples
if cargo fmt --version >/dev/null 2>&1; then
    step cargo fmt -- --check
fi
if cargo clippy --version >/dev/null 2>&1; then
    step run_cargo clippy --release --all-targets -- -D warnings
fi

step tests --tests
step tests --doc

if [ ! -x "${NEXUSD_BIN_DIR:-/nonexistent}/nexusd" ]; then
    skipped=$(run_cargo test --release --test daemon -- --list 2>/dev/null | grep -c ': test$')
    echo "SKIPPED: the $skipped tests against a real daemon, for NEXUSD_BIN_DIR names no folder with nexusd"
fi

# With the daemon missing its tests pass without having run, so they are taken off.
awk -v failed_steps="$failed_steps" -v skipped="$skipped" '
    /^test result:/ { for (i = 1; i < NF; i++) {
        if ($(i + 1) == "passed;") passed += $i
        if ($(i + 1) == "failed;") failed += $i
        if ($(i + 1) == "ignored;") ignored += $i
    } }
    END {
        if (failed == 0) failed = failed_steps
        print (passed - skipped) " passed, " failed + 0 " failed, " (skipped + ignored) " skipped"
        exit (failed != 0)
    }' "$log"
