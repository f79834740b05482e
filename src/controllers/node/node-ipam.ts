/** Gives each node its pod networks, one of each cluster range (pkg/controller/nodeipam, RangeAllocator). Does nothing without --allocate-node-cidrs. */
import { isNotFound } from "../../api/status.ts";
import type { Node } from "../../api/types/core-v1.gen.ts";
import { nodes as nodeResource } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import type { Measures } from "../runtime/measures.ts";
import { CIDRSet } from "./cidr-set.ts";

/** Tries of one write before the networks are given back. */
const tries = 3;

const podCIDRs = ({ spec }: Node): string[] => (spec?.podCIDRs?.length ? spec.podCIDRs : spec?.podCIDR ? [spec.podCIDR] : []);

/** The pools of the cluster's ranges, and what of them nodes have. Pure but for its own memory. */
export class NodeCIDRs {
  readonly #sets: readonly CIDRSet[];

  /** Throws for pools that make no sense. What services have is never given out. */
  constructor(pools: readonly { cidr: string; mask: number }[], reserved: readonly string[]) {
    this.#sets = pools.map(({ cidr, mask }) => new CIDRSet(cidr, mask));
    for (const set of this.#sets) {
      for (const cidr of reserved) {
        try {
          set.occupy(cidr);
        } catch {
          // It lies elsewhere, as it should.
        }
      }
    }
  }

  /** By range. */
  read(measure: (set: CIDRSet) => number): [value: number, range: string][] {
    return this.#sets.map((set) => [measure(set), set.range]);
  }

  /** Throws when the node has what no pool has. */
  occupy(node: Node): void {
    this.#each(node, (set, cidr) => set.occupy(cidr));
  }
  release(node: Node): void {
    this.#each(node, (set, cidr) => set.release(cidr));
  }
  giveBack(cidrs: readonly string[]): void {
    for (const [i, cidr] of cidrs.entries()) this.#sets[i]?.release(cidr);
  }
  /** One of each pool; throws when one is exhausted, and keeps nothing then. */
  take(): string[] {
    const taken: string[] = [];
    for (const [i, set] of this.#sets.entries()) {
      const cidr = set.take();
      if (cidr === undefined) {
        this.giveBack(taken);
        throw new Error(
          `failed to allocate cidr from cluster cidr at idx:${i}: CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted range`,
        );
      }
      taken.push(cidr);
    }
    return taken;
  }

  #each(node: Node, fn: (set: CIDRSet, cidr: string) => void): void {
    for (const [i, cidr] of podCIDRs(node).entries()) {
      const set = this.#sets[i];
      if (!set) throw new Error(`node:${node.metadata.name} has an allocated cidr: ${cidr} at index:${i} that does not exist in cluster cidrs configuration`);
      fn(set, cidr);
    }
  }
}

function measure(measures: Measures, cidrs: NodeCIDRs): void {
  const range = ["clusterCIDR"];
  const name = (what: string): string => `node_ipam_controller_${what}`;
  const reading = (value: (set: CIDRSet) => number) => () => cidrs.read(value);
  measures.gauge(
    name("cirdset_max_cidrs"),
    "[ALPHA] Maximum number of CIDRs that can be allocated.",
    range,
    reading(({ size }) => size),
  );
  measures.gauge(
    name("cidrset_usage_cidrs"),
    "[ALPHA] Gauge measuring percentage of allocated CIDRs.",
    range,
    reading(({ taken, size }) => taken / size),
  );
  measures.counter(
    name("cidrset_cidrs_allocations_total"),
    "[ALPHA] Counter measuring total number of CIDR allocations.",
    range,
    reading(({ allocations }) => allocations),
  );
  measures.counter(
    name("cidrset_cidrs_releases_total"),
    "[ALPHA] Counter measuring total number of CIDR releases.",
    range,
    reading(({ releases }) => releases),
  );
}

export const nodeIpam: Controller = {
  name: "node-ipam-controller",
  account: "node-controller",
  component: "cidrAllocator",
  start({ client, informers, events, enqueue, options, logger, measures, signal }) {
    if (!options.nodeCIDRs) return async () => {};
    const { pools, reserved } = options.nodeCIDRs;
    const cidrs = new NodeCIDRs(pools, reserved);
    measure(measures, cidrs);
    const nodes = informers.informer(nodeResource);
    /** Given to nodes whose cached form does not show it yet. */
    const given = new Map<string, string[]>();
    let looked = false;
    const attempt = (what: string, node: Node, fn: () => void): void => {
      try {
        fn();
      } catch (error) {
        logger.error(what, { node: node.metadata.name, error });
      }
    };
    nodes.onChange((old, node) => {
      if (node) enqueue(node.metadata.name);
      else if (old) {
        const fresh = given.get(old.metadata.name);
        given.delete(old.metadata.name);
        if (!podCIDRs(old).length && fresh) cidrs.giveBack(fresh);
        attempt("pod networks not taken back", old, () => cidrs.release(old));
      }
    });

    const tell = (node: Node, status: string): void => {
      const { name, uid } = node.metadata;
      events.event({ kind: "Node", apiVersion: "v1", name, uid }, "Normal", status, `Node ${name} status is now: ${status}`);
    };
    const assign = async (node: Node, wanted: string[]): Promise<void> => {
      const { name } = node.metadata;
      for (let left = tries; ; left--) {
        try {
          await client.resource(nodeResource).patch("", name, "strategic", { spec: { podCIDR: wanted[0], podCIDRs: wanted } }, { signal });
          return;
        } catch (error) {
          if (isNotFound(error)) throw error;
          if (left > 1) continue;
          tell(node, "CIDRAssignmentFailed");
          throw error;
        }
      }
    };

    return async (name) => {
      // What exists is known before anything new is given out.
      if (!looked) for (const node of nodes.list()) attempt("pod networks not understood", node, () => cidrs.occupy(node));
      looked = true;
      const node = nodes.get("", name);
      if (!node || node.metadata.deletionTimestamp) return;
      if (podCIDRs(node).length) {
        given.delete(name);
        cidrs.occupy(node);
        return;
      }
      if (given.has(name)) return;
      let wanted: string[];
      try {
        wanted = cidrs.take();
      } catch (error) {
        tell(node, "CIDRNotAvailable");
        throw error;
      }
      given.set(name, wanted);
      try {
        await assign(node, wanted);
        logger.info("node has its pod networks", { node: name, podCIDRs: wanted });
      } catch (error) {
        if (given.delete(name)) cidrs.giveBack(wanted);
        throw error;
      }
    };
  },
};
