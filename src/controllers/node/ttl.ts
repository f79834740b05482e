/**
 * Tells each node how long its kubelet may keep Secrets and ConfigMaps, the longer the larger the cluster
 * (pkg/controller/ttl). The annotation is node.alpha.kubernetes.io/ttl, in seconds.
 */
import { isNotFound } from "../../api/status.ts";
import { nodes as nodeResource } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";

const ttlAnnotation = "node.alpha.kubernetes.io/ttl";

/** They overlap, so that one node more or less does not rewrite all. */
const steps = [
  { min: 0, max: 100, seconds: 0 },
  { min: 90, max: 500, seconds: 15 },
  { min: 450, max: 1000, seconds: 30 },
  { min: 900, max: 2000, seconds: 60 },
  { min: 1800, max: Number.POSITIVE_INFINITY, seconds: 300 },
] as const;

/** The step for so many nodes, coming from step `at`. Pure. */
export function stepFor(count: number, at: number): number {
  let step = at;
  while (count > (steps[step] as (typeof steps)[number]).max) step++;
  while (count < (steps[step] as (typeof steps)[number]).min) step--;
  return step;
}
export const secondsOf = (step: number): number => (steps[step] as (typeof steps)[number]).seconds;

export const ttl: Controller = {
  name: "ttl-controller",
  account: "ttl-controller",
  start({ client, informers, enqueue, signal }) {
    const nodes = informers.informer(nodeResource);
    let count = 0;
    let step = 0;
    nodes.onChange((old, node) => {
      count += Number(node !== undefined) - Number(old !== undefined);
      step = stepFor(count, step);
      if (node) enqueue(node.metadata.name);
    });
    return async (name) => {
      const node = nodes.get("", name);
      const wanted = String(secondsOf(step));
      if (!node || node.metadata.annotations?.[ttlAnnotation] === wanted) return;
      try {
        await client.resource(nodeResource).patch("", name, "strategic", { metadata: { annotations: { [ttlAnnotation]: wanted } } }, { signal });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    };
  },
};
