/** The zone's view of the cluster, kept current by informers. */
import { serviceNameOf } from "../api/discovery/service-name.ts";
import type { Service } from "../api/types/core-v1.gen.ts";
import type { EndpointSlice } from "../api/types/discovery-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { InformerFactory } from "../client/factory.ts";
import { endpointslices, namespaces, services } from "../client/resources.gen.ts";
import { type LastZone, trimmed, viewOf } from "./last-zone.ts";
import { fullForm } from "./reverse.ts";
import type { ZoneView } from "./zone.ts";

const byService = "dns-service";
const byIP = "dns-ip";

export interface ZoneViewOptions {
  clock: Clock;
  /** The zone as an earlier server knew it: answers until the informers have synced. */
  last?: LastZone;
  /** Given the zone at most once a second after it has changed. */
  save(zone: LastZone): void;
}

const saveAfter = 1000;

export function createZoneView(informers: InformerFactory, keep?: ZoneViewOptions): ZoneView {
  const ofServices = informers.informer(services, {
    indexes: { [byIP]: (s: Service) => (s.spec.clusterIPs ?? []).filter((ip) => ip !== "None").map(fullForm) },
  });
  const ofSlices = informers.informer(endpointslices, {
    indexes: {
      [byService]: (s: EndpointSlice) => [`${s.metadata.namespace}/${serviceNameOf(s)}`],
      [byIP]: (s: EndpointSlice) => (s.endpoints ?? []).flatMap((e) => e.addresses.map(fullForm)),
    },
  });
  const ofNamespaces = informers.informer(namespaces);
  const all = [ofServices, ofSlices, ofNamespaces];
  let waiting = false;
  const changed = (): void => {
    if (waiting) return;
    waiting = true;
    keep?.clock.after(saveAfter, () => {
      waiting = false;
      if (!all.every((informer) => informer.hasSynced)) return changed();
      keep.save(trimmed({ services: ofServices.list(), slices: ofSlices.list(), namespaces: ofNamespaces.list().map((n) => n.metadata.name) }));
    });
  };
  let generation = 0;
  for (const informer of all) informer.onChange(() => generation++);
  if (keep) for (const informer of all) informer.onChange(changed);
  let before = keep?.last && viewOf(keep.last);
  const now = (): ZoneView => {
    if (before && all.every((informer) => informer.hasSynced)) {
      before = undefined;
      generation++;
    }
    return before ?? current;
  };
  const current: ZoneView = {
    service: (namespace, name) => ofServices.get(namespace, name),
    slices: (namespace, name) => ofSlices.by(byService, `${namespace}/${name}`),
    servicesByIP: (ip) => ofServices.by(byIP, ip),
    slicesByIP: (ip) => ofSlices.by(byIP, ip),
    namespaceExists: (name) => ofNamespaces.get("", name) !== undefined,
    get known() {
      return all.every((informer) => informer.hasSynced);
    },
    get generation() {
      return generation;
    },
  };
  return {
    service: (namespace, name) => now().service(namespace, name),
    slices: (namespace, name) => now().slices(namespace, name),
    servicesByIP: (ip) => now().servicesByIP(ip),
    slicesByIP: (ip) => now().slicesByIP(ip),
    namespaceExists: (name) => now().namespaceExists(name),
    get known() {
      return now().known;
    },
    get generation() {
      now();
      return generation;
    },
  };
}
