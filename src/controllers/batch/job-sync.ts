/**
 * One pass over a Job: creates and deletes its pods, and counts those that have finished.
 *
 * Each pod is counted exactly once although status and pods are separate objects: a finished pod is first named in
 * status.uncountedTerminatedPods, then loses its finalizer, and only then becomes part of the counters.
 */
import { keyOf } from "../../api/object.ts";
import { isNotFound } from "../../api/status.ts";
import { formatTime, parseTime } from "../../api/time.ts";
import type { Job, JobCondition, JobStatus } from "../../api/types/batch-v1.gen.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { type Expectations, isOutcomeUnknown } from "../../client/expectations.ts";
import { jobs as jobResource, pods as podResource } from "../../client/resources.gen.ts";
import type { ControllerContext, Outcome } from "../runtime/controller.ts";
import { statusEqual } from "../runtime/equal.ts";
import { ownerOf } from "../runtime/ownership.ts";
import { createPod, deletePod, isNamespaceTerminating, type Owner, slowStart } from "../runtime/pod-control.ts";
import { isReady } from "../runtime/pods.ts";
import { firstPending, formatIndexes, indexOf } from "./job-indexes.ts";
import type { JobAction, JobMeasures } from "./job-measures.ts";
import { jobPod } from "./job-pod.ts";
import { type BackoffRecord, backoffLeft, finishedAt, isPodFailed, judgeFailure, nextBackoff, waitsForTermination } from "./job-policy.ts";
import {
  conditionOf,
  ending,
  failuresOfIndex,
  hasTrackingFinalizer,
  isIndexed,
  isSuspended,
  type JobState,
  jobState,
  maxUncounted,
  newCondition,
  surplus,
  trackingFinalizer,
  wantedActive,
} from "./job-state.ts";
import { settleAll } from "../runtime/parallel.ts";

/** Pods created or deleted in one pass. */
const burst = 500;

export interface JobMemory {
  expectations: Expectations;
  /** Uids per key whose finalizer has been taken away and whose cached copy still shows it. */
  released: Map<string, Set<string>>;
  backoff: Map<string, BackoffRecord>;
  /**
   * resourceVersion of the last status written per key, with which the cache must have caught up; undefined when nobody
   * knows what came of the last write.
   */
  written: Map<string, string | undefined>;
}

export class JobSync {
  action: JobAction = "reconciling";
  readonly #context: ControllerContext;
  readonly #memory: JobMemory;
  readonly #measured: JobMeasures;
  readonly #key: string;
  readonly #state: JobState;
  readonly #owner: Owner;
  readonly #backoff: BackoffRecord;
  #job: Job;
  #status: JobStatus;
  #active: number;
  #ready: number;
  #terminating: number;
  #requeueAfter: number | undefined;

  constructor(context: ControllerContext, memory: JobMemory, measured: JobMeasures, job: Job, pods: readonly Pod[]) {
    this.#context = context;
    this.#memory = memory;
    this.#measured = measured;
    this.#key = keyOf(job);
    this.#job = job;
    this.#owner = ownerOf(jobResource, job);
    this.#status = { ...job.status, uncountedTerminatedPods: { succeeded: [], failed: [], ...job.status?.uncountedTerminatedPods } };
    if (!this.#status.startTime && !isSuspended(job)) this.#status.startTime = formatTime(context.clock.now());
    this.#state = jobState({ ...job, status: this.#status }, pods, this.#released);
    this.#active = this.#state.active.length;
    this.#ready = this.#state.ready;
    this.#terminating = this.#state.terminating;
    this.#backoff = nextBackoff(memory.backoff.get(this.#key), this.#state.newlySucceeded, this.#state.newlyFailed);
  }

  get #released(): Set<string> {
    return this.#memory.released.get(this.#key) ?? new Set();
  }

  /** When to look again. */
  async run(upToDate: boolean): Promise<Outcome> {
    const { clock } = this.#context;
    let condition = ending(this.#state, clock.now());
    let failure: unknown;
    if (condition) {
      const all = await this.#delete(this.#state.active, false).catch((error) => {
        failure = error;
        return false;
      });
      // Pods may be left, or not be known yet: then it has not ended.
      if (!all || !upToDate) condition = undefined;
    } else {
      this.#watchDeadline();
      if (upToDate && !this.#job.metadata.deletionTimestamp) {
        try {
          await this.#manage();
        } catch (error) {
          failure = error;
        }
        if (!this.#isComplete()) this.#suspension();
      }
      if (this.#isComplete()) condition = newCondition("SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods", clock.now());
    }
    this.#status = { ...this.#status, active: this.#active, ready: this.#ready, terminating: this.#terminating };
    await this.#count(condition);
    if (failure !== undefined) throw failure;
    return this.#requeueAfter === undefined ? undefined : { requeueAfter: this.#requeueAfter };
  }

  #isComplete(): boolean {
    const { completions } = this.#job.spec;
    const { succeeded } = this.#state;
    return this.#active === 0 && (completions === undefined ? succeeded > 0 : succeeded >= completions);
  }

  #lookAgain(ms: number): void {
    this.#requeueAfter = Math.min(this.#requeueAfter ?? Number.POSITIVE_INFINITY, Math.max(ms, 1));
  }

  #watchDeadline(): void {
    const { activeDeadlineSeconds } = this.#job.spec;
    if (activeDeadlineSeconds === undefined || isSuspended(this.#job) || !this.#status.startTime) return;
    this.#lookAgain(parseTime(this.#status.startTime) + activeDeadlineSeconds * 1000 - this.#context.clock.now());
  }

  #suspension(): void {
    const { clock, events } = this.#context;
    const suspended = isSuspended(this.#job);
    const present = this.#status.conditions?.find((c) => c.type === "Suspended");
    if (present ? (present.status === "True") === suspended : !suspended) return;
    const now = clock.now();
    const condition = suspended
      ? newCondition("Suspended", "JobSuspended", "Job suspended", now)
      : newCondition("Suspended", "JobResumed", "Job resumed", now, "False");
    const conditions = [...(this.#status.conditions ?? []).filter((c) => c !== present), condition];
    const { startTime: _, ...status } = this.#status;
    this.#status = suspended ? { ...status, conditions } : { ...status, startTime: formatTime(now), conditions };
    events.event(this.#owner.about, "Normal", suspended ? "Suspended" : "Resumed", suspended ? "Job suspended" : "Job resumed");
  }

  async #manage(): Promise<void> {
    const { clock } = this.#context;
    this.action = "tracking";
    const wanted = wantedActive(this.#state);
    const remove = surplus(this.#state, Math.max(0, this.#active - wanted), clock.now()).slice(0, burst);
    if (remove.length > 0) {
      this.action = "pods_deleted";
      this.#memory.expectations.expectDeletions(
        this.#key,
        remove.map((pod) => pod.metadata.uid),
      );
      await this.#delete(remove, true);
      return;
    }
    const waiting = waitsForTermination(this.#job) ? this.#terminating : 0;
    let missing = Math.min(burst, wanted - waiting - this.#active);
    if (missing <= 0) return;
    const perIndex = this.#state.failedIndexes !== undefined;
    const left = perIndex ? 0 : backoffLeft(this.#backoff, clock.now());
    if (left > 0) {
      this.#lookAgain(left);
      return;
    }
    let indexes: number[] | undefined;
    if (isIndexed(this.#job)) {
      indexes = this.#pendingIndexes(missing);
      missing = indexes.length;
    }
    if (missing === 0) return;
    this.action = "pods_created";
    await this.#create(missing, indexes);
  }

  #pendingIndexes(count: number): number[] {
    const { pods, active, succeededIndexes, failedIndexes = new Set<number>(), delayed } = this.#state;
    const of = (list: readonly Pod[]): Set<number> => new Set(list.map(indexOf).filter((i) => i !== undefined));
    const held = waitsForTermination(this.#job) ? of(pods.filter((pod) => pod.metadata.deletionTimestamp && !isPodFailed(pod, this.#job))) : new Set<number>();
    const pending = firstPending(count, this.#job.spec.completions ?? 0, of(active), succeededIndexes, failedIndexes, held);
    if (!this.#state.failedIndexes) return pending;
    const now = this.#context.clock.now();
    const waits = pending.map((index) => {
      const last = delayed.get(index);
      return last ? backoffLeft({ failures: failuresOfIndex(last) + 1, lastFailure: finishedAt(last) }, now) : 0;
    });
    const ready = pending.filter((_, i) => waits[i] === 0);
    if (ready.length === 0 && waits.length > 0) this.#lookAgain(Math.min(...waits));
    return ready;
  }

  async #create(count: number, indexes: number[] | undefined): Promise<void> {
    const { expectations } = this.#memory;
    expectations.expectCreations(this.#key, count);
    this.#active += count;
    const { done, error } = await slowStart(count, async (i) => {
      const index = indexes?.[i];
      const pod = jobPod(this.#job, this.#owner, index, index === undefined ? undefined : this.#state.delayed.get(index));
      try {
        await createPod(this.#context, this.#owner, pod);
      } catch (failure) {
        if (isOutcomeUnknown(failure)) expectations.doubt(this.#key);
        if (!isNamespaceTerminating(failure)) throw failure;
      }
    });
    for (let i = done; i < count; i++) expectations.creationSeen(this.#key);
    this.#active -= count - done;
    if (error !== undefined) throw error;
  }

  /** True when all are gone or going. `untrack`: they shall not be counted, so the finalizer goes first. */
  async #delete(pods: readonly Pod[], untrack: boolean): Promise<boolean> {
    const results = await settleAll(pods, async (pod) => {
      try {
        if (untrack) await this.#release(pod);
        await deletePod(this.#context, this.#owner, pod);
      } catch (error) {
        if (isOutcomeUnknown(error)) this.#memory.expectations.doubt(this.#key);
        else if (untrack) this.#memory.expectations.deletionSeen(this.#key, pod.metadata.uid);
        if (!isNotFound(error)) throw error;
      }
      this.#active--;
      this.#terminating++;
      if (isReady(pod)) this.#ready--;
    });
    const failed = results.find((r) => r.status === "rejected");
    if (failed) throw failed.reason;
    return true;
  }

  async #release(pod: Pod): Promise<void> {
    if (!hasTrackingFinalizer(pod)) return;
    const { namespace = "", name } = pod.metadata;
    const patch = { metadata: { uid: pod.metadata.uid, "$deleteFromPrimitiveList/finalizers": [trackingFinalizer] } };
    await this.#context.client.resource(podResource).patch(namespace, name, "strategic", patch, { signal: this.#context.signal });
  }

  /** Names finished pods in the status, takes their finalizers away, adds them to the counters; ends the Job at the end. */
  async #count(found: JobCondition | undefined): Promise<void> {
    const { pods } = this.#state;
    const holding = new Set(pods.filter((pod) => hasTrackingFinalizer(pod) && !this.#released.has(pod.metadata.uid)).map((pod) => pod.metadata.uid));
    this.#status = settled(this.#status, holding);
    const { release, full } = this.#collect(found, holding);
    let condition = found;
    const now = this.#context.clock.now();
    if (condition?.type === "FailureTarget") {
      this.#addCondition(condition);
      condition = newCondition("Failed", condition.reason ?? "", condition.message ?? "", now);
    } else if (condition?.type === "SuccessCriteriaMet") {
      if (!conditionOf(this.#status, "SuccessCriteriaMet")) this.#addCondition(condition);
      condition = newCondition("Complete", condition.reason ?? "", condition.message ?? "", now);
    }
    await this.#flush();
    this.#memory.backoff.set(this.#key, this.#backoff);
    const failure = await this.#releaseAll(release, holding);
    this.#status = settled(this.#status, holding);
    const { succeeded = [], failed = [] } = this.#status.uncountedTerminatedPods ?? {};
    const ended = condition && !full && failure === undefined && succeeded.length + failed.length === 0 && this.#terminating === 0;
    if (condition && ended) {
      this.#addCondition(condition);
      if (condition.type === "Complete") this.#status = { ...this.#status, completionTime: condition.lastTransitionTime };
    }
    await this.#flush();
    if (condition && ended) this.#announce(condition);
    if (failure !== undefined) throw failure;
  }

  #collect(condition: JobCondition | undefined, holding: ReadonlySet<string>): { release: Pod[]; full: boolean } {
    const { pods, previousIndexes, delayed, failedIndexes } = this.#state;
    const completions = this.#job.spec.completions ?? 0;
    const succeeded = [...(this.#status.uncountedTerminatedPods?.succeeded ?? [])];
    const failed = [...(this.#status.uncountedTerminatedPods?.failed ?? [])];
    const indexes = new Set(previousIndexes);
    const release: Pod[] = [];
    let full = false;
    for (const pod of pods) {
      const { uid } = pod.metadata;
      if (!holding.has(uid)) continue;
      const isFailed = isPodFailed(pod, this.#job);
      const index = indexOf(pod);
      const ended = this.#job.metadata.deletionTimestamp !== undefined || condition !== undefined || pod.status?.phase === "Succeeded";
      if (!ended && (!isFailed || (index !== undefined && delayed.get(index)?.metadata.uid === uid))) continue;
      release.push(pod);
      const valid = !isIndexed(this.#job) || (index !== undefined && index < completions);
      if (pod.status?.phase === "Succeeded" && !failed.includes(uid)) {
        if (!isIndexed(this.#job)) {
          if (!succeeded.includes(uid)) succeeded.push(uid);
        } else if (valid) indexes.add(index as number);
      } else if (isFailed || (condition && condition.type !== "SuccessCriteriaMet")) {
        if (valid && !failed.includes(uid) && judgeFailure(this.#job, pod).counts) failed.push(uid);
      }
      if (indexes.size - previousIndexes.size + succeeded.length + failed.length >= maxUncounted) {
        full = true;
        break;
      }
    }
    this.#status = { ...this.#status, uncountedTerminatedPods: { succeeded, failed } };
    if (isIndexed(this.#job)) this.#status = { ...this.#status, succeeded: indexes.size, completedIndexes: formatIndexes(indexes) };
    if (failedIndexes) this.#status = { ...this.#status, failedIndexes: formatIndexes(failedIndexes) };
    return { release, full };
  }

  async #releaseAll(release: readonly Pod[], holding: Set<string>): Promise<unknown> {
    if (release.length === 0) return undefined;
    const released = this.#released;
    this.#memory.released.set(this.#key, released);
    for (const pod of release) released.add(pod.metadata.uid);
    const results = await settleAll(release, async (pod) => {
      try {
        await this.#release(pod);
      } catch (error) {
        if (!isNotFound(error)) {
          released.delete(pod.metadata.uid);
          throw error;
        }
      }
      holding.delete(pod.metadata.uid);
    });
    return results.find((r) => r.status === "rejected")?.reason;
  }

  #addCondition(condition: JobCondition): void {
    this.#status = { ...this.#status, conditions: [...(this.#status.conditions ?? []).filter((c) => c.type !== condition.type), condition] };
  }

  async #flush(): Promise<void> {
    // `ready` and `terminating` are pointers: zero is said, and differs from nothing.
    const said = ({ ready, terminating }: JobStatus): boolean => ready !== undefined && terminating !== undefined;
    if (statusEqual(this.#job.status, this.#status) && said(this.#job.status ?? {})) return;
    const api = this.#context.client.resource(jobResource);
    const written = await api.updateStatus({ ...this.#job, status: this.#status }, { signal: this.#context.signal }).catch((error) => {
      if (isOutcomeUnknown(error)) this.#memory.written.set(this.#key, undefined);
      throw error;
    });
    this.#memory.written.set(this.#key, written.metadata.resourceVersion);
    this.#measured.counted(this.#job, this.#job.status, written.status);
    this.#job = written;
    this.#status = { ...written.status, uncountedTerminatedPods: { succeeded: [], failed: [], ...written.status?.uncountedTerminatedPods } };
  }

  #announce(condition: JobCondition): void {
    const { events } = this.#context;
    this.#measured.finished(this.#job, condition);
    if (condition.type !== "Complete") {
      events.event(this.#owner.about, "Warning", condition.reason ?? "", condition.message ?? "");
      return;
    }
    const { completions } = this.#job.spec;
    if (completions !== undefined && (this.#status.succeeded ?? 0) > completions) {
      events.event(this.#owner.about, "Warning", "TooManySucceededPods", "Too many succeeded pods running after completion count reached");
    }
    events.event(this.#owner.about, "Normal", "Completed", "Job completed");
  }
}

/** Moves what has lost its finalizer from the uncounted to the counters. */
function settled(status: JobStatus, holding: ReadonlySet<string>): JobStatus {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  const keep = (uids: readonly string[]): string[] => uids.filter((uid) => holding.has(uid));
  const [keptSucceeded, keptFailed] = [keep(succeeded), keep(failed)];
  return {
    ...status,
    succeeded: (status.succeeded ?? 0) + succeeded.length - keptSucceeded.length,
    failed: (status.failed ?? 0) + failed.length - keptFailed.length,
    uncountedTerminatedPods: { succeeded: keptSucceeded, failed: keptFailed },
  };
}
