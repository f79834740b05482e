import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJSON } from "./json.ts";
import { parsePart, type Wanted } from "./json-part.ts";

const part = (text: string, wanted: Wanted): unknown => parsePart(Buffer.from(text), wanted);

test("only the members that are wanted are read", () => {
  const text = '{"a":1,"b":{"c":"x\\"}","d":[1,{"e":2}],"f":null},"g":[{"h":1,"i":"ö"},{"i":"{"},null,[{"h":2,"i":3}]],"j":true}';
  const cases: [Wanted, unknown][] = [
    [{}, {}],
    [{ a: true }, { a: 1 }],
    [
      { j: true, a: true },
      { a: 1, j: true },
    ],
    [{ b: true }, { b: { c: 'x"}', d: [1, { e: 2 }], f: null } }],
    [{ b: { c: true, f: { x: true } } }, { b: { c: 'x"}', f: null } }],
    [{ b: { d: { e: true } } }, { b: { d: [1, { e: 2 }] } }],
    [{ g: { h: true } }, { g: [{ h: 1 }, {}, null, [{ h: 2 }]] }],
    [{ g: {} }, { g: [{}, {}, null, [{}]] }],
    [{ g: { i: true }, x: true }, { g: [{ i: "ö" }, { i: "{" }, null, [{ i: 3 }]] }],
    [{ a: { b: true } }, { a: 1 }],
    [{ A: true, aa: true }, {}],
  ];
  for (const [wanted, expected] of cases) {
    assert.deepEqual(part(text, wanted), expected, JSON.stringify(wanted));
    assert.deepEqual(part(JSON.stringify(JSON.parse(text), null, 2), wanted), expected, `with white space: ${JSON.stringify(wanted)}`);
  }
});

test("what is read is exact, however long it is", () => {
  const text = `{"a":${"9".repeat(18)},"b":"${"ü".repeat(20_000)}","c":{"__proto__":1}}`;
  assert.deepEqual(part(text, { a: true, b: true, c: true }), parseJSON(text).value);
  assert.deepEqual(part('{"a":1}', { a: true }), { a: 1 });
});

test("a text that ends too early or has no values is refused", () => {
  for (const text of ['{"a":{"b":1}', '{"a":[1,', '{"a":[}', '{"a":[]]', '{"a', '{"a":', '{"b":"', '{"a" 1}', "{"])
    assert.throws(() => part(text, { a: { b: true } }), text);
});
