#!/usr/bin/env bash
# Sets the machine up, builds everything, runs every test and ends with one line: "N passed, N failed, N skipped".
# Exit code 0 only if at least one test ran and none failed.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/dotnet-env.sh"

# A suite is a function suite_<name>: it runs its tests to the end, calls `record` once per part it ran, and returns
# non-zero only if it could not run at all. The clients come first: they build the agents that the conformance tests of
# the .NET suite drive.
readonly clients=(python typescript go rust)
readonly suites=("${clients[@]}" dotnet)

# Test projects that start real processes or run for long; --fast leaves them out, as it does tests marked Slow.
readonly slow_projects='EndToEnd|Simulation|Conformance|Soak'
# One test may take this long, and one test project in all; then it is stopped and counted as failed.
readonly test_hang_timeout=3m
readonly project_timeout=20m

usage() {
  cat <<'TEXT'
Usage: tools/test.sh [--fast] [--filter EXPRESSION] [--suite NAME]
  --fast              unit tests only: no native binaries, no real processes, no daemon for the clients
  --filter EXPRESSION only .NET tests that match, as for 'dotnet test --filter' (e.g. FullyQualifiedName~Trie)
  --suite NAME        only this suite: python, typescript, go, rust or dotnet
TEXT
}

fast=0 filter='' only_suite=''
passed=0 failed=0 skipped=0
results_dir=

record() { # passed failed skipped
  passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

# One line per test result of a .trx file: outcome, tab, test name, tab, the reason or message in one line.
trx_lines() {
  awk '
    function plain(text) {
      gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&quot;/, "\"", text); gsub(/&apos;/, "\047", text)
      gsub(/&#x[0-9A-Fa-f]+;|[ \t\r\n]+/, " ", text); gsub(/&amp;/, "\\&", text)
      return text
    }
    function attribute(name,   from, rest) {
      from = index($0, name "=\""); if (from == 0) return ""
      rest = substr($0, from + length(name) + 2)
      return plain(substr(rest, 1, index(rest, "\"") - 1))
    }
    function element(name,   from, rest) {
      from = index($0, "<" name ">"); if (from == 0) return ""
      rest = substr($0, from + length(name) + 2)
      return plain(substr(rest, 1, index(rest, "</" name ">") - 1))
    }
    BEGIN { RS = "<UnitTestResult " }
    NR > 1 {
      message = element("Message"); if (message == "") message = element("StdOut")
      print attribute("outcome") "\t" attribute("testName") "\t" substr(message, 1, 300)
    }' "$1"
}

run_dotnet_project() {
  local project=$1 code=0 counts
  local name; name=$(basename "$project" .csproj)
  local assembly; assembly="$(dirname "$project")/bin/$configuration/net10.0/$name.dll"
  local trx="$results_dir/$name.trx" conditions=$filter
  if [[ ! -f $assembly ]]; then
    echo "$name: was not built; is it part of NexusD.sln?" | tee -a "$results_dir/failed.txt"
    record 0 1 0
    return
  fi
  if (( fast )); then conditions="${conditions:+($conditions)&}Category!=Slow"; fi
  local arguments=("$assembly" --logger "trx;LogFileName=$name.trx" --logger 'console;verbosity=minimal'
    --results-directory "$results_dir" --blame-hang-timeout "$test_hang_timeout" --blame-hang-dump-type none)
  if [[ -n $conditions ]]; then arguments+=(--filter "$conditions"); fi

  say "running $name"
  timeout --kill-after=20s "$project_timeout" dotnet test "${arguments[@]}" </dev/null || code=$?
  if [[ -f $trx ]]; then trx_lines "$trx" >"$results_dir/$name.tsv"; else : >"$results_dir/$name.tsv"; fi
  counts=$(awk -F '\t' -v name="$name" -v dir="$results_dir" '
    $1 == "Passed" { passed++; next }
    $1 == "NotExecuted" { skipped++; print name ": " $2 ": " $3 >> (dir "/skipped.txt"); next }
    { failed++; print name ": " $2 ": " $3 >> (dir "/failed.txt") }
    END { print passed + 0, failed + 0, skipped + 0 }' "$results_dir/$name.tsv")
  # shellcheck disable=SC2086
  record $counts
  if (( code != 0 )) && [[ $(cut -d ' ' -f 2 <<<"$counts") == 0 ]]; then
    echo "$name: ended with code $code and no failed test: crashed or hung, see above" \
      | tee -a "$results_dir/failed.txt"
    record 0 1 0
  fi
}

# A client's own script says in its last line how many tests passed, failed and were skipped; 77: no toolchain.
run_client() {
  local name=$1 code=0 log="$results_dir/client-$1.log" counts
  say "testing the $name client"
  timeout --kill-after=20s "$project_timeout" "$root_dir/src/clients/$name/test.sh" </dev/null >"$log" 2>&1 || code=$?
  if (( code == 77 )); then
    tail -n 3 "$log"
    echo "client $name: $(tail -n 1 "$log")" >>"$results_dir/skipped.txt"
    record 0 0 1
    return
  fi
  counts=$(tail -n 1 "$log" | sed -nE 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p')
  if (( code != 0 )) || [[ -z $counts || $(cut -d ' ' -f 2 <<<"$counts") != 0 ]]; then
    tail -n 100 "$log"
    echo "client $name: ended with code $code: $(tail -n 1 "$log"); see above" >>"$results_dir/failed.txt"
    if [[ -z $counts || $(cut -d ' ' -f 2 <<<"$counts") == 0 ]]; then counts='0 1 0'; fi
  else
    tail -n 1 "$log"
  fi
  # shellcheck disable=SC2086
  record $counts
}

suite_python() { run_client python; }
suite_typescript() { run_client typescript; }
suite_go() { run_client go; }
suite_rust() { run_client rust; }

# Everything but the unit tests starts the published binaries.
prepare_binaries() {
  if (( fast )); then return; fi
  "$root_dir/tools/build.sh" || return 1
  export NEXUSD_BIN_DIR="$bin_dir"
  "$root_dir/tools/setup.sh" --clients \
    || say "warning: not every language could be set up; what cannot run is listed as skipped"
}

suite_dotnet() {
  local project
  say "building NexusD.sln ($configuration)"
  dotnet build "$root_dir/NexusD.sln" -c "$configuration" -v q --nologo || return 1
  shopt -s nullglob
  for project in "$root_dir"/tests/*.Tests/*.csproj "$root_dir"/tests/*/*.Tests/*.csproj; do
    if (( fast )) && [[ $(basename "$project") =~ $slow_projects ]]; then
      say "leaving out $(basename "$project" .csproj) (--fast)"
      continue
    fi
    run_dotnet_project "$project"
  done
}

run_suite() {
  local name=$1 code=0
  # `|| code` would switch off -e inside the suite, so each suite checks its own steps.
  "suite_$name" || code=$?
  if (( code != 0 )); then
    echo "$name: the suite could not run (code $code), see above" | tee -a "$results_dir/failed.txt"
    record 0 1 0
  fi
}

summarise() {
  if [[ -s $results_dir/skipped.txt ]]; then
    printf '\n======== SKIPPED: these tests did NOT run here ========\n'
    cat "$results_dir/skipped.txt"
  fi
  if [[ -s $results_dir/failed.txt ]]; then
    printf '\n======== FAILED ========\n'
    cat "$results_dir/failed.txt"
  fi
  if (( passed + failed == 0 )); then printf '\nNo test ran.\n'; fi
  printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
}

main() {
  while (( $# > 0 )); do
    case $1 in
      --help | -h) usage; exit 0 ;;
      --fast) fast=1 ;;
      --filter | --suite)
        (( $# > 1 )) || { usage >&2; exit 2; }
        if [[ $1 == --filter ]]; then filter=$2; else only_suite=$2; fi
        shift ;;
      *) usage >&2; exit 2 ;;
    esac
    shift
  done
  if [[ -n $only_suite ]] && ! declare -F "suite_$only_suite" >/dev/null; then
    fail "no suite is called '$only_suite'; there are: ${suites[*]}"
  fi

  "$root_dir/tools/setup.sh"
  results_dir="$artifacts_dir/test-results"
  rm -rf "$results_dir"
  mkdir -p "$results_dir"
  prepare_binaries || fail "the native binaries could not be built, see above"
  local suite
  for suite in "${suites[@]}"; do
    if [[ -z $only_suite || $only_suite == "$suite" ]]; then run_suite "$suite"; fi
  done
  summarise
  (( failed == 0 && passed > 0 ))
}

main "$@"
