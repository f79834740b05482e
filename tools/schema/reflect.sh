#!/bin/sh
# Writes protobuf-fields.json.gz into FOLDER: usage: tools/schema/reflect.sh FOLDER. Needs go, and the module proxy or a filled module cache.
set -eu
folder=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
version=v0.36.3
module=$(mktemp -d)
trap 'rm -rf "$module"' EXIT
cp "$here/reflect/main.go" "$module/"
cd "$module"
go mod init facts.invalid/reflect >/dev/null 2>&1
for m in api apimachinery client-go apiextensions-apiserver kube-aggregator; do go mod edit -require "k8s.io/$m@$version"; done
go mod tidy >/dev/null 2>&1
go run . | gzip -9 >"$folder/protobuf-fields.json.gz"
