/** What one metric of an autoscaler proposes, and what is reported of it. */
import { Quantity, parseQuantity } from "../../api/quantity.ts";
import { formatLabelSelector } from "../../api/selectors/labels.ts";
import type { MetricSpec, MetricStatus, MetricTarget, MetricValueStatus } from "../../api/types/autoscaling-v2.gen.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { MetricsSource } from "./metrics-source.ts";
import {
  type StartingPods,
  meanOf,
  replicasFor,
  replicasForShare,
  replicasForTotal,
  requestsOf,
  type Tolerances,
  utilizationOf,
} from "./replica-calculator.ts";
import { messageOf } from "../runtime/pod-control.ts";

export interface Target {
  namespace: string;
  selector: string;
  pods: readonly Pod[];
  specReplicas: number;
  statusReplicas: number;
  tolerances: Tolerances;
  source: MetricsSource;
  /** `deployments.apps` for apps/v1 Deployment. */
  resourceFor(apiVersion: string | undefined, kind: string): Promise<string>;
  now: number;
  starting?: StartingPods;
}
export interface Proposal {
  replicas: number;
  /** As events and conditions name the metric. */
  name: string;
  status: MetricStatus;
}
/** `reason` of condition ScalingActive; `cause` is what the condition says, the message what the event says. */
export class MetricError extends Error {
  readonly reason: string;
  readonly said: string;
  constructor(reason: string, said: string, message = said) {
    super(message);
    this.reason = reason;
    this.said = said;
  }
}

const milli = (quantity: string): number => Number(parseQuantity(quantity).milliValue());
const decimal = (amount: number): string => new Quantity(BigInt(amount), -3, "DecimalSI").toString();
const ofResource = (name: string, amount: number): string => new Quantity(BigInt(amount), -3, name === "memory" ? "BinarySI" : "DecimalSI").toString();

/** Rejects with MetricError. */
export async function propose(metric: MetricSpec, target: Target): Promise<Proposal> {
  const { type, resource, containerResource, pods, object, external } = metric;
  if (type === "Resource" && resource)
    return failing("FailedGetResourceMetric", `failed to get ${resource.name} resource metric value`, async () => {
      const { current, ...rest } = await ofUsage(resource.name, resource.target, "", target);
      return { ...rest, status: { type, resource: { name: resource.name, current } } };
    });
  if (type === "ContainerResource" && containerResource) {
    const { name, container } = containerResource;
    return failing("FailedGetContainerResourceMetric", `failed to get ${container} container metric value`, async () => {
      const { current, ...rest } = await ofUsage(name, containerResource.target, container, target);
      return { ...rest, status: { type, containerResource: { name, container, current } } };
    });
  }
  if (type === "Pods" && pods)
    return failing("FailedGetPodsMetric", "failed to get pods metric value", async () => {
      const wanted = milli(pods.target.averageValue ?? "0");
      const samples = await naming(`unable to get metric ${pods.metric.name}`, target.source.pods(pods.metric, target.namespace, target.selector));
      const { replicas, usage } = calculate(
        target,
        samples,
        false,
        (s) => meanOf(s, wanted),
        () => wanted,
      );
      return { replicas, name: `pods metric ${pods.metric.name}`, status: { type, pods: { metric: pods.metric, current: { averageValue: decimal(usage) } } } };
    });
  if (type === "Object" && object)
    return failing(
      "FailedGetObjectMetric",
      "failed to get object metric value",
      async () => {
        const { describedObject, metric: id } = object;
        const { kind, name } = describedObject;
        const reading = (async () => target.source.object(id, target.namespace, await target.resourceFor(describedObject.apiVersion, kind), name))();
        const usage = await naming(`unable to get metric ${id.name}: ${kind} on ${target.namespace} ${name}`, reading, "/");
        const { replicas, current, shared } = ofTotal(usage, object.target, target, "object");
        return { replicas, name: shared ? shownExternal(id) : `${kind} metric ${id.name}`, status: { type, object: { describedObject, metric: id, current } } };
      },
      object.target.averageValue === undefined ? "" : `failed to get ${object.metric.name} object metric: `,
    );
  if (type === "External" && external) {
    const { metric: id } = external;
    return failing(
      "FailedGetExternalMetric",
      `failed to get ${id.name} external metric value`,
      async () => {
        const usage = await naming(
          `unable to get external metric ${target.namespace}/${id.name}/${shownSelector(id)}`,
          target.source.external(id, target.namespace),
        );
        const { replicas, current } = ofTotal(usage, external.target, target, "external");
        return { replicas, name: shownExternal(id), status: { type, external: { metric: id, current } } };
      },
      external.target.averageValue === undefined ? `failed to get external metric ${id.name}: ` : `failed to get ${id.name} external metric: `,
    );
  }
  const unknown = `unknown metric source type ${JSON.stringify(type)}`;
  throw new MetricError("InvalidMetricSourceType", unknown);
}

const shownExternal = ({ name, selector }: { name: string; selector?: Parameters<typeof formatLabelSelector>[0] }): string =>
  `external metric ${name}(${shownSelector({ selector })})`;
const shownSelector = ({ selector }: { selector?: Parameters<typeof formatLabelSelector>[0] }): string =>
  selector ? `&LabelSelector{${formatLabelSelector(selector)}}` : "nil";

/** `within`: what only the event says of the failure. */
async function failing(reason: string, prefix: string, work: () => Promise<Proposal>, within = ""): Promise<Proposal> {
  try {
    return await work();
  } catch (error) {
    throw new MetricError(reason, messageOf(error), `${prefix}: ${within}${messageOf(error)}`);
  }
}

async function naming<T>(what: string, reading: Promise<T>, separator = ": "): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw new Error(`${what}${separator}${messageOf(error)}`, { cause: error });
  }
}

const calculate = (
  { pods, specReplicas: current, tolerances, now, starting }: Target,
  samples: Parameters<typeof meanOf>[0],
  cpu: boolean,
  measure: (samples: Parameters<typeof meanOf>[0]) => ReturnType<typeof meanOf>,
  assumed: (pod: string) => number,
) => replicasFor({ pods, samples, cpu, current, tolerances, measure, assumed, now, ...(starting ? { starting } : {}) });

async function ofUsage(
  name: string,
  wanted: MetricTarget,
  container: string,
  target: Target,
): Promise<{ replicas: number; name: string; current: MetricValueStatus }> {
  const samples = naming(`unable to get metrics for resource ${name}`, target.source.resource(name, target.namespace, target.selector, container));
  const cpu = name === "cpu";
  if (wanted.averageValue !== undefined) {
    const each = milli(wanted.averageValue);
    const work = (async () =>
      calculate(
        target,
        await samples,
        cpu,
        (s) => meanOf(s, each),
        () => each,
      ))();
    const { replicas, usage } = await naming(`failed to get ${name} usage`, work);
    return { replicas, name: `${name} resource`, current: { averageValue: ofResource(name, usage) } };
  }
  const percent = wanted.averageUtilization;
  if (percent === undefined)
    throw new Error("invalid resource metric source: neither an average utilization target nor an average value (usage) target was set");
  const work = (async () => {
    const read = await samples;
    let requests: Map<string, number> | undefined;
    const known = (): Map<string, number> => (requests ??= requestsOf(target.pods, name, container));
    return calculate(
      target,
      read,
      cpu,
      (s) => utilizationOf(s, known(), percent),
      (pod) => Math.trunc(((known().get(pod) ?? 0) * Math.max(100, percent)) / 100),
    );
  })();
  const { replicas, usage, utilization } = await naming(`failed to get ${name} utilization`, work);
  const label = `${name}${container ? " container" : ""} resource utilization (percentage of request)`;
  return { replicas, name: label, current: { averageUtilization: utilization, averageValue: ofResource(name, usage) } };
}

function ofTotal(usage: number, wanted: MetricTarget, target: Target, source: string): { replicas: number; current: MetricValueStatus; shared: boolean } {
  const { specReplicas, statusReplicas, tolerances, pods } = target;
  if (wanted.averageValue !== undefined) {
    const share = replicasForShare(statusReplicas, usage, milli(wanted.averageValue), tolerances);
    return { replicas: share.replicas, current: { averageValue: decimal(share.usage) }, shared: true };
  }
  if (wanted.value === undefined) throw new Error(`invalid ${source} metric source: neither a value target nor an average value target was set`);
  const replicas = replicasForTotal(specReplicas, usage / milli(wanted.value), tolerances, pods);
  return { replicas, current: { value: decimal(usage) }, shared: false };
}
