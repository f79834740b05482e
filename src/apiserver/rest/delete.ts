/**
 * DELETE of one object: preconditions, finalizers, graceful deletion
 * (k8s.io/apiserver/pkg/registry/rest/delete.go, registry/generic/registry/store.go).
 */
import { deepCopy } from "../../api/copy.ts";
import type { ApiResponse } from "../../api/exchange.ts";
import type { KubeObject } from "../../api/object.ts";
import { typeByName } from "../../api/schema/schema.ts";
import { conflict, notFound, type StatusError } from "../../api/status.ts";
import { formatTime, goSeconds, parseTime } from "../../api/time.ts";
import type { Stored } from "../../cache/cache.ts";
import { storageKey } from "../../cache/keys.ts";
import { RevisionMismatchError } from "../../store/store.ts";
import { readBody } from "../http/body.ts";
import { type Call, type DeleteOptions, type Endpoint, namespaceOf } from "./call.ts";
import { complete, decodeTyped, finish } from "./decode.ts";
import { nothingOf } from "./nothing.ts";
import { checkDeleteOptions, deleteOptionsOfQuery } from "./options.ts";
import { unversioned } from "./patch-identity.ts";
import { deletedStatus, type Outcome, respondObject, respondOutcome } from "./respond.ts";
import { attributesOf } from "./write.ts";

const orphan = "orphan";
const foreground = "foregroundDeletion";

/** Kinds whose deletion is answered with the object; the others answer with a Status. */
const answersWithObject = new Set([
  "resourceclaimtemplates.resource.k8s.io",
  "resourceslices.resource.k8s.io",
  "resourceclaims.resource.k8s.io",
  "deviceclasses.resource.k8s.io",
  "csidrivers.storage.k8s.io",
  "storageclasses.storage.k8s.io",
  "volumeattachments.storage.k8s.io",
  "csinodes.storage.k8s.io",
  "volumeattributesclasses.storage.k8s.io",
  "resourcequotas",
  "persistentvolumes",
  "serviceaccounts",
  "persistentvolumeclaims",
  "namespaces",
  "pods",
  "services",
  "podtemplates",
]);

/** Of the body, or of the query where there is none. Throws 400 and 422. */
export async function deleteOptions(call: Call): Promise<DeleteOptions> {
  const { request } = call;
  let options: DeleteOptions;
  if (request.object === undefined) {
    const body = await readBody(request);
    if (body.length === 0) options = deleteOptionsOfQuery(request.query);
    else options = await decodeDeleteOptions({ ...call, request: { ...request, signal: request.signal, body } });
  } else options = await decodeDeleteOptions(call);
  checkDeleteOptions(options);
  return options;
}

/** What upstream's scheme of shared kinds has (meta/internalversion/register.go): in all versions, and in those of its own. */
const everywhere = new Set(["DeleteOptions", "CreateOptions", "UpdateOptions", ...unversioned]);
const shown = ["Table", "TableOptions", "PartialObjectMetadata", "PartialObjectMetadataList"];
const shared: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["meta.k8s.io/v1", new Set([...shown, "WatchEvent", "ListOptions", "GetOptions", "PatchOptions"])],
  ["meta.k8s.io/v1beta1", new Set(shown)],
]);

async function decodeDeleteOptions(call: Call): Promise<DeleteOptions> {
  return decodeTyped<DeleteOptions>(
    call,
    {
      kind: "DeleteOptions",
      apiVersion: "meta.k8s.io/v1",
      type: typeByName("meta/v1.DeleteOptions"),
      versions: "any",
      registered: (version, kind) => everywhere.has(kind) || shared.get(version)?.has(kind) === true,
      plainRefusals: true,
    },
    "Ignore",
  );
}

interface Verdict {
  /** What is stored before the object goes, or instead of its going. */
  update?: KubeObject;
  /** Deletion is under way already: nothing changes. */
  pending: boolean;
  /** The object goes now. */
  gone: boolean;
  /** It has finalizers and is marked as deleted: stored again only where that makes it another. */
  held?: boolean;
  /** Nothing holds it because of how it is deleted: it had finalizers. */
  released?: boolean;
}

function checkPreconditions(call: Call, current: Stored, options: DeleteOptions): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const kind = call.endpoint.groupKind;
  if (uid !== undefined && uid !== current.uid)
    throw conflict(
      kind,
      current.name,
      `the UID in the precondition (${uid}) does not match the UID in record (${current.uid}). The object might have been deleted and then recreated`,
    );
  if (resourceVersion !== undefined && resourceVersion !== String(current.revision))
    throw conflict(
      kind,
      current.name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${current.revision}). The object might have been modified`,
    );
}

/** The same in the words of what finalizes by itself: namespaces and definitions. */
export function checkFinalizerPreconditions(call: Call, current: Stored, options: DeleteOptions): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const differs = (what: string, wanted: string, found: string): StatusError =>
    conflict(call.endpoint.groupResource, current.name, `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${found}`);
  if (uid !== undefined && uid !== current.uid) throw differs("UID", uid, current.uid);
  const revision = String(current.revision);
  if (resourceVersion !== undefined && resourceVersion !== revision) throw differs("ResourceVersion", resourceVersion, revision);
}

/** Finalizers after the client's wish about dependents; undefined where they stay. */
function collectorFinalizers(call: Call, object: KubeObject, options: DeleteOptions): string[] | undefined {
  const { registry } = call.endpoint;
  const before = object.metadata.finalizers ?? [];
  if (registry.noGarbageCollection) {
    // Nobody would ever take these away.
    const kept = before.filter((f) => f !== orphan && f !== foreground);
    return kept.length === before.length ? undefined : kept;
  }
  const { orphanDependents, propagationPolicy } = options;
  let orphans = registry.orphansByDefault === true;
  let waits = false;
  const set = before.find((f) => f === orphan || f === foreground);
  if (orphanDependents !== undefined) orphans = orphanDependents;
  else if (propagationPolicy !== undefined) {
    orphans = propagationPolicy === "Orphan";
    waits = propagationPolicy === "Foreground";
  } else if (set) {
    orphans = set === orphan;
    waits = set === foreground;
  }
  const after = [...before.filter((f) => f !== orphan && f !== foreground), ...(orphans ? [orphan] : []), ...(waits ? [foreground] : [])];
  return new Set(before).symmetricDifference(new Set(after)).size === 0 ? undefined : after;
}

/** Pure: what a deletion at `now` makes of the object. `options.gracePeriodSeconds` is filled in. */
function judge(call: Call, current: Stored, options: DeleteOptions, now: number): Verdict {
  const object = deepCopy(current.object());
  const { metadata } = object;
  if (options.gracePeriodSeconds !== undefined && options.gracePeriodSeconds < 0) options.gracePeriodSeconds = 1;
  const { registry } = call.endpoint;
  let graceful = false;
  if (registry.gracefulDelete) {
    if (metadata.deletionTimestamp) {
      const period = metadata.deletionGracePeriodSeconds ?? 0;
      if (period !== 0) {
        const wanted = options.gracePeriodSeconds;
        if (wanted === undefined || wanted >= period) return { pending: true, gone: false };
        const moved = parseTime(metadata.deletionTimestamp) - goSeconds(period) + goSeconds(wanted);
        metadata.deletionTimestamp = formatTime(Math.max(moved, now));
        metadata.deletionGracePeriodSeconds = moved < now && wanted !== 0 ? 1 : wanted;
        graceful = true;
      }
    } else if (registry.gracefulDelete(object, options)) {
      metadata.deletionTimestamp = formatTime(now + goSeconds(options.gracePeriodSeconds as number));
      metadata.deletionGracePeriodSeconds = options.gracePeriodSeconds as number;
      if ((metadata.generation ?? 0) > 0) metadata.generation = (metadata.generation as number) + 1;
      graceful = true;
    }
  }
  const finalizers = collectorFinalizers(call, object, options);
  if (finalizers) metadata.finalizers = finalizers;
  const held = (metadata.finalizers?.length ?? 0) > 0;
  if (graceful) return { update: object, pending: false, gone: !held && options.gracePeriodSeconds === 0 };
  if (!held) return { pending: false, gone: true, released: finalizers !== undefined };
  const marked = metadata.deletionTimestamp && parseTime(metadata.deletionTimestamp) <= now && metadata.deletionGracePeriodSeconds === 0;
  if (marked && !finalizers) return { pending: false, gone: false, held: true };
  if (!metadata.deletionTimestamp && (metadata.generation ?? 0) > 0) metadata.generation = (metadata.generation as number) + 1;
  if (!metadata.deletionTimestamp || parseTime(metadata.deletionTimestamp) > now) metadata.deletionTimestamp = formatTime(now);
  metadata.deletionGracePeriodSeconds = 0;
  return { update: object, pending: false, gone: false };
}

/** Upstream has lost the precondition's revision by then, and so never deletes what had its last finalizer taken by the deletion. */
function forgottenRevision(call: Call, current: Stored): StatusError {
  const { endpoint, info } = call;
  const key = storageKey(endpoint.hub, namespaceOf(call), info.name);
  const why = `Precondition failed: ResourceVersion in precondition: , ResourceVersion in object meta: ${current.revision}`;
  return conflict(endpoint.groupResource, info.name, `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`);
}

export interface Deletion extends Outcome {
  gone: boolean;
  /** Deletion had been under way and nothing changed. */
  pending: boolean;
  /** `object` is an empty one, which is answered. */
  nothing?: boolean;
}

/** Upstream's answer when a dry run takes the last finalizer: it has made room for the object and put none there. */
const emptyObject = (endpoint: Endpoint): KubeObject =>
  complete(endpoint, { kind: endpoint.hub.kind, apiVersion: endpoint.hubApiVersion, ...nothingOf(endpoint) } as KubeObject).object;

/** Deletes `call.info.name`. Throws StatusError. `options` is changed. `chosen`: the request does not name it. */
export async function deleteObject(call: Call, options: DeleteOptions, chosen = false): Promise<Deletion> {
  const { endpoint, info, rest } = call;
  const namespace = namespaceOf(call);
  const dryRun = (options.dryRun?.length ?? 0) > 0;
  for (;;) {
    // As upstream, which reads what it deletes past its cache.
    const current = await endpoint.cache.get(namespace, info.name, { anew: true });
    if (!current) throw notFound(endpoint.groupResource, info.name);
    checkPreconditions(call, current, options);
    const asked: DeleteOptions = { ...options };
    const verdict = judge(call, current, asked, rest.clock.now());
    const attributes = attributesOf(call, "DELETE", { kind: "DeleteOptions", apiVersion: "meta.k8s.io/v1", ...asked }, dryRun);
    attributes.old = current.object();
    if (chosen) attributes.name = "";
    if (verdict.pending) return { object: current.object(), stored: current, gone: false, pending: true };
    await rest.admission.mutate(attributes);
    if (!dryRun) await endpoint.storable?.(current.object());
    await rest.admission.validate(attributes);
    const update = verdict.update && finish(endpoint, verdict.update);
    if (dryRun) {
      const nothing = verdict.released === true;
      const object = nothing ? emptyObject(endpoint) : (update ?? current.object());
      return { object, gone: verdict.gone, pending: false, ...(nothing ? { nothing } : {}) };
    }
    try {
      const again = verdict.held && (await endpoint.cache.stale(namespace, info.name)) ? current.object() : update;
      const updated = again ? await endpoint.cache.update(again, current.revision) : current;
      if (!verdict.gone) return { object: updated.object(), stored: updated, gone: false, pending: false };
      if (verdict.released && options.preconditions?.resourceVersion !== undefined) throw forgottenRevision(call, current);
      const last = await removed(call, namespace, updated);
      await endpoint.registry.afterDelete?.(call, updated.object());
      return { object: last.object(), stored: last, gone: true, pending: false };
    } catch (error) {
      if (!(error instanceof RevisionMismatchError)) throw error;
      call.request.signal.throwIfAborted();
    }
  }
}

/** Somebody else may have removed it between the two writes of a graceless graceful deletion: just as well. */
async function removed(call: Call, namespace: string, updated: Stored): Promise<Stored> {
  const { cache } = call.endpoint;
  try {
    return await cache.delete(namespace, updated.name, updated.revision);
  } catch (error) {
    if (error instanceof RevisionMismatchError && !(await cache.get(namespace, updated.name))) return updated;
    throw error;
  }
}

/** Jobs alone say what their default does. */
export function warnOfOrphans(call: Call, options: DeleteOptions): void {
  if (call.endpoint.groupResource !== "jobs.batch" || options.propagationPolicy !== undefined || options.orphanDependents !== undefined) return;
  const wish = "set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning";
  call.warn(`child pods are preserved by default when jobs are deleted; ${wish}`);
}

export async function remove(call: Call): Promise<ApiResponse> {
  const { endpoint, info } = call;
  const options = await deleteOptions(call);
  warnOfOrphans(call, options);
  if (endpoint.registry.delete) return endpoint.registry.delete(call, info.name, options);
  const deletion = await deleteObject(call, options);
  return respondDeletion(call, deletion, options);
}

export function respondDeletion(call: Call, deletion: Deletion, options: DeleteOptions): ApiResponse {
  const { endpoint, info } = call;
  // What its finalizers hold is answered as it is stored.
  const held = !(deletion.gone || deletion.pending);
  const withObject = answersWithObject.has(endpoint.groupResource) || deletion.nothing || held;
  const status = !deletion.gone && options.orphanDependents === false ? 202 : 200;
  if (withObject) return respondOutcome(call, status, { ...deletion, bare: held });
  return respondObject(
    { ...call, form: { media: call.form.media, pretty: call.form.pretty } },
    status,
    deletedStatus(endpoint, info.name, deletion.object.metadata.uid),
  );
}
