/** The order in which nodes are tried: zones take turns (k8s.io/kubernetes/pkg/scheduler/backend/cache/node_tree.go). */
import type { Node } from "../../api/types/core-v1.gen.ts";

export function zoneOf(node: Node): string {
  const labels = node.metadata.labels ?? {};
  const region = labels["topology.kubernetes.io/region"] ?? labels["failure-domain.beta.kubernetes.io/region"] ?? "";
  const zone = labels["topology.kubernetes.io/zone"] ?? labels["failure-domain.beta.kubernetes.io/zone"] ?? "";
  return region || zone ? `${region}:\0:${zone}` : "";
}

export class NodeOrder {
  readonly #zones = new Map<string, Set<number>>();

  add(zone: string, row: number): void {
    const rows = this.#zones.get(zone);
    if (rows) rows.add(row);
    else this.#zones.set(zone, new Set([row]));
  }

  remove(zone: string, row: number): void {
    const rows = this.#zones.get(zone);
    rows?.delete(row);
    if (rows?.size === 0) this.#zones.delete(zone);
  }

  rows(): Int32Array {
    const zones = [...this.#zones.values()].map((rows) => [...rows]);
    const order = new Int32Array(zones.reduce((sum, rows) => sum + rows.length, 0));
    let at = 0;
    for (let turn = 0; at < order.length; turn++) for (const rows of zones) if (turn < rows.length) order[at++] = rows[turn] as number;
    return order;
  }
}
