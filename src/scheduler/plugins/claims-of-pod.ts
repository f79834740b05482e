/** What one cycle knows about the claims of its pod, those for extended resources included, and finds out about devices for them. */
import { isZeroQuantity } from "../../api/core/resource-list.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { AllocationResult, ResourceClaim } from "../../api/types/resource-v1.gen.ts";
import type { NodeRow } from "../cache/snapshot.ts";
import { Allocator, AllocationTimeout, PoolsInvalid } from "../devices/allocator.ts";
import { claimInMemory, extendedRequests } from "../devices/extended-claim.ts";
import type { ClusterView } from "../framework/cluster-view.ts";
import type { DevicePlan } from "../framework/device-plan.ts";
import { type NodeTest, nodeSelectorTest } from "../framework/node-selector.ts";
import { isRejection, type Rejection, rejection } from "../framework/plugin.ts";
import type { PluginArgs } from "../plugin-args.ts";
import { isLost } from "./device-readiness.ts";

const name = "DynamicResources";
const elsewhere = rejection(name, false, "resourceclaim not available on the node");
const notAll = rejection(name, false, "cannot allocate all claims");
const invalid = rejection(name, false, "invalid resource pools were encountered");
const leftOver = rejection(name, false, "cannot schedule extended resource claim");
const unknownResource = rejection(name, false, "cannot fit resource");
const maxAlternatives = 8;

const filterError = (message: string): Error => new Error(`running "${name}" filter plugin: ${message}`);

interface Known {
  readonly claim: ResourceClaim;
  /** Undefined: its devices can be reached from everywhere, or it has none yet. */
  readonly reaches: NodeTest | undefined;
}

/** What nodes that lack the same of the pod's extended resources have in common. */
interface Variant {
  readonly extended: Pick<DevicePlan, "claim" | "mappings"> | undefined;
  readonly allocator: Allocator | undefined;
}

/** How good the alternatives are that were chosen. */
function scoreOf(claims: readonly ResourceClaim[], allocations: readonly AllocationResult[]): number {
  let next = 0;
  let score = 0;
  for (const { spec, status } of claims) {
    const { devices } = status?.allocation ?? (allocations[next++] as AllocationResult);
    const used = new Set((devices.results ?? []).map(({ request }) => request));
    for (const request of spec.devices.requests ?? []) {
      for (const [i, alternative] of (request.firstAvailable ?? []).entries()) {
        if (used.has(`${request.name}/${alternative.name}`)) score += maxAlternatives - i;
      }
    }
  }
  return score;
}

export interface ClaimsOfPodOptions {
  readonly pod: Pod;
  /** Those that the pod names. */
  readonly claims: readonly ResourceClaim[];
  /** Resources that may be devices of which it asks for some; empty where devices stand behind none of them. */
  readonly resources: readonly string[];
  readonly cluster: ClusterView;
  readonly args: PluginArgs[typeof name];
}

export class ClaimsOfPod {
  readonly #options: ClaimsOfPodOptions;
  readonly #known: readonly Known[];
  /** Made for extended resources in an attempt that failed. */
  readonly #leftOver: ResourceClaim | undefined;
  readonly #variants = new Map<string, Variant>();
  /** By node. */
  readonly #found = new Map<string, AllocationResult[]>();
  readonly unavailable = new Set<ResourceClaim>();

  constructor(options: ClaimsOfPodOptions) {
    this.#options = options;
    const { claims, resources, cluster, pod } = options;
    this.#leftOver = resources.length ? cluster.devices.extendedClaim(pod) : undefined;
    this.#known = claims.map((claim) => {
      const selector = claim.status?.allocation?.nodeSelector;
      return { claim, reaches: selector && nodeSelectorTest(selector) };
    });
  }

  check(node: NodeRow): Rejection | undefined {
    const variant = this.#variant(node);
    if (isRejection(variant)) return variant;
    const { cluster, args } = this.#options;
    const now = cluster.devices.now();
    const lost = this.#known.filter(({ claim, reaches }) => (reaches && !reaches(node)) || isLost(claim, args.bindingTimeout, now));
    const allocations = this.#allocate(node, variant);
    if (isRejection(allocations)) return allocations;
    for (const { claim } of lost) this.unavailable.add(claim);
    return lost.length ? elsewhere : undefined;
  }

  #variant(node: NodeRow): Variant | Rejection {
    if (this.#leftOver) return leftOver;
    const { resources, cluster, pod } = this.#options;
    const lacking: string[] = [];
    for (const resource of resources) {
      const allocatable = node.node?.status?.allocatable?.[resource];
      if (cluster.devices.classBehind(resource) && (allocatable === undefined || isZeroQuantity(String(allocatable)))) lacking.push(resource);
      else if (allocatable === undefined) return unknownResource;
    }
    const key = lacking.join(" ");
    let variant = this.#variants.get(key);
    if (!variant) {
      const { requests, mappings } = extendedRequests(pod, lacking, (resource) => cluster.devices.classBehind(resource));
      const extended = lacking.length ? { claim: claimInMemory(pod, cluster.devices.uuid(), requests), mappings } : undefined;
      variant = { extended, allocator: this.#allocator(extended?.claim) };
      this.#variants.set(key, variant);
    }
    return variant;
  }

  #allocator(extended: ResourceClaim | undefined): Allocator | undefined {
    const { claims, cluster, args } = this.#options;
    const missing = [...claims, ...(extended ? [extended] : [])].filter(({ status }) => !status?.allocation);
    if (!missing.length) return undefined;
    const { devices } = cluster;
    return new Allocator({
      claims: missing,
      slices: devices.slices(),
      inUse: devices.inUse(),
      classOf: (className) => devices.deviceClass(className),
      uuid: () => devices.uuid(),
      timer: () => (args.filterTimeout ? devices.timer(args.filterTimeout) : () => {}),
    });
  }

  /** For the claims that have none, in their order. */
  #allocate(node: NodeRow, { allocator }: Variant): AllocationResult[] | Rejection {
    const known = this.#found.get(node.name);
    if (known || !allocator) return known ?? [];
    try {
      const found = allocator.allocate(node);
      if (!found) return notAll;
      this.#found.set(node.name, found);
      return found;
    } catch (error) {
      if (error instanceof PoolsInvalid) return invalid;
      throw filterError(error instanceof AllocationTimeout ? `node ${node.name}: timed out trying to allocate devices` : (error as Error).message);
    }
  }

  /** What is to be written if the pod goes there. */
  plans(node: NodeRow): DevicePlan[] | Rejection {
    const variant = this.#variant(node);
    if (isRejection(variant)) return variant;
    const allocations = this.#allocate(node, variant);
    if (isRejection(allocations)) return allocations;
    let next = 0;
    const plans: DevicePlan[] = this.#options.claims.map((claim) => ({ claim, allocation: claim.status?.allocation ? undefined : allocations[next++] }));
    if (variant.extended) plans.push({ ...variant.extended, allocation: allocations[next] });
    return plans;
  }

  score(node: NodeRow): number {
    const plans = this.plans(node);
    if (isRejection(plans)) return 0;
    return scoreOf(
      plans.map(({ claim }) => claim),
      plans.flatMap(({ allocation }) => allocation ?? []),
    );
  }

  get hasAlternatives(): boolean {
    return this.#options.claims.some(({ spec }) => spec.devices.requests?.some(({ firstAvailable }) => firstAvailable?.length));
  }

  /** The first that could get other devices if it gave its own back; what an attempt left behind, to be removed. */
  toFree(): { readonly claim: ResourceClaim; readonly remove: boolean } | undefined {
    const claim = [...this.unavailable].find(({ status }) => {
      const { reservedFor = [] } = status;
      return reservedFor.length === 0 || (reservedFor.length === 1 && reservedFor[0]?.uid === this.#options.pod.metadata.uid);
    });
    if (claim) return { claim, remove: false };
    return this.#leftOver && { claim: this.#leftOver, remove: true };
  }
}
