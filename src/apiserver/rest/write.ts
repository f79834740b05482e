/**
 * The two ways an object comes to be stored (k8s.io/apiserver/pkg/registry/generic/registry/store.go): created, or made from
 * what is stored. Everything a client did wrong is thrown as a StatusError before anything is written.
 */
import type { MemberTexts } from "../../api/codec/json.ts";
import { deepCopy, deepEqual } from "../../api/copy.ts";
import { invalidValue, path } from "../../api/field.ts";
import { goQuote } from "../../api/go-quote.ts";
import type { KubeObject } from "../../api/object.ts";
import { alreadyExists, conflict, forbidden, invalid, notFound, StatusError } from "../../api/status.ts";
import type { Stored } from "../../cache/cache.ts";
import { storageKey } from "../../cache/keys.ts";
import { ExistsError, RevisionMismatchError } from "../../store/store.ts";
import type { AdmissionAttributes, Faces } from "../admission/admission.ts";
import { type Call, namespaceOf, type Reservation } from "./call.ts";
import { complete, finish, keptSpec, storedForm, writtenForm } from "./decode.ts";
import { facesOf } from "./faces.ts";
import { keepManagedFields, keepTimesOfNoChange, trackWrite } from "./managed-fields.ts";
import type { WriteOptions } from "./options.ts";
import type { Outcome } from "./respond.ts";
import type { StandIn } from "./stand-in.ts";
import {
  dedupOwnerReferences,
  generateName,
  groupKindOf,
  initMetadata,
  matchNamespace,
  prepareCreate,
  prepareUpdate,
  validateCreate,
  validateUpdate,
  wipeMetadata,
} from "./strategy.ts";

/** Throws for a kind that protects while nothing enforces it; warns of one on which nothing acts. */
export function checkActs(call: Call): void {
  const { kind, groupResource } = call.endpoint;
  if (kind.refused) throw forbidden(groupResource, call.info.name, kind.refused);
  if (kind.inert) call.warn(kind.inert);
}

export function attributesOf(call: Call, operation: AdmissionAttributes["operation"], options: object, dryRun: boolean): AdmissionAttributes {
  const { info, endpoint } = call;
  let faces: Faces | undefined;
  return {
    operation,
    resource: endpoint.def,
    subresource: info.subresource,
    namespace: endpoint.def.namespaced ? info.namespace : endpoint.groupResource === "namespaces" ? info.name : "",
    name: info.name,
    options: optionsOf(operation, options),
    user: call.user,
    dryRun,
    warn: call.warn,
    annotate(key, value, withRequest) {
      if (!withRequest || call.audit?.wantsRequest) call.audit?.annotate(key, value);
    },
    faces: () => (faces ??= facesOf(call)),
    request: call.request,
  };
}

/** What a PUT or a PATCH comes to is what admission is told of. */
function optionsOf(operation: AdmissionAttributes["operation"], options: object): object {
  if (operation !== "CREATE" && operation !== "UPDATE") return options;
  const wanted = operation === "CREATE" ? "CreateOptions" : "UpdateOptions";
  const { kind } = options as { kind?: string };
  if (kind === wanted || kind === undefined) return options;
  const { kind: _kind, force: _force, ...rest } = options as { kind?: string; force?: boolean };
  return { kind: wanted, ...rest };
}

/** Mutating admission; what it may have done to the metadata is put right. A promise only where there is something to wait for. */
function mutateWith(call: Call, attributes: AdmissionAttributes, object: KubeObject): Promise<void> | undefined {
  const { managedFields } = object.metadata;
  const mutated = call.rest.admission.mutate(attributes);
  if (mutated) return mutated.then(() => settleMutated(call, object, managedFields));
  settleMutated(call, object, managedFields);
  return undefined;
}
function settleMutated(call: Call, object: KubeObject, managedFields: KubeObject["metadata"]["managedFields"]): void {
  if (object.metadata.managedFields !== managedFields) keepManagedFields(call, object, managedFields);
  dedupOwnerReferences(call, object, true);
}

const ttlOf = (call: Call, object: KubeObject): { ttlSeconds?: number } | undefined => {
  const ttlSeconds = call.endpoint.registry.ttlSeconds?.(object) ?? 0;
  return ttlSeconds > 0 ? { ttlSeconds } : undefined;
};

/** `text`: of its specification, where that is known. */
function createOptions(call: Call, object: KubeObject, text: readonly string[] | undefined): { ttlSeconds?: number; texts?: MemberTexts } | undefined {
  const ttl = ttlOf(call, object);
  return text ? { ...ttl, texts: { spec: text } } : ttl;
}

const maxNameAttempts = 8;

/** `draft` is in the stored version with defaults; it is changed. */
export async function createObject(call: Call, draft: KubeObject, options: WriteOptions, plan?: UpdatePlan): Promise<Outcome> {
  const { endpoint, rest } = call;
  const { metadata } = draft;
  const generated = !metadata.name && !!metadata.generateName;
  matchNamespace(call, draft);
  if (call.info.verb === "create") {
    wipeMetadata(draft);
    dedupOwnerReferences(call, draft);
  }
  if (!plan?.tracked) {
    const tracked = trackWrite(call, draft, undefined, options.manager);
    if (tracked) await tracked;
  }
  const attributes = attributesOf(call, "CREATE", options.object, options.dryRun);
  attributes.object = draft;
  attributes.name = metadata.name ?? "";
  if (endpoint.groupResource === "namespaces") attributes.namespace = attributes.name;
  const mutated = mutateWith(call, attributes, draft);
  if (mutated) await mutated;
  if (plan) checkRevisionSyntax(metadata.resourceVersion ?? "");
  initMetadata(call, draft);
  for (let attempt = 1; ; attempt++) {
    const object = generated && attempt < maxNameAttempts ? deepCopy(draft) : draft;
    if (generated) generateName(call, object);
    const { beginCreate } = endpoint.registry;
    const reserved = beginCreate && (await beginCreate(call, object, options.dryRun));
    try {
      prepareCreate(endpoint, object);
      const prepared = endpoint.hubKind.preparationWarnings?.(object);
      if (prepared) for (const text of prepared) call.warn(text);
      const { knownSpecs } = endpoint.hubKind;
      const known = knownSpecs?.find(object);
      const judged = complete(endpoint, object, known?.spec);
      const silent = validateCreate(call, judged.object, known !== undefined);
      if (knownSpecs && !known && silent && !judged.empties) knownSpecs.learn(object, judged.object);
      if (plan?.authorizeCreate) await plan.authorizeCreate();
      attributes.object = judged.object;
      const validated = rest.admission.validate(attributes);
      if (validated) await validated;
      const wanted = storedForm(endpoint, judged);
      if (options.dryRun) {
        if (await endpoint.cache.get(wanted.metadata.namespace ?? "", wanted.metadata.name)) throw new ExistsError(wanted.metadata.name);
        await reserved?.rollback();
        return { object: (await endpoint.tried?.(wanted)) ?? wanted };
      }
      if (call.info.verb === "create" && Number(wanted.metadata.resourceVersion) > 0)
        throw new StatusError({ code: 500, message: "resourceVersion should not be set on objects to be created" });
      delete (wanted.metadata as Partial<KubeObject["metadata"]>).resourceVersion;
      delete wanted.metadata.selfLink;
      const stored = await endpoint.cache.create(wanted, createOptions(call, wanted, wanted === judged.object ? known?.text : undefined));
      if (reserved) await reserved.commit();
      return { object: wanted, stored };
    } catch (error) {
      await reserved?.rollback();
      if (!(error instanceof ExistsError)) throw error;
      if (!generated || attempt >= maxNameAttempts) throw await existing(call, object);
    }
  }
}

/** What stands in the way may be on its way out, which nobody knows of what cannot be converted now. */
async function existing({ endpoint }: Call, { metadata }: KubeObject): Promise<StatusError> {
  // Whoever says how to make a name is told so of the name that he gives as well.
  const { group, resource } = endpoint.hub;
  const hub = group ? `${resource}.${group}` : resource;
  const error = metadata.generateName ? generatedNameExists(hub, metadata.name) : alreadyExists(endpoint.groupResource, metadata.name);
  const there = await endpoint.cache.get(metadata.namespace ?? "", metadata.name, { anew: true }).catch((failure: unknown) => {
    if (failure instanceof StatusError) return undefined;
    throw failure;
  });
  if (!there?.object().metadata.deletionTimestamp) return error;
  return new StatusError({ ...error.status, code: 409, message: `object is being deleted: ${error.status.message}` });
}

function generatedNameExists(resource: string, name: string): StatusError {
  const { status } = alreadyExists(resource, name);
  return new StatusError({
    ...status,
    code: 409,
    message: `${resource} ${goQuote(name)} already exists, the server was not able to generate a unique name for the object`,
    details: { ...status.details, retryAfterSeconds: 1 },
  });
}

export interface UpdatePlan {
  options: WriteOptions;
  /** Identity that the client insists on. */
  uid?: string;
  /** Makes the wanted object, in the stored version with defaults, from what is stored (undefined: nothing is). Fresh on each call. */
  next(old: KubeObject | undefined): KubeObject | Promise<KubeObject>;
  /** `next` makes this one, from this one. */
  standIn?: StandIn | undefined;
  /** PUT or apply of what does not exist creates it. */
  mayCreate: boolean;
  /** Managed fields are set by `next`. */
  tracked?: boolean;
  /** Calls of `next` when others write at the same time and the client named no revision. */
  attempts: number;
  /** Asked of what was found valid, before a creation. */
  authorizeCreate?(): Promise<void>;
}

const optimisticLock = "the object has been modified; please apply your changes to the latest version and try again";

export interface UpdateOutcome extends Outcome {
  created: boolean;
}

export async function updateObject(call: Call, plan: UpdatePlan): Promise<UpdateOutcome> {
  const { endpoint, info } = call;
  const namespace = namespaceOf(call);
  // As upstream, which tries what it does not store past its cache.
  let anew = plan.options.dryRun;
  for (let attempt = 1; ; attempt++) {
    const current = await endpoint.cache.get(namespace, info.name, { anew });
    if (!current) {
      if (!plan.mayCreate) throw notFound(endpoint.groupResource, info.name);
      const draft = await plan.next(undefined);
      if (plan.uid) throw uidMismatch(call, plan.uid, "", plan.options.dryRun);
      try {
        return { ...(await createObject(call, draft, plan.options, plan)), created: true };
      } catch (error) {
        if (error instanceof StatusError && error.reason === "AlreadyExists" && attempt < plan.attempts) continue;
        throw error;
      }
    }
    try {
      const outcome = await updateOnce(call, plan, current, anew);
      if (outcome) return { ...outcome, created: false };
      anew = true;
    } catch (error) {
      if (!(error instanceof RevisionMismatchError)) throw error;
      if (attempt >= plan.attempts || call.request.signal.aborted) throw conflict(endpoint.groupResource, info.name, optimisticLock);
    }
  }
}

function uidMismatch(call: Call, wanted: string, found: string, dryRun: boolean): StatusError {
  const { endpoint, info } = call;
  const stored = storageKey(endpoint.hub, endpoint.def.namespaced ? info.namespace : "", info.name);
  // What is only tried does not come as far as the storage, which puts its prefix before keys.
  const key = dryRun ? stored.replace(/^\/registry/, "") : stored;
  return conflict(
    endpoint.groupResource,
    info.name,
    `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${found}`,
  );
}

function checkRevisionSyntax(revision: string): void {
  if (/^\d*$/.test(revision)) return;
  throw new StatusError({ code: 500, message: `strconv.ParseUint: parsing ${goQuote(revision)}: invalid syntax` });
}

interface Proposal {
  judged: ReturnType<typeof complete>;
  reserved: Reservation | undefined;
}

/** What is to be stored, if nobody objects. */
async function proposed(call: Call, plan: UpdatePlan, current: Stored): Promise<Proposal> {
  const { endpoint, info, rest } = call;
  const { options } = plan;
  const old = current.object();
  if (plan.uid && plan.uid !== old.metadata.uid) throw uidMismatch(call, plan.uid, old.metadata.uid, options.dryRun);
  const { standIn } = plan;
  const before = standIn ? standIn.of(old) : old;
  const next = plan.next(before);
  const made = next instanceof Promise ? await next : next;
  if (!plan.tracked) {
    const tracked = trackWrite(standIn?.call ?? call, made, before, options.manager, options.dryRun);
    if (tracked) await tracked;
  }
  const attributes = attributesOf(call, "UPDATE", options.object, options.dryRun);
  attributes.object = made;
  attributes.old = before;
  const mutated = mutateWith(call, attributes, made);
  if (mutated) await mutated;
  const object = standIn ? standIn.into(old, made) : made;
  attributes.old = old;
  const { metadata } = object;
  if (endpoint.registry.guardUpdate) await endpoint.registry.guardUpdate(call, object, old);
  const revision = metadata.resourceVersion ?? "";
  checkRevisionSyntax(revision);
  if (revision === "" || revision === "0") {
    if (endpoint.hubKind.allowUnconditionalUpdate === false)
      throw invalid(endpoint.groupResource, info.name, [invalidValue(path("metadata", "resourceVersion"), 0, "must be specified for an update")]);
    metadata.resourceVersion = old.metadata.resourceVersion;
  } else if (Number(revision) !== current.revision) throw conflict(endpoint.groupResource, info.name, optimisticLock);
  let reserved: Reservation | undefined;
  try {
    const { beginUpdate, beginStatusUpdate } = endpoint.registry;
    if (beginUpdate && info.subresource === "") reserved = await beginUpdate(call, object, old, options.dryRun);
    if (beginStatusUpdate && info.subresource === "status") await beginStatusUpdate(call, object, old);
    const groupKind = groupKindOf(endpoint, object);
    prepareUpdate(call, object, old, info.subresource);
    const judged = complete(endpoint, object, keptSpec(object, old));
    validateUpdate(call, judged.object, old, info.subresource, groupKind);
    keepTimesOfNoChange(call, judged.object, old);
    attributes.object = judged.object;
    const validated = rest.admission.validate(attributes);
    if (validated) await validated;
    return { judged, reserved };
  } catch (error) {
    await reserved?.rollback();
    throw error;
  }
}

/** Before upstream refuses or deletes what its cache shows, it looks at what is stored (etcd3 store.GuaranteedUpdate): where that cannot be shown, it says so. */
async function lookAgain(call: Call, anew: boolean): Promise<void> {
  if (!anew && call.endpoint.storable) await call.endpoint.cache.get(namespaceOf(call), call.info.name, { anew: true });
}

/** undefined: what the cache shows is as it is wanted, and no more what is stored (etcd3 store.GuaranteedUpdate begins again with that). */
async function updateOnce(call: Call, plan: UpdatePlan, current: Stored, anew: boolean): Promise<Outcome | undefined> {
  const { endpoint, info } = call;
  const { dryRun } = plan.options;
  const old = current.object();
  if (!anew && endpoint.storable) await endpoint.storable(old);
  let proposal: Proposal;
  try {
    proposal = await proposed(call, plan, current);
  } catch (error) {
    if (error instanceof StatusError) await lookAgain(call, anew);
    throw error;
  }
  const { judged, reserved } = proposal;
  const namespace = judged.object.metadata.namespace ?? "";
  try {
    if (deletesNow(call, judged.object, old)) {
      await lookAgain(call, anew);
      const gone = dryRun ? undefined : await endpoint.cache.delete(namespace, info.name, current.revision);
      await reserved?.commit();
      if (gone) await endpoint.registry.afterDelete?.(call, old);
      return { object: writtenForm(endpoint, judged), bare: true };
    }
    const wanted = storedForm(endpoint, judged);
    // Storing takes it away, and nothing before.
    if (!dryRun) delete wanted.metadata.selfLink;
    if (deepEqual(wanted, old)) {
      const unchanged = dryRun || !(await endpoint.cache.stale(namespace, info.name));
      if (unchanged || (endpoint.storable && !anew)) {
        await reserved?.rollback();
        return unchanged ? { object: wanted, stored: current } : undefined;
      }
    }
    if (dryRun) {
      await reserved?.rollback();
      return { object: (await endpoint.tried?.(wanted)) ?? wanted };
    }
    const stored = await endpoint.cache.update(wanted, current.revision, ttlOf(call, wanted));
    if (reserved) await reserved.commit();
    return { object: wanted, stored };
  } catch (error) {
    await reserved?.rollback();
    throw error;
  }
}

/**
 * A change that the server itself makes: no admission, no strategy, no managed fields. `change` gives a new object in the
 * stored version and may be called again. Throws 404, and what `change` throws.
 */
export async function serverUpdate(call: Call, change: (old: KubeObject) => KubeObject, dryRun = false): Promise<Stored> {
  const { endpoint, info } = call;
  const namespace = namespaceOf(call);
  for (;;) {
    const current = await endpoint.cache.get(namespace, info.name);
    if (!current) throw notFound(endpoint.groupResource, info.name);
    const wanted = change(current.object());
    if (dryRun) return current;
    try {
      return await endpoint.cache.update(finish(endpoint, wanted), current.revision);
    } catch (error) {
      if (!(error instanceof RevisionMismatchError)) throw error;
      call.request.signal.throwIfAborted();
    }
  }
}

function deletesNow(call: Call, object: KubeObject, old: KubeObject): boolean {
  if (object.metadata.finalizers?.length || !old.metadata.deletionTimestamp || old.metadata.deletionGracePeriodSeconds) return false;
  return call.endpoint.registry.mayDeleteOnUpdate?.(object, old) ?? true;
}
