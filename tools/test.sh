#!/bin/sh
# Everything that must hold before a change lands: the gate, then the tests. Works from a fresh clone.
set -eu
cd "$(dirname "$0")/.."
# Not `npm ci`: it refuses a lock file without the packages of other platforms, which some mirrors do not have.
# One at a time, with a first `./k8ts` as well.
exec 9<.
command -v flock >/dev/null && flock 9
if [ ! -x node_modules/node/bin/node ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm install --no-save --no-audit --no-fund --loglevel=error
  touch node_modules/.package-lock.json
fi
exec 9<&-
export PATH="$PWD/node_modules/node/bin:$PWD/node_modules/.bin:$PATH"
node tools/gate.ts
exec node --disable-warning=ExperimentalWarning --test --test-concurrency=2 "src/**/*.test.ts" "tools/**/*.test.ts"
