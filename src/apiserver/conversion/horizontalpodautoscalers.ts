/**
 * autoscaling/v1 knows CPU utilization only; what else the stored v2 object says travels in annotations
 * (pkg/apis/autoscaling/v1/conversion.go).
 */
import type { KubeObject } from "../../api/object.ts";
import type { HorizontalPodAutoscaler as V1 } from "../../api/types/autoscaling-v1.gen.ts";
import type { HorizontalPodAutoscaler as V2, MetricSpec, MetricStatus } from "../../api/types/autoscaling-v2.gen.ts";
import type { Conversion } from "../rest/call.ts";
import { completeObject } from "../rest/wire.ts";

const metricsKey = "autoscaling.alpha.kubernetes.io/metrics";
const currentKey = "autoscaling.alpha.kubernetes.io/current-metrics";
const conditionsKey = "autoscaling.alpha.kubernetes.io/conditions";
const behaviorKey = "autoscaling.alpha.kubernetes.io/behavior";
const defaultUtilization = 80;

/** A metric as v1's annotations have it: the target's values stand beside the name. */
type Flat = Record<string, unknown>;
type Target = { type: string; value?: string; averageValue?: string; averageUtilization?: number };

const target = (value: unknown, averageValue: unknown, averageUtilization: unknown): Target => ({
  type: averageUtilization !== undefined ? "Utilization" : averageValue !== undefined ? "AverageValue" : "Value",
  ...(value !== undefined ? { value: value as string } : {}),
  ...(averageValue !== undefined ? { averageValue: averageValue as string } : {}),
  ...(averageUtilization !== undefined ? { averageUtilization: averageUtilization as number } : {}),
});

function flatSpec(metric: MetricSpec): Flat {
  const out: Flat = { type: metric.type };
  const { resource, containerResource, pods, object, external } = metric;
  for (const [key, source] of [
    ["resource", resource],
    ["containerResource", containerResource],
  ] as const) {
    if (!source) continue;
    const { name, target: t } = source;
    out[key] = {
      name,
      targetAverageUtilization: t.averageUtilization,
      targetAverageValue: t.averageValue,
      ...("container" in source ? { container: source.container } : {}),
    };
  }
  if (pods) out.pods = { metricName: pods.metric.name, targetAverageValue: pods.target.averageValue, selector: pods.metric.selector };
  if (object)
    out.object = {
      target: object.describedObject,
      metricName: object.metric.name,
      targetValue: object.target.value ?? "0",
      selector: object.metric.selector,
      averageValue: object.target.averageValue,
    };
  if (external)
    out.external = {
      metricName: external.metric.name,
      metricSelector: external.metric.selector,
      targetValue: external.target.value,
      targetAverageValue: external.target.averageValue,
    };
  return out;
}

function fullSpec(flat: Flat): MetricSpec {
  const out: Record<string, unknown> = { type: flat.type };
  for (const key of ["resource", "containerResource"] as const) {
    const source = flat[key] as Flat | undefined;
    if (source)
      out[key] = { name: source.name, container: source.container, target: target(undefined, source.targetAverageValue, source.targetAverageUtilization) };
  }
  const { pods, object, external } = flat as Record<string, Flat | undefined>;
  if (pods) out.pods = { metric: { name: pods.metricName, selector: pods.selector }, target: target(undefined, pods.targetAverageValue, undefined) };
  if (object)
    out.object = {
      describedObject: object.target,
      metric: { name: object.metricName, selector: object.selector },
      target: target(object.averageValue === undefined ? object.targetValue : undefined, object.averageValue, undefined),
    };
  if (external)
    out.external = {
      metric: { name: external.metricName, selector: external.metricSelector },
      target: target(external.targetValue, external.targetAverageValue, undefined),
    };
  return out as unknown as MetricSpec;
}

function flatStatus(metric: MetricStatus): Flat {
  const out: Flat = { type: metric.type };
  const { resource, containerResource, pods, object, external } = metric;
  for (const [key, source] of [
    ["resource", resource],
    ["containerResource", containerResource],
  ] as const) {
    if (!source) continue;
    const { name, current } = source;
    const container = "container" in source ? { container: source.container } : {};
    out[key] = { name, currentAverageUtilization: current.averageUtilization, currentAverageValue: current.averageValue ?? "0", ...container };
  }
  if (pods) out.pods = { metricName: pods.metric.name, currentAverageValue: pods.current.averageValue, selector: pods.metric.selector };
  if (object)
    out.object = {
      target: object.describedObject,
      metricName: object.metric.name,
      currentValue: object.current.value ?? "0",
      selector: object.metric.selector,
      averageValue: object.current.averageValue,
    };
  if (external)
    out.external = {
      metricName: external.metric.name,
      metricSelector: external.metric.selector,
      currentValue: external.current.value ?? "0",
      currentAverageValue: external.current.averageValue,
    };
  return out;
}

const isCpu = (metric: MetricSpec): boolean =>
  metric.type === "Resource" && metric.resource?.name === "cpu" && metric.resource.target.averageUtilization !== undefined;

/** Annotations that a client made up are ignored, as upstream ignores what does not parse. */
function parsed<T>(text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}

export const horizontalPodAutoscalers: Conversion = {
  fromHub(hub) {
    const object = hub as unknown as V2;
    const { metrics = [], behavior, scaleTargetRef, minReplicas, maxReplicas } = object.spec ?? ({} as V2["spec"]);
    const status = object.status ?? ({} as NonNullable<V2["status"]>);
    const annotations = { ...object.metadata.annotations };
    const others = metrics.filter((metric) => !isCpu(metric));
    if (others.length) annotations[metricsKey] = JSON.stringify(others.map(flatSpec));
    if (status.currentMetrics?.length) annotations[currentKey] = JSON.stringify(status.currentMetrics.map(flatStatus));
    if (behavior) annotations[behaviorKey] = JSON.stringify(behavior);
    if (status.conditions?.length) annotations[conditionsKey] = JSON.stringify(status.conditions);
    const cpu = status.currentMetrics?.find((metric) => metric.type === "Resource" && metric.resource?.name === "cpu");
    const { observedGeneration, lastScaleTime, currentReplicas, desiredReplicas } = status;
    return completeObject("autoscaling/v1", "HorizontalPodAutoscaler", {
      kind: "HorizontalPodAutoscaler",
      apiVersion: "autoscaling/v1",
      metadata: { ...object.metadata, ...(Object.keys(annotations).length ? { annotations } : {}) },
      spec: { scaleTargetRef, minReplicas, maxReplicas, targetCPUUtilizationPercentage: metrics.find(isCpu)?.resource?.target.averageUtilization },
      status: {
        observedGeneration,
        lastScaleTime,
        currentReplicas,
        desiredReplicas,
        currentCPUUtilizationPercentage: cpu?.resource?.current.averageUtilization,
      },
    });
  },
  toHub(served) {
    const object = served as unknown as V1;
    const {
      [metricsKey]: more,
      [currentKey]: current,
      [behaviorKey]: behavior,
      [conditionsKey]: conditions,
      ...annotations
    } = object.metadata.annotations ?? {};
    const cpu = (utilization: number): MetricSpec =>
      ({ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: utilization } } }) as unknown as MetricSpec;
    const { scaleTargetRef, minReplicas, maxReplicas, targetCPUUtilizationPercentage: percentage } = object.spec ?? ({} as V1["spec"]);
    const metrics = [...(parsed<Flat[]>(more) ?? []).map(fullSpec), ...(percentage === undefined ? [] : [cpu(percentage)])];
    const { observedGeneration, lastScaleTime, currentReplicas, desiredReplicas } = object.status ?? ({} as V1["status"]);
    const { annotations: _annotations, ...metadata } = object.metadata;
    return completeObject("autoscaling/v2", "HorizontalPodAutoscaler", {
      kind: "HorizontalPodAutoscaler",
      apiVersion: "autoscaling/v2",
      metadata: { ...metadata, ...(Object.keys(annotations).length ? { annotations } : {}) },
      spec: { scaleTargetRef, minReplicas, maxReplicas, metrics: metrics.length ? metrics : [cpu(defaultUtilization)], behavior: parsed(behavior) },
      status: {
        observedGeneration,
        lastScaleTime,
        currentReplicas: currentReplicas ?? 0,
        desiredReplicas: desiredReplicas ?? 0,
        currentMetrics: fullStatuses(parsed<Flat[]>(current)),
        conditions: parsed(conditions),
      },
    }) as KubeObject;
  },
};

function fullStatuses(flat: Flat[] | undefined): unknown[] | undefined {
  return flat?.map((metric) => {
    const out: Record<string, unknown> = { type: metric.type };
    for (const key of ["resource", "containerResource"] as const) {
      const source = metric[key] as Flat | undefined;
      if (!source) continue;
      out[key] = {
        name: source.name,
        container: source.container,
        current: { averageUtilization: source.currentAverageUtilization, averageValue: source.currentAverageValue },
      };
    }
    const { pods, object, external } = metric as Record<string, Flat | undefined>;
    if (pods) out.pods = { metric: { name: pods.metricName, selector: pods.selector }, current: { averageValue: pods.currentAverageValue } };
    if (object)
      out.object = {
        describedObject: object.target,
        metric: { name: object.metricName, selector: object.selector },
        current: { value: object.currentValue, averageValue: object.averageValue },
      };
    if (external)
      out.external = {
        metric: { name: external.metricName, selector: external.metricSelector },
        current: { value: external.currentValue, averageValue: external.currentAverageValue },
      };
    return out;
  });
}
