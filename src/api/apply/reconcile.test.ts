import assert from "node:assert/strict";
import { test } from "node:test";
import { typeByName } from "../schema/schema.ts";
import { wholeAtom } from "./atom.ts";
import { reconcile } from "./reconcile.ts";

const deployment = wholeAtom(typeByName("apps/v1.Deployment"));

test("fields below a part that is one piece become that part", () => {
  const fields = { "f:spec": { "f:selector": { "f:matchLabels": { "f:app": {} } }, "f:replicas": {} } };
  assert.deepEqual(reconcile(fields, deployment), { "f:spec": { "f:selector": {}, "f:replicas": {} } });
});

test("a set that fits, and fields that no schema knows, come back as they are", () => {
  const fields = {
    "f:spec": {
      "f:selector": {},
      "f:template": { "f:spec": { "f:containers": { 'k:{"name":"a"}': { ".": {}, "f:image": {} } } } },
      "f:nothing": { "f:x": {} },
    },
  };
  assert.equal(reconcile(fields, deployment), fields);
});
