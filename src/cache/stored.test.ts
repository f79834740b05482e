import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../api/object.ts";
import { spliceRevision } from "./splice.ts";
import { type Family, Shared, StoredObject } from "./stored.ts";

const text = (labels: object): Buffer => Buffer.from(JSON.stringify(labels));

test("large label sets are not kept once their objects are gone", () => {
  const shared = new Shared(0);
  const large = text({ a: "x".repeat(2000) });
  assert.notEqual(shared.labels(large, 0), shared.labels(large, 0));
  const small = text({ a: "b" });
  const other = text({ a: "b", c: "d" });
  assert.equal(shared.labels(small, 0), shared.labels(Buffer.from(small), 0));
  assert.deepEqual(shared.labels(other, 0), { a: "b", c: "d" });
  assert.equal(shared.labels(small, 0), shared.labels(Buffer.from(small), 0));
});

const family = (index: Family["index"] = () => ({}), reads: Family["reads"] = {}): Family => ({ shared: new Shared(0), index, reads, fieldNames: [] });
const stored = (json: string, of = family()): StoredObject => new StoredObject(of, "", "a", 42, spliceRevision(Buffer.from(json), 42));

test("labels are found wherever metadata has them", () => {
  const cases: [string, object][] = [
    ['{"metadata":{"name":"a","uid":"u","labels":{"x":"y","z":"\\u00e9\\"}"}}}', { x: "y", z: 'é"}' }],
    ['{"metadata":{"annotations":{"labels":"{}"},"labels":{"x":"ö"},"managedFields":[],"name":"a"}}', { x: "ö" }],
    ['{"metadata":{"labels":{"x":"y"},"uid":"u"},"labels":{"x":"z"}}', { x: "y" }],
    ['{"spec":{"metadata":{"labels":{"x":"z"}}},"metadata" : { "name" : "a", "labels" : {"x":"y"} } }', { x: "y" }],
    ['{"metadata":{"name":"a","labels":null},"labels":{"x":"z"}}', {}],
    ['{"metadata":{"name":"a","labels":{}}}', {}],
    ['{"metadata":{"name":"a","managedFields":[{"fieldsV1":{"labels":{"a":"b"}}}]},"labels":{"x":"z"}}', {}],
    ['{"metadata":{}}', {}],
  ];
  for (const [json, expected] of cases) {
    const { labels } = stored(json);
    assert.deepEqual({ ...labels }, expected, json);
    assert.deepEqual({ ...stored(json).at(12345).labels }, expected, `later: ${json}`);
  }
});

test("fields are taken of nothing but what they are made of", () => {
  const seen: object[] = [];
  const index = (object: KubeObject): { fields: Record<string, string> } => {
    seen.push(object);
    return { fields: { "spec.node": (object as unknown as { spec: { node: string } }).spec.node } };
  };
  const one = stored('{"metadata":{"name":"a"},"spec":{"node":"n","other":[1]},"status":{}}', family(index, { spec: { node: true } }));
  assert.deepEqual(one.fields, { "metadata.name": "a", "metadata.namespace": "", "spec.node": "n" });
  assert.equal(one.field("spec.node"), "n");
  assert.deepEqual(seen, [{ spec: { node: "n" } }]);
});
