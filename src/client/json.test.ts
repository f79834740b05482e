import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeJSON, encodeJSON } from "./json.ts";

test("bodies are written as Go writes them, so that raw bytes compare equal", () => {
  assert.equal(
    encodeJSON({ data: { args: ["run <in >out && echo ü\u2028"], labels: { "10": "a", "9": "b" } } }),
    '{"data":{"args":["run \\u003cin \\u003eout \\u0026\\u0026 echo ü\\u2028"],"labels":{"10":"a","9":"b"}}}',
  );
});

test("integers beyond a double survive in both directions", () => {
  const text = '{"value":9223372036854775807,"small":1}';
  assert.deepEqual(decodeJSON(text), { value: 9223372036854775807n, small: 1 });
  assert.equal(encodeJSON(decodeJSON(text) as object), text);
});
