#!/usr/bin/env bash
# Builds the client and this example where needed, then starts the collector. PORT and NEXUSD_ADDR as in README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

client=../../clients/typescript
if [[ ! -f $client/dist/esm/index.js || ! -d $client/node_modules/typescript ]]; then "$client/build.sh" >&2; fi
mkdir -p node_modules
ln -sfn "../$client" node_modules/nexusd-client
node "$client/node_modules/typescript/bin/tsc" -p .
exec node dist/collector.js
