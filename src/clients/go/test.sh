#!/usr/bin/env bash
# Checks, builds and tests the Go client; the last line is "N passed, N failed, N skipped". Without Go: exit code 77.
# NEXUSD_BIN_DIR names the folder with nexusd; without it the tests against the real daemon are skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# A distribution's own go on the PATH may be too old for the module, with a newer one beside it.
is_new_enough() {
  [[ $("$1" version 2>/dev/null) =~ go([0-9]+)\.([0-9]+) ]] && (( BASH_REMATCH[1] > 1 || BASH_REMATCH[2] >= 22 ))
}

if ! is_new_enough go; then
  newest=$(printf '%s\n' /usr/lib/go-*/bin/go | sort -V | tail -n 1)
  if ! is_new_enough "$newest"; then
    echo "The Go client was NOT tested: there is no go 1.22 or later on the PATH nor below /usr/lib; install one."
    exit 77
  fi
  PATH=$(dirname "$newest"):$PATH
fi
export GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local GOWORK=off
mkdir -p build
if [[ -z ${GOCACHE:-} && -z ${HOME:-} ]]; then export GOCACHE=$PWD/build/cache; fi

passed=0 failed=0 skipped=0
check() { # name command...: one step that counts as a test
  local name=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    echo "--- FAIL: $name"
    failed=$((failed + 1))
  fi
}

formatted() {
  local wrong
  wrong=$(gofmt -l . ../../examples/ingestion) || return 1
  [[ -z $wrong ]] || { echo "not formatted by gofmt: $wrong"; return 1; }
}

example() { (cd ../../examples/ingestion && go vet ./... && go build -o "$OLDPWD/build/ingestion" .); }

check gofmt formatted
check vet go vet ./...
check agent go build -o build/ ./internal/conformance-agent
check bench go build -o build/ ./bench
check example example

flags=(-count=1 -timeout=300s -v)
if [[ $(go env CGO_ENABLED) == 1 ]] && command -v gcc >/dev/null; then
  flags+=(-race)
else
  echo "Without gcc there is no race detector: testing without it."
fi
log=build/test.log
code=0
go test "${flags[@]}" ./... >"$log" 2>&1 || code=$?
grep -E '^ *--- (FAIL|SKIP)|^ +[a-z_]+_test\.go:|^panic:|^FAIL|DATA RACE|^ok' "$log" || true
count() { grep -cE "^ *--- $1" "$log" || true; }
passed=$((passed + $(count PASS))) failed=$((failed + $(count FAIL))) skipped=$((skipped + $(count SKIP)))
if (( code != 0 && $(count FAIL) == 0 )); then
  echo "go test ended with code $code and no failed test; the end of $log:"
  tail -n 40 "$log"
  failed=$((failed + 1))
fi
echo "$passed passed, $failed failed, $skipped skipped"
(( failed == 0 && passed > 0 ))
