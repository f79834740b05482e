/** Controller references: finding what an owner controls, adopting what it selects, releasing what it does not. */
import { groupVersionOf } from "../../api/group-version.ts";
import type { KubeObject } from "../../api/object.ts";
import { controllerOf } from "../../api/meta/owner.ts";
import type { LabelSelector } from "../../api/selectors/labels.ts";
import { conflict, groupResource, isNotFound, StatusError } from "../../api/status.ts";
import type { OwnerReference } from "../../api/types/meta-v1.gen.ts";
import type { Resource } from "../../client/client.ts";
import { referenceTo } from "../../client/events.ts";
import type { Informer } from "../../client/informer.ts";
import type { ControllerContext } from "./controller.ts";
import type { Owner } from "./pod-control.ts";

/** Index of an informer: by the controller's uid, or `orphans/<namespace>`. */
export const byController = "controller";
export const controllerIndex = {
  [byController]: (object: KubeObject): string[] => [controllerOf(object)?.uid ?? `orphans/${object.metadata.namespace ?? ""}`],
};

/** What it controls, and what in its namespace nobody does. Needs controllerIndex. */
export const controlledOrOrphaned = <T extends KubeObject>(informer: Informer<T>, owner: KubeObject): T[] => [
  ...informer.by(byController, owner.metadata.uid),
  ...informer.by(byController, `orphans/${owner.metadata.namespace ?? ""}`),
];

const apiVersionOf = (resource: Resource): string => (resource.group ? `${resource.group}/${resource.version}` : resource.version);

export function ownerOf<T extends KubeObject>(resource: Resource<T>, object: T): Owner {
  const controllerRef: OwnerReference = {
    apiVersion: apiVersionOf(resource as Resource),
    kind: resource.kind,
    name: object.metadata.name,
    uid: object.metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
  return { about: referenceTo(resource, object), controllerRef, namespace: object.metadata.namespace ?? "" };
}

/** The controller of `object` if it is of this resource and still the same one. */
export function resolveController<T extends KubeObject>(informer: Informer<T>, resource: Resource<T>, object: KubeObject): T | undefined {
  const ref = controllerOf(object);
  if (!ref || ref.kind !== resource.kind || groupVersionOf(ref.apiVersion).group !== resource.group) return undefined;
  const owner = informer.get(object.metadata.namespace ?? "", ref.name);
  return owner?.metadata.uid === ref.uid ? owner : undefined;
}

export interface Claim<O extends KubeObject, T extends KubeObject> {
  owner: O;
  ownerResource: Resource<O>;
  resource: Resource<T>;
  selector: LabelSelector;
  candidates: readonly T[];
  /** Added to what is adopted. */
  finalizers?: string[];
}

/** Rejects with NotFound or Conflict when the server says that the owner is gone or going: the cache is behind. */
export async function recheckOwner<O extends KubeObject>({ client, signal }: ControllerContext, resource: Resource<O>, owner: O): Promise<void> {
  const { namespace, name, uid } = owner.metadata;
  const fresh = await client.resource(resource).get(namespace ?? "", name, { signal });
  const stale = (why: string): Error => conflict(groupResource(resource.group, resource.resource), name, why);
  if (fresh.metadata.uid !== uid) throw stale(`original ${resource.kind} is gone: got uid ${fresh.metadata.uid}, wanted ${uid}`);
  if (fresh.metadata.deletionTimestamp) throw stale(`it has just been deleted at ${fresh.metadata.deletionTimestamp}`);
}

/**
 * The candidates that the owner controls afterwards. Orphans that match are adopted, unless the owner is being deleted,
 * which is checked with the server first; what is controlled and does not match is released.
 */
export async function claim<O extends KubeObject, T extends KubeObject>(context: ControllerContext, claimed: Claim<O, T>): Promise<T[]> {
  const { owner, ownerResource, resource, selector, candidates } = claimed;
  const client = context.client.resource(resource);
  const { signal } = context;
  let mayAdopt: Promise<void> | undefined;
  const kept: T[] = [];
  for (const candidate of candidates) {
    const ref = controllerOf(candidate);
    const { namespace = "", name, uid } = candidate.metadata;
    if (ref && ref.uid !== owner.metadata.uid) continue;
    const matches = selector.matches(candidate.metadata.labels);
    if (ref && matches) kept.push(candidate);
    if ((ref !== undefined) === matches || owner.metadata.deletionTimestamp) continue;
    if (!ref && candidate.metadata.deletionTimestamp) continue;
    try {
      if (ref) {
        await client.patch(namespace, name, "strategic", { metadata: { uid, ownerReferences: [{ $patch: "delete", uid: owner.metadata.uid }] } }, { signal });
      } else {
        mayAdopt ??= recheckOwner(context, ownerResource, owner);
        await mayAdopt;
        const { controllerRef } = ownerOf(ownerResource, owner);
        const metadata = { uid, ownerReferences: [controllerRef], ...(claimed.finalizers ? { finalizers: claimed.finalizers } : {}) };
        kept.push(await client.patch(namespace, name, "strategic", { metadata }, { signal }));
      }
    } catch (error) {
      // Gone, or another object by now; a release that the server finds invalid has been done by somebody else.
      if (isNotFound(error) || (ref && error instanceof StatusError && error.reason === "Invalid")) continue;
      throw error;
    }
  }
  return kept;
}
