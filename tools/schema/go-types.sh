#!/bin/sh
# Writes src/api/schema/go-types.json: usage: tools/schema/go-types.sh. Needs go, and the module proxy or a filled module cache.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
module=$(mktemp -d)
trap 'rm -rf "$module"' EXIT
cp "$here/go-types/main.go" "$module/"
cd "$module"
go mod init facts.invalid/types >/dev/null 2>&1
go mod edit -require k8s.io/api@v0.36.3
go mod tidy >/dev/null 2>&1
go run . >"$here/../../src/api/schema/go-types.json"
