/**
 * Readies ServiceCIDRs and keeps one from being deleted while addresses would be left without a range
 * (pkg/controller/servicecidrs, KEP-1880).
 */
import { findCondition } from "../../api/meta/conditions.ts";
import { isNotFound } from "../../api/status.ts";
import { formatTime, parseTime } from "../../api/time.ts";
import type { IPAddress, ServiceCIDR } from "../../api/types/networking-v1.gen.ts";
import { referenceTo } from "../../client/events.ts";
import { ipaddresses, servicecidrs } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import { containing, covering, overlapping } from "../../api/networking/service-cidr-overlap.ts";

const finalizer = "networking.k8s.io/service-cidr-finalizer";
const managedBy = "ipaddress.kubernetes.io/managed-by";
const familyLabel = "ipaddress.kubernetes.io/ip-family";
const allocator = "ipallocator.k8s.io";
const manager = "service-cidr-controller";
/** Milliseconds in which the servers learn that a range is going and give out no more of it. */
const deletionGrace = 10_000;

interface Readiness {
  status: "True" | "False";
  reason: string;
  message: string;
}
const ready: Readiness = { status: "True", reason: "", message: "Kubernetes Service CIDR is ready" };
const needed: Readiness = {
  status: "False",
  reason: "Terminating",
  message: "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR",
};

/** Whether each address keeps a range when this one goes. Pure. */
export function mayGo(cidr: ServiceCIDR, all: readonly ServiceCIDR[], addresses: readonly IPAddress[]): boolean {
  const { name } = cidr.metadata;
  const only = (found: ServiceCIDR[]): boolean => found.length === 0 || (found.length === 1 && found[0]?.metadata.name === name);
  const ranges = cidr.spec.cidrs ?? [];
  if (ranges.every((range) => !only(covering(all, range)))) return true;
  return !ranges.some((range) => {
    const family = range.includes(":") ? "IPv6" : "IPv4";
    return addresses.some(({ metadata }) => {
      if (metadata.labels?.[managedBy] !== allocator || metadata.labels[familyLabel] !== family) return false;
      const homes = containing(all, metadata.name);
      return homes.length === 1 && homes[0]?.metadata.name === name;
    });
  });
}

export const serviceCIDR: Controller = {
  name: "service-cidr-controller",
  account: "service-cidrs-controller",
  component: manager,
  start({ client, clock, informers, events, enqueue, signal }) {
    const cidrs = informers.informer(servicecidrs);
    const addresses = informers.informer(ipaddresses);
    const api = client.resource(servicecidrs);
    cidrs.onChange((old, cidr) => {
      const changed = cidr ?? old;
      if (changed) enqueue(changed.metadata.name);
      if (!old && cidr) for (const range of cidr.spec.cidrs ?? []) for (const one of overlapping(cidrs.list(), range)) enqueue(one.metadata.name);
    });
    addresses.onChange((old, address) => {
      if (old && address) return;
      const { name, labels } = ((address ?? old) as IPAddress).metadata;
      if (labels?.[managedBy] === allocator) for (const cidr of containing(cidrs.list(), name)) enqueue(cidr.metadata.name);
    });

    const patchFinalizer = async (name: string, metadata: object): Promise<void> => {
      try {
        await api.patch("", name, "strategic", { metadata }, { signal });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    };
    const setReady = async (cidr: ServiceCIDR, wanted: Readiness): Promise<void> => {
      const old = findCondition(cidr.status?.conditions, "Ready");
      if (old && old.status === wanted.status && (old.reason ?? "") === wanted.reason && old.message === wanted.message) return;
      const { name } = cidr.metadata;
      const body = {
        kind: servicecidrs.kind,
        apiVersion: "networking.k8s.io/v1",
        metadata: { name },
        status: { conditions: [{ type: "Ready", ...wanted, lastTransitionTime: formatTime(clock.now()) }] },
      };
      await api.patch("", name, "apply", body, { subresource: "status", fieldManager: manager, force: true, signal });
    };

    return async (name) => {
      const cidr = cidrs.get("", name);
      if (!cidr) return;
      const { deletionTimestamp, finalizers = [] } = cidr.metadata;
      if (deletionTimestamp) {
        if (!mayGo(cidr, cidrs.list(), addresses.list())) return setReady(cidr, needed);
        const left = parseTime(deletionTimestamp) + deletionGrace - clock.now();
        if (left > 0) return { requeueAfter: left };
        if (finalizers.includes(finalizer)) await patchFinalizer(name, { "$deleteFromPrimitiveList/finalizers": [finalizer] });
        return;
      }
      if (!finalizers.includes(finalizer)) await patchFinalizer(name, { finalizers: [finalizer] });
      try {
        await setReady(cidr, ready);
      } catch (error) {
        if (!signal.aborted)
          events.event(referenceTo(servicecidrs, cidr), "Warning", "KubernetesServiceCIDRError", "The ServiceCIDR Status can not be set to Ready=True");
        throw error;
      }
    };
  },
};
