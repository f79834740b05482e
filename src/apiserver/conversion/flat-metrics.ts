/**
 * Metrics as autoscaling/v1's annotations have them, where a target's values stand beside the name, and as autoscaling/v2
 * has them (pkg/apis/autoscaling/v1/conversion.go). Fields come in Go's order.
 */
import type { MetricSpec, MetricStatus } from "../../api/types/autoscaling-v2.gen.ts";

export type Flat = Record<string, unknown>;
type Source = Record<string, Flat | undefined>;

const reference = ({ kind = "", name = "", apiVersion }: Flat): Flat => ({ kind, name, ...(apiVersion ? { apiVersion } : {}) });

/** `side`: what a metric is to be, or what it is now. */
function flat(metric: MetricSpec | MetricStatus, side: "target" | "current"): Flat {
  const { object, pods, resource, containerResource, external } = metric as unknown as Source;
  const values = (source: Flat): Flat => (source[side] ?? {}) as Flat;
  const identity = (source: Flat): Flat => (source.metric ?? {}) as Flat;
  const [value, averageValue, averageUtilization] = [`${side}Value`, `${side}AverageValue`, `${side}AverageUtilization`] as const;
  /** Targets are of one sort or another; what is now has a value. */
  const orZero = (quantity: unknown): unknown => quantity ?? (side === "current" ? "0" : undefined);
  const ofResource = (source: Flat): Flat => ({
    name: source.name,
    [averageUtilization]: values(source).averageUtilization,
    [averageValue]: orZero(values(source).averageValue),
  });
  return {
    type: metric.type,
    object: object && {
      target: reference(object.describedObject as Flat),
      metricName: identity(object).name,
      [value]: values(object).value ?? "0",
      selector: identity(object).selector,
      averageValue: values(object).averageValue,
    },
    pods: pods && { metricName: identity(pods).name, [averageValue]: values(pods).averageValue ?? "0", selector: identity(pods).selector },
    resource: resource && ofResource(resource),
    containerResource: containerResource && { ...ofResource(containerResource), container: containerResource.container },
    external: external && {
      metricName: identity(external).name,
      metricSelector: identity(external).selector,
      [value]: orZero(values(external).value),
      [averageValue]: values(external).averageValue,
    },
  };
}
export const flatSpec = (metric: MetricSpec): Flat => flat(metric, "target");
export const flatStatus = (metric: MetricStatus): Flat => flat(metric, "current");

export function fullSpec(flat: Flat): MetricSpec {
  const { object, pods, resource, containerResource, external } = flat as Source;
  const ofResource = ({ name, container, targetAverageUtilization: averageUtilization, targetAverageValue: averageValue }: Flat): Flat => ({
    name,
    container,
    target: { type: averageUtilization === undefined ? "AverageValue" : "Utilization", averageValue, averageUtilization },
  });
  const isZero = (quantity: unknown): boolean => /^[+-]?0*(\.0*)?([a-zA-Z]|$)/.test(String(quantity ?? "0"));
  const full: Flat = {
    type: flat.type,
    object: object && {
      describedObject: object.target,
      metric: { name: object.metricName, selector: object.selector },
      target: {
        type: object.averageValue === undefined ? "Value" : "AverageValue",
        value: object.averageValue === undefined || !isZero(object.targetValue) ? (object.targetValue ?? "0") : undefined,
        averageValue: object.averageValue,
      },
    },
    pods: pods && {
      metric: { name: pods.metricName, selector: pods.selector },
      target: { type: "AverageValue", averageValue: pods.targetAverageValue ?? "0" },
    },
    resource: resource && ofResource(resource),
    containerResource: containerResource && ofResource(containerResource),
    external: external && {
      metric: { name: external.metricName, selector: external.metricSelector },
      target: {
        type: external.targetValue === undefined ? "AverageValue" : "Value",
        value: external.targetValue,
        averageValue: external.targetAverageValue,
      },
    },
  };
  return full as unknown as MetricSpec;
}

export function fullStatus(flat: Flat): Flat {
  const { object, pods, resource, containerResource, external } = flat as Source;
  const ofResource = ({ name, container, currentAverageUtilization: averageUtilization, currentAverageValue }: Flat): Flat => ({
    name,
    container,
    current: { averageValue: currentAverageValue ?? "0", averageUtilization },
  });
  return {
    type: flat.type,
    object: object && {
      metric: { name: object.metricName, selector: object.selector },
      current: { value: object.currentValue ?? "0", averageValue: object.averageValue },
      describedObject: object.target,
    },
    pods: pods && { metric: { name: pods.metricName, selector: pods.selector }, current: { averageValue: pods.currentAverageValue ?? "0" } },
    resource: resource && ofResource(resource),
    containerResource: containerResource && ofResource(containerResource),
    external: external && {
      metric: { name: external.metricName, selector: external.metricSelector },
      current: { value: external.currentValue ?? "0", averageValue: external.currentAverageValue },
    },
  };
}
