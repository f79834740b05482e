import assert from "node:assert/strict";
import { test } from "node:test";
import { pemBlocks } from "./pem.ts";

const read = (text: string): [string, boolean, string][] =>
  pemBlocks(Buffer.from(text).toString("base64")).map(({ type, headers, bytes }) => [type, headers, Buffer.from(bytes).toString()]);
const block = (body: string, type = "X"): string => `-----BEGIN ${type}-----\n${body}-----END ${type}-----\n`;

test("blocks stand between other text, on lines of their own", () => {
  assert.deepEqual(read(`hello\n${block("aGFs\nbG8=\n")}more\n${block("eA==\n", "Y Z")}end`), [
    ["X", false, "hallo"],
    ["Y Z", false, "x"],
  ]);
  assert.deepEqual(read(`hello ${block("eA==\n")}`), []);
  assert.deepEqual(read("-----BEGIN X-----\neA==-----END X-----\n"), []);
  assert.deepEqual(read(block("")), [["X", false, ""]]);
});

test("headers are no part of the bytes", () => {
  assert.deepEqual(read(block("A: b\n\neA==\n")), [["X", true, "x"]]);
});

test("what is not base64, or ends as something else, is no block", () => {
  assert.deepEqual(read(block("!!!!\n") + block("eA==\n")), [["X", false, "x"]]);
  assert.deepEqual(read("-----BEGIN X-----\neA==\n-----END Y-----\n"), []);
  assert.deepEqual(read(block("eA\n")), []);
});
