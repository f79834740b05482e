import assert from "node:assert/strict";
import { test } from "node:test";
import { RecentList } from "./recent-list.ts";

test("what was used longest ago is forgotten first", () => {
  const list = new RecentList<string>(2);
  list.add("a");
  list.add("b");
  assert.equal(
    list.find((one) => one === "a"),
    "a",
  );
  list.add("c");
  const left = ["a", "b", "c"].filter((name) => list.find((one) => one === name));
  assert.deepEqual(left, ["a", "c"]);
});
