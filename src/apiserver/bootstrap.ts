/**
 * What a fresh API server creates, and puts right where it was changed: system namespaces, RBAC, priority classes, flow
 * schemas, the service range, the kubernetes Service and its endpoints, APIServices (pkg/controlplane, pkg/registry/rbac/rest).
 */
import { readFileSync } from "node:fs";
import { serviceNameLabel } from "../api/discovery/service-name.ts";
import { deepCopy, deepEqual } from "../api/copy.ts";
import type { KubeObject } from "../api/object.ts";
import { apiVersionOf, type ResourceDef } from "../api/schema/schema.ts";
import { groupResource } from "../api/status.ts";
import { formatTime } from "../api/time.ts";
import type { FlowSchema, PriorityLevelConfiguration } from "../api/types/flowcontrol-v1.gen.ts";
import type { ClusterRole, PolicyRule, RoleBinding, Subject } from "../api/types/rbac-v1.gen.ts";
import { ExistsError, RevisionMismatchError } from "../store/store.ts";
import { owned } from "./bootstrap-owners.ts";
import type { Endpoint, Rest } from "./rest/call.ts";
import { finish } from "./rest/decode.ts";
import { rangeOf } from "./registry/core/service-addresses.ts";
import { formatIP, parseCIDR } from "../api/ip.ts";
import { table } from "../base/table.ts";

type Draft = Record<string, unknown> & { metadata: { name: string; namespace?: string; annotations?: Record<string, string> } };
type Facts = Readonly<Record<string, Draft[]>>;
const facts = JSON.parse(readFileSync(new URL("../api/schema/bootstrap.json", import.meta.url), "utf8")) as Facts;
/** By the feature that adds them, or changes them. */
const gated = JSON.parse(readFileSync(new URL("../api/schema/bootstrap-gated.json", import.meta.url), "utf8")) as Readonly<Record<string, Facts>>;
const noFeatures: NonNullable<BootstrapOptions["features"]> = () => false;

/** What a fresh cluster has of one kind. */
function draftsOf(key: string, isOn = noFeatures): readonly Draft[] {
  const drafts = new Map((facts[key] ?? []).map((draft) => [`${draft.metadata.namespace}/${draft.metadata.name}`, draft]));
  for (const [gate, more] of Object.entries(gated))
    if (isOn(gate)) for (const draft of more[key] ?? []) drafts.set(`${draft.metadata.namespace}/${draft.metadata.name}`, draft);
  return [...drafts.values()];
}

export interface BootstrapOptions {
  rest: Rest;
  /** The built-in resources that are served. */
  resources: readonly ResourceDef[];
  /** Whether a feature is on that is off by default. @default none is */
  features?: (gate: string) => boolean;
  /** `--service-cluster-ip-range`, the default family first. */
  serviceRanges: readonly string[];
  /** Where clients reach this server: goes into the endpoints of the kubernetes Service. Absent: no endpoints. */
  advertise?: { address: string; port: number };
  /** Whether those endpoints are kept; what others wrote there stays. @default true */
  keepEndpoints?: boolean;
  /** PEM; goes into kube-system/extension-apiserver-authentication. */
  clientCa?: string;
  /** Goes there as well. */
  frontProxy?: {
    ca: string;
    allowedNames: readonly string[];
    usernameHeaders: readonly string[];
    uidHeaders: readonly string[];
    groupHeaders: readonly string[];
    extraHeaderPrefixes: readonly string[];
  };
}

/** Rules of the bootstrap cluster role of that name. */
export function bootstrapRules(name: string, isOn = noFeatures): readonly PolicyRule[] {
  const roles = draftsOf("rbac.authorization.k8s.io/v1/clusterroles", isOn) as unknown as ClusterRole[];
  return roles.find((role) => role.metadata.name === name)?.rules ?? [];
}

/** The first address of a range: the kubernetes Service's own. */
export function firstAddress(range: string): string {
  const cidr = parseCIDR(range);
  if (!cidr) throw new Error(`${range} is no network`);
  const { first } = rangeOf(range);
  const length = cidr.ip.bytes.length;
  return formatIP(Array.from({ length }, (_, i) => Number((first >> BigInt(8 * (length - 1 - i))) & 255n)));
}

const order = [
  "core/v1/namespaces",
  "rbac.authorization.k8s.io/v1/clusterroles",
  "rbac.authorization.k8s.io/v1/clusterrolebindings",
  "rbac.authorization.k8s.io/v1/roles",
  "rbac.authorization.k8s.io/v1/rolebindings",
  "scheduling.k8s.io/v1/priorityclasses",
  "flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations",
  "flowcontrol.apiserver.k8s.io/v1/flowschemas",
  "networking.k8s.io/v1/servicecidrs",
  "core/v1/services",
];

/** Idempotent. Rejects when the store does. */
export async function bootstrap(options: BootstrapOptions): Promise<void> {
  const { rest } = options;
  for (const key of order) {
    const [group = "", , resource = ""] = key.split("/");
    const endpoint = rest.hubEndpoint(groupResource(group === "core" ? "" : group, resource));
    // Together, so that a store on a disk commits once for each kind.
    await Promise.all(draftsOf(key, options.features).map((draft) => ensure(rest, endpoint, adapt(key, draft, options))));
  }
  await ensureServiceParts(options);
  await ensureApiServices(options);
  await ensure(rest, rest.hubEndpoint("configmaps"), {
    metadata: { name: "kube-apiserver-legacy-service-account-token-tracking", namespace: "kube-system" },
    data: { since: formatTime(rest.clock.now()).slice(0, 10) },
  });
  await ensureAuthenticationConfig(options);
}

/**
 * What somebody may have deleted and nothing works without: system namespaces, the kubernetes Service, its endpoints. What is
 * there is left as it is: several servers share it.
 */
export async function restore(options: BootstrapOptions): Promise<void> {
  const { rest } = options;
  for (const [key, resource] of [
    ["core/v1/namespaces", "namespaces"],
    ["core/v1/services", "services"],
  ] as const) {
    const endpoint = rest.hubEndpoint(resource);
    for (const draft of facts[key] ?? [])
      if (!(await endpoint.cache.get(draft.metadata.namespace ?? "", draft.metadata.name))) await ensure(rest, endpoint, adapt(key, draft, options));
  }
  if (!options.advertise || options.keepEndpoints === false) return;
  const parts = ["endpoints", "endpointslices.discovery.k8s.io"].map((resource) => rest.hubEndpoint(resource).cache.get("default", "kubernetes"));
  if ((await Promise.all(parts)).includes(undefined)) await ensureServiceParts(options);
}

/** What flow control needs before anything is stored, and keeps to when somebody has deleted it. */
export function mandatoryFlowControl(): { schemas: FlowSchema[]; levels: PriorityLevelConfiguration[] } {
  const of = <T>(key: string): T[] => (facts[key] ?? []).filter(({ metadata }) => mandatoryFlow.has(metadata.name)) as unknown as T[];
  return { schemas: of<FlowSchema>(flowKeys[1]), levels: of<PriorityLevelConfiguration>(flowKeys[0]) };
}

const flowKeys = ["flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations", "flowcontrol.apiserver.k8s.io/v1/flowschemas"] as const;
const mandatoryFlow = new Set(["exempt", "catch-all"]);
const autoUpdate = "apf.kubernetes.io/autoupdate-spec";

/**
 * Default flow schemas and priority levels come back, keep their specs, and go when they are defaults no more, unless their
 * annotation says that they are somebody's own (pkg/registry/flowcontrol/ensurer).
 */
export async function keepFlowControl(options: BootstrapOptions): Promise<void> {
  const { rest } = options;
  for (const key of flowKeys) {
    const endpoint = rest.hubEndpoint(groupResource("flowcontrol.apiserver.k8s.io", key.split("/")[2] as string));
    const drafts = facts[key] ?? [];
    for (const draft of drafts) await ensure(rest, endpoint, adapt(key, draft, options));
    const { items } = await endpoint.cache.list({});
    for (const stored of items) {
      const { name, annotations } = stored.object().metadata;
      if (annotations?.[autoUpdate] !== "true" || drafts.some(({ metadata }) => metadata.name === name)) continue;
      await endpoint.cache.delete("", name, stored.revision);
    }
  }
}

/** The facts were read off a server with other ranges. */
function adapt(key: string, draft: Draft, options: BootstrapOptions): Draft {
  if (key !== "networking.k8s.io/v1/servicecidrs" && key !== "core/v1/services") return draft;
  const copy = deepCopy(draft) as Draft & { spec?: Record<string, unknown> };
  if (key === "networking.k8s.io/v1/servicecidrs") {
    copy.spec = { cidrs: [...options.serviceRanges] };
    return withTime(copy, formatTime(options.rest.clock.now()));
  }
  if (key === "core/v1/services" && copy.spec) {
    const ip = firstAddress(options.serviceRanges[0] as string);
    copy.spec.clusterIP = ip;
    copy.spec.clusterIPs = [ip];
    copy.spec.ipFamilies = [ip.includes(":") ? "IPv6" : "IPv4"];
    const [port] = copy.spec.ports as { targetPort: number }[];
    if (port && options.advertise) port.targetPort = options.advertise.port;
  }
  return copy;
}

/** Facts as they are stored, but for uid and time: made once in a process, however many servers it starts. */
const finished = new WeakMap<Draft, KubeObject>();

function stamped(rest: Rest, endpoint: Endpoint, draft: Draft): KubeObject {
  const now = formatTime(rest.clock.now());
  const own = { uid: rest.random.uuid(), creationTimestamp: now };
  const known = finished.get(draft);
  const managedFields = known?.metadata.managedFields?.map((entry) => ({ ...entry, time: now }));
  if (known) return stampedConditions({ ...known, metadata: { ...known.metadata, ...own, ...(managedFields ? { managedFields } : {}) } }, now);
  const object = {
    kind: endpoint.hub.kind,
    apiVersion: endpoint.hubApiVersion,
    ...deepCopy(draft),
    metadata: { ...draft.metadata, ...own },
  } as unknown as KubeObject;
  endpoint.hubKind.setDefaults?.(object);
  const made = finish(endpoint, owned(rest, endpoint, object));
  finished.set(draft, made);
  return stampedConditions(made, now);
}

/** The conditions of flow schemas are of this server's day. */
function stampedConditions(object: KubeObject, lastTransitionTime: string): KubeObject {
  const { conditions } = (object as unknown as FlowSchema).status ?? {};
  if (object.kind !== "FlowSchema" || !conditions) return object;
  return { ...object, status: { conditions: conditions.map((condition) => ({ ...condition, lastTransitionTime })) } } as unknown as KubeObject;
}

/** Again where another server, which starts at the same time, was first. */
async function whileContended(work: () => Promise<void>): Promise<void> {
  for (;;)
    try {
      await work();
      return;
    } catch (error) {
      if (!(error instanceof RevisionMismatchError)) throw error;
    }
}

const ensure = (rest: Rest, endpoint: Endpoint, draft: Draft): Promise<void> => whileContended(() => ensureOnce(rest, endpoint, draft));

async function ensureOnce(rest: Rest, endpoint: Endpoint, draft: Draft): Promise<void> {
  const namespace = draft.metadata.namespace ?? "";
  const current = await endpoint.cache.get(namespace, draft.metadata.name);
  if (!current) {
    try {
      await endpoint.cache.create(stamped(rest, endpoint, draft));
    } catch (error) {
      if (!(error instanceof ExistsError)) throw error;
    }
    return;
  }
  const old = current.object();
  const reconciled = reconcile(endpoint, old, draft);
  if (reconciled && !deepEqual(reconciled, old)) await endpoint.cache.update(finish(endpoint, owned(rest, endpoint, reconciled, old)), current.revision);
}

/** What of an existing object is put right; undefined: it is its owner's. */
function reconcile(endpoint: Endpoint, old: KubeObject, draft: Draft): KubeObject | undefined {
  const { group } = endpoint.def;
  if (group === "rbac.authorization.k8s.io") {
    if (old.metadata.annotations?.["rbac.authorization.kubernetes.io/autoupdate"] === "false") return undefined;
    return endpoint.def.resource.endsWith("bindings") ? withSubjects(old as unknown as RoleBinding, draft) : withRules(old as unknown as ClusterRole, draft);
  }
  if (group === "flowcontrol.apiserver.k8s.io") {
    return withFlowSpec(old, draft);
  }
  return undefined;
}

const booleans = table<boolean>({
  1: true,
  t: true,
  T: true,
  TRUE: true,
  true: true,
  True: true,
  0: false,
  f: false,
  F: false,
  FALSE: false,
  false: false,
  False: false,
});

/** Mandatory objects are always as they have to be, others where their annotation says so or nobody has changed them yet; the annotation says which. */
function withFlowSpec(old: KubeObject, draft: Draft): KubeObject {
  const { name, annotations, generation } = old.metadata;
  const said = booleans[annotations?.[autoUpdate] ?? ""];
  const own = mandatoryFlow.has(name) || (said ?? generation === 1);
  const metadata = said === own ? old.metadata : { ...old.metadata, annotations: { ...annotations, [autoUpdate]: String(own) } };
  if (!own) return { ...old, metadata };
  const { spec } = draft as { spec?: { type?: string } };
  // What an administrator gives the exempt level is left to it.
  const kept = spec?.type === "Exempt" ? { ...spec, exempt: (old as { spec?: { exempt?: unknown } }).spec?.exempt } : spec;
  if (deepEqual(kept, (old as { spec?: unknown }).spec)) return { ...old, metadata };
  return { ...old, metadata: { ...metadata, generation: (generation ?? 0) + 1 }, spec: kept } as unknown as KubeObject;
}

function withMetadata(old: KubeObject, draft: Draft): KubeObject["metadata"] {
  const { labels, annotations } = draft.metadata as KubeObject["metadata"];
  return {
    ...old.metadata,
    ...(labels || old.metadata.labels ? { labels: { ...labels, ...old.metadata.labels } } : {}),
    ...(annotations || old.metadata.annotations ? { annotations: { ...annotations, ...old.metadata.annotations } } : {}),
  };
}

/** Rules are added, never taken away. */
function withRules(old: ClusterRole, draft: Draft): KubeObject {
  const wanted = (draft as unknown as ClusterRole).rules ?? [];
  const before = old.rules ?? [];
  const missing = wanted.filter((rule) => !before.some((other) => deepEqual(rule, other)));
  return { ...old, metadata: withMetadata(old as KubeObject, draft), ...(missing.length ? { rules: [...before, ...missing] } : {}) } as unknown as KubeObject;
}

function withSubjects(old: RoleBinding, draft: Draft): KubeObject | undefined {
  const wanted = draft as unknown as RoleBinding;
  if (!deepEqual(old.roleRef, wanted.roleRef)) return undefined;
  const before = old.subjects ?? [];
  const same = (a: Subject, b: Subject): boolean => a.kind === b.kind && a.name === b.name && (a.namespace ?? "") === (b.namespace ?? "");
  const missing = (wanted.subjects ?? []).filter((subject) => !before.some((other) => same(subject, other)));
  return {
    ...old,
    metadata: withMetadata(old as KubeObject, draft),
    ...(missing.length ? { subjects: [...before, ...missing] } : {}),
  } as unknown as KubeObject;
}

const put = (rest: Rest, resource: string, draft: Draft): Promise<void> => whileContended(() => putOnce(rest, resource, draft));

async function putOnce(rest: Rest, resource: string, draft: Draft): Promise<void> {
  const endpoint = rest.hubEndpoint(resource);
  const namespace = draft.metadata.namespace ?? "";
  const current = await endpoint.cache.get(namespace, draft.metadata.name);
  if (!current) return ensure(rest, endpoint, draft);
  const old = current.object();
  const wanted = finish(endpoint, {
    ...old,
    ...deepCopy(draft),
    metadata: { ...old.metadata, labels: { ...old.metadata.labels, ...(draft.metadata as KubeObject["metadata"]).labels } },
  } as unknown as KubeObject);
  if (!deepEqual(wanted, old)) await endpoint.cache.update(finish(endpoint, owned(rest, endpoint, wanted, old)), current.revision);
}

async function ensureServiceParts({ rest, serviceRanges, advertise, keepEndpoints = true }: BootstrapOptions): Promise<void> {
  const ip = firstAddress(serviceRanges[0] as string);
  await ensure(rest, rest.hubEndpoint("ipaddresses.networking.k8s.io"), {
    metadata: {
      name: ip,
      labels: { "ipaddress.kubernetes.io/ip-family": ip.includes(":") ? "IPv6" : "IPv4", "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io" },
    } as Draft["metadata"],
    spec: { parentRef: { resource: "services", namespace: "default", name: "kubernetes" } },
  });
  if (!advertise || !keepEndpoints) return;
  const { address, port } = advertise;
  await put(rest, "endpoints", {
    metadata: { name: "kubernetes", namespace: "default", labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } } as Draft["metadata"],
    subsets: [{ addresses: [{ ip: address }], ports: [{ name: "https", port, protocol: "TCP" }] }],
  });
  await put(rest, "endpointslices.discovery.k8s.io", {
    metadata: { name: "kubernetes", namespace: "default", labels: { [serviceNameLabel]: "kubernetes" } } as Draft["metadata"],
    addressType: address.includes(":") ? "IPv6" : "IPv4",
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: "https", port, protocol: "TCP" }],
  });
}

/** One for each group and version that is served, with the order in which clients see them; what was served before has none any more. */
async function ensureApiServices({ rest, resources }: BootstrapOptions): Promise<void> {
  const known = facts["apiregistration.k8s.io/v1/apiservices"] ?? [];
  const endpoint = rest.hubEndpoint("apiservices.apiregistration.k8s.io");
  const served = new Map(resources.map((def) => [`${def.version}.${def.group}`, def]));
  const wanted: Draft[] = [];
  for (const [name, { group, version }] of served) {
    const draft = known.find((one) => one.metadata.name === name);
    if (draft) wanted.push(withTime(draft, formatTime(rest.clock.now())));
    else if (group !== "apiregistration.k8s.io") rest.logger.debug("no APIService is known for a served version", { version: apiVersionOf(group, version) });
  }
  await Promise.all(wanted.map((draft) => ensure(rest, endpoint, draft)));
  const left = known.filter(({ metadata }) => !served.has(metadata.name));
  await Promise.all(
    left.map(async ({ metadata }) => {
      const found = await endpoint.cache.get("", metadata.name);
      if (found?.object().metadata.labels?.["kube-aggregator.kubernetes.io/automanaged"] !== "onstart") return;
      // Another server that starts may have been first.
      await endpoint.cache.delete("", metadata.name, found.revision).catch((error: unknown) => {
        if (!(error instanceof RevisionMismatchError)) throw error;
      });
    }),
  );
}

function withTime(draft: Draft, now: string): Draft {
  const copy = deepCopy(draft) as Draft & { status?: { conditions?: { lastTransitionTime: string }[] } };
  for (const condition of copy.status?.conditions ?? []) condition.lastTransitionTime = now;
  return copy;
}

/** How aggregated servers learn whom to trust. */
export async function ensureAuthenticationConfig({ rest, clientCa, frontProxy }: BootstrapOptions): Promise<void> {
  const names = (list: readonly string[]): string => JSON.stringify(list);
  const data = {
    ...(clientCa ? { "client-ca-file": clientCa } : {}),
    ...(frontProxy
      ? {
          "requestheader-allowed-names": names(frontProxy.allowedNames),
          "requestheader-client-ca-file": frontProxy.ca,
          "requestheader-extra-headers-prefix": names(frontProxy.extraHeaderPrefixes),
          "requestheader-group-headers": names(frontProxy.groupHeaders),
          ...(frontProxy.uidHeaders.length ? { "requestheader-uid-headers": names(frontProxy.uidHeaders) } : {}),
          "requestheader-username-headers": names(frontProxy.usernameHeaders),
        }
      : {}),
  };
  if (Object.keys(data).length) await put(rest, "configmaps", { metadata: { name: "extension-apiserver-authentication", namespace: "kube-system" }, data });
}
