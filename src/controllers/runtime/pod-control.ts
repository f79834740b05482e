/** Creates and deletes the pods of a controller, with the events that upstream records for each. */
import { podConditionPatch } from "../../api/core/pod-status.ts";
import { StatusError } from "../../api/status.ts";
import { formatTime } from "../../api/time.ts";
import type { ObjectReference, Pod, PodTemplateSpec } from "../../api/types/core-v1.gen.ts";
import type { OwnerReference } from "../../api/types/meta-v1.gen.ts";
import { isNotFound } from "../../api/status.ts";
import { pods } from "../../client/resources.gen.ts";
import type { ControllerContext } from "./controller.ts";
import { settleAll } from "./parallel.ts";

/** An object as this controller names it in events and owner references. */
export interface Owner {
  about: ObjectReference;
  controllerRef: OwnerReference;
  namespace: string;
}

/** Creations fail in a namespace that is being deleted, and nobody needs to hear of it. */
export const isNamespaceTerminating = (error: unknown): boolean =>
  error instanceof StatusError && error.status.details?.causes?.some((c) => c.reason === "NamespaceTerminating") === true;

/** At most 58 characters of a name leave room for the server's suffix. */
const podPrefix = (owner: string): string => (`${owner}-`.length <= 253 - 5 ? `${owner}-` : owner);

export function podFromTemplate(template: PodTemplateSpec, owner: Owner): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      generateName: podPrefix(owner.about.name ?? ""),
      namespace: owner.namespace,
      ...(labels ? { labels: { ...labels } } : {}),
      ...(annotations ? { annotations: { ...annotations } } : {}),
      ...(finalizers ? { finalizers: [...finalizers] } : {}),
      ownerReferences: [owner.controllerRef],
    },
    spec: template.spec,
  } as unknown as Pod;
}

export async function createPod(context: ControllerContext, owner: Owner, pod: Pod): Promise<Pod> {
  try {
    const created = await context.client.resource(pods).create(owner.namespace, pod, { signal: context.signal });
    context.events.event(owner.about, "Normal", "SuccessfulCreate", `Created pod: ${created.metadata.name}`);
    return created;
  } catch (error) {
    if (!isNamespaceTerminating(error) && !context.signal.aborted)
      context.events.event(owner.about, "Warning", "FailedCreate", `Error creating: ${messageOf(error)}`);
    throw error;
  }
}

/** Rejects with NotFound, without an event, when it is gone already. */
export async function deletePod(context: ControllerContext, owner: Owner, pod: Pod): Promise<void> {
  const { namespace = "", name, uid } = pod.metadata;
  try {
    await context.client.resource(pods).delete(namespace, name, { preconditions: { uid }, signal: context.signal });
    context.events.event(owner.about, "Normal", "SuccessfulDelete", `Deleted pod: ${name}`);
  } catch (error) {
    if (!isNotFound(error) && !context.signal.aborted) context.events.event(owner.about, "Warning", "FailedDelete", `Error deleting: ${messageOf(error)}`);
    throw error;
  }
}

/**
 * Says on the pod why it is taken away and deletes it. Rejects with NotFound when it is gone already.
 */
export async function disruptPod(
  { client, clock, signal }: ControllerContext,
  pod: Pod,
  why: { reason: string; message: string; observedGeneration?: number },
): Promise<void> {
  const { namespace = "", name, uid } = pod.metadata;
  const status = podConditionPatch(pod, { type: "DisruptionTarget", status: "True", ...why }, formatTime(clock.now()));
  if (status) await client.resource(pods).patch(namespace, name, "strategic", { metadata: { uid }, status }, { subresource: "status", signal });
  await client.resource(pods).delete(namespace, name, { preconditions: { uid }, signal });
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * Calls `one` count times in batches of 1, 2, 4, ...; a failure ends it after its batch, so that what fails for one reason
 * is not tried for all. Resolves with how often it succeeded and the first failure.
 */
export async function slowStart(count: number, one: (index: number) => Promise<unknown>): Promise<{ done: number; error?: unknown }> {
  let done = 0;
  let next = 0;
  for (let size = Math.min(1, count); size > 0; size = Math.min(2 * size, count - next)) {
    const results = await settleAll(
      Array.from({ length: size }, (_, i) => next + i),
      one,
    );
    next += size;
    done += results.filter((r) => r.status === "fulfilled").length;
    const failed = results.find((r) => r.status === "rejected");
    if (failed) return { done, error: failed.reason };
  }
  return { done };
}
