import assert from "node:assert/strict";
import { test } from "node:test";
import { compileQuery, QueryError } from "./query.ts";

const pod = {
  metadata: { labels: { "a.b/c": "x" }, ownerReferences: [{ kind: "Job" }, { kind: "Other" }], empty: "" },
  status: {
    phase: "Running",
    conditions: [
      { type: "Ready", status: "True" },
      { type: "Initialized", status: "False" },
    ],
  },
};
const run = (text: string): unknown => compileQuery(text)(pod);

test("queries of kwok's stages find what jq finds", () => {
  assert.deepEqual(run(".status.phase"), ["Running"]);
  assert.deepEqual(run(".metadata.deletionTimestamp"), []);
  assert.deepEqual(run(".metadata.ownerReferences.[].kind"), ["Job", "Other"]);
  assert.deepEqual(run('.status.conditions.[] | select( .type == "Ready" ) | .status'), ["True"]);
  assert.deepEqual(run('.metadata.labels["a.b/c"]'), ["x"]);
  assert.deepEqual(run('.metadata.labels."a.b/c"'), ["x"]);
  assert.deepEqual(run(".status.conditions[1].type"), ["Initialized"]);
  assert.deepEqual(run(".status.conditions[-1].type"), ["Initialized"]);
  assert.deepEqual(run('.status.phase == "Running" and (.metadata.x // "d") == "d"'), [true]);
  assert.deepEqual(run(".status.conditions | length"), [2]);
  assert.deepEqual(run('.status.conditions | any(.status == "False")'), [true]);
  assert.deepEqual(run("."), [pod]);
});

test("a query that fails on an object gives nothing at all, and ? turns that into no result", () => {
  assert.equal(run(".metadata.nothing.[].kind"), undefined);
  assert.equal(run(".status.phase.x"), undefined);
  assert.deepEqual(run(".metadata.nothing.[]?"), []);
});

test("what is not supported is refused with its place", () => {
  assert.throws(
    () => compileQuery(".a | map(.b)"),
    (e: QueryError) => e.offset === 5 && /"map" is not known/.test(e.message),
  );
  assert.throws(() => compileQuery(".a |"), /ends too early/);
  assert.throws(() => compileQuery(".a ] "), /unexpected "\]"/);
  assert.throws(() => compileQuery(".a["), QueryError);
});
