/**
 * Keeps a number of pods of one template: what ReplicaSet and ReplicationController share
 * (k8s.io/kubernetes/pkg/controller/replicaset).
 */
import { keyOf, type KubeObject } from "../../api/object.ts";
import { type LabelSelector, selectorFromSet } from "../../api/selectors/labels.ts";
import { isNotFound } from "../../api/status.ts";
import { formatTime } from "../../api/time.ts";
import type { ReplicaSetCondition, ReplicaSetStatus } from "../../api/types/apps-v1.gen.ts";
import type { Pod, PodTemplateSpec } from "../../api/types/core-v1.gen.ts";
import type { Resource } from "../../client/client.ts";
import { Expectations, isOutcomeUnknown } from "../../client/expectations.ts";
import type { Informer } from "../../client/informer.ts";
import { pods as podResource } from "../../client/resources.gen.ts";
import { retryOnConflict } from "../../client/retry.ts";
import type { ControllerContext, Reconcile } from "../runtime/controller.ts";
import { settleDoubts } from "../runtime/doubts.ts";
import { statusEqual } from "../runtime/equal.ts";
import { byController, claim, controlledOrOrphaned, controllerIndex, ownerOf, recheckOwner, resolveController } from "../runtime/ownership.ts";
import { createPod, deletePod, isNamespaceTerminating, messageOf, podFromTemplate, slowStart } from "../runtime/pod-control.ts";
import { deletionOrder, isActive, isAvailable, isFinished, isReady, isTerminating, nextAvailability } from "../runtime/pods.ts";
import { settleAll } from "../runtime/parallel.ts";

export interface Replicated extends KubeObject {
  spec: { replicas?: number; minReadySeconds?: number; template?: PodTemplateSpec };
  status: ReplicaSetStatus;
}

export interface ReplicasOptions<T extends Replicated> {
  resource: Resource<T>;
  selector(object: T): LabelSelector;
  /** Pods whose node counts against a pod that is to be deleted; those of sibling ReplicaSets. */
  related(object: T, pods: Informer<Pod>, owners: Informer<T>): Pod[];
  /** Whether the status has terminatingReplicas. */
  countsTerminating: boolean;
}

/** Pods created or deleted in one go. */
const burst = 500;

export interface ReplicasPlan {
  create: number;
  delete: Pod[];
}

/** Pure: how many to create, or which to delete. */
export function planReplicas(wanted: number, active: readonly Pod[], related: () => readonly Pod[], now: number): ReplicasPlan {
  const surplus = active.length - wanted;
  if (surplus <= 0) return { create: Math.min(-surplus, burst), delete: [] };
  if (surplus === active.length) return { create: 0, delete: active.slice(0, burst) };
  const perNode = new Map<string, number>();
  for (const pod of related()) {
    if (isActive(pod) && pod.spec.nodeName) perNode.set(pod.spec.nodeName, (perNode.get(pod.spec.nodeName) ?? 0) + 1);
  }
  const order = deletionOrder(active, (pod) => perNode.get(pod.spec.nodeName ?? "") ?? 0, now);
  return { create: 0, delete: order.slice(0, Math.min(surplus, burst)) };
}

/** Pure: the status that these pods and the failure of the last attempt give. */
export function replicasStatus(object: Replicated, active: readonly Pod[], terminating: number | undefined, failure: unknown, now: number): ReplicaSetStatus {
  const template = selectorFromSet(object.spec.template?.metadata?.labels);
  const { minReadySeconds = 0, replicas = 0 } = object.spec;
  let conditions: ReplicaSetCondition[] = object.status?.conditions ?? [];
  const failed = conditions.find((c) => c.type === "ReplicaFailure");
  if (failure !== undefined && !failed) {
    const reason = active.length < replicas ? "FailedCreate" : active.length > replicas ? "FailedDelete" : "";
    conditions = [...conditions, { type: "ReplicaFailure", status: "True", reason, message: messageOf(failure), lastTransitionTime: formatTime(now) }];
  } else if (failure === undefined && failed) conditions = conditions.filter((c) => c !== failed);
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) => template.matches(pod.metadata.labels)).length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: active.filter((pod) => isAvailable(pod, minReadySeconds, now)).length,
    ...(terminating === undefined ? {} : { terminatingReplicas: terminating }),
    observedGeneration: object.metadata.generation,
    ...(conditions.length ? { conditions } : {}),
  };
}

export function startReplicas<T extends Replicated>(context: ControllerContext, options: ReplicasOptions<T>): Reconcile {
  const { clock, informers, enqueue } = context;
  const { resource } = options;
  const owners = informers.informer(resource, { indexes: controllerIndex });
  const pods = informers.informer(podResource, { indexes: controllerIndex });
  const expectations = new Expectations(clock);

  owners.onChange((old, object) => {
    const changed = object ?? old;
    if (changed) enqueue(keyOf(changed));
    if (old && !object) expectations.forget(keyOf(old));
  });
  pods.onChange((old, pod) => {
    const before = old && resolveController(owners, resource, old);
    const after = pod && resolveController(owners, resource, pod);
    if (before && before !== after) enqueue(keyOf(before));
    if (before && (!pod || (isTerminating(pod) && !isTerminating(old)))) expectations.deletionSeen(keyOf(before), podKey(old));
    if (after) {
      if (!old && !isTerminating(pod)) expectations.creationSeen(keyOf(after));
      if (!old && isTerminating(pod)) expectations.deletionSeen(keyOf(after), podKey(pod));
      enqueue(keyOf(after));
      const delay = after.spec.minReadySeconds ?? 0;
      if (delay > 0 && old && !isReady(old) && isReady(pod)) enqueue(keyOf(after), delay * 1000);
    } else if (pod && !before) {
      for (const owner of owners.list(pod.metadata.namespace)) if (selects(options, owner, pod)) enqueue(keyOf(owner));
    }
  });

  return async (key) => {
    const slash = key.indexOf("/");
    const object = owners.get(key.slice(0, slash), key.slice(slash + 1));
    if (!object) return;
    const selector = options.selector(object);
    await settleDoubts(context, expectations, object, selector, pods);
    const upToDate = expectations.satisfied(key);
    const all = controlledOrOrphaned(pods, object);
    const candidates = all.filter(isActive);
    const active = await claim(context, { owner: object, ownerResource: resource, resource: podResource, selector, candidates });
    const terminating = options.countsTerminating
      ? pods.by(byController, object.metadata.uid).filter((pod) => isTerminating(pod) && !isFinished(pod) && selector.matches(pod.metadata.labels)).length
      : undefined;
    const now = clock.now();
    let failure: unknown;
    if (upToDate && !object.metadata.deletionTimestamp) {
      const plan = planReplicas(object.spec.replicas ?? 1, active, () => options.related(object, pods, owners), now);
      // Pods that were there and are not: perhaps they went because this is going. Else they would be made, deleted and
      // made again as long as the cache is behind.
      if (plan.create > 0 && (object.status?.replicas ?? 0) > active.length) await recheckOwner(context, resource, object);
      failure = await carryOut(context, { key, object, resource, plan, expectations });
    }
    const written = await writeStatus(context, resource, object, replicasStatus(object, active, terminating, failure, now));
    if (failure !== undefined) throw failure;
    const { minReadySeconds = 0 } = object.spec;
    if (minReadySeconds > 0 && written.readyReplicas !== written.availableReplicas) {
      return { requeueAfter: nextAvailability(active, minReadySeconds, now) ?? minReadySeconds * 1000 };
    }
  };
}

function selects<T extends Replicated>(options: ReplicasOptions<T>, owner: T, pod: Pod): boolean {
  const selector = options.selector(owner);
  return !selector.empty && selector.matches(pod.metadata.labels);
}

const podKey = (pod: Pod): string => pod.metadata.uid;

interface Work<T extends Replicated> {
  key: string;
  object: T;
  resource: Resource<T>;
  plan: ReplicasPlan;
  expectations: Expectations;
}

/** Resolves with the first failure, if any. */
async function carryOut<T extends Replicated>(context: ControllerContext, work: Work<T>): Promise<unknown> {
  const { key, object, plan, expectations } = work;
  const owner = ownerOf(work.resource, object);
  if (plan.create > 0) {
    const pod = podFromTemplate(object.spec.template as PodTemplateSpec, owner);
    expectations.expectCreations(key, plan.create);
    const { done, error } = await slowStart(plan.create, async () => {
      try {
        await createPod(context, owner, pod);
      } catch (failure) {
        if (isOutcomeUnknown(failure)) expectations.doubt(key);
        if (!isNamespaceTerminating(failure)) throw failure;
      }
    });
    for (let i = done; i < plan.create; i++) expectations.creationSeen(key);
    return error;
  }
  if (plan.delete.length === 0) return undefined;
  expectations.expectDeletions(key, plan.delete.map(podKey));
  const results = await settleAll(plan.delete, async (pod) => {
    try {
      await deletePod(context, owner, pod);
    } catch (error) {
      if (isOutcomeUnknown(error)) expectations.doubt(key);
      else expectations.deletionSeen(key, podKey(pod));
      if (!isNotFound(error)) throw new Error(`unable to delete pods: ${messageOf(error)}`, { cause: error });
    }
  });
  return results.find((r) => r.status === "rejected")?.reason;
}

async function writeStatus<T extends Replicated>(
  context: ControllerContext,
  resource: Resource<T>,
  object: T,
  status: ReplicaSetStatus,
): Promise<ReplicaSetStatus> {
  if (statusEqual(object.status, status)) return status;
  const client = context.client.resource(resource);
  let current = object;
  return await retryOnConflict(
    context.clock,
    async () => {
      const attempt = current;
      try {
        return (await client.updateStatus({ ...attempt, status }, { signal: context.signal })).status;
      } catch (error) {
        current = await client.get(object.metadata.namespace ?? "", object.metadata.name, { signal: context.signal });
        throw error;
      }
    },
    { attempts: 2, signal: context.signal },
  );
}
