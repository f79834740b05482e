/** The zone's view of the cluster, kept current by informers. */
import type { Service } from "../api/types/core-v1.gen.ts";
import type { EndpointSlice } from "../api/types/discovery-v1.gen.ts";
import type { InformerFactory } from "../client/factory.ts";
import { endpointslices, namespaces, services } from "../client/resources.gen.ts";
import { serviceOf, type ZoneView } from "./zone.ts";

const byService = "dns-service";
const byIP = "dns-ip";

export function createZoneView(informers: InformerFactory): ZoneView {
  const ofServices = informers.informer(services, { indexes: { [byIP]: (s: Service) => (s.spec.clusterIPs ?? []).filter((ip) => ip !== "None") } });
  const ofSlices = informers.informer(endpointslices, {
    indexes: {
      [byService]: (s: EndpointSlice) => [`${s.metadata.namespace}/${serviceOf(s)}`],
      [byIP]: (s: EndpointSlice) => (s.endpoints ?? []).flatMap((e) => e.addresses),
    },
  });
  const ofNamespaces = informers.informer(namespaces);
  return {
    service: (namespace, name) => ofServices.get(namespace, name),
    slices: (namespace, name) => ofSlices.by(byService, `${namespace}/${name}`),
    servicesByIP: (ip) => ofServices.by(byIP, ip),
    slicesByIP: (ip) => ofSlices.by(byIP, ip),
    namespaceExists: (name) => ofNamespaces.get("", name) !== undefined,
  };
}
