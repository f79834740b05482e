/** Defaults and bounds for what containers, pods and claims of a namespace ask for (plugin/pkg/admission/limitranger). */
import { podLimits, podRequests } from "../../api/core/pod-resources.ts";
import { parseQuantity, type Quantity } from "../../api/quantity.ts";
import type { Container, LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod } from "../../api/types/core-v1.gen.ts";
import type { Reader } from "../../cache/cache.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { concerns, refuse } from "./refuse.ts";
import { own } from "../../base/table.ts";

type List = Record<string, string>;
const annotation = "kubernetes.io/limit-ranger";

export function limitRanger({ reader }: { reader: Reader }): AdmissionPlugin {
  const ranges = (attributes: AdmissionAttributes): LimitRange[] => {
    const { operation, subresource, old } = attributes;
    if (operation !== "CREATE" && operation !== "UPDATE") return [];
    if (old?.metadata.deletionTimestamp !== undefined) return [];
    const isPod = concerns(attributes, "pods", "resize");
    if (!isPod && !concerns(attributes, "persistentvolumeclaims")) return [];
    if (isPod && (operation === "UPDATE") !== (subresource === "resize")) return [];
    return reader.list<LimitRange>("limitranges", attributes.namespace);
  };
  return {
    name: "LimitRanger",
    mutate(attributes) {
      if (attributes.resource.resource !== "pods") return;
      for (const range of ranges(attributes)) applyDefaults(range, attributes.object as Pod);
    },
    validate(attributes) {
      for (const { spec } of ranges(attributes)) {
        const errors = (spec.limits ?? []).flatMap((limit) =>
          attributes.resource.resource === "pods" ? podErrors(limit, attributes.object as Pod) : claimErrors(limit, attributes.object as PersistentVolumeClaim),
        );
        const unique = [...new Set(errors)];
        if (unique.length) throw refuse(attributes, unique.length === 1 ? (unique[0] as string) : `[${unique.join(", ")}]`);
      }
    },
  };
}

function applyDefaults(range: LimitRange, pod: Pod): void {
  const requests: List = {};
  const limits: List = {};
  for (const limit of range.spec.limits ?? []) {
    if (limit.type !== "Container") continue;
    Object.assign(requests, limit.defaultRequest);
    Object.assign(limits, limit.default);
  }
  const notes = [
    ...(pod.spec.containers ?? []).flatMap((container) => mergeInto(container, requests, limits, "container")),
    ...(pod.spec.initContainers ?? []).flatMap((container) => mergeInto(container, requests, limits, "init container")),
  ];
  if (notes.length) pod.metadata.annotations = { ...pod.metadata.annotations, [annotation]: `LimitRanger plugin set: ${notes.join("; ")}` };
}

function mergeInto(container: Container, requests: List, limits: List, what: string): string[] {
  const missing = (mine: List | undefined, defaults: List): string[] =>
    Object.keys(defaults)
      .filter((name) => own(mine, name) === undefined)
      .sort();
  const setRequests = missing(container.resources?.requests, requests);
  const setLimits = missing(container.resources?.limits, limits);
  if (setLimits.length) container.resources = { ...container.resources, limits: { ...limits, ...container.resources?.limits } };
  if (setRequests.length) container.resources = { ...container.resources, requests: { ...requests, ...container.resources?.requests } };
  return [
    ...(setRequests.length ? [`${setRequests.join(", ")} request for ${what} ${container.name}`] : []),
    ...(setLimits.length ? [`${setLimits.join(", ")} limit for ${what} ${container.name}`] : []),
  ];
}

function podErrors(limit: LimitRangeItem, pod: Pod): string[] {
  if (limit.type === "Pod") return itemErrors(limit, podRequests(pod.spec, { excludeOverhead: true }), podLimits(pod.spec, { excludeOverhead: true }));
  if (limit.type !== "Container") return [];
  const containers = [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])];
  return containers.flatMap(({ resources }) => itemErrors(limit, resources?.requests ?? {}, resources?.limits ?? {}));
}

function itemErrors(limit: LimitRangeItem, requests: List, limits: List): string[] {
  return [
    ...each(limit.min, (name, bound) => minimum(limit.type, name, bound, requests, limits)),
    ...each(limit.max, (name, bound) => maximum(limit.type, name, bound, requests, limits)),
    ...each(limit.maxLimitRequestRatio, (name, bound) => ratio(limit.type, name, bound, requests, limits)),
  ];
}

function claimErrors(limit: LimitRangeItem, claim: PersistentVolumeClaim): string[] {
  if (limit.type !== "PersistentVolumeClaim") return [];
  const requests = claim.spec.resources?.requests ?? {};
  return [
    ...each(limit.min, (name, bound) => minimum(limit.type, name, bound, requests, {})),
    ...each(limit.max, (name, bound) => {
      const text = `maximum ${name} usage per ${limit.type} is ${bound}`;
      const request = quantityOf(requests, name);
      if (request === undefined) return `${text}.  No request is specified`;
      const [requested, most] = comparable(request, bound) as [bigint, bigint];
      return requested > most ? `${text}, but request is ${request}` : undefined;
    }),
  ];
}

function each(bounds: List | undefined, check: (name: string, bound: Quantity) => string | undefined): string[] {
  return Object.entries(bounds ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, bound]) => check(name, parseQuantity(bound)) ?? []);
}

function quantityOf(list: List, name: string): Quantity | undefined {
  const amount = own(list, name);
  return amount === undefined ? undefined : parseQuantity(amount);
}

const maxMilli = (2n ** 63n - 1n) / 1000n;

/** As upstream compares amounts: as numbers of 64 bits, in thousandths unless one is too large for that. */
function comparable(...amounts: (Quantity | undefined)[]): bigint[] {
  const values = amounts.map((amount) => amount?.value() ?? 0n);
  return values.some((value) => value > maxMilli) ? values : amounts.map((amount) => amount?.milliValue() ?? 0n);
}

function minimum(type: string, name: string, bound: Quantity, requests: List, limits: List): string | undefined {
  const [request, limit] = [quantityOf(requests, name), quantityOf(limits, name)];
  const [requested, limited, least] = comparable(request, limit, bound) as [bigint, bigint, bigint];
  const text = `minimum ${name} usage per ${type} is ${bound}`;
  if (!request) return `${text}.  No request is specified`;
  if (requested < least) return `${text}, but request is ${request}`;
  return limit && limited < least ? `${text}, but limit is ${limit}` : undefined;
}

function maximum(type: string, name: string, bound: Quantity, requests: List, limits: List): string | undefined {
  const [request, limit] = [quantityOf(requests, name), quantityOf(limits, name)];
  const [requested, limited, most] = comparable(request, limit, bound) as [bigint, bigint, bigint];
  const text = `maximum ${name} usage per ${type} is ${bound}`;
  if (!limit) return `${text}.  No limit is specified`;
  if (limited > most) return `${text}, but limit is ${limit}`;
  return request && requested > most ? `${text}, but request is ${request}` : undefined;
}

function ratio(type: string, name: string, bound: Quantity, requests: List, limits: List): string | undefined {
  const [requested, limited] = comparable(quantityOf(requests, name), quantityOf(limits, name), bound) as [bigint, bigint];
  const text = `${name} max limit to request ratio per ${type} is ${bound}`;
  if (requested === 0n) return `${text}, but no request is specified or request is 0`;
  if (limited === 0n) return `${text}, but no limit is specified or limit is 0`;
  const observed = Number(limited) / Number(requested);
  const exceeds = bound.value() > maxMilli ? observed > Number(bound.value()) : observed * 1000 > Number(bound.milliValue());
  return exceeds ? `${text}, but provided ratio is ${observed.toFixed(6)}` : undefined;
}
