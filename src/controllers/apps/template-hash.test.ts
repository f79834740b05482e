import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { PodTemplateSpec } from "../../api/types/core-v1.gen.ts";
import { dataHash } from "./controller-revisions.ts";
import { templateHash } from "./template-hash.ts";

interface Pair {
  template: PodTemplateSpec;
  collisionCount?: number;
  hash: string;
}
const pairs = JSON.parse(readFileSync(new URL("./testdata/template-hashes.json", import.meta.url), "utf8")) as Pair[];

test("templates have the hashes that upstream's ComputeHash gives them", () => {
  for (const { template, collisionCount, hash } of pairs) assert.equal(templateHash(template, collisionCount), hash);
});

test("what is empty counts as absent, the order of keys does not matter", () => {
  const { template, hash } = pairs[0] as Pair;
  const [container] = template.spec.containers;
  const same = {
    spec: { ...template.spec, volumes: [], nodeSelector: {}, containers: [{ ...container, args: [] }] },
    metadata: { ...template.metadata, annotations: {} },
  };
  assert.equal(templateHash(same as unknown as PodTemplateSpec), hash);
});

test("a collision gives another name", () => {
  const { template, hash } = pairs[0] as Pair;
  assert.notEqual(templateHash(template, 0), hash);
  assert.notEqual(templateHash(template, 1), templateHash(template, 0));
});

test("revisions of StatefulSets are named by what they hold, as HashControllerRevision does", () => {
  const container = { args: ["a <b> && ü"], name: "main" };
  assert.equal(dataHash({ spec: { template: { $patch: "replace", metadata: { labels: { app: "x" } }, spec: { containers: [container] } } } }, 0), "7f99697b7f");
});
