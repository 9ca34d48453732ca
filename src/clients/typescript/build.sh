#!/usr/bin/env bash
# Builds the package into dist/; 77: node is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "the TypeScript client needs node and npm, 18 or later"
  exit 77
fi
# What is installed is taken where it is what the lock file names; else it comes from the npm registry.
stamp=node_modules/.installed
if ! cmp -s package-lock.json "$stamp"; then
  npm ci --ignore-scripts --loglevel=error >&2
  cp package-lock.json "$stamp"
fi
node scripts/build.mjs
