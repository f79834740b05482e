import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/object.ts";
import { partial } from "./table.ts";

const form = { media: "json", pretty: false, as: "PartialObjectMetadata" } as const;
const annotationsOf = (object: object): unknown => (partial(form, object as KubeObject) as KubeObject).metadata.annotations;

test("metadata alone leaves out the annotations that only a whole object is given", () => {
  const metrics = { "autoscaling.alpha.kubernetes.io/current-metrics": "[]" };
  assert.deepEqual(annotationsOf({ kind: "HorizontalPodAutoscaler", metadata: { name: "h", annotations: { ...metrics, a: "b" } } }), { a: "b" });
  assert.equal(annotationsOf({ kind: "HorizontalPodAutoscaler", metadata: { name: "h", annotations: metrics } }), undefined);
  assert.equal(annotationsOf({ kind: "DaemonSet", metadata: { name: "d", annotations: { "deprecated.daemonset.template.generation": "1" } } }), undefined);
  assert.deepEqual(annotationsOf({ kind: "ConfigMap", metadata: { name: "c", annotations: metrics } }), metrics);
});
