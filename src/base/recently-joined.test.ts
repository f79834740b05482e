import assert from "node:assert/strict";
import test from "node:test";
import { RecentlyJoined } from "./recently-joined.ts";

test("who sends the same pieces in the same order gets the same bytes", () => {
  const joined = new RecentlyJoined();
  const [a, b] = [Buffer.from("a"), Buffer.from("b")];
  const first = joined.join([a, b], 2);
  assert.equal(Buffer.from(first).toString(), "ab");
  assert.equal(joined.join([a, b], 2), first);
  assert.equal(Buffer.from(joined.join([b, a], 2)).toString(), "ba");
  assert.equal(Buffer.from(joined.join([a, b, a], 3)).toString(), "aba");
  assert.notEqual(joined.join([Buffer.from("a"), b], 2), first, "other memory may change");
  for (let i = 0; i < 20; i++) joined.join([Buffer.from([i]), a], 2);
  assert.equal(Buffer.from(joined.join([a, b], 2)).toString(), "ab", "made again when it was forgotten");
  const large = Buffer.alloc(600_000);
  assert.notEqual(joined.join([large, a], 600_001), joined.join([large, a], 600_001), "what is large is not kept");
});
