/** Upstream's own fixtures (k8s.io/api/testdata/HEAD), each kind in JSON, YAML and protobuf, byte for byte. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type TypeDef, typeByName, typeOfKind } from "../schema/schema.ts";
import { decodeObject, sniffJSON } from "./decode.ts";
import { encodeJSONString } from "./json.ts";
import { encodeProtobuf } from "./protobuf.ts";
import { unwrapEnvelope } from "./protobuf-envelope.ts";
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
    return { missing: `no go, or k8s.io/api@${version} cannot be had: ${(error as Error).message.split("\n")[0]}` };
  }
}

const found = fixtures();
const skip = "missing" in found ? found.missing : false;
const folder = "folder" in found ? found.folder : "";
const names = skip
  ? []
  : readdirSync(folder)
      .filter((name) => name.endsWith(".json"))
      .map((name) => name.slice(0, -".json".length));
const protobuf = "application/vnd.kubernetes.protobuf";

function typeOf(json: Uint8Array): { type: TypeDef; apiVersion: string; kind: string } {
  const { apiVersion, kind } = sniffJSON(json);
  // A WatchEvent has no TypeMeta.
  const type = kind ? typeOfKind(apiVersion, kind) : typeByName("meta/v1.WatchEvent");
  assert.ok(type, `${apiVersion} ${kind} is not in the schema`);
  return { type, apiVersion, kind };
}
const indented = (text: string): string => JSON.stringify(JSON.parse(text), null, 2);

test("the fixtures are those of all 185 kinds", { skip }, () => assert.equal(names.length, 185));

for (const name of names) {
  test(`${name} survives JSON, YAML and protobuf in every direction`, () => {
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
  });
}
