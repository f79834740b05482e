import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/object.ts";
import { horizontalPodAutoscalers } from "./horizontalpodautoscalers.ts";

const prefix = "autoscaling.alpha.kubernetes.io";
const served = (more: object): KubeObject =>
  ({
    kind: "HorizontalPodAutoscaler",
    apiVersion: "autoscaling/v1",
    metadata: { name: "h" },
    spec: { maxReplicas: 3, scaleTargetRef: { kind: "D", name: "d" } },
    ...more,
  }) as never;

test("what autoscaling/v1 says of CPU alone becomes a metric, in the status too, and comes back", () => {
  const hub = horizontalPodAutoscalers.toHub(served({ status: { currentReplicas: 1, desiredReplicas: 1, currentCPUUtilizationPercentage: 70 } }));
  const { spec, status } = hub as unknown as { spec: { metrics: unknown }; status: { currentMetrics: unknown } };
  assert.deepEqual(spec.metrics, [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } }]);
  assert.deepEqual(status.currentMetrics, [{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: 70 } } }]);
  const back = horizontalPodAutoscalers.fromHub(hub) as KubeObject & { status: { currentCPUUtilizationPercentage: number } };
  assert.equal(back.status.currentCPUUtilizationPercentage, 70);
  assert.deepEqual(back.metadata.annotations, {
    [`${prefix}/current-metrics`]: '[{"type":"Resource","resource":{"name":"cpu","currentAverageUtilization":70,"currentAverageValue":"0"}}]',
  });
});

test("behaviour travels under Go's names, and is read under any case", () => {
  const scaleUp = { selectPolicy: "Max", policies: [{ type: "Pods", value: 4, periodSeconds: 15 }] };
  const hub = horizontalPodAutoscalers.toHub(served({}));
  Object.assign((hub as unknown as { spec: object }).spec, { behavior: { scaleUp } });
  const v1 = horizontalPodAutoscalers.fromHub(hub);
  assert.equal(
    v1.metadata.annotations?.[`${prefix}/behavior`],
    '{"ScaleUp":{"StabilizationWindowSeconds":null,"SelectPolicy":"Max","Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":15}],"Tolerance":null},"ScaleDown":null}',
  );
  const { spec } = horizontalPodAutoscalers.toHub(v1) as unknown as { spec: { behavior: unknown } };
  assert.deepEqual(spec.behavior, { scaleUp });
});

test("an annotation says what fits its type whole, in letters of either size, or nothing", () => {
  const read = (key: string, text: string): { spec: { behavior?: unknown; metrics: unknown[] }; status: { currentMetrics?: unknown } } =>
    horizontalPodAutoscalers.toHub(served({ metadata: { name: "h", annotations: { [`${prefix}/${key}`]: text } } })) as never;
  const behavior = (text: string): unknown => read("behavior", text).spec.behavior;
  assert.deepEqual(behavior('{"SCALEDOWN":{"stabilizationwindowseconds":1,"more":{}}}'), { scaleDown: { stabilizationWindowSeconds: 1 } });
  for (const text of ['{"ScaleDown":{"StabilizationWindowSeconds":1.0}}', '{"ScaleUp":{"Policies":"x"}}', "null", "{}", '{"ScaleUp":null}', "[]", "{", "1"])
    assert.equal(behavior(text), undefined, text);
  const metrics = (text: string): unknown => read("metrics", text).spec.metrics;
  const none = metrics("[]");
  for (const text of ['[{"type":1}]', '[{"resource":{"targetAverageUtilization":"80"}}]', "null", "{}", '[{"pods":{"targetAverageValue":"x"}}]'])
    assert.deepEqual(metrics(text), none, text);
  assert.equal((metrics('[null,{"TYPE":"Pods","pods":null}]') as unknown[]).length, 2);
  assert.deepEqual(read("current-metrics", "null").status.currentMetrics, []);
});
