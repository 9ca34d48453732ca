#!/usr/bin/env bash
# Makes a Debian 12 (bookworm) or 13 (trixie) machine able to build and test NexusD.
# Given: the .NET 10 SDK and git. Everything else comes from the machine's own package sources, by name.
# Does nothing, quickly, when nothing is missing.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: tools/setup.sh [--clients] [--print | --check | --help]
  --clients what the Python, TypeScript, Go and Rust clients need instead: only toolchains that are not there
  (none)    check the .NET SDK, install the missing packages (root only; otherwise say what to run)
  --print   list the packages NexusD needs on this machine, one a line, and stop
  --check   install nothing; exit 0 when everything is there, 1 otherwise
TEXT
}

readonly dotnet_major=10
readonly ngtcp2_version_min=1.11.0~
# Too old in Debian 12 itself.
readonly from_backports='(libngtcp2|golang-1\.)'
for_clients=0

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { # what is wrong, then lines of advice
  printf 'setup: error: %s\n' "$1" >&2
  shift
  if (( $# > 0 )); then printf '       %s\n' "$@" >&2; fi
  exit 1
}

os_field() { (. /etc/os-release 2>/dev/null && eval "printf '%s' \"\${$1:-}\""); }

# What is needed and why. gcc links the native binaries, libc6-dev and zlib1g-dev are linked in; GnuTLS and ngtcp2
# carry QUIC; iproute2 makes the network namespaces of the end-to-end tests; OpenSSL and the certificates serve the
# runtime's own cryptography and the package restore.
packages_needed() {
  if (( for_clients )); then client_packages; return; fi
  printf '%s\n' gcc libc6-dev zlib1g-dev libgnutls28-dev iproute2 ca-certificates
  # Since 2024 Debian names libraries rebuilt for 64-bit time with a suffix.
  if [[ $(os_field VERSION_CODENAME) == bookworm ]]; then echo libssl3; else echo libssl3t64; fi
  ngtcp2_packages
}

# The module of the Go client asks for 1.22; bookworm's own is 1.19.
has_go() {
  [[ $(go version 2>/dev/null) =~ go([0-9]+)\.([0-9]+) ]] && (( BASH_REMATCH[1] > 1 || BASH_REMATCH[2] >= 22 ))
}

# A toolchain from elsewhere on the PATH counts as well. Rust's crates come from Debian in any case, as files.
client_packages() {
  local codename; codename=$(os_field VERSION_CODENAME)
  command -v python3 >/dev/null || echo python3
  command -v node >/dev/null || echo nodejs
  command -v npm >/dev/null || echo npm
  if ! has_go; then
    if [[ $codename == bookworm ]]; then echo golang-1.23-go; else echo golang-go; fi
  fi
  command -v cargo >/dev/null || printf '%s\n' cargo rustc
  printf 'librust-%s-dev\n' tokio bytes futures-core serde serde-derive serde-json
}

ngtcp2_packages() { printf '%s\n' libngtcp2-dev libngtcp2-crypto-gnutls-dev; }

# Installed, and for ngtcp2 also new enough: bookworm's own 0.12 has another interface.
packages_missing() {
  local name state version
  local -A version_of=()
  while read -r name state version; do
    if [[ $state == ii* ]]; then version_of[$name]=$version; fi
  done < <(packages_needed | xargs dpkg-query -W -f '${Package} ${db:Status-Abbrev} ${Version}\n' 2>/dev/null || true)
  for name in $(packages_needed); do
    version=${version_of[$name]:-}
    if [[ -z $version ]]; then
      echo "$name"
    elif [[ $name == libngtcp2* ]] && dpkg --compare-versions "$version" lt "$ngtcp2_version_min"; then
      echo "$name"
    fi
  done
}

# Asks the host alone (no ICU library, no home directory needed) and for the band that global.json asks for.
check_dotnet() {
  local hint="Install it as the .NET site describes for Debian, then make sure 'dotnet' is on the PATH." sdks
  command -v dotnet >/dev/null || fail "the .NET $dotnet_major SDK is missing ('dotnet' is not on the PATH)." "$hint"
  sdks=$(dotnet --list-sdks 2>&1) || fail "'dotnet --list-sdks' failed; it said:" "$sdks" "$hint"
  if ! grep -q "^$dotnet_major\." <<<"$sdks"; then
    fail "NexusD needs the .NET $dotnet_major SDK; 'dotnet --list-sdks' names: ${sdks:-none}" "$hint"
  fi
}

check_system() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    fail "this script knows Debian 12 and 13 (apt); this system is '$(os_field PRETTY_NAME)'." \
      "Elsewhere install a C compiler and, headers included, zlib, GnuTLS and" \
      "ngtcp2 >= ${ngtcp2_version_min%\~} with its GnuTLS helper."
  fi
  case $(dpkg --print-architecture) in
    amd64 | arm64) ;;
    *) fail "native .NET binaries exist for amd64 and arm64 only; this machine is $(dpkg --print-architecture)." ;;
  esac
}

apt_etc_dir() {
  local etc=
  eval "$(apt-config shell etc Dir::Etc/d)"
  printf '%s' "${etc%/}"
}

apt_source_files() {
  local etc
  etc=$(apt_etc_dir)
  find "$etc" "$etc/sources.list.d" -maxdepth 1 -type f -name "$1" 2>/dev/null | sort -u
}

# Reads every enabled binary-package source of this machine that carries suite $1, component main, of Debian's own
# archive. mode=exists prints "yes" for the first; mode=derive prints it as an entry for suite $2, options, address and
# key unchanged. Debian's archive is told from other vendors' by the end of its address or by its keyring.
deb822_entries() {
  local mode=$1 suite=$2 new_suite=${3:-} file
  while read -r file; do
    sed '/^#/d; s/\r$//' "$file" | awk -v mode="$mode" -v suite="$suite" -v new_suite="$new_suite" '
      function has(list, word,   n, parts, i) {
        n = split(list, parts, /[ \t\n]+/)
        for (i = 1; i <= n; i++) if (parts[i] == word) return 1
        return 0
      }
      BEGIN { RS = ""; FS = "\n" }
      {
        split("", value); split("", order); count = 0; name = ""
        for (i = 1; i <= NF; i++) {
          if ($i ~ /^[ \t]/) { value[name] = value[name] "\n" $i; continue }
          colon = index($i, ":"); if (colon == 0) continue
          name = tolower(substr($i, 1, colon - 1)); order[++count] = name
          text = substr($i, colon + 1); sub(/^[ \t]+/, "", text)
          value[name] = text; title[name] = substr($i, 1, colon - 1)
        }
        if (tolower(value["enabled"]) ~ /^(no|false|off|0)/ || !has(value["types"], "deb")) next
        if (!has(value["suites"], suite) || !has(value["components"], "main")) next
        if (mode == "exists") { print "yes"; exit }
        uri = value["uris"]; sub(/[ \t\n].*/, "", uri); sub(/\/$/, "", uri)
        if (uri !~ /\/debian(\.list|\/[0-9]+T[0-9]+Z)?$/ && value["signed-by"] !~ /debian-archive/) next
        print "Types: deb"
        for (i = 1; i <= count; i++) {
          name = order[i]
          if (name != "types" && name != "suites" && name != "components") print title[name] ": " value[name]
        }
        print "Suites: " new_suite; print "Components: main"; exit
      }'
  done < <(apt_source_files '*.sources')
}

one_line_entries() {
  local mode=$1 suite=$2 new_suite=${3:-} file
  while read -r file; do
    awk -v mode="$mode" -v suite="$suite" -v new_suite="$new_suite" '
      $1 == "deb" {
        line = $0; sub(/#.*/, "", line); options = ""
        sub(/^[ \t]*deb[ \t]+/, "", line)
        if (line ~ /^\[/) { options = substr(line, 1, index(line, "]")); line = substr(line, index(line, "]") + 1) }
        n = split(line, part, " "); main = 0
        for (i = 3; i <= n; i++) if (part[i] == "main") main = 1
        if (part[2] != suite || !main) next
        if (mode == "exists") { print "yes"; exit }
        uri = part[1]; sub(/\/$/, "", uri)
        if (uri !~ /\/debian(\.list|\/[0-9]+T[0-9]+Z)?$/ && options !~ /debian-archive/) next
        print "deb " (options == "" ? "" : options " ") part[1] " " new_suite " main"; exit
      }' "$file"
  done < <(apt_source_files '*.list')
}

# Prints the backports entry this machine lacks, first line the file name it belongs in; nothing when it has one.
backports_entry_missing() {
  local suite=$1 backports=$1-backports entry
  if [[ -n $(deb822_entries exists "$backports")$(one_line_entries exists "$backports") ]]; then return; fi
  entry=$(deb822_entries derive "$suite" "$backports")
  if [[ -n $entry ]]; then
    # The first stanza only, should several files carry the archive.
    printf 'nexusd-backports.sources\n%s\n' "$(awk 'NR > 1 && /^Types:/ { exit } { print }' <<<"$entry")"
    return
  fi
  entry=$(one_line_entries derive "$suite" "$backports" | head -n 1)
  [[ -n $entry ]] || fail "cannot tell this machine's own Debian source for '$suite' in $(apt_etc_dir)." \
    "Add its '$backports main' entry by hand (ngtcp2 comes from there on Debian 12), then run this again."
  printf 'nexusd-backports.list\n%s\n' "$entry"
}

# Naming the suite takes exactly these packages from backports and leaves the rest of the system on stable.
install_arguments() {
  local suite=$1 name; shift
  for name in "$@"; do
    if [[ $suite == bookworm && $name =~ $from_backports ]]; then echo "$name/$suite-backports"; else echo "$name"; fi
  done
}

install_missing() {
  local suite entry='' file='' arguments
  suite=$(os_field VERSION_CODENAME)
  if [[ $suite == bookworm && " $* " =~ \ $from_backports ]]; then entry=$(backports_entry_missing "$suite"); fi
  if [[ -n $entry ]]; then file="$(apt_etc_dir)/sources.list.d/${entry%%$'\n'*}"; entry=${entry#*$'\n'}; fi
  mapfile -t arguments < <(install_arguments "$suite" "$@")

  if (( EUID != 0 )); then
    say "missing: $*"
    if [[ -n $entry ]]; then printf 'setup: first put this into %s:\n%s\nsetup: then run:\n' "$file" "$entry" >&2; fi
    printf 'sudo apt-get update && sudo apt-get install -y --no-install-recommends %s\n' "${arguments[*]}"
    exit 1
  fi

  say "installing: $*"
  if [[ -n $entry ]]; then
    say "adding $suite-backports as $file"
    printf '%s\n' "$entry" >"$file"
    chmod 644 "$file"
  fi
  local -a apt=(apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
  # An unrelated source that is out of reach must not stop us: what counts is whether the packages are found.
  "${apt[@]}" update >&2 || say "warning: 'apt-get update' reported errors; going on with what it could read"
  DEBIAN_FRONTEND=noninteractive "${apt[@]}" install -y --no-install-recommends "${arguments[@]}" >&2 \
    || fail "apt-get could not install: ${arguments[*]}" "Its own message is above; run this again at any time."
  local still
  still=$(packages_missing | tr '\n' ' ')
  [[ -z $still ]] || fail "still missing or too old after the installation: $still" \
    "NexusD needs ngtcp2 >= ${ngtcp2_version_min%\~}; Debian 12 has it in bookworm-backports, Debian 13 in main."
}

main() {
  if [[ ${1:-} == --clients ]]; then for_clients=1; shift; fi
  case ${1:-} in
    --help | -h) usage; exit 0 ;;
    --print) check_system; packages_needed; exit 0 ;;
    --check | '') ;;
    *) usage >&2; exit 2 ;;
  esac
  check_system
  check_dotnet
  local missing
  mapfile -t missing < <(packages_missing)
  if (( ${#missing[@]} == 0 )); then exit 0; fi
  if [[ ${1:-} == --check ]]; then say "missing: ${missing[*]}"; exit 1; fi
  install_missing "${missing[@]}"
  say "done"
}

main "$@"
