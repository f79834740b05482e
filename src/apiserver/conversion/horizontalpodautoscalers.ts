/**
 * autoscaling/v1 knows CPU utilization only; what else the stored v2 object says travels in annotations
 * (pkg/apis/autoscaling/v1/conversion.go).
 */
import { readFolded, readFoldedList } from "../../api/codec/folded-json.ts";
import { encodeJSONString } from "../../api/codec/json.ts";
import type { JSONValue } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import type { HorizontalPodAutoscaler as V1 } from "../../api/types/autoscaling-v1.gen.ts";
import type { HorizontalPodAutoscaler as V2, MetricSpec } from "../../api/types/autoscaling-v2.gen.ts";
import { roundTripAnnotations } from "../../api/autoscaling/horizontalpodautoscaler.ts";
import type { Conversion } from "../rest/call.ts";
import { completeObject } from "../rest/wire.ts";
import { flatSpec, flatStatus, fullSpec, fullStatus } from "./flat-metrics.ts";

const { metrics: metricsKey, currentMetrics: currentKey, conditions: conditionsKey, behavior: behaviorKey } = roundTripAnnotations;
const defaultUtilization = 80;

const isCpu = (metric: MetricSpec): boolean =>
  metric.type === "Resource" && metric.resource?.name === "cpu" && metric.resource.target.averageUtilization !== undefined;

type Loose = { [name: string]: unknown };

/** Upstream writes its internal type, whose fields have Go's names. */
const shownRules = (rules: Loose | undefined): Loose | null =>
  rules
    ? {
        StabilizationWindowSeconds: rules.stabilizationWindowSeconds ?? null,
        SelectPolicy: rules.selectPolicy ?? null,
        Policies:
          (rules.policies as Loose[] | undefined)?.map(({ type, value, periodSeconds }) => ({ Type: type, Value: value, PeriodSeconds: periodSeconds })) ??
          null,
        Tolerance: rules.tolerance ?? null,
      }
    : null;
const shownBehavior = ({ scaleUp, scaleDown }: Loose): Loose => ({ ScaleUp: shownRules(scaleUp as Loose), ScaleDown: shownRules(scaleDown as Loose) });

const shownCondition = ({ type, status, lastTransitionTime, reason, message }: Loose): Loose => ({
  type,
  status,
  lastTransitionTime: lastTransitionTime ?? null,
  ...(reason ? { reason } : {}),
  ...(message ? { message } : {}),
});

export function withoutRoundTrip(annotations: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const kept = { ...annotations };
  for (const key of Object.values(roundTripAnnotations)) delete kept[key];
  return kept;
}

const json = (value: unknown): string => encodeJSONString(value as JSONValue);

export const horizontalPodAutoscalers: Conversion = {
  fromHub(hub) {
    const object = hub as unknown as V2;
    const { behavior, scaleTargetRef, minReplicas, maxReplicas } = object.spec ?? ({} as V2["spec"]);
    const metrics = object.spec?.metrics ?? [];
    const status = object.status ?? ({} as NonNullable<V2["status"]>);
    const annotations = withoutRoundTrip(object.metadata.annotations);
    const others = metrics.filter((metric) => !isCpu(metric));
    if (others.length) annotations[metricsKey] = json(others.map(flatSpec));
    if (status.currentMetrics?.length) annotations[currentKey] = json(status.currentMetrics.map(flatStatus));
    if (behavior) annotations[behaviorKey] = json(shownBehavior(behavior as Loose));
    if (status.conditions?.length) annotations[conditionsKey] = json((status.conditions as unknown as Loose[]).map(shownCondition));
    const utilizations = (status.currentMetrics ?? []).flatMap(({ type, resource }) =>
      type === "Resource" && resource?.name === "cpu" ? [resource.current.averageUtilization] : [],
    );
    const { observedGeneration, lastScaleTime, currentReplicas, desiredReplicas } = status;
    const { annotations: _annotations, ...metadata } = object.metadata;
    return completeObject("autoscaling/v1", "HorizontalPodAutoscaler", {
      kind: "HorizontalPodAutoscaler",
      apiVersion: "autoscaling/v1",
      metadata: { ...metadata, ...(Object.keys(annotations).length ? { annotations } : {}) },
      spec: { scaleTargetRef, minReplicas, maxReplicas, targetCPUUtilizationPercentage: metrics.find(isCpu)?.resource?.target.averageUtilization },
      status: {
        observedGeneration,
        lastScaleTime,
        currentReplicas,
        desiredReplicas,
        currentCPUUtilizationPercentage: utilizations.findLast((utilization) => utilization !== undefined),
      },
    });
  },
  toHub(served) {
    const object = served as unknown as V1;
    const given = object.metadata.annotations ?? {};
    const annotations = withoutRoundTrip(given);
    const cpu = (utilization: number): MetricSpec =>
      ({ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: utilization } } }) as unknown as MetricSpec;
    const { scaleTargetRef, minReplicas, maxReplicas, targetCPUUtilizationPercentage: percentage } = object.spec ?? ({} as V1["spec"]);
    // What a client made up and nobody can read is ignored, as upstream ignores it.
    const list = (key: string, type: string): Loose[] | undefined => (given[key] === undefined ? undefined : readFoldedList(type, given[key]));
    const metrics = [...(list(metricsKey, "autoscaling/v1.MetricSpec") ?? []).map(fullSpec), ...(percentage === undefined ? [] : [cpu(percentage)])];
    const {
      observedGeneration,
      lastScaleTime,
      currentReplicas,
      desiredReplicas,
      currentCPUUtilizationPercentage: current,
    } = object.status ?? ({} as V1["status"]);
    const seen = current === undefined ? undefined : [{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: current } } }];
    // Upstream's internal type differs from this one in the size of its letters alone.
    const behavior = given[behaviorKey] === undefined ? undefined : readFolded("autoscaling/v2.HorizontalPodAutoscalerBehavior", given[behaviorKey]);
    const { annotations: _annotations, ...metadata } = object.metadata;
    return completeObject("autoscaling/v2", "HorizontalPodAutoscaler", {
      kind: "HorizontalPodAutoscaler",
      apiVersion: "autoscaling/v2",
      metadata: { ...metadata, ...(Object.keys(annotations).length ? { annotations } : {}) },
      spec: {
        scaleTargetRef,
        minReplicas,
        maxReplicas,
        metrics: metrics.length ? metrics : [cpu(defaultUtilization)],
        behavior: behavior && (behavior.scaleUp || behavior.scaleDown) ? behavior : undefined,
      },
      status: {
        observedGeneration,
        lastScaleTime,
        currentReplicas: currentReplicas ?? 0,
        desiredReplicas: desiredReplicas ?? 0,
        currentMetrics: list(currentKey, "autoscaling/v1.MetricStatus")?.map(fullStatus) ?? seen,
        conditions: list(conditionsKey, "autoscaling/v2.HorizontalPodAutoscalerCondition"),
      },
    }) as KubeObject;
  },
};
