import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/object.ts";
import type { StatusError } from "../../api/status.ts";
import type { Call } from "./call.ts";
import { checkForm, partial } from "./table.ts";

const form = { media: "json", pretty: false, as: "PartialObjectMetadata" } as const;
const annotationsOf = (object: object): unknown => (partial(form, object as KubeObject) as KubeObject).metadata.annotations;

test("metadata alone leaves out the annotations that only a whole object is given", () => {
  const metrics = { "autoscaling.alpha.kubernetes.io/current-metrics": "[]" };
  assert.deepEqual(annotationsOf({ kind: "HorizontalPodAutoscaler", metadata: { name: "h", annotations: { ...metrics, a: "b" } } }), { a: "b" });
  assert.equal(annotationsOf({ kind: "HorizontalPodAutoscaler", metadata: { name: "h", annotations: metrics } }), undefined);
  assert.equal(annotationsOf({ kind: "DaemonSet", metadata: { name: "d", annotations: { "deprecated.daemonset.template.generation": "1" } } }), undefined);
  assert.deepEqual(annotationsOf({ kind: "ConfigMap", metadata: { name: "c", annotations: metrics } }), metrics);
});

test("what has no type is no list when it is looked into", () => {
  const call = { endpoint: { custom: {} }, form: { ...form, as: "PartialObjectMetadataList" }, request: {} } as unknown as Call;
  assert.throws(
    () => checkForm(call, false),
    (error: StatusError) => error.status.code === 500 && error.message === "content is not a list",
  );
  checkForm(call, true);
});
