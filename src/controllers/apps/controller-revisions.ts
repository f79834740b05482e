/** History of a pod template as ControllerRevisions: what DaemonSets and StatefulSets share (pkg/controller/history). */
import { newControllerRef } from "../../api/meta/owner.ts";
import { encodeJSON } from "../../api/codec/json.ts";
import { isAlreadyExists, isNotFound } from "../../api/status.ts";
import type { JSONObject } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import type { ControllerRevision } from "../../api/types/apps-v1.gen.ts";
import type { PodTemplateSpec } from "../../api/types/core-v1.gen.ts";
import { fnv1 } from "../../base/fnv.ts";
import type { Resource } from "../../client/client.ts";
import { controllerrevisions } from "../../client/resources.gen.ts";
import type { ControllerContext } from "../runtime/controller.ts";
import { semanticEqual } from "../runtime/equal.ts";
import { recheckOwner } from "../runtime/ownership.ts";
import { safeEncode, templateHash } from "./template-hash.ts";

export const revisionHashLabel = "controller-revision-hash";

/** On revisions of StatefulSets, whose pods name their revision in full. */
const dataHashLabel = "controller.kubernetes.io/hash";

export interface Templated extends KubeObject {
  spec: { template: PodTemplateSpec; revisionHistoryLimit?: number };
  status: { collisionCount?: number };
}

/**
 * What a revision stores: a strategic merge patch that puts the template back. Its keys are sorted, as a Go server writes
 * them when somebody patches the revision: data is immutable byte by byte.
 */
export const revisionData = ({ spec: { template } }: Templated): JSONObject => sorted({ spec: { template: { ...template, $patch: "replace" } } }) as JSONObject;

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).filter(([, v]) => v !== undefined);
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, v]) => [key, sorted(v)]));
}

/** FNV-1 of the patch as it is stored and of the collision count, in the letters of generated names (HashControllerRevision). */
export function dataHash(data: JSONObject, collisionCount: number): string {
  return safeEncode(String(fnv1(Buffer.concat([encodeJSON(data), Buffer.from(String(collisionCount))]))));
}

const sameData = (revision: ControllerRevision, data: JSONObject): boolean => semanticEqual(revision.data, data);

/** The template of a revision. */
export function templateOf({ data }: ControllerRevision): PodTemplateSpec {
  const { $patch: _, ...template } = (data as unknown as { spec: { template: PodTemplateSpec & { $patch?: string } } }).spec.template;
  return template as PodTemplateSpec;
}

/** Pure: the revision with the owner's template (the newest, if several), and the others, oldest first. */
export function splitRevisions(
  owner: Templated,
  revisions: readonly ControllerRevision[],
): { current: ControllerRevision | undefined; old: ControllerRevision[] } {
  const data = revisionData(owner);
  const ordered = revisions.toSorted((a, b) => a.revision - b.revision || (a.metadata.name < b.metadata.name ? -1 : 1));
  const current = ordered.findLast((revision) => sameData(revision, data));
  return { current, old: ordered.filter((revision) => revision !== current) };
}

export class RevisionCollisionError extends Error {
  override name = "RevisionCollisionError";
}

/**
 * The revision of the owner's template, created or moved to the end of the history as need be. Rejects with
 * RevisionCollisionError when its name is taken by another template: raise status.collisionCount and try again.
 */
export async function ensureRevision<T extends Templated>(
  context: ControllerContext,
  resource: Resource<T>,
  owner: T,
  revisions: readonly ControllerRevision[],
): Promise<{ current: ControllerRevision; old: ControllerRevision[] }> {
  const { client, signal } = context;
  const api = client.resource(controllerrevisions);
  const { current, old } = splitRevisions(owner, revisions);
  const number = Math.max(0, ...old.map((r) => r.revision)) + 1;
  if (current) {
    return { current: current.revision < number ? await api.update({ ...current, revision: number }, { signal }) : current, old };
  }
  // Of an owner on its way out they would be deleted and made again as long as the cache is behind.
  await recheckOwner(context, resource, owner);
  const { name, namespace = "" } = owner.metadata;
  const data = revisionData(owner);
  const collisions = owner.status?.collisionCount ?? undefined;
  const [label, hash] =
    resource.kind === "StatefulSet" ? [dataHashLabel, dataHash(data, collisions ?? 0)] : [revisionHashLabel, templateHash(owner.spec.template, collisions)];
  const metadata = {
    name: `${name.slice(0, 223)}-${hash}`,
    namespace,
    labels: { ...owner.spec.template.metadata?.labels, [label]: hash },
    ...(owner.metadata.annotations ? { annotations: owner.metadata.annotations } : {}),
    ownerReferences: [newControllerRef(owner, `${resource.group}/${resource.version}`, resource.kind)],
  };
  try {
    return { current: await api.create(namespace, { metadata, data, revision: number } as never, { signal }), old };
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const existing = await api.get(namespace, metadata.name, { signal });
    if (!sameData(existing, data)) throw new RevisionCollisionError(`ControllerRevision ${metadata.name} has another template`);
    return { current: existing, old };
  }
}

/** Deletes the oldest revisions beyond the limit that no pod and no status names. */
export async function trimRevisions(
  { client, signal }: ControllerContext,
  owner: Templated,
  old: readonly ControllerRevision[],
  live: ReadonlySet<string>,
): Promise<void> {
  const spare = old.filter((revision) => !live.has(revision.metadata.name) && !live.has(revision.metadata.labels?.[revisionHashLabel] ?? ""));
  const limit = owner.spec.revisionHistoryLimit ?? 10;
  for (const { metadata } of spare.slice(0, Math.max(0, spare.length - limit))) {
    await client
      .resource(controllerrevisions)
      .delete(metadata.namespace ?? "", metadata.name, { preconditions: { uid: metadata.uid }, signal })
      .catch((error) => {
        if (!isNotFound(error)) throw error;
      });
  }
}
