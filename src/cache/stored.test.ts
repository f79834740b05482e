import assert from "node:assert/strict";
import { test } from "node:test";
import { Shared } from "./stored.ts";

test("large label sets are not kept once their objects are gone", () => {
  const shared = new Shared(0);
  const large = { a: "x".repeat(2000) };
  assert.notEqual(shared.labels({ ...large }), shared.labels({ ...large }));
  assert.equal(shared.labels({ a: "b" }), shared.labels({ a: "b" }));
});
