/** What the proxy has to know of its node and of the cluster's Service networks. */
import type { Node } from "../api/types/core-v1.gen.ts";
import type { InformerFactory } from "../client/factory.ts";
import type { Informer } from "../client/informer.ts";
import { nodes, servicecidrs } from "../client/resources.gen.ts";
import type { ServiceCIDR } from "../api/types/networking-v1.gen.ts";
import type { Family } from "./packed-slice.ts";

const zoneLabel = "topology.kubernetes.io/zone";
const of = (family: Family, text: string): boolean => text.includes(":") === (family === "IPv6");

/** Called with the node, and whether what endpoints are chosen has changed with it. */
export type NodeHandler = (node: Node | undefined, everything: boolean) => void;

export class NodeView {
  readonly #nodes: Informer<Node>;
  readonly #cidrs: Informer<ServiceCIDR>;
  readonly #name: string;
  /** Service networks have changed since it was last set to false. */
  changed = false;

  constructor(informers: InformerFactory, name: string) {
    this.#name = name;
    this.#nodes = informers.informer(nodes, { fieldSelector: `metadata.name=${name}`, project: bare });
    this.#cidrs = informers.informer(servicecidrs);
    this.#cidrs.onChange(() => {
      this.changed = true;
    });
  }

  onChange(handler: NodeHandler): void {
    const known = (node: Node | undefined): string => (node ? JSON.stringify([zoneOf(node), node.status.addresses]) : "");
    this.#nodes.onChange((old, now) => handler(now, known(old) !== known(now)));
  }

  async synced(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#nodes.synced(signal), this.#cidrs.synced(signal)]);
  }

  get node(): Node | undefined {
    return this.#nodes.get("", this.#name);
  }
  get zone(): string {
    return zoneOf(this.node);
  }

  /** The node's address in the family, "" when it has none. */
  address(family: Family): string {
    const addresses = this.node?.status.addresses ?? [];
    const found = (type: string): string | undefined => addresses.find((one) => one.type === type && of(family, one.address))?.address;
    return found("InternalIP") ?? found("ExternalIP") ?? "";
  }

  serviceCIDRs(family: Family): string[] {
    const all = this.#cidrs.list().flatMap((object) => object.spec.cidrs ?? []);
    return [...new Set(all.filter((cidr) => of(family, cidr)))].sort();
  }
}

const zoneOf = (node: Node | undefined): string => node?.metadata.labels?.[zoneLabel] ?? "";

function bare(node: Node): Node {
  const { name, uid, resourceVersion, deletionTimestamp, labels } = node.metadata;
  return {
    metadata: { name, uid, resourceVersion, deletionTimestamp, labels },
    spec: { taints: node.spec.taints, podCIDRs: node.spec.podCIDRs },
    status: { addresses: node.status.addresses },
  } as unknown as Node;
}
