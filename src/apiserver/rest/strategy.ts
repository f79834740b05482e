/** What happens to an object before it is stored, whatever its kind (k8s.io/apiserver/pkg/registry/rest/{create,update}.go). */
import { path } from "../../api/field.ts";
import { parseGroupVersion } from "../../api/group-version.ts";
import type { Kind, UpdateStrategy } from "../../api/kind.ts";
import { pathSegmentName } from "../../api/meta/names.ts";
import { type ObjectMetaRules, validateObjectMeta, validateObjectMetaUpdate } from "../../api/meta/validation.ts";
import type { KubeObject } from "../../api/object.ts";
import { badRequest, type GroupKind, internalError, invalid } from "../../api/status.ts";
import { formatTime } from "../../api/time.ts";
import { nameSuffix } from "../../base/random.ts";
import type { Call, Endpoint } from "./call.ts";
import { versionMissing } from "./decode-custom.ts";

type Loose = KubeObject & { spec?: unknown; status?: unknown };

/** Kinds that come with the status their creator saw, or make their own of it. */
const keepStatus = new Set(["nodes", "pods"]);

export const hasStatus = (endpoint: Endpoint): boolean => endpoint.def.subresources?.some((s) => s.name === "status") === true;

/** Everything but metadata and status. */
function wanted(object: Loose): Record<string, unknown> {
  const { metadata: _metadata, status: _status, kind: _kind, apiVersion: _apiVersion, ...rest } = object;
  return rest;
}

/** Throws 400 for a namespace that is not the request's; fills it in otherwise; what has no namespace loses one that is given. */
export function matchNamespace(call: Call, object: KubeObject): void {
  const { endpoint, info } = call;
  const { metadata } = object;
  const expected = endpoint.def.namespaced ? info.namespace : "";
  if (!metadata.namespace) {
    if (expected) metadata.namespace = expected;
    return;
  }
  if (metadata.namespace === expected) return;
  if (!expected) {
    delete metadata.namespace;
    return;
  }
  throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
}

/** Takes away what only the server writes. POST does so; what PUT and apply create keeps it. */
export function wipeMetadata(object: Pick<KubeObject, "metadata">): void {
  const metadata: Partial<KubeObject["metadata"]> = object.metadata;
  delete metadata.uid;
  delete metadata.creationTimestamp;
  delete metadata.selfLink;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
}

/** Uid and time of creation. */
export function initMetadata(call: Call, object: KubeObject): void {
  const { metadata } = object;
  const { rest } = call;
  metadata.creationTimestamp = formatTime(rest.clock.now());
  metadata.uid = rest.random.uuid();
}

const maxGeneratedNameLength = 63 - 5;

export function generateName(call: Call, object: KubeObject): void {
  if (call.endpoint.hubKind.plainGenerateName) {
    object.metadata.name = object.metadata.generateName as string;
    return;
  }
  const base = (object.metadata.generateName as string).slice(0, maxGeneratedNameLength);
  object.metadata.name = base + nameSuffix(call.rest.random);
}

export function prepareCreate(endpoint: Endpoint, object: KubeObject): void {
  const kind = endpoint.hubKind;
  if (hasStatus(endpoint) && !keepStatus.has(endpoint.groupResource)) delete (object as Loose).status;
  kind.prepareForCreate?.(object);
}

const metadataPath = path("metadata");
const inNamespaces: ObjectMetaRules = { namespaced: true, validateName: pathSegmentName };
const ofCluster: ObjectMetaRules = { namespaced: false, validateName: pathSegmentName };
const rulesOf = ({ def }: Endpoint): ObjectMetaRules => (def.namespaced ? inNamespaces : ofCluster);

/** A custom resource is what it says it is, until it is refused for it. */
export function groupKindOf({ custom, groupKind }: Endpoint, { kind = "", apiVersion = "" }: KubeObject): string | GroupKind {
  if (!custom) return groupKind;
  const group = parseGroupVersion(apiVersion)?.group;
  return group ? { group, kind } : kind;
}

/** Throws 422. `known`: nothing is to be said of the specification. Gives whether nothing was said at all. */
export function validateCreate(call: Call, object: KubeObject, known: boolean): boolean {
  const { endpoint } = call;
  const kind: Kind = endpoint.hubKind;
  const errors = kind.validate?.(object, known);
  if (errors?.length) throw invalid(groupKindOf(endpoint, object), object.metadata.name ?? "", errors);
  const meta = validateObjectMeta(object.metadata, rulesOf(endpoint), metadataPath);
  if (meta.length) throw invalid(endpoint.groupKind, object.metadata.name ?? "", meta);
  const warnings = kind.warnings?.(object, known);
  if (warnings) for (const text of warnings) call.warn(text);
  return !warnings?.length;
}

/** How an update through this way in is treated. `undefined` strategy: the generic one for `status`. */
export function strategyOf(endpoint: Endpoint, subresource: string): UpdateStrategy {
  if (subresource === "") return endpoint.hubKind;
  return endpoint.hubKind.subresources?.[subresource] ?? (subresource === "status" ? statusOnly : endpoint.hubKind);
}

const statusOnly: UpdateStrategy = {
  prepareForUpdate(object: Loose, old: Loose) {
    for (const key of Object.keys(object))
      if (!["kind", "apiVersion", "metadata", "status"].includes(key)) delete (object as unknown as Record<string, unknown>)[key];
    Object.assign(object, wanted(old));
  },
};

/** `object` becomes what is to be stored. Throws 400 and 422. */
export function prepareUpdate(call: Call, object: KubeObject, old: KubeObject, subresource: string): void {
  const { endpoint } = call;
  const strategy = strategyOf(endpoint, subresource);
  const { metadata } = object;
  if (endpoint.custom && parseGroupVersion(object.apiVersion ?? "")?.version === "") throw internalError(versionMissing);
  matchNamespace(call, object);
  metadata.generation = old.metadata.generation;
  if (subresource === "" && hasStatus(endpoint)) (object as Loose).status = (old as Loose).status;
  strategy.prepareForUpdate?.(object, old, call.rest.clock.now());
  if (!metadata.uid) metadata.uid = old.metadata.uid;
  if (old.metadata.creationTimestamp) metadata.creationTimestamp = old.metadata.creationTimestamp;
  if (old.metadata.deletionTimestamp) metadata.deletionTimestamp = old.metadata.deletionTimestamp;
  if (metadata.deletionGracePeriodSeconds === undefined) metadata.deletionGracePeriodSeconds = old.metadata.deletionGracePeriodSeconds;
}

/** Throws 422. `groupKind` is what the object said that it was before it was prepared. */
export function validateUpdate(call: Call, object: KubeObject, old: KubeObject, subresource: string, groupKind: string | GroupKind): void {
  const { endpoint } = call;
  const strategy = strategyOf(endpoint, subresource);
  const meta = validateObjectMeta(object.metadata, rulesOf(endpoint), metadataPath);
  const metaUpdate = validateObjectMetaUpdate(object.metadata, old.metadata, metadataPath);
  const errors = strategy.validateUpdate?.(object, old) ?? [];
  const warnings = strategy.validationWarnings?.(object);
  if (warnings) for (const text of warnings) call.warn(text);
  if (meta.length || metaUpdate.length || errors.length) throw invalid(groupKind, object.metadata.name, [...meta, ...metaUpdate, ...errors]);
  const ofChange = strategy.warningsOnUpdate?.(object, old);
  if (ofChange) for (const text of ofChange) call.warn(text);
}

/**
 * Repeated references are dropped with a warning: of what is posted and put at once, of all that admission let through
 * (`admitted`), which is the first time for what a patch repeats.
 */
export function dedupOwnerReferences(call: Call, object: KubeObject, admitted = false): void {
  const references = object.metadata.ownerReferences;
  if (!references || references.length < 2) return;
  const seen = new Set<string>();
  const uids = new Set<string>();
  const kept = references.filter(({ apiVersion, kind, name, uid, controller, blockOwnerDeletion }) => {
    const key = JSON.stringify([apiVersion, kind, name, uid, controller, blockOwnerDeletion]);
    if (seen.has(key)) uids.add(uid);
    return !seen.has(key) && seen.add(key);
  });
  if (kept.length === references.length) return;
  object.metadata.ownerReferences = kept;
  call.warn(
    `.metadata.ownerReferences contains duplicate entries${admitted ? " after mutating admission happens" : ""}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${[...uids].join(", ")}`,
  );
}
