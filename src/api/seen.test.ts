import assert from "node:assert/strict";
import { test } from "node:test";
import { seenBefore } from "./seen.ts";

test("what came before is known, everything else is new", () => {
  const seen = seenBefore<string>();
  assert.deepEqual(["a", "b", "a", "__proto__", "a", "__proto__"].map(seen), [false, false, true, false, true, true]);
});
