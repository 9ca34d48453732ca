#!/usr/bin/env bash
# Prints NexusD beside other messaging systems: builds what is missing, then starts the suite that measures them all in
# the same rounds. See README.md.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../tools/dotnet-env.sh"

readonly here=$root_dir/bench/peers

usage() {
  cat <<'TEXT'
Usage: bench/peers/run.sh [--suite DIR] [--client lean|library] [--ours] [--out FILE] [--no-build] [SUITE OPTIONS]
  --suite DIR       where the suite of the peers is (with run-all.sh);
                    default: the variable NEXUSD_PEERS_SUITE, else ../shared/peers beside this repository
  --client WHICH    lean: the protocol over a bare socket, as the suite's own lean clients (default);
                    library: the C# client
  --ours            NexusD alone, without the peers
  --out FILE        results as JSON; default artifacts/peers/CLIENT.json
  --no-build        take artifacts/bin as it is
Everything else goes to the suite, for instance:
  --only A,C        workloads: limits,A,A4,F4,B,B2,C,D,S,K (its README tells what they are)
  --runs 3          rounds; the table shows medians
  --size 1024       payload in bytes
  --quiet-wait 20   wait before each case until the machine is quiet, at most so many seconds
TEXT
}

main() {
  local suite=${NEXUSD_PEERS_SUITE:-$root_dir/../shared/peers} client=lean out='' build=1
  local -a rest=()
  while (( $# > 0 )); do
    case $1 in
      --help | -h) usage; exit 0 ;;
      --suite | --client | --out) (( $# > 1 )) || fail "$1 needs a value; see --help"
        case $1 in --suite) suite=$2 ;; --client) client=$2 ;; *) out=$2 ;; esac
        shift ;;
      --ours) rest+=(--peers nexusd) ;;
      --no-build) build=0 ;;
      *) rest+=("$1") ;;
    esac
    shift
  done
  local us
  case $client in
    lean) us=$here/us.json ;;
    library) us=$here/us-library.json ;;
    *) fail "--client is '$client'; it must be lean or library" ;;
  esac
  [[ -x $suite/run-all.sh ]] || fail "there is no run-all.sh in '$suite'.
  The suite that measures the peers is not part of this repository. Say where it is with --suite DIR or
  NEXUSD_PEERS_SUITE=DIR. Without it 'nexusd-bench pubsub', 'latency' and 'mesh' measure NexusD alone."

  (( build == 0 )) || "$root_dir/tools/build.sh" nexusd nexusd-bench
  local name
  for name in nexusd nexusd-bench; do
    [[ -x $bin_dir/$name ]] || fail "artifacts/bin/$name is missing; run tools/build.sh"
  done
  out=${out:-$artifacts_dir/peers/$client.json}
  mkdir -p "$(dirname "$out")"
  local filled
  filled=$(mktemp)
  trap "rm -f '$filled'" EXIT
  sed "s|@bin@|$bin_dir|g" "$us" >"$filled"
  "$suite/run-all.sh" "$out" --us "$filled" ${rest[@]+"${rest[@]}"}
}

main "$@"
