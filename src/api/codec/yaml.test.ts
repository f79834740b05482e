import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { JSONValue } from "../json.ts";
import { typeOfKind } from "../schema/schema.ts";
import { decodeYAML } from "./decode.ts";
import { DecodeError } from "./decode-error.ts";
import { encodeJSONString } from "./json.ts";
import { parseYAML, parseYAMLDocuments } from "./yaml.ts";
import { encodeYAMLString, naturalOrder } from "./yaml-write.ts";

interface GoYAML {
  yaml: string;
  json?: string;
  strict?: string;
  error?: string;
}

function read(yaml: string): Omit<GoYAML, "yaml"> {
  try {
    const { value, duplicates } = parseYAML(Buffer.from(yaml));
    return { json: encodeJSONString(value), ...(duplicates.length ? { strict: duplicates[0] as string } : {}) };
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error));
    return { error: error.message };
  }
}

const scalars: [string, unknown][] = [
  ["yes", true],
  ["Off", false],
  ["y", true],
  ["N", false],
  ["~", null],
  ["Null", null],
  ["0777", 511],
  ["0o17", 15],
  ["0x1F", 31],
  ["0b101", 5],
  ["1_000", 1000],
  ["+5", 5],
  ["08", 8],
  ["1e3", 1000],
  [".5", 0.5],
  ["12:30:45", "12:30:45"],
  ["2001-12-14", "2001-12-14"],
  ["1.2.3", "1.2.3"],
  ["9223372036854775807", 9223372036854775807n],
  ["'yes'", "yes"],
  ["!!str 5", "5"],
  ["!!int '7'", 7],
];

test("plain scalars mean what go-yaml v2 takes them for", () => {
  for (const [text, value] of scalars) assert.deepEqual(parseYAML(`a: ${text}`).value, { a: value }, text);
});

test("keys are text, sorted, and repeated ones are reported with their lines", () => {
  const { value, duplicates } = parseYAML("b: 1\n5: x\ntrue: z\n__proto__: p\nb: 2\n");
  assert.deepEqual(Object.entries(value as object), [
    ["5", "x"],
    ["__proto__", "p"],
    ["b", 2],
    ["true", "z"],
  ]);
  assert.deepEqual(duplicates, ['yaml: unmarshal errors:\n  line 5: key "b" already set in map']);
  // The line is that of the value.
  for (const [text, line] of [
    ["a: 1\na:\n  b: 1\n", 3],
    ["a: 1\na:\n\n- b\n", 4],
    ["a: 1\na: &x\n  b: 1\n", 2],
    ["a: 1\na:\n  text\n", 3],
    ["a: 1\na: |\n  text\n", 2],
    ["a: 1\na:\nb: 1\n", 2],
    ["a: 1\na: {b: 1,\n c: 2}\n", 2],
  ] as const)
    assert.deepEqual(parseYAML(text).duplicates, [`yaml: unmarshal errors:\n  line ${line}: key "a" already set in map`], text);
});

test("merges give way to what comes behind them, and several documents are read", () => {
  assert.deepEqual(parseYAML("a: &a {x: 1, z: 2}\nb:\n  <<: *a\n  z: 3\n").value, { a: { x: 1, z: 2 }, b: { x: 1, z: 3 } });
  assert.deepEqual(
    parseYAMLDocuments("a: 1\n---\nb: 2\n---\n").map((d) => d.value),
    [{ a: 1 }, { b: 2 }, null],
  );
  assert.equal(parseYAML("").value, null);
});

test("within brackets and quotes no indentation is asked for", () => {
  assert.deepEqual(parseYAML("a:\n  x: [\n b,\nc\n  ]\n").value, { a: { x: ["b", "c"] } });
  assert.deepEqual(parseYAML("x: {\n  a: 1\n}\ny: 'b\nc'\n").value, { true: "b c", x: { a: 1 } });
});

test("short texts of all kinds are read, or refused in the same words, as sigs.k8s.io/yaml 1.6 with go-yaml 2.4.3 does", () => {
  const golden = JSON.parse(readFileSync(new URL("testdata/go-yaml.json", import.meta.url), "utf8")) as GoYAML[];
  for (const { yaml, ...expected } of golden) assert.deepEqual(read(yaml), expected, JSON.stringify(yaml));
});

test("bytes that are no characters of YAML's are refused with all that is read together with them", () => {
  for (const [bytes, words] of [
    [[0x61, 0xff], "invalid leading UTF-8 octet"],
    [[0xc3, 0x61], "invalid trailing UTF-8 octet"],
    [[0xc0, 0x80], "invalid length of a UTF-8 sequence"],
    [[0xed, 0xa0, 0x80], "invalid Unicode character"],
    [[0x61, 0xe2, 0x82], "incomplete UTF-8 octet sequence"],
    [[0x40, 0x00], "control characters are not allowed"],
    [[0x40, 0x61, 0x62, 0x63, 0xe2, 0x82], "found character that cannot start any token"],
    [[0x40, ...Buffer.alloc(511, "x"), 0x00], "found character that cannot start any token"],
  ] as const)
    assert.throws(() => parseYAML(Uint8Array.from(bytes)), { message: `yaml: ${words}` }, words);
});

test("what follows the first document is not looked at", () => {
  assert.deepEqual(parseYAML("a: b\n---\nc: [").value, { a: "b" });
  assert.deepEqual(parseYAML("  a: b\n c: d").value, { a: "b" });
});

test("what cannot be read is refused in go-yaml's words, the first line unnamed", () => {
  const refusals: [string, string][] = [
    ["a: b: c", "mapping values are not allowed in this context"],
    ["x: 1\na: b: c", "line 2: mapping values are not allowed in this context"],
    ["x: {a: 1", "line 1: did not find expected ',' or '}'"],
    ["x: [a, b\ny: 1", "line 1: did not find expected ',' or ']'"],
    ["x: 1\nkind: [", "line 2: did not find expected node content"],
    ["a: ]", "did not find expected node content"],
    ["a: @b", "found character that cannot start any token"],
    ["a:\n\t- b", "line 2: found character that cannot start any token"],
    ["key: - a", "block sequence entries are not allowed in this context"],
    ["a:\n  b: 1\n  - c", "line 2: did not find expected key"],
    ["a:\n  b: 1\n c: 2", "line 2: did not find expected key"],
    ["- a\nb: 1", "line 1: did not find expected '-' indicator"],
    ["a: 1\nb", "line 3: could not find expected ':'"],
    ["a: 'x\n\ny", "line 3: found unexpected end of stream"],
    ['a: "\\q"', "found unknown escape character"],
  ];
  for (const [text, words] of refusals) assert.throws(() => parseYAML(text), { message: `yaml: ${words}` }, text);
});

test("hostile documents are refused", () => {
  const bomb = `a0: &a0 [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(",")}]`).join("\n")}\n`;
  for (const text of ["a: [", "a: *x", "a: &a [*a]", "? [a]\n: b", "a: .nan", "a: !!int x", bomb, "[".repeat(5000)]) {
    assert.throws(() => parseYAML(text), DecodeError, text.slice(0, 20));
  }
});

test("strict errors of a typed document name repeated keys first, then unknown fields", () => {
  const type = typeOfKind("v1", "ConfigMap");
  const { object, strictErrors } = decodeYAML("kind: ConfigMap\ndata: {a: b}\nfoo: 1\nkind: ConfigMap\n", type);
  assert.deepEqual(strictErrors, ['yaml: unmarshal errors:\n  line 4: key "kind" already set in map', 'unknown field "foo"']);
  assert.deepEqual(object, { kind: "ConfigMap", metadata: {}, data: { a: "b" } });
});

test("text that would change its type, or the document's form, is quoted as go-yaml quotes it", () => {
  for (const [value, text] of [
    ["yes", '"yes"'],
    ["12:30", '"12:30"'],
    ["2001-12-14", '"2001-12-14"'],
    ["", '""'],
    ["<<", "<<"],
    ["a: b", "'a: b'"],
    ["it's", "it's"],
    ["- a", "'- a'"],
    [" a", "' a'"],
    ["a\tb", '"a\\tb"'],
    ["\u{1f600}", '"\\U0001F600"'],
    ["a\nb\n", "|\n  a\n  b"],
    ["a\nb", "|-\n  a\n  b"],
    ["\n", "|2+\n"],
    ["a \nb", '"a \\nb"'],
    [1234567.5, "1.2345675e+06"],
  ] as const) {
    assert.equal(encodeYAMLString({ a: value }), `a: ${text}\n`, JSON.stringify(value));
  }
  assert.deepEqual(parseYAML(encodeYAMLString({ a: "x".repeat(70).concat(" yy".repeat(20)) })).value, { a: "x".repeat(70).concat(" yy".repeat(20)) });
});

test("keys are written in go-yaml's order", () => {
  assert.deepEqual(["a10", "a2", "B", "a", "1", "_", "a-b", "aB"].sort(naturalOrder), ["_", "1", "B", "a", "a-b", "a2", "a10", "aB"]);
});

test("a mapping of nothing but repeated keys does not make a message as long as itself", () => {
  const { duplicates } = parseYAML("a: 1\n".repeat(200_000));
  assert.ok((duplicates[0] as string).length < 60_000);
});

test("JSON that YAML reads otherwise, or not at all, is read as YAML", () => {
  const read = (text: string): unknown => {
    try {
      return parseYAML(text);
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.deepEqual(read('{"b":{"y":[1,true,null,"~"]},"a":1}'), { value: { a: 1, b: { y: [1, true, null, "~"] } }, duplicates: [] });
  assert.deepEqual(Object.keys((read('{"b":1,"a":{}}') as { value: object }).value), ["a", "b"]);
  for (const text of [
    '{"a":1,"a":2}',
    '{"a"\n:1}',
    '{"a":-0}',
    '{"<<":{"a":1}}',
    `{"${"k".repeat(1025)}":1}`,
    '{"a":"\u007f"}',
    '{"a":"\\ud83d\\ude00"}',
    '{"a":1.50}',
  ]) {
    // A comment is all the same to YAML.
    assert.deepEqual(read(text), read(`${text} #`), text);
  }
});
test("more nodes than may be are refused while they are read", () => {
  for (const text of [`[${"{},".repeat(1000)}]`, `[${"1,".repeat(1000)}]`, "- a\n".repeat(1000), "a:\n".repeat(1000)])
    assert.throws(() => parseYAML(text, 900), new DecodeError("yaml: more than 900 nodes", true), text.slice(0, 5));
  assert.equal((parseYAML("- a\n".repeat(1000), 2010).value as unknown[]).length, 1000);
  assert.throws(() => parseYAML(`${"- a\n".repeat(10_000)}\tx`), { message: "yaml: line 10001: found a tab character that violates indentation" });
});

test("an escape of half a character is refused, one of a whole character or of a backslash is read", () => {
  const wrong = "found invalid Unicode character escape code";
  assert.throws(() => parseYAML('"\\ud800"'), new DecodeError(`yaml: ${wrong}`, true));
  assert.throws(() => parseYAML('{"a": "\\ud83d\\ude00"}'), new DecodeError(`yaml: ${wrong}`, true));
  assert.throws(() => parseYAML('a: 1\nb: "\\U0000DFFF"'), new DecodeError(`yaml: line 2: ${wrong}`, true));
  assert.deepEqual(parseYAML('a: "\\\\ud800 \\U0001f600 \\ud7ff"').value, { a: "\\ud800 \u{1f600} \ud7ff" });
});

test("a line that stands nowhere right is not moved for ever", () => {
  const before = process.cpuUsage();
  for (let n = 0; n < 20; n++) assert.throws(() => parseYAML('!?n###\te: {<<: {f: 1}, g: [01"01*x, *x]}? \n...\n__proto__'), DecodeError);
  assert.ok(process.cpuUsage(before).user < 2_000_000);
});

test("what is very deep is written without its indentation, and read again as it was", () => {
  const value = { a: JSON.parse(`${'{"k":['.repeat(400)}"x: <y>"${"]}".repeat(400)}`) as JSONValue, b: "c" };
  const text = encodeYAMLString(value);
  assert.ok(text.length < 200_000, `${text.length} characters`);
  assert.deepEqual(parseYAML(text).value, value);
});

test("texts come out as upstream reads them from JSON: a next line is folded, what YAML cannot be read with is an error", () => {
  assert.equal(encodeYAMLString({ a: "b\x85c", d: "e \x85 \x85 f" }), "a: b c\nd: |-\n  e\n  f\n");
  for (const text of ["\x7f", "a\x9fb", "\uffff"]) assert.throws(() => encodeYAMLString({ text }), { message: "yaml: control characters are not allowed" });
});
