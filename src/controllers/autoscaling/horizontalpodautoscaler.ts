/** Sets the size of what it targets by measured load: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/ */
import { groupVersionOf } from "../../api/group-version.ts";
import { keyOf, splitKey } from "../../api/object.ts";
import { parseQuantity } from "../../api/quantity.ts";
import { parseLabelSelector } from "../../api/selectors/labels.ts";
import { isConflict } from "../../api/status.ts";
import { formatTime } from "../../api/time.ts";
import type { Scale } from "../../api/types/autoscaling-v1.gen.ts";
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition, MetricStatus } from "../../api/types/autoscaling-v2.gen.ts";
import type { Resource } from "../../client/client.ts";
import { discover } from "../../client/discovery.ts";
import { referenceTo } from "../../client/events.ts";
import { horizontalpodautoscalers, pods as podResource } from "../../client/resources.gen.ts";
import type { Controller, ControllerContext } from "../runtime/controller.ts";
import { semanticEqual } from "../runtime/equal.ts";
import { messageOf } from "../runtime/pod-control.ts";
import { MetricError, propose, type Target } from "./metric-proposal.ts";
import { MetricsSource } from "./metrics-source.ts";
import { History, normalize } from "./stabilization.ts";

type Autoscaler = HorizontalPodAutoscaler;
const rescaleTries = 5;

export const horizontalPodAutoscaler: Controller = {
  name: "horizontal-pod-autoscaler-controller",
  account: "horizontal-pod-autoscaler",
  start(context) {
    const { client, clock, informers, enqueue, signal } = context;
    const { syncPeriod = 15_000, tolerance = 0.1, cpuInitializationPeriod, initialReadinessDelay } = context.options.horizontalPodAutoscaler ?? {};
    const starting = { initialization: cpuInitializationPeriod, readinessDelay: initialReadinessDelay };
    const scalers = informers.informer(horizontalpodautoscalers);
    const pods = informers.informer(podResource);
    const source = new MetricsSource(client.transport, signal);
    const histories = new Map<string, History>();
    // Selectors of the scalers' targets as last seen: pods that two of them select are scaled by neither.
    const selectors = new Map<string, string>();
    scalers.onChange((old, scaler) => {
      if (scaler && (!old || !semanticEqual(old.spec, scaler.spec))) enqueue(keyOf(scaler));
      if (!scaler && old) {
        histories.delete(keyOf(old));
        selectors.delete(keyOf(old));
      }
    });
    return async (key) => {
      const { namespace, name } = splitKey(key);
      const scaler = scalers.get(namespace, name);
      if (!scaler) return;
      const history = histories.get(key) ?? new History();
      histories.set(key, history);
      const pass = new Pass(context, scaler, history);
      try {
        await pass.run(async (scale) => {
          const text = scale.status?.selector ?? "";
          const fail = (reason: string, event: string, said: string, message = said): never => {
            pass.tell("Warning", event, message);
            throw new MetricError(reason, said, message);
          };
          if (!text) return fail("InvalidSelector", "SelectorRequired", "the HPA target's scale is missing a selector", "selector is required");
          selectors.set(key, text);
          const selected = pods.list(namespace).filter((pod) => parseLabelSelector(text).matches(pod.metadata.labels));
          const rivals = [...selectors].filter(
            ([other, selector]) =>
              splitKey(other).namespace === namespace && (other === key || selected.some((pod) => parseLabelSelector(selector).matches(pod.metadata.labels))),
          );
          if (rivals.length > 1 && selected.length)
            fail(
              "AmbiguousSelector",
              "AmbiguousSelector",
              `pods by selector ${text} are controlled by multiple HPAs: [${rivals.map(([other]) => other).join(" ")}]`,
            );
          const { scaleUp, scaleDown } = scaler.spec.behavior ?? {};
          const given = (quantity: string | undefined): number => (quantity === undefined ? tolerance : Number(parseQuantity(quantity).milliValue()) / 1000);
          return {
            namespace,
            selector: text,
            pods: selected,
            specReplicas: scale.spec?.replicas ?? 0,
            statusReplicas: scale.status?.replicas ?? 0,
            tolerances: { up: given(scaleUp?.tolerance), down: given(scaleDown?.tolerance) },
            source,
            now: clock.now(),
            starting,
            async resourceFor(apiVersion, kind) {
              const { resource, group } = await resourceOf(context, apiVersion, kind);
              return group ? `${resource}.${group}` : resource;
            },
          };
        });
      } catch (error) {
        if (isConflict(error) || signal.aborted) throw error;
        // Conditions and events say it; it is looked at again in its turn, not sooner.
        context.logger.debug("not scaled", { key, error });
      }
      return { requeueAfter: syncPeriod };
    };
  },
};

async function resourceOf({ client, signal }: ControllerContext, apiVersion: string | undefined, kind: string): Promise<Resource> {
  const { group } = groupVersionOf(apiVersion);
  const { resources } = await discover(client.transport, signal);
  const found = resources.find((one) => one.group === group && one.kind === kind && one.preferred && !one.resource.includes("/"));
  if (!found) throw new Error(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`);
  return found;
}

/** One look at one autoscaler; its conditions and status are gathered and written once. */
class Pass {
  readonly #context: ControllerContext;
  readonly #scaler: Autoscaler;
  readonly #history: History;
  readonly #conditions: Map<string, HorizontalPodAutoscalerCondition>;
  #metrics: MetricStatus[] = [];

  constructor(context: ControllerContext, scaler: Autoscaler, history: History) {
    this.#context = context;
    this.#scaler = scaler;
    this.#history = history;
    this.#conditions = new Map(scaler.status?.conditions?.map((condition) => [condition.type, condition]));
  }

  tell(type: "Normal" | "Warning", reason: string, message: string): void {
    this.#context.events.event(referenceTo(horizontalpodautoscalers, this.#scaler), type, reason, message);
  }
  #set(type: string, status: "True" | "False", reason: string, message: string): void {
    const old = this.#conditions.get(type);
    const lastTransitionTime = old?.status === status ? old.lastTransitionTime : formatTime(this.#context.clock.now());
    this.#conditions.set(type, { type, status, lastTransitionTime, reason, message } as HorizontalPodAutoscalerCondition);
  }

  /** Rejects after everything has been told and written. */
  async run(targetOf: (scale: Scale) => Promise<Target>): Promise<void> {
    const { kind, name, apiVersion } = this.#scaler.spec.scaleTargetRef;
    const { namespace = "" } = this.#scaler.metadata;
    const { client, clock, signal } = this.#context;
    let resource: Resource;
    let scale: Scale;
    try {
      resource = await resourceOf(this.#context, apiVersion, kind);
      scale = await client.resource(resource).subresource<Scale>("GET", namespace, name, "scale", undefined, signal);
    } catch (error) {
      this.tell("Warning", "FailedGetScale", messageOf(error));
      this.#set("AbleToScale", "False", "FailedGetScale", `the HPA controller was unable to get the target's current scale: ${messageOf(error)}`);
      await this.#write(this.#scaler.status?.currentReplicas ?? 0, this.#scaler.status?.desiredReplicas ?? 0, false, this.#scaler.status?.currentMetrics);
      throw error;
    }
    this.#set("AbleToScale", "True", "SucceededGetScale", "the HPA controller was able to get the target's current scale");
    const current = scale.spec?.replicas ?? 0;
    if (!this.#history.recommendations.length) this.#history.recommendations.push({ count: current, at: clock.now() });
    const before = this.#scaler.status?.desiredReplicas ?? 0;
    let plan: { desired: number; why: string; trouble?: Error };
    try {
      plan = await this.#plan(current, scale, targetOf);
    } catch (error) {
      await this.#write(current, before, false);
      if (error instanceof Error) this.tell("Warning", "FailedComputeMetricsReplicas", error.message);
      throw error;
    }
    const { desired, why, trouble } = plan;
    if (desired !== current) {
      try {
        await this.#rescale(resource, scale, desired);
      } catch (error) {
        this.tell("Warning", "FailedRescale", `New size: ${desired}; reason: ${why}; error: ${messageOf(error)}`);
        this.#set("AbleToScale", "False", "FailedUpdateScale", `the HPA controller was unable to update the target scale: ${messageOf(error)}`);
        await this.#write(current, before, false);
        throw error;
      }
      this.#set("AbleToScale", "True", "SucceededRescale", `the HPA controller was able to update the target scale to ${desired}`);
      this.tell("Normal", "SuccessfulRescale", `New size: ${desired}; reason: ${why}`);
      if (this.#scaler.spec.behavior) this.#history.recordScale(this.#scaler.spec.behavior, current, desired, clock.now());
    }
    await this.#write(current, desired, desired !== current);
    if (trouble) throw trouble;
  }

  /** Somebody else's change of the target in the meantime is no reason to give up. */
  async #rescale(resource: Resource, scale: Scale, replicas: number): Promise<void> {
    const { namespace = "", name } = scale.metadata;
    const { client, signal } = this.#context;
    const target = client.resource(resource);
    for (let latest = scale, tries = 1; ; tries++) {
      try {
        await target.subresource("PUT", namespace, name, "scale", { ...latest, spec: { ...latest.spec, replicas } }, signal);
        return;
      } catch (error) {
        if (!isConflict(error) || tries === rescaleTries) throw error;
        latest = await target.subresource<Scale>("GET", namespace, name, "scale", undefined, signal);
      }
    }
  }

  async #plan(current: number, scale: Scale, targetOf: (scale: Scale) => Promise<Target>): Promise<{ desired: number; why: string; trouble?: Error }> {
    const { maxReplicas: max, minReplicas: min = 1, behavior } = this.#scaler.spec;
    if (current === 0) {
      this.#set("ScalingActive", "False", "ScalingDisabled", "scaling is disabled since the replica count of the target is zero");
      return { desired: 0, why: "" };
    }
    if (current > max) return { desired: max, why: "Current number of replicas above Spec.MaxReplicas" };
    if (current < min) return { desired: min, why: "Current number of replicas below Spec.MinReplicas" };
    const { replicas, name, trouble } = await this.#measure(scale, targetOf);
    const why = replicas > current ? `${name} above target` : replicas < current ? "All metrics below target" : "";
    const { clock, options } = this.#context;
    const downscaleStabilization = options.horizontalPodAutoscaler?.downscaleStabilization;
    const request = { current, desired: replicas, min, max, now: clock.now(), downscaleStabilization, ...(behavior ? { behavior } : {}) };
    const verdict = normalize(this.#history, request);
    this.#set("AbleToScale", "True", verdict.able.reason, verdict.able.message);
    this.#set("ScalingLimited", verdict.limited.limited ? "True" : "False", verdict.limited.reason, verdict.limited.message);
    return { desired: verdict.replicas, why, ...(trouble ? { trouble } : {}) };
  }

  /** The most that any metric asks for. A metric that cannot be read never lets the count shrink. */
  async #measure(scale: Scale, targetOf: (scale: Scale) => Promise<Target>): Promise<{ replicas: number; name: string; trouble?: Error }> {
    let first: MetricError | undefined;
    let best = { replicas: 0, name: "" };
    let failed = 0;
    const { metrics = [] } = this.#scaler.spec;
    const inactive = ({ reason, said }: MetricError, prefix = ""): void => this.#set("ScalingActive", "False", reason, `${prefix}${said}`);
    let target: Target;
    try {
      target = await targetOf(scale);
    } catch (error) {
      if (error instanceof MetricError) inactive(error);
      throw error;
    }
    for (const metric of metrics) {
      try {
        const { replicas, name, status } = await propose(metric, target);
        this.#metrics.push(status);
        if (best.replicas === 0 || replicas > best.replicas) best = { replicas, name };
      } catch (error) {
        if (!(error instanceof MetricError)) throw error;
        this.tell("Warning", error.reason, error.said);
        this.#metrics.push({ type: "" } as MetricStatus);
        first ??= error;
        failed++;
      }
    }
    const trouble = first && new Error(`invalid metrics (${failed} invalid out of ${metrics.length}), first error is: ${first.message}`);
    if (first && trouble && (failed >= metrics.length || best.replicas < (scale.spec?.replicas ?? 0))) {
      inactive(first, "the HPA was unable to compute the replica count: ");
      throw trouble;
    }
    this.#set("ScalingActive", "True", "ValidMetricFound", `the HPA was able to successfully calculate a replica count from ${best.name}`);
    return { ...best, ...(trouble ? { trouble } : {}) };
  }

  async #write(current: number, desired: number, rescaled: boolean, metrics: MetricStatus[] | undefined = this.#metrics): Promise<void> {
    const { client, clock, signal } = this.#context;
    const { lastScaleTime, observedGeneration } = this.#scaler.status ?? {};
    const scaled = rescaled ? formatTime(clock.now()) : lastScaleTime;
    const status = {
      ...(observedGeneration === undefined ? {} : { observedGeneration }),
      currentReplicas: current,
      desiredReplicas: desired,
      ...(scaled ? { lastScaleTime: scaled } : {}),
      currentMetrics: metrics,
      conditions: [...this.#conditions.values()],
    };
    if (semanticEqual(this.#scaler.status, status)) return;
    try {
      await client.resource(horizontalpodautoscalers).updateStatus({ ...this.#scaler, status }, { signal });
    } catch (error) {
      if (!signal.aborted) this.tell("Warning", "FailedUpdateStatus", messageOf(error));
      throw error;
    }
  }
}
