#!/usr/bin/env bash
# Shows NexusD at work: three daemons on this machine find each other by multicast, readings of air-quality stations
# are published on one of them, and the subscribers on the other two get every one. Ends by itself, leaves nothing.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/dotnet-env.sh"

readonly cluster=demo
readonly nodes=(n1 n2 n3)
readonly real_readings="$root_dir/../shared/data/beijing-air-2017-01.csv"
readonly columns=pm25,pm10,so2,no2,co,o3,temp,pres,dewp,rain,wspm
readonly patience=30 # seconds that any one step may take

work_dir=
declare -A pid_of=()

title() { printf '\n== %s\n' "$*"; }

cleanup() {
  local pid
  for pid in "${pid_of[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pid_of[@]}"; do wait "$pid" 2>/dev/null || true; done
  if [[ -n $work_dir ]]; then rm -rf "$work_dir"; fi
}

# Runs a command until it succeeds; shows what a node said if it never does.
wait_until() {
  local what=$1 deadline=$((SECONDS + patience)) node; shift
  until "$@"; do
    if (( SECONDS >= deadline )); then
      for node in "${nodes[@]}"; do sed "s/^/  $node: /" "$work_dir/$node.err" >&2 || true; done
      fail "gave up after $patience s waiting until $what"
    fi
    sleep 0.05
  done
}

free_udp_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    if ! grep -qi ":$(printf '%04X' "$port") " /proc/net/udp /proc/net/udp6 2>/dev/null; then echo "$port"; return; fi
  done
}

ctl() { local node=$1; shift; "$bin_dir/nexusctl" "$@" --addr "unix:$work_dir/$node.sock"; }

start_node() {
  local node=$1 group_port=$2
  "$bin_dir/nexusd" --cluster="$cluster" --node-name="$node" --app-socket="$work_dir/$node.sock" --app-port=off \
    --mesh-port=0 --discovery=multicast --mcast-addr=239.255.42.1 --mcast-port="$group_port" --mcast-interface=lo \
    --health-port=off --log-level=INFO >"$work_dir/$node.out" 2>"$work_dir/$node.err" </dev/null &
  pid_of[$node]=$!
}

is_ready_or_gone() { grep -qw ready "$work_dir/$1.out" || ! kill -0 "${pid_of[$1]}" 2>/dev/null; }

# Node $1 has a link to $2 and knows that somebody there subscribed to at least $3 filters.
knows_interest() {
  ctl "$1" peers --json 2>/dev/null | tr -d ' \n' | tr '{}' '\n\n' | awk -v name="\"name\":\"$2\"" -v least="$3" '
    index($0, name) && index($0, "\"state\":\"up\"") && match($0, /"interest":[0-9]+/) {
      if (substr($0, RSTART + 11, RLENGTH - 11) + 0 >= least) found = 1
    }
    END { exit !found }'
}

# Where the real readings are not at hand: 12 stations, 300 hours, always the same made-up values.
made_up_readings() {
  awk -v columns="$columns" 'BEGIN {
    srand(17); n = split(columns, name, ",")
    print "time,station," columns
    for (hour = 0; hour < 300; hour++)
      for (station = 1; station <= 12; station++) {
        line = sprintf("2026-01-%02dT%02d:00:00Z,station%02d", 1 + int(hour / 24), hour % 24, station)
        for (i = 1; i <= n; i++) line = line "," (rand() < 0.02 ? "" : sprintf("%.1f", rand() * 500))
        print line
      }
  }'
}

# Readings in file $1 in the columns $2 (a comma list); an empty cell is a missing reading and is not published.
count_readings() {
  awk -F , -v wanted="$2" '
    BEGIN { n = split(wanted, name, ",") }
    NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
    { for (i = 1; i <= n; i++) if ($(column[name[i]]) != "") total++ }
    END { print total + 0 }' "$1"
}

start_mesh() {
  local node group_port
  group_port=$(free_udp_port)
  title "three daemons, cluster '$cluster', discovery by multicast on the loopback interface"
  for node in "${nodes[@]}"; do start_node "$node" "$group_port"; done
  for node in "${nodes[@]}"; do
    wait_until "$node is ready" is_ready_or_gone "$node"
    grep -w ready "$work_dir/$node.out" || { cat "$work_dir/$node.err" >&2; fail "$node ended before it was ready"; }
  done
}

# Starts a subscriber on node $1 for filter $2 that ends after $3 events.
subscribe() {
  ctl "$1" sub "$2" --count "$3" --timeout "${patience}s" >"$work_dir/$1.events" 2>"$work_dir/$1.sub.err" </dev/null &
  pid_of[sub-$1]=$!
}

report() {
  local node=$1 filter=$2 expected=$3 got
  wait "${pid_of[sub-$node]}" || true
  unset "pid_of[sub-$node]"
  got=$(wc -l <"$work_dir/$node.events")
  printf '%s  %-22s %7d of %7d readings\n' "$node" "$filter" "$got" "$expected"
  (( got == expected )) || { cat "$work_dir/$node.sub.err" >&2; fail "$node did not get every reading"; }
}

main() {
  if (( $# > 0 )); then echo 'Usage: tools/demo.sh' >&2; exit 2; fi
  "$root_dir/tools/build.sh" nexusd nexusctl
  trap cleanup EXIT
  trap 'exit 130' INT TERM
  work_dir=$(mktemp -d)

  local csv=$real_readings all pm25 started ended
  if [[ ! -f $csv ]]; then csv="$work_dir/readings.csv"; made_up_readings >"$csv"; fi
  all=$(count_readings "$csv" "$columns") pm25=$(count_readings "$csv" pm25)

  start_mesh
  subscribe n2 'sensors/#' "$all"
  subscribe n3 'sensors/air/*/pm25' "$pm25"
  wait_until 'n1 knows what n2 wants' knows_interest n1 n2 1
  wait_until 'n1 knows what n3 wants' knows_interest n1 n3 1
  title "links of n1"
  ctl n1 peers

  title "publishing $(basename "$csv") on n1: $all readings to topics sensors/air/{station}/{column}"
  started=$(date +%s%N)
  ctl n1 pub --csv "$csv" --columns "$columns" --topic 'sensors/air/{station}/{column}'
  title "what the subscribers got"
  report n2 'sensors/#' "$all"
  report n3 'sensors/air/*/pm25' "$pm25"
  ended=$(date +%s%N)
  printf 'from the first line of the file to the last event: %d ms\n' $(((ended - started) / 1000000))
  printf '\nthe first events on n3:\n'
  head -n 5 "$work_dir/n3.events"

  title "a value outlives its publisher's node: retained on n1, n1 stopped, asked for on n3"
  ctl n1 pub sensors/air/notice 'wind from the north' --retain --ack
  stop_node n1
  ctl n3 sub sensors/air/notice --count 1 --timeout "${patience}s"
  title "done: every reading arrived; daemons stopped, nothing left behind"
}

stop_node() {
  local code=0
  kill -TERM "${pid_of[$1]}"
  wait "${pid_of[$1]}" || code=$?
  unset "pid_of[$1]"
  (( code == 0 )) || fail "$1 ended with code $code after SIGTERM"
}

main "$@"
