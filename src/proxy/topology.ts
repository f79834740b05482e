/**
 * Which endpoints take the traffic of a Service port on this node, after traffic policies, topology hints (KEP-2433,
 * KEP-3015) and endpoints that end but still serve (KEP-1669). Pure; as k8s.io/kubernetes/pkg/proxy/topology.go.
 */
import type { ProxyEndpoint } from "./packed-slice.ts";

export interface Policies {
  /** Some traffic is spread over the whole cluster, and some over this node alone. */
  usesCluster: boolean;
  usesLocal: boolean;
}

export interface Choice {
  cluster: ProxyEndpoint[];
  local: ProxyEndpoint[];
  /** All that can be reached from here. */
  reachable: ProxyEndpoint[];
  /** Somewhere in the cluster is one that takes traffic. */
  any: boolean;
}

const ending = (endpoint: ProxyEndpoint): boolean => endpoint.serving && endpoint.terminating;

export function chooseEndpoints(all: ProxyEndpoint[], { usesCluster, usesLocal }: Policies, zone: string): Choice {
  const choice: Choice = { cluster: [], local: [], reachable: [], any: false };
  if (all.length === 0) return choice;
  const ready = all.filter((endpoint) => endpoint.ready);
  const hinted = usesCluster ? hintedOf(ready, zone) : undefined;
  if (usesCluster) {
    choice.cluster = hinted ?? ready;
    if (choice.cluster.length === 0) choice.cluster = all.filter(ending);
    choice.any = choice.cluster.length > 0;
  }
  if (!usesLocal) return { ...choice, reachable: choice.cluster };
  choice.any ||= all.some((endpoint) => endpoint.ready || ending(endpoint));
  const localReady = ready.filter((endpoint) => endpoint.local);
  choice.local = localReady.length ? localReady : all.filter((endpoint) => endpoint.local && !endpoint.ready && ending(endpoint));
  choice.reachable = usesCluster ? [...new Set([...choice.cluster, ...choice.local])] : choice.local;
  return choice;
}

/** Endpoints for this node or its zone; undefined where hints are missing or name none for here. */
function hintedOf(ready: ProxyEndpoint[], zone: string): ProxyEndpoint[] | undefined {
  if (ready.length === 0) return undefined;
  if (ready.every((endpoint) => endpoint.hasNodeHints)) {
    const here = ready.filter((endpoint) => endpoint.hintsNode);
    if (here.length) return here;
  }
  if (!ready.every((endpoint) => endpoint.zoneHints.length > 0)) return undefined;
  const here = ready.filter((endpoint) => endpoint.zoneHints.includes(zone));
  return here.length ? here : undefined;
}
