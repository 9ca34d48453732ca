#!/usr/bin/env bash
# The smart-city use case on this machine: three daemons, simulated traffic sensors that post to the ingestion service
# (Go) beside the first, the congestion detector (Python) beside the second, the signal control (Rust) beside the third;
# alerts turn into signal commands, which are watched at the first. Ends by itself, leaves nothing.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../tools/dotnet-env.sh"

readonly examples_dir="$root_dir/src/examples"
readonly nodes=(ingest process action)
readonly sensors=${1:-20}
readonly patience=60 # seconds that any one step may take

work_dir=
declare -A pid_of=()

title() { printf '\n== %s\n' "$*"; }

cleanup() {
  local pid
  for pid in "${pid_of[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pid_of[@]}"; do wait "$pid" 2>/dev/null || true; done
  if [[ -n $work_dir ]]; then rm -rf "$work_dir"; fi
}

wait_until() { # what, command...
  local what=$1 deadline=$((SECONDS + patience)) log; shift
  until "$@"; do
    if (( SECONDS >= deadline )); then
      for log in "$work_dir"/*.err; do sed "s/^/  $(basename "$log" .err): /" "$log" >&2; done
      fail "gave up after $patience s waiting until $what"
    fi
    sleep 0.05
  done
}

ctl() { local node=$1; shift; "$bin_dir/nexusctl" "$@" --addr "unix:$work_dir/$node.sock"; }

# Starts a program in the background with the address of its node's daemon; its lines go to files of that name.
start() { # name node command...
  local name=$1 node=$2; shift 2
  NEXUSD_ADDR="unix:$work_dir/$node.sock" "$@" >"$work_dir/$name.out" 2>"$work_dir/$name.err" </dev/null &
  pid_of[$name]=$!
}

says() { grep -q "$2" "$work_dir/$1.out" || ! kill -0 "${pid_of[$1]}" 2>/dev/null; }

# Node $1 has a link to $2 and knows that somebody there subscribed.
knows_interest() {
  ctl "$1" peers --json 2>/dev/null | tr -d ' \n' | tr '{}' '\n\n' \
    | grep "\"name\":\"$2\"" | grep '"state":"up"' | grep -q '"interest":[1-9]'
}

ingestion_address() { cat "$work_dir"/ingestion.{out,err} 2>/dev/null | grep -oE -m 1 '127\.0\.0\.1:[0-9]+'; }

build() {
  "$root_dir/tools/build.sh" nexusd nexusctl
  "$root_dir/tools/setup.sh" --clients
  title 'building the ingestion service (Go) and the signal control (Rust)'
  local go=go
  command -v go >/dev/null || go=$(printf '%s\n' /usr/lib/go-*/bin/go | sort -V | tail -n 1)
  export GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local
  (cd "$examples_dir/ingestion" && "$go" build -o "$work_dir/ingestion" .)
  printf '[source.crates-io]\nreplace-with = "debian"\n[source.debian]\ndirectory = "%s"\n[net]\noffline = true\n' \
    /usr/share/cargo/registry >"$work_dir/cargo.toml"
  (cd "$examples_dir/signal-control" && cargo build --quiet --release --config "$work_dir/cargo.toml")
}

start_daemons() {
  local node group_port=$((20000 + RANDOM % 12000))
  title "three daemons that find each other by multicast on the loopback interface"
  for node in "${nodes[@]}"; do
    start "$node" "$node" "$bin_dir/nexusd" --cluster=smart-city --node-name="$node" --app-port=off \
      --app-socket="$work_dir/$node.sock" --mesh-port=0 --mcast-port="$group_port" --mcast-interface=lo \
      --health-port=off
  done
  for node in "${nodes[@]}"; do
    wait_until "$node is ready" says "$node" ready
    cat "$work_dir/$node.out"
  done
}

main() {
  [[ $sensors =~ ^[1-9][0-9]{0,3}$ ]] || { echo 'Usage: smart-city.sh [SENSORS]' >&2; exit 2; }
  trap cleanup EXIT
  trap 'exit 130' INT TERM
  work_dir=$(mktemp -d)
  build
  start_daemons

  start detector process python3 "$examples_dir/congestion-detector/congestion_detector.py" --zone downtown
  start signals action "$examples_dir/signal-control/target/release/signal-control"
  start ingestion ingest "$work_dir/ingestion" -listen 127.0.0.1:0
  start commands ingest "$bin_dir/nexusctl" sub 'commands/signals/#' --count "$sensors" --timeout "${patience}s" \
    --addr "unix:$work_dir/ingest.sock"
  wait_until 'the ingestion service listens' ingestion_address >/dev/null
  wait_until 'ingest knows what the detector wants' knows_interest ingest process
  wait_until 'process knows what the signal control wants' knows_interest process action
  wait_until 'action knows that commands are watched' knows_interest action ingest

  title "$sensors sensors on roads that get congested"
  local address
  address=$(ingestion_address)
  python3 "$examples_dir/simulated_sensors.py" "http://$address/ingest" "$sensors"
  wait "${pid_of[commands]}" || { cat "$work_dir"/*.err >&2; fail "not every congestion became a signal command"; }
  unset 'pid_of[commands]'
  title 'alerts of the detector, and what became of them'
  grep -m 3 alert "$work_dir/detector.out" || true
  head -n 3 "$work_dir/signals.out"
  head -n 3 "$work_dir/commands.out"
  printf '%d of %d sensors led to a signal command\n' "$(wc -l <"$work_dir/commands.out")" "$sensors"
}

main "$@"
