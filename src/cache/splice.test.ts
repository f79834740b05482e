import assert from "node:assert/strict";
import { test } from "node:test";
import { replaceRevision, spliceRevision } from "./splice.ts";

const splice = (text: string): [string, string] => {
  const { bytes, uidAt, uidLength, revisionAt } = spliceRevision(Buffer.from(text), 42);
  const result = Buffer.from(bytes).toString();
  assert.equal(result.slice(0, 0) + Buffer.from(bytes.subarray(revisionAt, revisionAt + 2)).toString(), "42");
  assert.equal(Buffer.from(replaceRevision(bytes, revisionAt, 2, 12345)).toString(), result.replace('"42"', '"12345"'));
  return [result, uidAt ? Buffer.from(bytes.subarray(uidAt, uidAt + uidLength)).toString() : ""];
};

test("resourceVersion goes behind the members that Go writes before it", () => {
  const cases: [string, string, string][] = [
    ['{"metadata":{"name":"a","uid":"u-1","labels":{"x":"y"}}}', '{"metadata":{"name":"a","uid":"u-1","resourceVersion":"42","labels":{"x":"y"}}}', "u-1"],
    ['{"metadata":{"name":"a","uid":"u-1"}}', '{"metadata":{"name":"a","uid":"u-1","resourceVersion":"42"}}', "u-1"],
    ['{"metadata":{"name":"a","generation":1}}', '{"metadata":{"name":"a","resourceVersion":"42","generation":1}}', ""],
    ['{"metadata":{"labels":{"a":"b"}}}', '{"metadata":{"resourceVersion":"42","labels":{"a":"b"}}}', ""],
    ['{"metadata":{}}', '{"metadata":{"resourceVersion":"42"}}', ""],
    ['{"metadata":{"labels":{"a":"b"},"uid":"u-2"},"x":1}', '{"metadata":{"resourceVersion":"42","labels":{"a":"b"},"uid":"u-2"},"x":1}', "u-2"],
    [
      '{ "spec" : {"metadata":{}, "a":[1,{"b":"}\\""}]}, "metadata" : { "name" : "é\\"", "uid" : "u" } }',
      '{ "spec" : {"metadata":{}, "a":[1,{"b":"}\\""}]}, "metadata" : { "name" : "é\\"", "uid" : "u","resourceVersion":"42" } }',
      "u",
    ],
    ['{"a":-1.5e3,"b":null,"c":true,"metadata":{"name":"x"}}', '{"a":-1.5e3,"b":null,"c":true,"metadata":{"name":"x","resourceVersion":"42"}}', ""],
  ];
  for (const [given, expected, uid] of cases) assert.deepEqual(splice(given), [expected, uid]);
});

test("what is not an object with metadata is refused", () => {
  for (const text of ["", "[]", "{}", '{"metadata":[]}', '{"metadata":{"name":"a', '{"metadata":{"name":"a","resourceVersion":"1"}}', "k8s\0"])
    assert.throws(() => spliceRevision(Buffer.from(text), 1), SyntaxError, text);
});
