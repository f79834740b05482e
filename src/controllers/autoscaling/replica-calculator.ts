/** How many pods a measured load asks for (pkg/controller/podautoscaler/replica_calculator.go). Pure; amounts in thousandths. */
import { findCondition } from "../../api/meta/conditions.ts";
import { podRequests } from "../../api/core/pod-resources.ts";
import { parseQuantity } from "../../api/quantity.ts";
import { parseTime } from "../../api/time.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { isReady } from "../runtime/pods.ts";

/** Times in milliseconds. */
export interface Sample {
  value: number;
  timestamp: number;
  window: number;
}
/** By pod name. */
export type Samples = ReadonlyMap<string, Sample>;

export interface Tolerances {
  up: number;
  down: number;
}
const within = ({ up, down }: Tolerances, ratio: number): boolean => 1 - down <= ratio && ratio <= 1 + up;

export interface Measured {
  /** Of what is to what should be. */
  ratio: number;
  /** Mean per pod. */
  usage: number;
  /** Percent of the requests. */
  utilization?: number;
}

export interface Asked {
  pods: readonly Pod[];
  samples: Samples;
  /** Only of CPU is it known that a starting pod uses more than it will. */
  cpu: boolean;
  current: number;
  tolerances: Tolerances;
  measure(samples: Samples): Measured;
  /** What a pod without a sample is taken to use when the others use too little. */
  assumed(pod: string): number;
  now: number;
  starting?: StartingPods;
}

/** Milliseconds. */
export interface StartingPods {
  /** --horizontal-pod-autoscaler-cpu-initialization-period. @default 300000 */
  initialization?: number;
  /** --horizontal-pod-autoscaler-initial-readiness-delay. @default 30000 */
  readinessDelay?: number;
}

const noPods = "no pods returned by selector while calculating replica count";

/** Throws Error with upstream's text when nothing can be said. */
export function replicasFor(asked: Asked): Measured & { replicas: number } {
  const { pods, current, tolerances, measure } = asked;
  if (!pods.length) throw new Error(noPods);
  const { ready, unready, missing, ignored } = groupPods(asked);
  const samples = new Map(asked.samples);
  for (const name of [...ignored, ...unready]) samples.delete(name);
  if (!samples.size) throw new Error("did not receive metrics for targeted pods (pods might be unready)");
  const measured = measure(samples);
  const { ratio } = measured;
  const settle = (replicas: number) => ({ ...measured, replicas });
  const startingUp = unready.length > 0 && ratio > 1;
  if (!startingUp && !missing.length) return settle(within(tolerances, ratio) ? current : Math.ceil(ratio * ready));
  const assume = (name: string, value: number): unknown => samples.set(name, { value, timestamp: 0, window: 0 });
  if (ratio !== 1) for (const name of missing) assume(name, ratio < 1 ? asked.assumed(name) : 0);
  if (startingUp) for (const name of unready) assume(name, 0);
  const next = measure(samples).ratio;
  if (within(tolerances, next) || (ratio < 1 && next > 1) || (ratio > 1 && next < 1)) return settle(current);
  const replicas = Math.ceil(next * samples.size);
  return settle((next < 1 && replicas > current) || (next > 1 && replicas < current) ? current : replicas);
}

function groupPods({ pods, samples, cpu, now, starting }: Asked): { ready: number; unready: string[]; missing: string[]; ignored: string[] } {
  const groups = { ready: 0, unready: [] as string[], missing: [] as string[], ignored: [] as string[] };
  for (const pod of pods) {
    const { name, deletionTimestamp } = pod.metadata;
    const sample = samples.get(name);
    if (deletionTimestamp || pod.status?.phase === "Failed") groups.ignored.push(name);
    else if (pod.status?.phase === "Pending") groups.unready.push(name);
    else if (!sample) groups.missing.push(name);
    else if (cpu && isStarting(pod, sample, now, starting)) groups.unready.push(name);
    else groups.ready++;
  }
  return groups;
}

function isStarting({ status }: Pod, sample: Sample, now: number, { initialization = 300_000, readinessDelay = 30_000 }: StartingPods = {}): boolean {
  const condition = findCondition(status?.conditions, "Ready") as { status: string; lastTransitionTime?: string } | undefined;
  if (!condition || !status?.startTime) return true;
  const started = parseTime(status.startTime);
  const changed = condition.lastTransitionTime ? parseTime(condition.lastTransitionTime) : 0;
  const notReady = condition.status === "False";
  return started + initialization > now ? notReady || sample.timestamp < changed + sample.window : notReady && started + readinessDelay > changed;
}

/** Of the sum of samples to the sum of requests, in percent. */
export function utilizationOf(samples: Samples, requests: ReadonlyMap<string, number>, target: number): Measured {
  let [used, requested, count] = [0, 0, 0];
  for (const [name, { value }] of samples) {
    const request = requests.get(name);
    if (request === undefined) continue;
    used += value;
    requested += request;
    count++;
  }
  if (!requested) throw new Error("no metrics returned matched known pods");
  const utilization = Math.trunc((used * 100) / requested);
  return { ratio: utilization / target, utilization, usage: Math.trunc(used / count) };
}

export function meanOf(samples: Samples, target: number): Measured {
  let used = 0;
  for (const { value } of samples.values()) used += value;
  const usage = Math.trunc(used / samples.size);
  return { ratio: usage / target, usage };
}

/** Of a resource by pod name: of one container, or of all with the sidecars. Throws when one of them requests none. */
export function requestsOf(pods: readonly Pod[], resource: string, container: string): Map<string, number> {
  const milli = (quantity: string): number => Number(parseQuantity(quantity).milliValue());
  return new Map(
    pods.map(({ metadata: { name }, spec, status }) => {
      if (!container && Object.keys(spec.resources?.requests ?? {}).length) {
        const own = podRequests(spec, { status })[resource];
        if (own === undefined) throw new Error(`missing pod-level request for ${resource} in Pod ${name}`);
        return [name, milli(own)];
      }
      const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
      const counted = [...spec.containers, ...sidecars].filter((one) => !container || one.name === container);
      if (!counted.length) throw new Error(`container ${container} not found in Pod ${name}`);
      let sum = 0;
      for (const one of counted) {
        const request = one.resources?.requests?.[resource];
        if (request === undefined) throw new Error(`missing request for ${resource} in container ${one.name} of Pod ${name}`);
        sum += milli(request);
      }
      return [name, sum];
    }),
  );
}

const most = 2 ** 31 - 1;

/** For a value that belongs to all pods together. */
export function replicasForTotal(current: number, ratio: number, tolerances: Tolerances, pods: readonly Pod[]): number {
  if (current === 0) return Math.min(Math.ceil(ratio), most);
  if (within(tolerances, ratio)) return current;
  if (!pods.length) throw new Error(`unable to calculate ready pods: ${noPods}`);
  const ready = pods.filter((pod) => pod.status?.phase === "Running" && isReady(pod)).length;
  return Math.min(Math.ceil(ratio * ready), most);
}

/** For a value of which each pod is to have so much. */
export function replicasForShare(current: number, usage: number, target: number, tolerances: Tolerances): { replicas: number; usage: number } {
  const fits = within(tolerances, usage / (target * current));
  return { replicas: fits ? current : Math.min(Math.ceil(usage / target), most), usage: current ? Math.ceil(usage / current) : 0 };
}
