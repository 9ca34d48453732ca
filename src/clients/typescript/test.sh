#!/usr/bin/env bash
# Builds the package and runs its tests. NEXUSD_BIN_DIR: folder with nexusd, for the tests against the real daemon.
# Last line: N passed, N failed, N skipped. 77: node is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

./build.sh
node scripts/run-tests.mjs
