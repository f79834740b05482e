import assert from "node:assert/strict";
import { test } from "node:test";
import { EmptyMap } from "../copy.ts";
import { semanticEqual } from "../core/semantic.ts";
import { typeByName } from "../schema/schema.ts";
import { contextOf, type Empties, normalize, tryNormalize } from "./normalize.ts";

const text = (type: string, value: object, how: Empties): string => JSON.stringify(normalize(typeByName(type), value as never, how).object);

test("an empty list is written where its tag does not leave it out, kept while it is judged, and not set once it is stored", () => {
  const role = { metadata: { name: "r", labels: {} }, rules: [] };
  assert.equal(text("rbac/v1.Role", role, "written"), '{"metadata":{"name":"r"},"rules":[]}');
  assert.equal(text("rbac/v1.Role", role, "kept"), '{"metadata":{"name":"r","labels":{}},"rules":[]}');
  assert.equal(text("rbac/v1.Role", role, "stored"), '{"metadata":{"name":"r"},"rules":null}');
});

test("what was kept is known, so that what holds nothing of it is stored as it is", () => {
  const kept = (value: object): boolean => {
    const context = contextOf("kept");
    tryNormalize(typeByName("core/v1.ConfigMap"), value as never, context);
    return context.kept;
  };
  assert.equal(kept({ data: { a: "b" } }), false);
  assert.equal(kept({ data: {} }), true);
  assert.equal(kept({ binaryData: { a: null } }), true);
  assert.equal(kept({ metadata: { creationTimestamp: "2026-01-02T03:04:05.5Z" } }), true);
});

test("no bytes and no list under a key come back from storage as empty ones", () => {
  assert.equal(text("core/v1.Secret", { data: { a: null } }, "stored"), '{"metadata":{},"data":{"a":""}}');
  assert.equal(text("authentication/v1.UserInfo", { extra: { a: [] } }, "stored"), '{"extra":{"a":[]}}');
});

test("a fraction of a second is judged and not stored", () => {
  const job = { status: { startTime: "2026-01-02T04:04:05.5+01:00" } };
  assert.match(text("batch/v1.Job", job, "kept"), /"startTime":"2026-01-02T03:04:05.500000000Z"/);
  assert.match(text("batch/v1.Job", job, "stored"), /"startTime":"2026-01-02T03:04:05Z"/);
});

test("an empty map is as good as none, an empty struct is not", () => {
  const kept = normalize(typeByName("core/v1.PodSpec"), { nodeSelector: {}, securityContext: {}, containers: [] } as never, "kept").object;
  assert.ok(kept.nodeSelector instanceof EmptyMap);
  assert.equal(semanticEqual(kept.nodeSelector, undefined), true);
  assert.equal(semanticEqual(kept.securityContext, undefined), false);
});

test("schemas within schemas are counted once, however many levels are around them", () => {
  let looks = 0;
  const ownKeys = (leaf: object): string[] => {
    looks++;
    return Object.keys(leaf);
  };
  let schema: object = new Proxy({ type: "string" }, { ownKeys });
  const levels = 50;
  for (let i = 0; i < levels; i++) schema = i % 2 ? { additionalProperties: schema } : { items: schema };
  for (const empties of ["written", "kept"] as const) {
    const context = contextOf(empties);
    looks = 0;
    tryNormalize(typeByName("apiextensions/v1.JSONSchemaProps"), schema as never, context);
    assert.equal(context.keys, levels + 1);
    assert.ok(looks <= 2, `${looks}`);
  }
});
