import assert from "node:assert/strict";
import { SourceMap } from "node:module";
import { test } from "node:test";
import { sourceFrame } from "./source-stacks.ts";

/** Line 1 of the bundle is line 3 of src/a.ts, line 2 is line 4. */
const map = new SourceMap({ version: 3, file: "k8ts.js", sources: ["../src/a.ts"], names: [], mappings: "AAEA;AACA", sourcesContent: [], sourceRoot: "" });
const find = (file: string) => (file === "file:///k8ts/dist/k8ts.js" ? map : undefined);

test("a frame of the bundle tells the place in the source", () => {
  assert.equal(sourceFrame("work (file:///k8ts/dist/k8ts.js:2:1)", find), "work (/k8ts/src/a.ts:4:1)");
  assert.equal(sourceFrame("async file:///k8ts/dist/k8ts.js:1:1", find), "async /k8ts/src/a.ts:3:1");
});

test("a frame of Node or of a file without a map stays as it is", () => {
  for (const frame of ["node:internal/process/task_queues:105:5", "f (file:///k8ts/node_modules/lmdb/write.js:3:4)", "new Promise (<anonymous>)"])
    assert.equal(sourceFrame(frame, find), frame);
});
