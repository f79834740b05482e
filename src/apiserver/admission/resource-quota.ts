/** A namespace takes no more than its quotas allow (k8s.io/apiserver/pkg/admission/plugin/resourcequota). */
import type { ResourceList } from "../../api/core/resource-list.ts";
import type { KubeObject } from "../../api/object.ts";
import { parseQuantity } from "../../api/quantity.ts";
import type { QuotaEvaluator, QuotaSurroundings } from "../../api/quota/evaluator.ts";
import { addUsage, isTerminatingPod, quotaEvaluator, quotaMatches, scopesOf, subtractUsage } from "../../api/quota/usage.ts";
import { classesByResource } from "../../api/resource/extended-resource.ts";
import { groupResource, isConflict, StatusError } from "../../api/status.ts";
import type { PersistentVolumeClaim, Pod, ResourceQuota } from "../../api/types/core-v1.gen.ts";
import type { DeviceClass, ResourceClaim } from "../../api/types/resource-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Reader } from "../../cache/cache.ts";
import { sameValue } from "../authorization/same.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { refuse } from "./refuse.ts";
import type { LimitedResource } from "./resource-quota-configuration.ts";

export interface ResourceQuotaOptions {
  reader: Reader;
  clock: Clock;
  /** Stores a quota's status; rejects with a Conflict when `quota` is not the version that is stored. The reader sees it then. */
  updateStatus(quota: ResourceQuota): Promise<void>;
  /** What nobody may take without a quota that covers it. */
  limited?: readonly LimitedResource[];
}

const ignored = new Set([
  "bindings",
  "componentstatuses",
  "events",
  "events.events.k8s.io",
  "tokenreviews.authentication.k8s.io",
  "subjectaccessreviews.authorization.k8s.io",
  "selfsubjectaccessreviews.authorization.k8s.io",
  "localsubjectaccessreviews.authorization.k8s.io",
  "selfsubjectrulesreviews.authorization.k8s.io",
]);
const retries = 3;

export function resourceQuota(options: ResourceQuotaOptions): AdmissionPlugin {
  const { reader, limited = [] } = options;
  const deviceClasses = "deviceclasses.resource.k8s.io";
  let behind: ReadonlyMap<string, DeviceClass> | undefined;
  reader.onChange(deviceClasses, () => {
    behind = undefined;
  });
  const around: QuotaSurroundings = {
    classBehind(resource) {
      behind ??= classesByResource(reader.list<DeviceClass>(deviceClasses));
      return behind.get(resource);
    },
    pod: (namespace, name) => reader.get<Pod>("pods", namespace, name),
    resourceClaims: (namespace) => reader.list<ResourceClaim>("resourceclaims.resource.k8s.io", namespace),
  };
  /** The charge before this one in each namespace: they go one after another. */
  const last = new Map<string, Promise<void>>();

  const charge = async (attributes: AdmissionAttributes, evaluator: QuotaEvaluator): Promise<void> => {
    let quotas = reader.list<ResourceQuota>("resourcequotas", attributes.namespace);
    for (let attempt = 0; quotas.length || (attempt === 0 && limited.length); attempt++) {
      const changed = chargeQuotas(attributes, quotas, evaluator, options.clock.now(), attempt ? [] : limited);
      if (attributes.dryRun) return;
      const stale = new Set<string>();
      for (const quota of changed) {
        try {
          await options.updateStatus(quota);
        } catch (error) {
          if (!isConflict(error) || attempt >= retries) throw error;
          stale.add(quota.metadata.name);
        }
      }
      quotas = reader.list<ResourceQuota>("resourcequotas", attributes.namespace).filter(({ metadata }) => stale.has(metadata.name));
    }
  };
  const chargeInTurn = async (attributes: AdmissionAttributes, resource: string): Promise<void> => {
    const { namespace } = attributes;
    const mine = (last.get(namespace) ?? Promise.resolve()).then(() => charge(attributes, quotaEvaluator(resource, around)));
    const settled = mine.catch(() => {});
    last.set(namespace, settled);
    try {
      await mine;
    } finally {
      if (last.get(namespace) === settled) last.delete(namespace);
    }
  };
  return {
    name: "ResourceQuota",
    validate(attributes) {
      const resource = groupResource(attributes.resource.group, attributes.resource.resource);
      if (!attributes.namespace || resource === "namespaces" || ignored.has(resource) || !handles(attributes, resource)) return;
      return limited.length || reader.list("resourcequotas", attributes.namespace).length ? chargeInTurn(attributes, resource) : undefined;
    },
  };
}

function handles({ operation, subresource, object, old }: AdmissionAttributes, resource: string): boolean {
  if (operation !== "CREATE" && operation !== "UPDATE") return false;
  if (resource === "pods") {
    if (subresource === "resize") return operation === "UPDATE";
    return !subresource && (operation === "CREATE" || isTerminatingPod(object as Pod) !== isTerminatingPod(old as Pod));
  }
  if (resource === "services" || resource === "resourceclaims.resource.k8s.io") return !subresource;
  if (resource === "persistentvolumeclaims") return !subresource || (subresource === "status" && operation === "UPDATE" && claimStatusCounts(object, old));
  return !subresource && operation === "CREATE";
}

function claimStatusCounts(object: KubeObject | undefined, old: KubeObject | undefined): boolean {
  const counted = ({ spec, status }: PersistentVolumeClaim): object => ({
    storage: status?.allocatedResources?.storage,
    classes: [spec.volumeAttributesClassName, status?.currentVolumeAttributesClassName, status?.modifyVolumeStatus?.targetVolumeAttributesClassName],
  });
  return !sameValue(counted(object as PersistentVolumeClaim), counted(old as PersistentVolumeClaim));
}

const only = (list: ResourceList, names: readonly string[]): ResourceList => Object.fromEntries(Object.entries(list).filter(([name]) => names.includes(name)));
const print = (list: ResourceList): string =>
  Object.keys(list)
    .sort()
    .map((name) => `${name}=${parseQuantity(list[name] as string)}`)
    .join(",");

/** The quotas with this write charged to them, those that change only. Throws StatusError 403 when one would be exceeded. */
export function chargeQuotas(
  attributes: AdmissionAttributes,
  quotas: readonly ResourceQuota[],
  evaluator: QuotaEvaluator,
  now: number,
  limited: readonly LimitedResource[] = [],
): ResourceQuota[] {
  const object = attributes.object as KubeObject;
  const concerned = quotas.filter((quota) => quotaMatches(quota, evaluator, object));
  for (const { metadata, status } of concerned) {
    const bounded = evaluator.matching(Object.keys(status?.hard ?? {}));
    const missing = evaluator.missing(bounded, object);
    if (missing) throw refuse(attributes, `failed quota: ${metadata.name}: ${missing}`);
    if (bounded.some((name) => status?.used?.[name] === undefined))
      throw refuse(attributes, `status unknown for quota: ${metadata.name}, resources: ${[...bounded].sort().join(",")}`);
  }
  if (!concerned.length && !limited.length) return [];
  const usage = evaluator.usage(object, now);
  const negative = Object.keys(usage).filter((name) => parseQuantity(usage[name] as string).sign() < 0);
  if (negative.length) throw refuse(attributes, `quota usage is negative for resource(s): ${negative.sort().join(",")}`);
  const old = attributes.operation === "UPDATE" ? attributes.old : undefined;
  const before = old && evaluator.usage(old, now);
  const more = (quota?: ResourceQuota): ResourceList =>
    nonZero(old && before && (!quota || quotaMatches(quota, evaluator, old)) ? subtractUsage(usage, before) : usage);
  const takes = (): boolean => (concerned.length ? concerned : [undefined]).some((quota) => Object.keys(more(quota)).length);
  if (limited.length && takes()) requireCover(attributes, { quotas, concerned, evaluator, usage, limited });
  return concerned.flatMap((quota) => {
    const hard = quota.status?.hard ?? {};
    const used = quota.status?.used ?? {};
    const requested = only(more(quota), Object.keys(hard));
    if (!Object.keys(requested).length) return [];
    const next = addUsage(used, requested);
    const exceeded = Object.keys(requested).filter((name) => parseQuantity(next[name] as string).cmp(parseQuantity(hard[name] as string)) > 0);
    if (exceeded.length && attributes.subresource !== "status")
      throw refuse(
        attributes,
        `exceeded quota: ${quota.metadata.name}, requested: ${print(only(requested, exceeded))}, used: ${print(only(used, exceeded))}, limited: ${print(only(hard, exceeded))}`,
      );
    return [{ ...quota, status: { ...quota.status, used: next } }];
  });
}

const nonZero = (list: ResourceList): ResourceList => Object.fromEntries(Object.entries(list).filter(([, quantity]) => !parseQuantity(quantity).isZero()));

interface Cover {
  quotas: readonly ResourceQuota[];
  concerned: readonly ResourceQuota[];
  evaluator: QuotaEvaluator;
  usage: ResourceList;
  limited: readonly LimitedResource[];
}

/** Throws StatusError for what is taken that only a quota allows, and none covers. */
function requireCover(attributes: AdmissionAttributes, { quotas, concerned, evaluator, usage, limited }: Cover): void {
  const { resource: def } = attributes;
  const object = attributes.object as KubeObject;
  const parts = limited.filter(({ apiGroup = "", resource }) => apiGroup === def.group && resource === def.resource).flatMap((one) => one.matchContains ?? []);
  const covered = new Set(concerned.flatMap(({ status }) => evaluator.matching(Object.keys(status?.hard ?? {}))));
  const taken = Object.keys(usage).filter((name) => parseQuantity(usage[name] as string).sign() > 0 && parts.some((part) => name.includes(part)));
  const open = taken.filter((name) => !covered.has(name)).sort();
  if (open.length) throw refuse(attributes, `insufficient quota to consume: ${open.join(",")}`);
  const coveredScopes = new Set(quotas.flatMap(scopesOf).flatMap((scope) => (evaluator.matchesScope(scope, object) ? scope.scopeName : [])));
  const scopes = limited
    .flatMap(({ matchScopes = [] }) => matchScopes)
    .filter((scope) => evaluator.matchesScope(scope, object) && !coveredScopes.has(scope.scopeName));
  if (!scopes.length) return;
  const shown = scopes.map(({ scopeName, operator, values = [] }) => `{${scopeName} ${operator} [${values.join(" ")}]}`);
  throw new StatusError({ code: 500, message: `insufficient quota to match these scopes: [${shown.join(" ")}]` });
}
