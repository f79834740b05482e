/** DaemonSet: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/ */
import { keyOf, splitKey } from "../../api/object.ts";
import { selectorOf } from "../../api/selectors/labels.ts";
import { isNotFound } from "../../api/status.ts";
import type { DaemonSet } from "../../api/types/apps-v1.gen.ts";
import type { Affinity, Node, Pod } from "../../api/types/core-v1.gen.ts";
import { referenceTo } from "../../client/events.ts";
import { Expectations, isOutcomeUnknown } from "../../client/expectations.ts";
import { controllerrevisions, daemonsets, nodes as nodeResource, pods as podResource } from "../../client/resources.gen.ts";
import type { Controller, ControllerContext } from "../runtime/controller.ts";
import { settleDoubts } from "../runtime/doubts.ts";
import { semanticEqual, statusEqual } from "../runtime/equal.ts";
import { claim, controlledOrOrphaned, controllerIndex, ownerOf, recheckOwner, resolveController } from "../runtime/ownership.ts";
import { createPod, deletePod, isNamespaceTerminating, podFromTemplate, slowStart } from "../runtime/pod-control.ts";
import { isReady, isTerminating, nextAvailability } from "../runtime/pods.ts";
import { ensureRevision, RevisionCollisionError, revisionHashLabel, trimRevisions } from "./controller-revisions.ts";
import { type DaemonInput, daemonStatus, daemonTolerations, planNodes, planRollout, targetNode } from "./daemonset-plan.ts";
import { settleAll } from "../runtime/parallel.ts";

/** Pods created or deleted in one pass. */
const burst = 250;
/** Milliseconds before the failed pod of a node is replaced: doubled each time, forgotten after twice the longest. */
const firstBackoff = 1000;
const longestBackoff = 15 * 60_000;

export const daemonset: Controller = {
  name: "daemonset-controller",
  account: "daemon-set-controller",
  component: "daemonset-controller",
  workers: 2,
  start(context) {
    const { client, clock, events, informers, enqueue, signal } = context;
    const sets = informers.informer(daemonsets);
    const pods = informers.informer(podResource, { indexes: controllerIndex });
    const nodes = informers.informer(nodeResource);
    const revisions = informers.informer(controllerrevisions, { indexes: controllerIndex });
    const expectations = new Expectations(clock);
    const failures = new Map<string, { wait: number; since: number }>();

    sets.onChange((old, ds) => {
      const key = keyOf((ds ?? old) as DaemonSet);
      if (ds) enqueue(key);
      else expectations.forget(key);
    });
    revisions.onChange((old, revision) => {
      const ds = resolveController(sets, daemonsets, (revision ?? old) as NonNullable<typeof old>);
      if (ds) enqueue(keyOf(ds));
    });
    nodes.onChange((old, node) => {
      if (old && node && !eligibilityChanged(old, node)) return;
      for (const ds of sets.list()) enqueue(keyOf(ds));
    });
    pods.onChange((old, pod) => {
      const either = (pod ?? old) as Pod;
      const ds = resolveController(sets, daemonsets, either);
      if (!ds) {
        for (const one of pod && !pod.metadata.ownerReferences?.length ? sets.list(pod.metadata.namespace) : []) {
          if (selectorOf(one.spec.selector).matches(pod?.metadata.labels)) enqueue(keyOf(one));
        }
        return;
      }
      const key = keyOf(ds);
      if (!old && !isTerminating(either)) expectations.creationSeen(key);
      if (!pod || isTerminating(pod)) expectations.deletionSeen(key, either.metadata.uid);
      enqueue(key);
      const { minReadySeconds = 0 } = ds.spec;
      if (minReadySeconds > 0 && old && pod && !isReady(old) && isReady(pod)) enqueue(key, minReadySeconds * 1000);
    });

    const inBackoff = (ds: DaemonSet, pod: Pod): number => {
      const key = `${ds.metadata.uid}/${targetNode(pod)}`;
      const now = clock.monotonic();
      const last = failures.get(key);
      if (last && now - last.since < last.wait) return last.wait - (now - last.since);
      const wait = last && now - last.since < 2 * longestBackoff ? Math.min(longestBackoff, last.wait * 2) : firstBackoff;
      failures.set(key, { wait, since: now });
      return 0;
    };

    return async (key) => {
      const { namespace, name } = splitKey(key);
      const ds = sets.get(namespace, name);
      if (!ds) return;
      const selector = selectorOf(ds.spec.selector);
      const about = referenceTo(daemonsets, ds);
      if (selector.empty) {
        events.event(about, "Warning", "SelectingAll", "This daemon set is selecting all pods. A non-empty selector is required.");
        return;
      }
      if (ds.metadata.deletionTimestamp) return;
      const owned = controlledOrOrphaned(revisions, ds);
      const mine = await claim(context, { owner: ds, ownerResource: daemonsets, resource: controllerrevisions, selector, candidates: owned });
      const revision = await ensureRevision(context, daemonsets, ds, mine).catch(async (error) => {
        if (!(error instanceof RevisionCollisionError)) throw error;
        const status = { ...ds.status, collisionCount: (ds.status?.collisionCount ?? 0) + 1 };
        await client.resource(daemonsets).updateStatus({ ...ds, status }, { signal });
      });
      if (!revision) return { retry: true };
      const hash = revision.current.metadata.labels?.[revisionHashLabel] ?? "";
      await settleDoubts(context, expectations, ds, selector, pods);
      const upToDate = expectations.satisfied(key);
      const candidates = controlledOrOrphaned(pods, ds);
      const claimed = await claim(context, { owner: ds, ownerResource: daemonsets, resource: podResource, selector, candidates });
      const input: DaemonInput = { ds, nodes: nodes.list(), pods: byTarget(claimed), hash, now: clock.now() };
      let again: number | undefined;
      let failure: unknown;
      if (upToDate) {
        const plan = planNodes(input);
        // Pods that were there and are not may have gone because the set is going, of which the cache need not know yet.
        if (plan.create.length > 0 && (ds.status?.currentNumberScheduled ?? 0) > input.pods.size) await recheckOwner(context, daemonsets, ds);
        for (const pod of plan.ended) {
          const failed = pod.status?.phase === "Failed";
          const wait = failed ? inBackoff(ds, pod) : 0;
          if (wait > 0) {
            again = Math.min(again ?? wait, wait);
            continue;
          }
          const what = `${namespace}/${pod.metadata.name} on node ${targetNode(pod)}`;
          if (failed) events.event(about, "Warning", "FailedDaemonPod", `Found failed daemon pod ${what}, will try to kill it`);
          else events.event(about, "Normal", "SucceededDaemonPod", `Found succeeded daemon pod ${what}, will try to delete it`);
          plan.delete.push(pod);
        }
        const rolling = ds.spec.updateStrategy?.type !== "OnDelete" && plan.create.length + plan.delete.length === 0;
        failure = await carryOut(context, expectations, { key, ds, hash, ...(rolling ? planRollout(input) : plan) });
        if (failure === undefined)
          await trimRevisions(context, ds, revision.old, new Set(claimed.map((pod) => pod.metadata.labels?.[revisionHashLabel] ?? "")));
      }
      const status = daemonStatus(input);
      if (!statusEqual(ds.status, status)) await client.resource(daemonsets).updateStatus({ ...ds, status }, { signal });
      if (failure !== undefined) throw failure;
      if (status.numberReady !== status.numberAvailable) again ??= nextAvailability(claimed, ds.spec.minReadySeconds ?? 0, input.now);
      if (again !== undefined) return { requeueAfter: again };
    };
  },
};

const eligibilityChanged = (old: Node, node: Node): boolean =>
  !semanticEqual(old.metadata.labels, node.metadata.labels) ||
  !semanticEqual(old.spec?.taints, node.spec?.taints) ||
  old.spec?.unschedulable !== node.spec?.unschedulable;

function byTarget(pods: readonly Pod[]): Map<string, Pod[]> {
  const map = new Map<string, Pod[]>();
  for (const pod of pods) {
    const name = targetNode(pod);
    if (name) map.set(name, [...(map.get(name) ?? []), pod]);
  }
  return map;
}

/** Resolves with the first failure, if any. */
async function carryOut(
  context: ControllerContext,
  expectations: Expectations,
  work: { key: string; ds: DaemonSet; hash: string; create: string[]; delete: Pod[] },
): Promise<unknown> {
  const { key, ds, hash } = work;
  const owner = ownerOf(daemonsets, ds);
  const create = work.create.slice(0, burst);
  const remove = work.delete.slice(0, burst);
  expectations.expectCreations(key, create.length);
  expectations.expectDeletions(
    key,
    remove.map((pod) => pod.metadata.uid),
  );
  const { done, error } = await slowStart(create.length, async (i) => {
    try {
      await createPod(context, owner, daemonPod(ds, owner, hash, create[i] as string));
    } catch (failure) {
      if (isOutcomeUnknown(failure)) expectations.doubt(key);
      if (!isNamespaceTerminating(failure)) throw failure;
    }
  });
  for (let i = done; i < create.length; i++) expectations.creationSeen(key);
  const results = await settleAll(remove, async (pod) => {
    try {
      await deletePod(context, owner, pod);
    } catch (failure) {
      if (isOutcomeUnknown(failure)) expectations.doubt(key);
      else expectations.deletionSeen(key, pod.metadata.uid);
      if (!isNotFound(failure)) throw failure;
    }
  });
  return error ?? results.find((r) => r.status === "rejected")?.reason;
}

/** The scheduler binds it; affinity to the one node says where. */
function daemonPod(ds: DaemonSet, owner: ReturnType<typeof ownerOf>, hash: string, node: string): Pod {
  const pod = podFromTemplate(ds.spec.template, owner);
  const generation = ds.metadata.annotations?.["deprecated.daemonset.template.generation"];
  const nodeAffinity = {
    ...pod.spec.affinity?.nodeAffinity,
    requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: [node] }] }] },
  };
  const affinity: Affinity = { ...pod.spec.affinity, nodeAffinity };
  const labels = { ...pod.metadata.labels, [revisionHashLabel]: hash, ...(generation ? { "pod-template-generation": generation } : {}) };
  return { ...pod, metadata: { ...pod.metadata, labels }, spec: { ...pod.spec, affinity, tolerations: daemonTolerations(pod.spec) } };
}
