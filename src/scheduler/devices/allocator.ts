/**
 * Chooses devices for claims on one node: tries them in order and goes back where it gets stuck, until all claims have theirs
 * (k8s.io/dynamic-resource-allocation/structured, the allocator of the features that are on by default).
 */
import type { AllocationResult, DeviceClass, ResourceClaim, ResourceSlice } from "../../api/types/resource-v1.gen.ts";
import type { NodeFacts } from "../framework/node-selector.ts";
import { Attempt, type Candidate, type Counted, maxResults } from "./attempt.ts";
import { hasCapacity } from "./capacity.ts";
import { constraintOf } from "./constraints.ts";
import type { DevicesInUse } from "./in-use.ts";
import { deviceId, type Pool, reachedFrom, SliceIndex } from "./pools.ts";
import { resultOf } from "./result.ts";
import { claimKey, shortName, takes, type Wanted, wantedOf } from "./wanted.ts";

export class PoolsInvalid extends Error {}
export class AllocationTimeout extends Error {}

export interface AllocatorOptions {
  claims: readonly ResourceClaim[];
  slices: readonly ResourceSlice[];
  inUse: DevicesInUse;
  classOf(name: string): DeviceClass | undefined;
  /** Names a share of a device. */
  uuid(): string;
  /** Throws AllocationTimeout when the search on a node has taken too long. */
  timer(): () => void;
}

export class Allocator {
  readonly #options: AllocatorOptions;
  readonly #index: SliceIndex;
  #wanted: Wanted[][][] | undefined;

  constructor(options: AllocatorOptions) {
    this.#options = options;
    this.#index = new SliceIndex(options.slices);
  }

  /** One result for each claim; undefined where the node cannot give them. Throws where something is wrong. */
  allocate(node: NodeFacts): AllocationResult[] | undefined {
    const { claims, inUse, classOf, uuid, timer } = this.#options;
    const pools = this.#index.pools(node);
    this.#wanted ??= claims.map((claim) => claim.spec.devices.requests.map((request) => wantedOf(claim, request, classOf)));
    const requests = this.#wanted.map((ofClaim, i) => {
      const counted = ofClaim.map((alternatives) => alternatives.map((wanted) => this.#count(wanted, pools, node)));
      const least = counted.reduce((sum, alternatives) => sum + Math.min(...alternatives.map(({ count }) => count)), 0);
      const where = `claim ${claimKey(claims[i] as ResourceClaim)}`;
      if (least > maxResults) throw new Error(`${where}: number of requested devices ${least} exceeds the claim limit of ${maxResults}`);
      return counted;
    });
    const constraints = claims.map((claim) =>
      (claim.spec.devices.constraints ?? []).map((constraint, i) => {
        const made = constraintOf(constraint);
        if (made) return made;
        throw new Error(`claim ${claimKey(claim)}, constraint #${i}: empty constraint (unsupported constraint type?)`);
      }),
    );
    const attempt = new Attempt({ requests, constraints, pools, node, inUse, uuid, tick: timer() });
    if (!attempt.run()) {
      if (pools.some(({ state }) => state === "invalid")) throw new PoolsInvalid("invalid resource pools were encountered");
      return undefined;
    }
    return claims.map((claim, i) => resultOf(claim, attempt.chosen[i] ?? [], attempt.wantedOf(i), node.name));
  }

  #count(wanted: Wanted, pools: readonly Pool[], node: NodeFacts): Counted {
    if (wanted.mode !== "All") return { wanted, count: wanted.count, all: undefined };
    const all: Candidate[] = [];
    for (const pool of pools) {
      const where = `claim ${claimKey(wanted.claim)}, request ${shortName(wanted)}`;
      if (pool.state === "incomplete") throw new Error(`${where}: asks for all devices, but resource pool ${pool.id} is currently being updated`);
      if (pool.state === "invalid") throw new Error(`${where}: asks for all devices, but resource pool ${pool.id} is currently invalid`);
      for (const slice of pool.slices) {
        for (const device of slice.spec.devices ?? []) {
          if (!takes(wanted, slice, device) || (slice.spec.perDeviceNodeSelection && !reachedFrom(node, device))) continue;
          const id = deviceId(slice, device);
          if (hasCapacity(device, wanted.capacity, [this.#options.inUse.shared.get(id)])) all.push({ id, device, slice, pool });
        }
      }
    }
    return { wanted, count: all.length, all };
  }
}
