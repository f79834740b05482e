/** Upstream's own fixtures (k8s.io/api/testdata/HEAD), each kind in JSON, YAML and protobuf, byte for byte. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { kinds, type TypeDef, typeByName, typeOfKind } from "../schema/schema.ts";
import { decodeObject, sniffJSON } from "./decode.ts";
import { encodeJSONString } from "./json.ts";
import { encodeProtobuf } from "./protobuf.ts";
import { unwrapEnvelope } from "./protobuf-envelope.ts";
import { protobufFromJSON } from "./protobuf-from-json.ts";
import { encodeYAMLString } from "./yaml-write.ts";

const version = "v0.36.3";

/** The folder of the fixtures, or why there is none. */
function fixtures(): { folder: string } | { missing: string } {
  const go = (...args: string[]): string => execFileSync("go", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], timeout: 120_000 }).trim();
  try {
    const cached = join(go("env", "GOMODCACHE"), `k8s.io/api@${version}/testdata/HEAD`);
    if (existsSync(cached)) return { folder: cached };
    const module = mkdtempSync(join(tmpdir(), "k8ts-fixtures-"));
    try {
      writeFileSync(join(module, "go.mod"), "module fixtures.invalid\n");
      const { Dir } = JSON.parse(go("-C", module, "mod", "download", "-json", `k8s.io/api@${version}`)) as { Dir: string };
      return { folder: join(Dir, "testdata/HEAD") };
    } finally {
      rmSync(module, { recursive: true });
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { missing: `needs go, to have the fixtures of k8s.io/api@${version}` };
    return { missing: `k8s.io/api@${version} cannot be had: ${(error as Error).message.split("\n")[0]}` };
  }
}

const found = fixtures();
const skip = "missing" in found ? found.missing : false;
const folder = "folder" in found ? found.folder : "";
/** Kinds of upstream's other modules, and one that k8s.io/api left without a fixture; it has none for lists either. */
const elsewhere = /^(apiextensions\.k8s\.io|apiregistration\.k8s\.io|meta\.k8s\.io)\.|^authentication\.k8s\.io\.v1alpha1\.SelfSubjectReview$|List$/;
/** From the schema and not from the folder: without the fixtures, every test that is not run is counted as skipped. */
const names = Object.keys(kinds)
  .map((kind) => (kind.split("/").length === 2 ? `core/${kind}` : kind).replaceAll("/", "."))
  .filter((name) => !elsewhere.test(name))
  .sort();
const protobuf = "application/vnd.kubernetes.protobuf";

function typeOf(json: Uint8Array): { type: TypeDef; apiVersion: string; kind: string } {
  const { apiVersion, kind } = sniffJSON(json);
  // A WatchEvent has no TypeMeta.
  const type = kind ? typeOfKind(apiVersion, kind) : typeByName("meta/v1.WatchEvent");
  assert.ok(type, `${apiVersion} ${kind} is not in the schema`);
  return { type, apiVersion, kind };
}
const indented = (text: string): string => JSON.stringify(JSON.parse(text), null, 2);

test("there is a fixture for each of these 185 kinds and for no other", { skip }, () => {
  const there = readdirSync(folder).flatMap((file) => (file.endsWith(".json") ? [file.slice(0, -".json".length)] : []));
  assert.deepEqual(there.sort(), names);
  assert.equal(names.length, 185);
});

for (const name of names) {
  test(`${name} survives JSON, YAML and protobuf in every direction`, { skip }, () => {
    const json = readFileSync(join(folder, `${name}.json`));
    const yaml = readFileSync(join(folder, `${name}.yaml`), "utf8");
    const pb = readFileSync(join(folder, `${name}.pb`));
    const { type, apiVersion, kind } = typeOf(json);
    const envelope = unwrapEnvelope(pb);
    for (const [from, contentType] of [
      [json, "application/json"],
      [yaml, "application/yaml"],
      [pb, protobuf],
    ] as const) {
      const { object, strictErrors } = decodeObject(from, contentType, type);
      assert.deepEqual(strictErrors, []);
      assert.equal(indented(encodeJSONString(object)), json.toString().trimEnd(), `${contentType} to JSON`);
      assert.equal(encodeYAMLString(object), yaml, `${contentType} to YAML`);
      assert.deepEqual(Buffer.from(encodeProtobuf(type, object, envelope.apiVersion || apiVersion, envelope.kind || kind)), pb, `${contentType} to protobuf`);
    }
    const stored = Buffer.from(encodeJSONString(decodeObject(json, "application/json", type).object));
    assert.deepEqual(protobufFromJSON(type, stored, envelope.apiVersion || apiVersion, envelope.kind || kind), pb, "stored JSON to protobuf");
  });
}
