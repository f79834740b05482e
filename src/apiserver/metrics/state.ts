/** Gauges of what is stored, given out and built, looked up when somebody asks for the metrics. */
import type { Service } from "../../api/types/core-v1.gen.ts";
import type { IPAddress } from "../../api/types/networking-v1.gen.ts";
import { cidrContains, parseCIDR, parseIP } from "../../api/ip.ts";
import type { APIService } from "../../api/types/apiregistration-v1.gen.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { WatchCache } from "../../cache/watch-cache.ts";
import { rangeOf } from "../registry/core/service-addresses.ts";

export interface ObservedState {
  cache: WatchCache;
  /** CIDRs of the Services' addresses. */
  serviceRanges: readonly string[];
  nodePorts: { first: number; last: number };
  /** Bytes that the store takes, where that can be told. */
  storeBytes?(): number;
}

export function observeState(metrics: Metrics, { cache, serviceRanges, nodePorts, storeBytes }: ObservedState): void {
  const objects = metrics.gauge(
    "apiserver_resource_objects",
    "Number of stored objects at the time of last check split by kind. In case of a fetching error, the value will be -1.",
    ["group", "resource"],
  );
  const deprecated = metrics.gauge(
    "apiserver_storage_objects",
    "[DEPRECATED, consider using apiserver_resource_objects instead] Number of stored objects at the time of last check split by kind. In case of a fetching error, the value will be -1.",
    ["resource"],
  );
  const sizes = metrics.gauge(
    "apiserver_resource_size_estimate_bytes",
    "Estimated size of stored objects in database. Estimate is based on sum of last observed sizes of serialized objects. In case of a fetching error, the value will be -1.",
    ["group", "resource"],
  );
  const revision = metrics.gauge("apiserver_watch_cache_resource_version", "Current resource version of watch cache broken by resource type.", [
    "group",
    "resource",
  ]);
  metrics.onCollect(() => {
    for (const gauge of [objects, deprecated, sizes, revision]) gauge.clear();
    const applied = cache.revision();
    for (const held of cache.holdings()) {
      const { group, resource } = held.resource;
      objects.set(held.objects, group, resource);
      deprecated.set(held.objects, group ? `${resource}.${group}` : resource);
      sizes.set(held.bytes, group, resource);
      revision.set(applied, group, resource);
    }
  });

  const allocated = metrics.gauge("kube_apiserver_clusterip_allocator_allocated_ips", "Gauge measuring the number of allocated IPs for Services", ["cidr"]);
  const available = metrics.gauge("kube_apiserver_clusterip_allocator_available_ips", "Gauge measuring the number of available IPs for Services", ["cidr"]);
  const ports = metrics.gauge("kube_apiserver_nodeport_allocator_allocated_ports", "Gauge measuring the number of allocated NodePorts for Services");
  const freePorts = metrics.gauge("kube_apiserver_nodeport_allocator_available_ports", "Gauge measuring the number of available NodePorts for Services");
  metrics.onCollect(() => {
    const addresses = cache.reader.list<IPAddress>("ipaddresses.networking.k8s.io").map(({ metadata }) => parseIP(metadata.name));
    for (const range of serviceRanges) {
      const cidr = parseCIDR(range);
      if (!cidr) continue;
      const used = addresses.filter((address) => address && cidrContains(cidr, address)).length;
      allocated.set(used, range);
      available.set(Number(rangeOf(range).size) - used, range);
    }
    const given = new Set<number>();
    for (const { spec } of cache.reader.list<Service>("services")) {
      for (const { nodePort } of spec.ports ?? []) if (nodePort) given.add(nodePort);
      if (spec.healthCheckNodePort) given.add(spec.healthCheckNodePort);
    }
    ports.set(given.size);
    freePorts.set(nodePorts.last - nodePorts.first + 1 - given.size);
  });

  const unavailable = metrics.gauge(
    "aggregator_unavailable_apiservice",
    "Gauge of APIServices which are marked as unavailable broken down by APIService name.",
    ["name"],
  );
  metrics.onCollect(() => {
    unavailable.clear();
    for (const { metadata, status } of cache.reader.list<APIService>("apiservices.apiregistration.k8s.io"))
      unavailable.set(Number(status?.conditions?.some(({ type, status: is }) => type === "Available" && is !== "True") ?? false), metadata.name);
  });
  if (storeBytes) {
    const bytes = metrics.gauge("apiserver_storage_size_bytes", "Size of the storage database file physically allocated in bytes.", ["storage_cluster_id"]);
    metrics.onCollect(() => bytes.set(storeBytes(), "embedded"));
  }
}
