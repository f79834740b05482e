/** Which pods stand behind which services, and on which ports (k8s.io/endpointslice/util). */
import { keyOf } from "../../api/object.ts";
import { parseTime } from "../../api/time.ts";
import type { Pod, Service, ServicePort } from "../../api/types/core-v1.gen.ts";
import type { Informer } from "../../client/informer.ts";
import { semanticEqual } from "../runtime/equal.ts";
import { isFinished, isReady, isTerminating } from "../runtime/pods.ts";

/** A service without a selector selects nothing; an empty one everything. */
export function selects(service: Service, labels: Record<string, string> | undefined): boolean {
  const { selector } = service.spec;
  if (!selector) return false;
  for (const key in selector) if (labels?.[key] !== selector[key]) return false;
  return true;
}

export const podsOf = (service: Service, pods: Informer<Pod>): Pod[] =>
  pods.list(service.metadata.namespace).filter((pod) => selects(service, pod.metadata.labels));

/** Keys of the services whose endpoints a change of a pod may change. */
export function servicesTouched(services: Informer<Service>, old: Pod | undefined, pod: Pod | undefined): string[] {
  const either = (pod ?? old) as Pod;
  if (old && pod && !endpointChanged(old, pod)) return [];
  return services
    .list(either.metadata.namespace)
    .filter((service) => (pod && selects(service, pod.metadata.labels)) || (old && selects(service, old.metadata.labels)))
    .map(keyOf);
}

function endpointChanged(old: Pod, pod: Pod): boolean {
  return (
    isTerminating(old) !== isTerminating(pod) ||
    isReady(old) !== isReady(pod) ||
    isFinished(old) !== isFinished(pod) ||
    old.spec.nodeName !== pod.spec.nodeName ||
    old.status?.podIP !== pod.status?.podIP ||
    !semanticEqual(old.status?.podIPs, pod.status?.podIPs) ||
    !semanticEqual(old.metadata.labels, pod.metadata.labels)
  );
}

export function isEndpoint(pod: Pod, includeTerminating: boolean): boolean {
  if (isFinished(pod) || (!pod.status?.podIP && !pod.status?.podIPs?.length)) return false;
  return includeTerminating || !isTerminating(pod);
}

export const hostnameOf = (pod: Pod, service: Service): string | undefined =>
  pod.spec.hostname && pod.spec.subdomain === service.metadata.name ? pod.spec.hostname : undefined;

/** The number of a service's target port on this pod; undefined when no container has a port of that name. */
export function targetPort(pod: Pod, { targetPort: target, port, protocol = "TCP" }: ServicePort): number | undefined {
  if (target === undefined) return port;
  if (typeof target === "number") return target;
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter((c) => c.restartPolicy === "Always")];
  for (const container of containers) {
    const found = container.ports?.find((p) => p.name === target && (p.protocol ?? "TCP") === protocol);
    if (found) return found.containerPort;
  }
  return undefined;
}

export const isHeadless = ({ spec: { clusterIP } }: Service): boolean => !clusterIP || clusterIP === "None";

/**
 * When the change that led to a sync happened, for the annotation by which endpoint propagation is measured: the earliest
 * of the times that have moved since the last sync.
 */
export class TriggerTimes {
  readonly #seen = new Map<string, { service: number; pods: Map<string, number> }>();

  /** RFC 3339; undefined when nothing that is known has moved. */
  next(key: string, service: Service, pods: readonly Pod[]): string | undefined {
    const last = this.#seen.get(key);
    const created = parseTime(service.metadata.creationTimestamp);
    const times = new Map(pods.map((pod) => [pod.metadata.name, readyChange(pod)]));
    this.#seen.set(key, { service: created, pods: times });
    const moved = [...times].filter(([name, time]) => time > (last?.pods.get(name) ?? 0)).map(([, time]) => time);
    if (created > (last?.service ?? 0)) moved.push(created);
    const first = last ? moved.filter((time) => time >= last.service) : moved;
    return first.length ? new Date(Math.min(...first)).toISOString().replace(/\.?0*Z$/, "Z") : undefined;
  }
  forget(key: string): void {
    this.#seen.delete(key);
  }
}

function readyChange(pod: Pod): number {
  const time = pod.status?.conditions?.find((c) => c.type === "Ready")?.lastTransitionTime;
  return time ? parseTime(time) : 0;
}
