import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeMembers, parseJSON } from "../api/codec/json.ts";
import { KnownFields } from "./known-fields.ts";

const pod = (name: string, ...fields: string[]): string =>
  `{"kind":"Pod","metadata":{"name":"${name}","managedFields":[${fields.map((set) => `{"manager":"é","fieldsV1":${set}}`).join(",")}]},"spec":{}}`;
const read = (fields: KnownFields, text: string): unknown => {
  const value = fields.parse(Buffer.from(text));
  assert.deepEqual(value, parseJSON(text).value, text);
  return value;
};
const setsOf = (object: unknown): unknown[] =>
  (object as { metadata: { managedFields: { fieldsV1: unknown }[] } }).metadata.managedFields.map((e) => e.fieldsV1);

const spec = '{"f:spec":{"k:{\\"name\\":\\"a}\\"}":{".":{}}}}';
const status = '{"f:status":{"f:phase":{}}}';

test("owned fields that are the same are one object, which nobody changes", () => {
  const fields = new KnownFields();
  const [first] = setsOf(read(fields, pod("a", spec, status)));
  const [second, third] = setsOf(read(fields, pod("b", spec, spec)));
  const [, fourth] = setsOf(read(fields, pod("c", status, spec)));
  assert.equal(second, first);
  assert.equal(third, first);
  assert.equal(fourth, first);
  assert.throws(() => Object.assign(first as object, { "f:more": {} }), TypeError);
});

test("what is no list of owners, repeated, long or malformed is read as ever", () => {
  const fields = new KnownFields();
  const long = `{${Array.from({ length: 500 }, (_, i) => `"f:field${i}":{}`).join(",")}}`;
  for (const text of [
    pod("a"),
    pod("a", "null", spec),
    pod("a", long, spec, long),
    pod("a", `${spec},"fieldsV1":${status}`),
    `{"metadata":{"name":"a"},"spec":{"fieldsV1":${spec}}}`,
    `{"metadata":{"managedFields":[{"fieldsV1":${spec}}]},"spec":{"fieldsV1":${status}}}`,
    `{"spec":{"fieldsV1":${status}},"metadata":{"managedFields":[{"fieldsV1":${spec}}]}}`,
    `{"metadata":{"managedFields":[{"fieldsV1":{"fieldsV1":${status}}}],"annotations":{"a":"{\\"fieldsV1\\":{}}"}}}`,
    pod("a", '{"f:n":9007199254740993,"f:n":1,"f:e":"\\ud800"}'),
  ])
    for (let i = 0; i < 2; i++) read(fields, text);
  assert.throws(() => fields.parse(Buffer.from('{"metadata":{"managedFields":[{"fieldsV1":{]}}]}}')));
  assert.throws(() => fields.parse(Buffer.from('{"metadata":{"managedFields":[{"fieldsV1":{"a')));
});

test("what is written here is read as what comes from elsewhere", () => {
  const fields = new KnownFields();
  for (const value of [
    1,
    -9007199254740993n,
    9007199254740993n,
    1e21,
    1.5,
    1e17,
    [10n ** 17n],
    "\ud800",
    "é\u2028\ud83d\ude00",
    "1234567890123456",
    { __proto__: null, "9": 1, "10": [2] },
  ]) {
    const metadata = { name: "a", managedFields: [{ manager: "m", fieldsV1: { "f:spec": {} } }] };
    const bytes = encodeMembers({ metadata, spec: { value } });
    assert.deepEqual(fields.parse(bytes, true), parseJSON(bytes).value);
  }
});
