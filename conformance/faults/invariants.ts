/**
 * What must hold at every moment of a history, whatever went wrong: never a pod too many for its owner, never two pods of
 * one ordinal, index or (without surge) node, Jobs that complete exactly, policies of concurrency kept.
 */
import { scaledValue } from "../../src/api/intstr.ts";
import { controllerOf } from "../../src/api/meta/owner.ts";
import type { KubeObject } from "../../src/api/object.ts";
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from "../../src/api/types/apps-v1.gen.ts";
import type { CronJob, Job } from "../../src/api/types/batch-v1.gen.ts";
import type { Pod, ResourceQuota } from "../../src/api/types/core-v1.gen.ts";
import type { PodDisruptionBudget } from "../../src/api/types/policy-v1.gen.ts";
import type { StoreEvent } from "../../src/store/store.ts";

const isFinished = (pod: Pod): boolean => pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
const isActive = (pod: Pod): boolean => !pod.metadata.deletionTimestamp && !isFinished(pod);
const isReady = (pod: Pod): boolean => pod.status?.conditions?.some((c) => c.type === "Ready" && c.status === "True") === true;
const isEnded = (job: Job): boolean => job.status?.conditions?.some((c) => (c.type === "Complete" || c.type === "Failed") && c.status === "True") === true;
const indexOf = (pod: Pod): string | undefined => pod.metadata.annotations?.["batch.kubernetes.io/job-completion-index"];
const nodeOf = (pod: Pod): string | undefined =>
  pod.spec.nodeName ?? pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms[0]?.matchFields?.[0]?.values?.[0];

/** One sentence for each time something did not hold. */
export function violations(history: readonly StoreEvent[]): string[] {
  const past = new Past();
  for (const event of history) past.see(event);
  return past.problems;
}

/** The largest value that was wanted since what is wanted was last reached. */
class Ceiling {
  #value = 0;
  wanted(value: number): void {
    this.#value = Math.max(this.#value, value);
  }
  reached(value: number): void {
    this.#value = value;
  }
  get value(): number {
    return this.#value;
  }
}

class Past {
  readonly problems: string[] = [];
  readonly #live = new Map<string, KubeObject>();
  readonly #pods = new Map<string, Pod>();
  /** Uids of pods by owner's uid. */
  readonly #owned = new Map<string, Set<string>>();
  readonly #owners = new Map<string, KubeObject>();
  readonly #ceilings = new Map<string, Ceiling>();
  /** Pods of a Job that have succeeded, also those that are gone. */
  readonly #succeeded = new Map<string, Set<string>>();
  readonly #seen = new Set<string>();

  see({ key, value, revision }: StoreEvent): void {
    const match = /^\/registry\/(pods|replicasets|controllers|deployments|statefulsets|daemonsets|jobs|cronjobs|resourcequotas|poddisruptionbudgets)\//.exec(
      key,
    );
    if (!match) return;
    const old = this.#live.get(key);
    const object = value && (JSON.parse(Buffer.from(value).toString()) as KubeObject);
    if (object) this.#live.set(key, object);
    else this.#live.delete(key);
    const said = this.problems.length;
    if (match[1] === "pods") this.#pod(old as Pod | undefined, object as Pod | undefined);
    else this.#owner(match[1] as string, old, object);
    for (let i = said; i < this.problems.length; i++) this.problems[i] = `at revision ${revision}, ${key}: ${this.problems[i]}`;
  }

  #say(problem: string): void {
    if (!this.#seen.has(problem)) this.problems.push(problem);
    this.#seen.add(problem);
  }
  #podsOf(uid: string): Pod[] {
    return [...(this.#owned.get(uid) ?? [])].map((one) => this.#pods.get(one) as Pod);
  }
  #ceiling(uid: string): Ceiling {
    const ceiling = this.#ceilings.get(uid) ?? new Ceiling();
    this.#ceilings.set(uid, ceiling);
    return ceiling;
  }

  #owner(resource: string, old: KubeObject | undefined, object: KubeObject | undefined): void {
    if (old) this.#owners.delete(old.metadata.uid);
    if (!object) return;
    this.#owners.set(object.metadata.uid, object);
    if (resource === "deployments") this.#deployment(object as Deployment);
    else if (resource === "replicasets" || resource === "controllers") {
      const set = object as ReplicaSet;
      this.#ceiling(set.metadata.uid).wanted(set.spec.replicas ?? 1);
      this.#replicas(set);
      const owner = this.#owners.get(controllerOf(set)?.uid ?? "");
      if (owner?.kind === "Deployment") this.#deployment(owner as Deployment);
    } else if (resource === "jobs") this.#job(object as Job, old as Job | undefined);
    else if (resource === "resourcequotas") {
      const { hard = {}, used = {} } = (object as ResourceQuota).status ?? {};
      for (const name of Object.keys(hard).filter((key) => /^(count\/|pods$)/.test(key)))
        if (Number(used[name] ?? 0) > Number(hard[name])) this.#say(`uses ${used[name]} of ${hard[name]} ${name}`);
    }
  }

  #pod(old: Pod | undefined, pod: Pod | undefined): void {
    for (const one of [old, pod]) {
      const owner = one && controllerOf(one)?.uid;
      if (!one || !owner) continue;
      const known = this.#owned.get(owner) ?? new Set();
      this.#owned.set(owner, known);
      if (one === pod) known.add(pod.metadata.uid);
      else known.delete(one.metadata.uid);
    }
    if (old) this.#pods.delete(old.metadata.uid);
    if (pod) this.#pods.set(pod.metadata.uid, pod);
    const ref = controllerOf((pod ?? old) as Pod);
    const owner = this.#owners.get(ref?.uid ?? "");
    if (pod) this.#budgets(old, pod);
    if (!owner) return;
    const isNew = pod !== undefined && old === undefined;
    if (owner.kind === "ReplicaSet" || owner.kind === "ReplicationController") this.#replicas(owner as ReplicaSet, isNew);
    else if (owner.kind === "StatefulSet") this.#stateful(owner as StatefulSet, old, pod);
    else if (owner.kind === "DaemonSet" && isNew) this.#daemon(owner as DaemonSet, pod);
    else if (owner.kind === "Job") this.#jobPod(owner as Job, old, pod);
  }

  /** What is adopted may be too much; what is created may not. */
  #replicas(set: ReplicaSet, isNew = false): void {
    const active = this.#podsOf(set.metadata.uid).filter(isActive).length;
    const wanted = set.spec.replicas ?? 1;
    const ceiling = this.#ceiling(set.metadata.uid);
    if (isNew && active > ceiling.value) this.#say(`${set.kind} ${set.metadata.name} has ${active} pods, at most ${ceiling.value} were wanted`);
    if (active === wanted) ceiling.reached(wanted);
  }

  #deployment(d: Deployment): void {
    if (d.spec.strategy?.type !== "RollingUpdate") return;
    const wanted = d.spec.replicas ?? 1;
    const limit = wanted + scaledValue(d.spec.strategy.rollingUpdate?.maxSurge ?? 0, wanted, true);
    const sets = [...this.#owners.values()].filter((one) => one.kind === "ReplicaSet" && controllerOf(one)?.uid === d.metadata.uid) as ReplicaSet[];
    const total = sets.reduce((sum, set) => sum + (set.spec.replicas ?? 1), 0);
    const ceiling = this.#ceiling(d.metadata.uid);
    ceiling.wanted(limit);
    if (total > ceiling.value) this.#say(`Deployment ${d.metadata.name} wants ${total} pods of its sets, at most ${ceiling.value} are allowed`);
    if (total <= limit) ceiling.reached(limit);
  }

  #stateful(set: StatefulSet, old: Pod | undefined, pod: Pod | undefined): void {
    if (set.spec.podManagementPolicy === "Parallel") return;
    const ordinal = (one: Pod): number => Number(one.metadata.name.slice(set.metadata.name.length + 1));
    const pods = this.#podsOf(set.metadata.uid);
    if (pod && !old) {
      const start = set.spec.ordinals?.start ?? 0;
      for (let i = start; i < ordinal(pod); i++) {
        const before = pods.find((one) => ordinal(one) === i);
        if (!before || !isReady(before)) this.#say(`pod ${pod.metadata.name} was created before ordinal ${i} was ready`);
      }
    }
    const going = pod?.metadata.deletionTimestamp && !old?.metadata.deletionTimestamp;
    if (going && pod && ordinal(pod) >= (set.spec.replicas ?? 1)) {
      const above = pods.find((one) => ordinal(one) > ordinal(pod));
      if (above) this.#say(`pod ${pod.metadata.name} was deleted while ${above.metadata.name} was there`);
    }
  }

  #daemon(ds: DaemonSet, pod: Pod): void {
    const { maxSurge = 0 } = ds.spec.updateStrategy?.rollingUpdate ?? {};
    const node = nodeOf(pod);
    const hash = (one: Pod): string | undefined => one.metadata.labels?.["controller-revision-hash"];
    const others = this.#podsOf(ds.metadata.uid).filter((one) => one !== pod && isActive(one) && nodeOf(one) === node);
    const allowed = maxSurge === 0 ? [] : others.filter((one) => hash(one) !== hash(pod)).slice(0, 1);
    if (others.length > allowed.length) this.#say(`a second pod for node ${node}: ${[...others, pod].map((one) => one.metadata.name).join(", ")}`);
  }

  #job(job: Job, old: Job | undefined): void {
    this.#ceiling(job.metadata.uid).wanted(job.spec.suspend ? 0 : (job.spec.parallelism ?? 1));
    const { completions } = job.spec;
    if (completions !== undefined && (job.status?.succeeded ?? 0) > completions)
      this.#say(`Job ${job.metadata.name} counts ${job.status?.succeeded} of ${completions}`);
    const wasEnded = old !== undefined && isEnded(old);
    if (isEnded(job) && !wasEnded) {
      const succeeded = this.#succeeded.get(job.metadata.uid)?.size ?? 0;
      const complete = job.status?.conditions?.some((c) => c.type === "Complete" && c.status === "True");
      if (complete && !job.spec.successPolicy && completions !== undefined && (succeeded !== completions || job.status?.succeeded !== completions))
        this.#say(`Job ${job.metadata.name} is complete with ${succeeded} succeeded pods, ${job.status?.succeeded} counted, ${completions} wanted`);
    }
    const cron = this.#owners.get(controllerOf(job)?.uid ?? "");
    if (cron?.kind !== "CronJob" || old) return;
    const running = [...this.#owners.values()].filter(
      (one) => one.kind === "Job" && one !== job && controllerOf(one)?.uid === cron.metadata.uid && !isEnded(one as Job) && !one.metadata.deletionTimestamp,
    );
    const policy = (cron as CronJob).spec.concurrencyPolicy;
    if (policy !== "Allow" && running.length) this.#say(`${policy}: ${job.metadata.name} was started while ${running[0]?.metadata.name} was running`);
  }

  #jobPod(job: Job, old: Pod | undefined, pod: Pod | undefined): void {
    const { uid, name } = job.metadata;
    if (pod?.status?.phase === "Succeeded") {
      const succeeded = this.#succeeded.get(uid) ?? new Set();
      this.#succeeded.set(uid, succeeded);
      succeeded.add(indexOf(pod) ?? pod.metadata.uid);
    }
    const active = this.#podsOf(uid).filter(isActive);
    const { parallelism = 1, completions, suspend } = job.spec;
    const ceiling = this.#ceiling(uid);
    if (active.length > ceiling.value) this.#say(`Job ${name} has ${active.length} pods, at most ${ceiling.value} were wanted`);
    if (active.length === (suspend ? 0 : parallelism)) ceiling.reached(active.length);
    if (!pod || old) return;
    const done = this.#succeeded.get(uid)?.size ?? 0;
    if (completions !== undefined && active.length + done > completions)
      this.#say(`Job ${name} has ${active.length} active and ${done} succeeded pods for ${completions} completions`);
    const index = indexOf(pod);
    if (index === undefined) return;
    if (active.filter((one) => indexOf(one) === index).length > 1) this.#say(`Job ${name} has two pods of index ${index}`);
    if (this.#succeeded.get(uid)?.has(index)) this.#say(`Job ${name} makes a pod for index ${index}, which has succeeded`);
  }

  /** A budget that evictions alone can break is kept at each moment a pod begins to go. */
  #budgets(old: Pod | undefined, pod: Pod): void {
    if (!pod.metadata.deletionTimestamp || old?.metadata.deletionTimestamp) return;
    if (!pod.status?.conditions?.some((c) => c.type === "DisruptionTarget" && c.reason === "EvictionByEvictionAPI")) return;
    for (const budget of this.#owners.values()) {
      if (budget.kind !== "PodDisruptionBudget" || budget.metadata.namespace !== pod.metadata.namespace) continue;
      const { minAvailable, selector } = (budget as PodDisruptionBudget).spec;
      const labels = Object.entries(selector?.matchLabels ?? {});
      if (typeof minAvailable !== "number" || !labels.every(([key, value]) => pod.metadata.labels?.[key] === value)) continue;
      const left = [...this.#pods.values()].filter(
        (one) =>
          isActive(one) &&
          isReady(one) &&
          one.metadata.namespace === pod.metadata.namespace &&
          labels.every(([key, value]) => one.metadata.labels?.[key] === value),
      ).length;
      if (left < minAvailable) this.#say(`evicting ${pod.metadata.name} leaves ${left} of ${minAvailable} pods`);
    }
  }
}
