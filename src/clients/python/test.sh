#!/bin/sh
# Runs the tests of the Python client from the source tree; nothing is installed. NEXUSD_BIN_DIR names the folder with
# the nexusd to test against; without it the tests that need a daemon are skipped.
cd "$(dirname "$0")" || exit 1
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
    echo "skipped: the Python client needs Python 3.9 or later as python3"
    exit 77
fi
export PYTHONPATH=src PYTHONDONTWRITEBYTECODE=1
if python3 -c 'import mypy' 2>/dev/null; then
    python3 -m mypy --cache-dir=/dev/null src/nexusd_client || exit 1
fi
exec python3 -m tests.run "$@"
