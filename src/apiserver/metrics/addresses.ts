/** How Services get their addresses (pkg/registry/core/service/ipallocator/metrics.go). */
import { defaultBuckets, type Metrics } from "../../base/metrics.ts";

/** static: the Service names its address. */
export type AddressScope = "static" | "dynamic";

export interface AddressSeries {
  allocated(cidr: string, scope: AddressScope, seconds: number): void;
  failed(cidr: string, scope: AddressScope): void;
}

export function addressSeries(metrics: Metrics): AddressSeries {
  const name = (rest: string): string => `kube_apiserver_clusterip_allocator_allocation_${rest}`;
  const total = metrics.counter(name("total"), "Number of Cluster IPs allocations", ["cidr", "scope"]);
  const errors = metrics.counter(name("errors_total"), "Number of errors trying to allocate Cluster IPs", ["cidr", "scope"]);
  const duration = metrics.histogram(name("duration_seconds"), "Duration in seconds to allocate a Cluster IP by ServiceCIDR", defaultBuckets, ["cidr"]);
  return {
    allocated(cidr, scope, seconds) {
      total.inc(cidr, scope);
      duration.observe(seconds, cidr);
    },
    failed: (cidr, scope) => errors.inc(cidr, scope),
  };
}
