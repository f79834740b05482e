/**
 * Metrics as autoscaling/v1's annotations have them, where a target's values stand beside the name, and as autoscaling/v2
 * has them (pkg/apis/autoscaling/v1/conversion.go). Fields come in Go's order.
 */
import type { MetricSpec, MetricStatus } from "../../api/types/autoscaling-v2.gen.ts";

export type Flat = Record<string, unknown>;
type Source = Record<string, Flat | undefined>;

/** null, or values of another shape, are no list of metrics. */
export const isFlatList = (value: unknown): value is Flat[] =>
  Array.isArray(value) && value.every((item) => typeof item === "object" && item !== null && !Array.isArray(item));

const reference = ({ kind = "", name = "", apiVersion }: Flat): Flat => ({ kind, name, ...(apiVersion ? { apiVersion } : {}) });

export function flatSpec(metric: MetricSpec): Flat {
  const { object, pods, resource, containerResource, external } = metric as unknown as Source;
  const target = (source: Flat): Flat => source.target as Flat;
  const identity = (source: Flat): Flat => (source.metric ?? {}) as Flat;
  return {
    type: metric.type,
    object: object && {
      target: reference(object.describedObject as Flat),
      metricName: identity(object).name,
      targetValue: target(object).value ?? "0",
      selector: identity(object).selector,
      averageValue: target(object).averageValue,
    },
    pods: pods && { metricName: identity(pods).name, targetAverageValue: target(pods).averageValue ?? "0", selector: identity(pods).selector },
    resource: resource && {
      name: resource.name,
      targetAverageUtilization: target(resource).averageUtilization,
      targetAverageValue: target(resource).averageValue,
    },
    containerResource: containerResource && {
      name: containerResource.name,
      targetAverageUtilization: target(containerResource).averageUtilization,
      targetAverageValue: target(containerResource).averageValue,
      container: containerResource.container,
    },
    external: external && {
      metricName: identity(external).name,
      metricSelector: identity(external).selector,
      targetValue: target(external).value,
      targetAverageValue: target(external).averageValue,
    },
  };
}

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

export function flatStatus(metric: MetricStatus): Flat {
  const { object, pods, resource, containerResource, external } = metric as unknown as Source;
  const current = (source: Flat): Flat => (source.current ?? {}) as Flat;
  const identity = (source: Flat): Flat => (source.metric ?? {}) as Flat;
  return {
    type: metric.type,
    object: object && {
      target: reference(object.describedObject as Flat),
      metricName: identity(object).name,
      currentValue: current(object).value ?? "0",
      selector: identity(object).selector,
      averageValue: current(object).averageValue,
    },
    pods: pods && { metricName: identity(pods).name, currentAverageValue: current(pods).averageValue ?? "0", selector: identity(pods).selector },
    resource: resource && {
      name: resource.name,
      currentAverageUtilization: current(resource).averageUtilization,
      currentAverageValue: current(resource).averageValue ?? "0",
    },
    containerResource: containerResource && {
      name: containerResource.name,
      currentAverageUtilization: current(containerResource).averageUtilization,
      currentAverageValue: current(containerResource).averageValue ?? "0",
      container: containerResource.container,
    },
    external: external && {
      metricName: identity(external).name,
      metricSelector: identity(external).selector,
      currentValue: current(external).value ?? "0",
      currentAverageValue: current(external).averageValue,
    },
  };
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
