#!/usr/bin/env bash
# Sets the machine up, then publishes the native binaries into artifacts/bin (their debug symbols into
# artifacts/symbols). A second run without a change in the sources does nothing.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/dotnet-env.sh"

# binary name and project, one pair a line
readonly binaries='
nexusd        src/NexusD.Daemon/NexusD.Daemon.csproj
nexusctl      tools/nexusctl/nexusctl.csproj
nexusd-bench  bench/nexusd-bench/nexusd-bench.csproj
'
readonly symbols_dir="$artifacts_dir/symbols"
readonly publish_dir="$artifacts_dir/publish"
readonly stamp="$artifacts_dir/publish.stamp"

usage() {
  cat <<'TEXT'
Usage: tools/build.sh [--force] [NAME...]
  NAME      publish only these binaries (nexusd, nexusctl, nexusd-bench)
  --force   publish even if nothing changed
TEXT
}

projects() { awk 'NF == 2' <<<"$binaries"; }

# What a binary is made of: every source file that git knows or would add, by name, size and time; the SDK; the
# versions of the native libraries that are linked in.
fingerprint() {
  {
    cd "$root_dir"
    git -c safe.directory='*' ls-files -z -co --exclude-standard -- src tools bench '*.props' '*.targets' global.json \
      | xargs -0 stat --format='%n %s %Y' 2>/dev/null || true
    dotnet --version
    dpkg-query -W libngtcp2-dev libngtcp2-crypto-gnutls-dev libgnutls28-dev 2>/dev/null || true
    cat "${BASH_SOURCE[0]}"
  } | sha256sum | cut -d ' ' -f 1
}

# Each binary by itself: its file alone goes to artifacts/bin, whatever else a publish leaves stays out of the way.
publish() {
  local name=$1 project=$2 out="$publish_dir/$1" started=$SECONDS
  say "publishing $name"
  dotnet publish "$root_dir/$project" -c "$configuration" -o "$out" -v q --nologo
  [[ -x $out/$name ]] || fail "$project was published but made no executable '$name'; is its AssemblyName right?"
  # A running daemon keeps its old file: the new one takes the name, never the inode.
  cp "$out/$name" "$bin_dir/.$name.new"
  mv "$bin_dir/.$name.new" "$bin_dir/$name"
  if [[ -f $out/$name.dbg ]]; then cp "$out/$name.dbg" "$symbols_dir/$name.dbg"; fi
  say "published artifacts/bin/$name ($(stat --format=%s "$bin_dir/$name") bytes, $((SECONDS - started)) s)"
}

main() {
  local force=0 wanted=() argument
  for argument in "$@"; do
    case $argument in
      --help | -h) usage; exit 0 ;;
      --force) force=1 ;;
      -*) usage >&2; exit 2 ;;
      *) projects | awk -v name="$argument" '$1 == name { found = 1 } END { exit !found }' \
           || fail "no binary is called '$argument'; there are: $(projects | awk '{ printf "%s ", $1 }')"
         wanted+=("$argument") ;;
    esac
  done

  "$root_dir/tools/setup.sh"
  mkdir -p "$bin_dir" "$symbols_dir"
  local current name project
  current=$(fingerprint)
  while read -r name project; do
    if (( ${#wanted[@]} > 0 )) && [[ " ${wanted[*]} " != *" $name "* ]]; then continue; fi
    if [[ ! -f $root_dir/$project ]]; then say "skipping $name: $project does not exist yet"; continue; fi
    if (( !force )) && [[ -x $bin_dir/$name && -f $stamp.$name && $(<"$stamp.$name") == "$current" ]]; then
      say "artifacts/bin/$name is up to date"
      continue
    fi
    rm -f "$stamp.$name"
    publish "$name" "$project" </dev/null
    printf '%s' "$current" >"$stamp.$name"
  done < <(projects)
}

main "$@"
