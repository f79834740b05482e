/** EndpointSlices for Endpoints that somebody wrote by hand (pkg/controller/endpointslicemirroring). */
import { newControllerRef } from "../../api/meta/owner.ts";
import { keyOf, splitKey } from "../../api/object.ts";
import { isIPv4, isIPv6 } from "../../api/ip.ts";
import type { EndpointAddress, Endpoints } from "../../api/types/core-v1.gen.ts";
import type { Endpoint, EndpointSlice } from "../../api/types/discovery-v1.gen.ts";
import { referenceTo } from "../../client/events.ts";
import { endpointslices, endpoints as endpointsResource, services as serviceResource } from "../../client/resources.gen.ts";
import { repackSubsets } from "../core/endpoint-subsets.ts";
import type { Controller } from "../runtime/controller.ts";
import { semanticEqual } from "../runtime/equal.ts";
import { byService, serviceIndex } from "./endpointslice.ts";
import { serviceNameLabel } from "../../api/discovery/service-name.ts";
import { managedByLabel, portsKey, type SlicePlan } from "./endpointslice-plan.ts";
import { SliceTracker } from "./slice-tracker.ts";
import { triggerTimeAnnotation, writeSlices } from "./slice-writer.ts";

const managedBy = "endpointslicemirroring-controller.k8s.io";
const skipLabel = "endpointslice.kubernetes.io/skip-mirror";
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";
const defaultMaxPerSubset = 1000;

export interface MirrorPlan extends SlicePlan {
  invalid: number;
  skipped: number;
}

/** Pure: the slices for these Endpoints, one per set of ports and address family, given those there are. Of a subset no more than `maxPerSubset` addresses. */
export function planMirror(endpoints: Endpoints, existing: readonly EndpointSlice[], maxPerSubset = defaultMaxPerSubset): MirrorPlan {
  const plan: MirrorPlan = { create: [], update: [], delete: [], invalid: 0, skipped: 0 };
  const wanted = new Map<string, EndpointSlice>();
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of repackSubsets(endpoints.subsets ?? [])) {
    let mirrored = 0;
    const all = [...addresses.map((a) => [a, true] as const), ...notReadyAddresses.map((a) => [a, false] as const)];
    for (const [address, ready] of all) {
      if (mirrored >= maxPerSubset) break;
      const addressType = isIPv4(address.ip) ? "IPv4" : isIPv6(address.ip) ? "IPv6" : undefined;
      if (!addressType) {
        plan.invalid++;
        continue;
      }
      const slicePorts = ports.map((p) => ({ ...p, name: p.name ?? "", protocol: p.protocol ?? "TCP" }));
      const key = `${addressType} ${portsKey(slicePorts)}`;
      const slice = wanted.get(key) ?? newSlice(endpoints, addressType, slicePorts);
      wanted.set(key, slice);
      slice.endpoints.push(mirror(address, ready));
      mirrored++;
    }
    plan.skipped += all.length - mirrored;
  }
  for (const slice of existing) {
    const key = `${slice.addressType} ${portsKey(slice.ports)}`;
    const next = wanted.get(key);
    wanted.delete(key);
    if (!next) {
      plan.delete.push(slice);
      continue;
    }
    const same = (part: "labels" | "annotations"): boolean => semanticEqual(slice.metadata[part], next.metadata[part]);
    if (same("labels") && same("annotations") && semanticEqual(byAddress(slice.endpoints), byAddress(next.endpoints))) continue;
    plan.update.push({ ...next, metadata: { ...slice.metadata, labels: next.metadata.labels, annotations: next.metadata.annotations } });
  }
  for (const slice of wanted.values()) {
    const at = plan.delete.findIndex((old) => old.addressType === slice.addressType);
    const [old] = at < 0 ? [] : plan.delete.splice(at, 1);
    if (old) plan.update.push({ ...slice, metadata: { ...old.metadata, labels: slice.metadata.labels, annotations: slice.metadata.annotations } });
    else plan.create.push(slice);
  }
  return plan;
}

const byAddress = (list: readonly Endpoint[] | undefined): Endpoint[] =>
  [...(list ?? [])].sort((a, b) => ((a.addresses[0] as string) < (b.addresses[0] as string) ? -1 : 1));

function mirror({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return { addresses: [ip], conditions: { ready }, ...(hostname ? { hostname } : {}), ...(targetRef ? { targetRef } : {}), ...(nodeName ? { nodeName } : {}) };
}

function newSlice(endpoints: Endpoints, addressType: string, ports: EndpointSlice["ports"]): EndpointSlice {
  const { name, namespace, labels } = endpoints.metadata;
  const { [triggerTimeAnnotation]: _, [lastApplied]: __, ...annotations } = endpoints.metadata.annotations ?? {};
  return {
    metadata: {
      generateName: `${name}-`,
      namespace,
      labels: { ...labels, [serviceNameLabel]: name, [managedByLabel]: managedBy },
      annotations,
      ownerReferences: [newControllerRef(endpoints, "v1", "Endpoints")],
    },
    addressType,
    ports,
    endpoints: [],
  } as unknown as EndpointSlice;
}

export const endpointsliceMirroring: Controller = {
  name: "endpointslice-mirroring-controller",
  account: "endpointslicemirroring-controller",
  start(context) {
    const { informers, enqueue, events } = context;
    const services = informers.informer(serviceResource);
    const all = informers.informer(endpointsResource);
    const slices = informers.informer(endpointslices, { indexes: serviceIndex });
    const tracker = new SliceTracker();
    const isOurs = (slice: EndpointSlice): boolean => slice.metadata.labels?.[managedByLabel] === managedBy;
    const shouldMirror = (endpoints: Endpoints): boolean =>
      endpoints.metadata.labels?.[skipLabel] !== "true" && !("control-plane.alpha.kubernetes.io/leader" in (endpoints.metadata.annotations ?? {}));

    services.onChange((old, service) => enqueue(keyOf((service ?? old) as NonNullable<typeof old>)));
    all.onChange((old, endpoints) => enqueue(keyOf((endpoints ?? old) as Endpoints)));
    slices.onChange((old, slice) => {
      const changed = (slice ?? old) as EndpointSlice;
      if (!isOurs(changed)) return;
      const key = `${changed.metadata.namespace}/${changed.metadata.labels?.[serviceNameLabel]}`;
      if (!slice) tracker.gone(key, changed);
      enqueue(key);
    });

    return async (key) => {
      const { namespace, name } = splitKey(key);
      const endpoints = all.get(namespace, name);
      const service = services.get(namespace, name);
      const existing = slices.by(byService, key).filter((slice) => isOurs(slice) && !slice.metadata.deletionTimestamp);
      if (tracker.isStale(key, existing)) return { retry: true };
      const subject = `Endpoints ${key}`;
      if (!endpoints || !service || service.spec.selector || !shouldMirror(endpoints)) {
        if (!endpoints && existing.length === 0) tracker.forget(key);
        await writeSlices(context, { key, namespace, subject, plan: { create: [], update: [], delete: [...existing] }, tracker, ending: true });
        return;
      }
      const maxPerSubset = context.options.maxMirroredPerSubset ?? defaultMaxPerSubset;
      const plan = planMirror(endpoints, existing, maxPerSubset);
      const about = referenceTo(endpointsResource, endpoints);
      if (plan.invalid > 0) events.event(about, "Warning", "InvalidIPAddress", `Skipped ${plan.invalid} invalid IP addresses when mirroring to EndpointSlices`);
      if (plan.skipped > plan.invalid) {
        const message = `A max of ${maxPerSubset} addresses can be mirrored to EndpointSlices per Endpoints subset. ${plan.skipped} addresses were skipped`;
        events.event(about, "Warning", "TooManyAddressesToMirror", message);
      }
      await writeSlices(context, { key, namespace, subject, plan, tracker, ending: endpoints.metadata.deletionTimestamp !== undefined });
    };
  },
};
