# Sourced by the scripts beside it: how dotnet is to behave in builds and tests, the same on a laptop and in CI.

# The tools need no ICU library, which a bare Debian lacks.
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
# Build nodes that outlive the build would hold memory, and a CI job's output, after it ended.
export MSBUILDDISABLENODEREUSE=1
# Plain lines instead of a redrawn screen: they can be read in a log.
export MSBUILDTERMINALLOGGER=off

readonly root_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly artifacts_dir="$root_dir/artifacts"
readonly bin_dir="$artifacts_dir/bin"
readonly configuration=Release

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*"; }
fail() { printf '%s: error: %s\n' "$(basename "$0" .sh)" "$*" >&2; exit 1; }
