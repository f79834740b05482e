/**
 * Which pods give way to a critical one that finds no room (upstream's pkg/kubelet/preemption): as few guaranteed ones as can
 * be, then as few burstable ones, then the others; of equals those that ask for less. Pure.
 */
import { podRequests } from "../api/core/pod-resources.ts";
import type { Pod } from "../api/types/core-v1.gen.ts";
import { resourceAmount } from "./admission.ts";
import type { Shortage } from "./lifecycle.ts";
import { isCritical, qosClass } from "./pod.ts";

/** What has to be freed, by resource: thousandths of processors, units of everything else. */
type Needs = ReadonlyMap<string, number>;

const asks = (pod: Pod, name: string): number =>
  name === "pods" ? 1 : resourceAmount(name, String((podRequests(pod.spec) as Record<string, string>)[name] ?? 0));

function without(needs: Needs, pods: readonly Pod[]): Map<string, number> {
  const left = new Map<string, number>();
  for (const [name, quantity] of needs) {
    const rest = pods.reduce((sum, pod) => sum - asks(pod, name), quantity);
    if (rest > 0) left.set(name, rest);
  }
  return left;
}

/** How much of what is needed the pod does not have: each resource weighs the same. */
const distance = (needs: Needs, pod: Pod): number =>
  [...needs].reduce((sum, [name, quantity]) => sum + (Math.max(0, quantity - asks(pod, name)) / quantity) ** 2, 0);

function asksForLess(a: Pod, b: Pod): boolean {
  for (const name of ["memory", "cpu"]) if (asks(a, name) !== asks(b, name)) return asks(a, name) < asks(b, name);
  return true;
}

const cannot = (needs: Needs): Error =>
  new Error(`no set of running pods found to reclaim resources: [${[...needs].map(([name, quantity]) => `(res: ${name}, q: ${quantity}), `).join("")}]`);

function closest(pods: readonly Pod[], needs: Needs): Pod[] {
  const chosen: Pod[] = [];
  const rest = [...pods];
  for (let left = needs; left.size; ) {
    const best = rest.reduce<Pod | undefined>((found, pod) => {
      if (!found) return pod;
      const [a, b] = [distance(left, pod), distance(left, found)];
      return a < b || (a === b && asksForLess(pod, found)) ? pod : found;
    }, undefined);
    if (!best) throw cannot(left);
    left = without(left, [best]);
    chosen.push(best);
    rest.splice(rest.indexOf(best), 1);
  }
  return chosen;
}

const givesWay = (pod: Pod, to: Pod): boolean =>
  (isCritical(to) && !isCritical(pod)) || (to.spec.priority !== undefined && pod.spec.priority !== undefined && to.spec.priority > pod.spec.priority);

/** Throws, with upstream's text, when all of them together would not be enough. */
export function podsToPreempt(pod: Pod, others: readonly Pod[], shortages: readonly Shortage[]): Pod[] {
  const needs: Needs = new Map(shortages.map(({ name, requested, used, capacity }) => [name, requested - (capacity - used)]));
  const of = (qos: string): Pod[] => others.filter((other) => givesWay(other, pod) && qosClass(other) === qos);
  const [bestEffort, burstable, guaranteed] = [of("BestEffort"), of("Burstable"), of("Guaranteed")];
  const unable = without(needs, [...bestEffort, ...burstable, ...guaranteed]);
  if (unable.size) throw cannot(unable);
  const guaranteedToGo = closest(guaranteed, without(needs, [...bestEffort, ...burstable]));
  const burstableToGo = closest(burstable, without(needs, [...bestEffort, ...guaranteedToGo]));
  const bestEffortToGo = closest(bestEffort, without(needs, [...burstableToGo, ...guaranteedToGo]));
  return [...bestEffortToGo, ...burstableToGo, ...guaranteedToGo];
}
