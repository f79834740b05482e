/** StatefulSet: https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/ */
import { keyOf, splitKey } from "../../api/object.ts";
import { selectorOf } from "../../api/selectors/labels.ts";
import { isAlreadyExists, isNotFound } from "../../api/status.ts";
import type { ControllerRevision, StatefulSet } from "../../api/types/apps-v1.gen.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { controllerrevisions, pods as podResource, statefulsets } from "../../client/resources.gen.ts";
import type { Controller, ControllerContext } from "../runtime/controller.ts";
import { statusEqual } from "../runtime/equal.ts";
import { claim, controlledOrOrphaned, controllerIndex, ownerOf, recheckOwner, resolveController } from "../runtime/ownership.ts";
import { isNamespaceTerminating, messageOf, type Owner } from "../runtime/pod-control.ts";
import { isAvailable, isReady, isTerminating, nextAvailability } from "../runtime/pods.ts";
import { ensureRevision, RevisionCollisionError, templateOf, trimRevisions } from "./controller-revisions.ts";
import { StatefulClaims } from "./statefulset-claims.ts";
import {
  countOf,
  isRunningAndReady,
  keepsCurrent,
  nextToUpdate,
  ordinalOf,
  revisionOf,
  startOf,
  statefulPod,
  statefulStatus,
  withIdentity,
} from "./statefulset-pods.ts";

export const statefulset: Controller = {
  name: "statefulset-controller",
  account: "statefulset-controller",
  start(context) {
    const { client, clock, informers, enqueue, signal } = context;
    const sets = informers.informer(statefulsets);
    const pods = informers.informer(podResource, { indexes: controllerIndex });
    const revisions = informers.informer(controllerrevisions, { indexes: controllerIndex });
    const claims = new StatefulClaims(context);

    sets.onChange((old, set) => enqueue(keyOf((set ?? old) as StatefulSet)));
    pods.onChange((old, pod) => {
      for (const one of [old, pod]) {
        const set = one && resolveController(sets, statefulsets, one);
        if (!set) continue;
        enqueue(keyOf(set));
        const { minReadySeconds = 0 } = set.spec;
        if (minReadySeconds > 0 && old && pod && !isReady(old) && isReady(pod)) enqueue(keyOf(set), minReadySeconds * 1000);
      }
      if (pod && !pod.metadata.ownerReferences?.length) {
        for (const set of sets.list(pod.metadata.namespace)) if (selectorOf(set.spec.selector).matches(pod.metadata.labels)) enqueue(keyOf(set));
      }
    });

    return async (key) => {
      const { namespace, name } = splitKey(key);
      const set = sets.get(namespace, name);
      if (!set) return;
      const selector = selectorOf(set.spec.selector);
      const owned = controlledOrOrphaned(revisions, set);
      const mine = await claim(context, { owner: set, ownerResource: statefulsets, resource: controllerrevisions, selector, candidates: owned });
      const candidates = controlledOrOrphaned(pods, set).filter((pod) => ordinalOf(set, pod) !== undefined);
      const claimed = await claim(context, { owner: set, ownerResource: statefulsets, resource: podResource, selector, candidates });
      let collisionCount = set.status?.collisionCount ?? 0;
      const history = await ensureRevision(context, statefulsets, set, mine).catch(async (error) => {
        if (!(error instanceof RevisionCollisionError)) throw error;
        collisionCount++;
        await client.resource(statefulsets).updateStatus({ ...set, status: { ...set.status, collisionCount } }, { signal });
      });
      if (!history) return { retry: true };
      const update = history.current;
      const current = mine.find((r) => r.metadata.name === set.status?.currentRevision) ?? update;
      const sync = new StatefulSync(context, claims, set, { current, update });
      let failure: unknown;
      try {
        if (!set.metadata.deletionTimestamp) await sync.run(claimed);
      } catch (error) {
        failure = error;
      }
      const names = { current: current.metadata.name, update: update.metadata.name, collisionCount };
      const status = statefulStatus(set, [...claimed, ...sync.created], names, clock.now());
      if (!statusEqual(set.status, status)) await client.resource(statefulsets).updateStatus({ ...set, status }, { signal });
      if (failure !== undefined) throw failure;
      const live = new Set([names.current, names.update, ...claimed.map(revisionOf)]);
      await trimRevisions(context, set, history.old, live);
      const wait = nextAvailability(claimed, set.spec.minReadySeconds ?? 0, clock.now());
      if (wait !== undefined) return { requeueAfter: wait };
    };
  },
};

class StatefulSync {
  readonly created: Pod[] = [];
  readonly #context: ControllerContext;
  readonly #claims: StatefulClaims;
  readonly #set: StatefulSet;
  readonly #owner: Owner;
  readonly #revisions: { current: ControllerRevision; update: ControllerRevision };
  /** One after the other, each only when those before it are well. */
  readonly #ordered: boolean;

  constructor(context: ControllerContext, claims: StatefulClaims, set: StatefulSet, revisions: { current: ControllerRevision; update: ControllerRevision }) {
    this.#context = context;
    this.#claims = claims;
    this.#set = set;
    this.#owner = ownerOf(statefulsets, set);
    this.#revisions = revisions;
    this.#ordered = set.spec.podManagementPolicy !== "Parallel";
  }

  async run(pods: readonly Pod[]): Promise<void> {
    const [start, count] = [startOf(this.#set), countOf(this.#set)];
    const replicas: (Pod | undefined)[] = Array.from({ length: count }, () => undefined);
    const condemned: { pod: Pod; ordinal: number }[] = [];
    for (const pod of pods) {
      const ordinal = ordinalOf(this.#set, pod) as number;
      if (ordinal >= start && ordinal < start + count) replicas[ordinal - start] = pod;
      else condemned.push({ pod, ordinal });
    }
    condemned.sort((a, b) => b.ordinal - a.ordinal);
    // Pods that were there and are not may have gone because the set is going, of which the cache need not know yet.
    if (replicas.includes(undefined) && (this.#set.status?.replicas ?? 0) > pods.length) await recheckOwner(this.#context, statefulsets, this.#set);
    const well = (pod: Pod | undefined): boolean => pod !== undefined && !isTerminating(pod) && isRunningAndReady(pod) && this.#isAvailable(pod);
    const firstUnwell = replicas.findIndex((pod) => !well(pod)) >= 0 ? undefined : condemned.findLast(({ pod }) => !well(pod))?.pod;
    if (await this.#forAll(replicas.map((pod, i) => () => this.#replica(pod, start + i)))) return;
    for (const { pod, ordinal } of condemned) await this.#claims.retain(this.#set, pod, ordinal, true);
    if (
      await this.#forAll(
        condemned.map(
          ({ pod }) =>
            () =>
              this.#condemned(pod, firstUnwell),
        ),
      )
    )
      return;
    for (const pod of nextToUpdate(this.#set, replicas, this.#revisions.update.metadata.name, this.#context.clock.now())) await this.#delete(pod);
  }

  #isAvailable(pod: Pod): boolean {
    return isAvailable(pod, this.#set.spec.minReadySeconds ?? 0, this.#context.clock.now());
  }

  /** True when what comes after has to wait. */
  async #forAll(steps: (() => Promise<boolean>)[]): Promise<boolean> {
    if (this.#ordered) {
      for (const step of steps) if (await step()) return true;
      return false;
    }
    const results = await Promise.allSettled(steps.map((step) => step()));
    const failed = results.find((r) => r.status === "rejected");
    if (failed) throw failed.reason;
    return results.some((r) => r.status === "fulfilled" && r.value);
  }

  async #replica(pod: Pod | undefined, ordinal: number): Promise<boolean> {
    if (!pod) {
      await this.#create(ordinal);
      return this.#ordered;
    }
    const { phase } = pod.status ?? {};
    if ((phase === "Failed" || phase === "Succeeded") && !isTerminating(pod)) {
      const { namespace, name } = this.#set.metadata;
      const [type, reason, what] =
        phase === "Failed" ? (["Warning", "RecreatingFailedPod", "failed"] as const) : (["Normal", "RecreatingTerminatedPod", "terminated"] as const);
      this.#context.events.event(this.#owner.about, type, reason, `StatefulSet ${namespace}/${name} is recreating ${what} Pod ${pod.metadata.name}`);
      await this.#delete(pod);
      return true;
    }
    if (phase === "Pending") await this.#claims.ensure(this.#set, ordinal);
    if (this.#ordered && (isTerminating(pod) || !isRunningAndReady(pod) || !this.#isAvailable(pod))) return true;
    await this.#claims.retain(this.#set, pod, ordinal, false);
    const right = withIdentity(this.#set, pod, ordinal);
    if (right !== pod && !isTerminating(pod)) await this.#context.client.resource(podResource).update(right, { signal: this.#context.signal });
    return false;
  }

  async #condemned(pod: Pod, firstUnwell: Pod | undefined): Promise<boolean> {
    if (isTerminating(pod)) return this.#ordered;
    if (this.#ordered && (!isRunningAndReady(pod) || !this.#isAvailable(pod)) && pod !== firstUnwell) return true;
    await this.#delete(pod);
    return this.#ordered;
  }

  async #create(ordinal: number): Promise<void> {
    const { client, events, signal } = this.#context;
    const { current, update } = this.#revisions;
    const revision = keepsCurrent(this.#set, ordinal) ? current : update;
    const what = `create Pod ${this.#set.metadata.name}-${ordinal} in StatefulSet ${this.#set.metadata.name}`;
    try {
      await this.#claims.ensure(this.#set, ordinal);
      const pod = statefulPod(this.#set, this.#owner, templateOf(revision), revision.metadata.name, ordinal);
      this.created.push(await client.resource(podResource).create(this.#owner.namespace, pod, { signal }));
      events.event(this.#owner.about, "Normal", "SuccessfulCreate", `${what} successful`);
    } catch (error) {
      // The cache has not shown it yet.
      if (isAlreadyExists(error) || isNamespaceTerminating(error)) return;
      if (!signal.aborted) events.event(this.#owner.about, "Warning", "FailedCreate", `${what} failed error: ${messageOf(error)}`);
      throw error;
    }
  }

  async #delete(pod: Pod): Promise<void> {
    const { client, events, signal } = this.#context;
    const { namespace = "", name, uid } = pod.metadata;
    const what = `delete Pod ${name} in StatefulSet ${this.#set.metadata.name}`;
    try {
      await client.resource(podResource).delete(namespace, name, { preconditions: { uid }, signal });
      events.event(this.#owner.about, "Normal", "SuccessfulDelete", `${what} successful`);
    } catch (error) {
      if (isNotFound(error)) return;
      if (!signal.aborted) events.event(this.#owner.about, "Warning", "FailedDelete", `${what} failed error: ${messageOf(error)}`);
      throw error;
    }
  }
}
