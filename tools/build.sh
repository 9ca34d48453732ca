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

# Several in one build. Only the binary itself goes to artifacts/bin, not what else a publish leaves behind.
publish() { # pairs of name and project
  local -a pairs=("$@")
  local list='' started=$SECONDS i name project out
  for (( i = 1; i < ${#pairs[@]}; i += 2 )); do list+="${pairs[i]};"; done
  say "publishing ${list%;}"
  NEXUSD_PUBLISH=${list%;} dotnet msbuild "$root_dir/tools/publish.proj" -restore -t:Publish \
    -p:Configuration="$configuration" -m -v:q -nologo
  for (( i = 0; i < ${#pairs[@]}; i += 2 )); do
    name=${pairs[i]} project=${pairs[i + 1]}
    out="$artifacts_dir/publish/$(basename "$project" .csproj)"
    [[ -x $out/$name ]] || fail "$project was published but made no executable '$name'; is its AssemblyName right?"
    # A running daemon keeps its old file: the new one takes the name, never the inode.
    cp "$out/$name" "$bin_dir/.$name.new"
    mv "$bin_dir/.$name.new" "$bin_dir/$name"
    if [[ -f $out/$name.dbg ]]; then cp "$out/$name.dbg" "$symbols_dir/$name.dbg"; fi
    say "published artifacts/bin/$name ($(stat --format=%s "$bin_dir/$name") bytes)"
  done
  say "took $((SECONDS - started)) s"
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
  local current name project stale=()
  current=$(fingerprint)
  while read -r name project; do
    if (( ${#wanted[@]} > 0 )) && [[ " ${wanted[*]} " != *" $name "* ]]; then continue; fi
    if [[ ! -f $root_dir/$project ]]; then
      # Not asked for by name and never part of the solution: it is still to be written.
      if (( ${#wanted[@]} > 0 )) || grep -qF "${project//\//\\}" "$root_dir/NexusD.sln"; then
        fail "$name cannot be built: $project is missing"
      fi
      say "skipping $name: $project does not exist yet"
      continue
    fi
    if (( !force )) && [[ -x $bin_dir/$name && -f $stamp.$name && $(<"$stamp.$name") == "$current" ]]; then
      say "artifacts/bin/$name is up to date"
    else
      stale+=("$name" "$project")
      rm -f "$stamp.$name"
    fi
  done < <(projects)
  if (( ${#stale[@]} == 0 )); then return; fi

  publish "${stale[@]}"
  local i
  for (( i = 0; i < ${#stale[@]}; i += 2 )); do printf '%s' "$current" >"$stamp.${stale[i]}"; done
}

main "$@"
