/** Devices of a pod's claims: a node fits where they are, or can be had (pkg/scheduler/framework/plugins/dynamicresources). */
import { findCondition, isConditionTrue } from "../../api/meta/conditions.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { AllocationResult, ResourceClaim } from "../../api/types/resource-v1.gen.ts";
import { Allocator, AllocationTimeout, PoolsInvalid } from "../devices/allocator.ts";
import type { ClusterView } from "../framework/cluster-view.ts";
import { action } from "../framework/events.ts";
import { type NodeTest, nodeSelectorTest } from "../framework/node-selector.ts";
import { type Cycle, isRejection, normalizeToMax, type Plugin, type Rejection, rejection } from "../framework/plugin.ts";
import { same } from "../framework/same.ts";
import type { NodeRow, Snapshot } from "../cache/snapshot.ts";
import type { PluginArgs } from "../plugin-args.ts";
import { usableResourceClaims } from "./resource-claims.ts";

const name = "DynamicResources";
const elsewhere = rejection(name, false, "resourceclaim not available on the node");
const notAll = rejection(name, false, "cannot allocate all claims");
const invalid = rejection(name, false, "invalid resource pools were encountered");
const maxAlternatives = 8;

const filterError = (message: string): Error => new Error(`running "${name}" filter plugin: ${message}`);

interface Known {
  readonly claim: ResourceClaim;
  /** Undefined: its devices can be reached from everywhere, or it has none yet. */
  readonly reaches: NodeTest | undefined;
}

/** Why a device cannot be used any more; true once all are ready. */
function readiness({ status, metadata }: ResourceClaim): boolean {
  return (status.allocation?.devices.results ?? []).every(({ driver, pool, device, bindingConditions = [], bindingFailureConditions = [] }) => {
    if (!bindingConditions.length) return true;
    const told = status.devices?.find((one) => one.device === device && one.driver === driver && one.pool === pool);
    for (const type of told ? bindingFailureConditions : []) {
      const failed = findCondition(told?.conditions, type);
      if (failed?.status !== "True") continue;
      const why = `claim=${metadata.name}, reason=${failed.reason}, message=${JSON.stringify(failed.message)}`;
      throw new Error(`device binding failed: ${why}`);
    }
    return Boolean(told) && bindingConditions.every((type) => isConditionTrue(told?.conditions, type));
  });
}

const waitsForDevices = ({ status }: ResourceClaim): boolean =>
  Boolean(status.allocation?.devices.results?.some(({ bindingConditions }) => bindingConditions?.length));

function isOverdue(claim: ResourceClaim, timeout: number, now: number): boolean {
  const since = claim.status.allocation?.allocationTimestamp;
  return since !== undefined && waitsForDevices(claim) && Date.parse(since) + timeout < now;
}

function isLost(claim: ResourceClaim, timeout: number, now: number): boolean {
  if (!claim.status?.allocation) return false;
  try {
    return !readiness(claim) && isOverdue(claim, timeout, now);
  } catch {
    return true;
  }
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

/** What one cycle knows about the claims of its pod. */
class ClaimsOfPod {
  readonly claims: readonly ResourceClaim[];
  readonly #known: readonly Known[];
  readonly #allocator: Allocator | undefined;
  readonly #cluster: ClusterView;
  readonly #args: PluginArgs[typeof name];
  /** By node. */
  readonly #found = new Map<string, AllocationResult[]>();
  readonly unavailable = new Set<ResourceClaim>();

  constructor(claims: readonly ResourceClaim[], cluster: ClusterView, args: PluginArgs[typeof name]) {
    this.claims = claims;
    this.#cluster = cluster;
    this.#args = args;
    this.#known = claims.map((claim) => {
      const selector = claim.status?.allocation?.nodeSelector;
      return { claim, reaches: selector && nodeSelectorTest(selector) };
    });
    const { devices } = cluster;
    const missing = claims.filter(({ status }) => !status?.allocation);
    if (!missing.length) return;
    this.#allocator = new Allocator({
      claims: missing,
      slices: devices.slices(),
      inUse: devices.inUse(),
      classOf: (className) => devices.deviceClass(className),
      uuid: () => devices.uuid(),
      timer: () => (args.filterTimeout ? devices.timer(args.filterTimeout) : () => {}),
    });
  }

  check(node: NodeRow): Rejection | undefined {
    const now = this.#cluster.devices.now();
    const lost = this.#known.filter(({ claim, reaches }) => (reaches && !reaches(node)) || isLost(claim, this.#args.bindingTimeout, now));
    const allocations = this.allocate(node);
    if (isRejection(allocations)) return allocations;
    for (const { claim } of lost) this.unavailable.add(claim);
    return lost.length ? elsewhere : undefined;
  }

  /** For the claims that have none, in their order. */
  allocate(node: NodeRow): AllocationResult[] | Rejection {
    const known = this.#found.get(node.name);
    if (known || !this.#allocator) return known ?? [];
    try {
      const found = this.#allocator.allocate(node);
      if (!found) return notAll;
      this.#found.set(node.name, found);
      return found;
    } catch (error) {
      if (error instanceof PoolsInvalid) return invalid;
      throw filterError(error instanceof AllocationTimeout ? `node ${node.name}: timed out trying to allocate devices` : (error as Error).message);
    }
  }

  score(node: NodeRow): number {
    const allocations = this.allocate(node);
    return isRejection(allocations) ? 0 : scoreOf(this.claims, allocations);
  }

  get hasAlternatives(): boolean {
    return this.claims.some(({ spec }) => spec.devices.requests?.some(({ firstAvailable }) => firstAvailable?.length));
  }

  /** The first that could get other devices if it gave its own back. */
  toDeallocate(pod: Pod): ResourceClaim | undefined {
    return [...this.unavailable].find(({ status }) => {
      const { reservedFor = [] } = status;
      return reservedFor.length === 0 || (reservedFor.length === 1 && reservedFor[0]?.uid === pod.metadata.uid);
    });
  }
}

function missingClass({ spec }: ResourceClaim, cluster: ClusterView): Rejection | undefined {
  for (const { name: request, exactly, firstAvailable } of spec.devices.requests ?? []) {
    const asked = exactly ? [{ ...exactly, at: request }] : (firstAvailable ?? []).map((one) => ({ ...one, at: `${request}/${one.name}` }));
    const found = asked.find(({ deviceClassName }) => !cluster.devices.deviceClass(deviceClassName));
    if (found) return rejection(name, false, `request ${found.at}: device class ${found.deviceClassName} does not exist`);
  }
  return undefined;
}

function prepare(args: PluginArgs[typeof name], { pod: { pod }, cluster }: Cycle): ClaimsOfPod | Rejection | undefined {
  if (!pod.spec.resourceClaims?.length) return undefined;
  const claims = usableResourceClaims(pod, cluster.devices);
  if (typeof claims === "string") return rejection(name, false, claims);
  if (!claims.length) return undefined;
  for (const claim of claims) {
    const { metadata, status } = claim;
    if (status?.allocation) continue;

    if (cluster.devices.isPending(claim))
      return rejection(name, false, `resource claim ${metadata.namespace}/${metadata.name} is in the process of being allocated`);
    const missing = missingClass(claim, cluster);
    if (missing) return missing;
  }
  return new ClaimsOfPod(claims, cluster, args);
}

export const dynamicResources = (args: PluginArgs[typeof name]): Plugin => {
  /** Of the latest cycle: scores and the choice follow from the same search. */
  let latest: { pod: Pod; snapshot: Snapshot; claims: ClaimsOfPod } | undefined;
  const found = (cycle: Cycle): ClaimsOfPod | Rejection | undefined => {
    if (latest?.pod === cycle.pod.pod && latest.snapshot === cycle.snapshot) return latest.claims;
    return prepare(args, cycle);
  };
  return {
    name,
    wakes: [
      { source: "Node", actions: action.add | action.updateLabel | action.updateAllocatable },
      {
        source: "ResourceClaim",
        actions: action.add | action.updateOther,
        hint(pod, { old, object }, cluster) {
          const claims = usableResourceClaims(pod, cluster.devices);
          if (typeof claims === "string") return false;
          const [before, now] = [old as ResourceClaim | undefined, object as ResourceClaim];
          if (before?.status?.allocation && !now.status?.allocation) return true;
          if (!claims.some(({ metadata }) => metadata.uid === now.metadata.uid)) return false;
          return !before || !same(before.status ?? {}, now.status ?? {});
        },
      },
      {
        source: "TargetPod",
        actions: action.updatePodGeneratedResourceClaim,
        hint: (_, { object }, cluster) => typeof usableResourceClaims(object as Pod, cluster.devices) !== "string",
      },
      { source: "DeviceClass", actions: action.add | action.updateOther },
      { source: "ResourceSlice", actions: action.add | action.updateOther },
    ],
    preEnqueue(pod, cluster) {
      if (!pod.spec.resourceClaims?.length) return undefined;
      const claims = usableResourceClaims(pod, cluster.devices);
      return typeof claims === "string" ? rejection(name, false, claims) : undefined;
    },
    filter(cycle) {
      latest = undefined;
      const claims = prepare(args, cycle);
      if (!claims) return "skip";
      if (isRejection(claims)) return claims;
      const { pod } = cycle.pod;
      latest = { pod, snapshot: cycle.snapshot, claims };
      return {
        check: ({ rows }, row) => claims.check(rows[row]!),
        noNode() {
          const claim = claims.toDeallocate(pod);
          if (!claim) return { message: "still not schedulable" };
          return { message: "deallocation of ResourceClaim completed", work: (signal) => cycle.cluster.devices.deallocate(claim, signal) };
        },
      };
    },
    score(cycle) {
      const claims = found(cycle);
      if (!claims || isRejection(claims) || !claims.hasAlternatives) return "skip";
      return {
        score({ rows: nodes }, rows, out) {
          for (let i = 0; i < rows.length; i++) out[i] = claims.score(nodes[rows[i]!]!);
        },
        normalize: (scores: Float64Array) => normalizeToMax(scores, false),
      };
    },
    reserve(cycle, row) {
      const claims = found(cycle);
      latest = undefined;
      if (!claims || isRejection(claims)) return claims;
      const node = cycle.snapshot.rows[row]!;
      const allocations = claims.allocate(node);
      if (isRejection(allocations)) return allocations;
      let next = 0;
      const plans = claims.claims.map((claim) => ({ claim, allocation: claim.status?.allocation ? undefined : allocations[next++] }));
      const { devices } = cycle.cluster;
      const { pod } = cycle.pod;
      devices.reserve(plans);
      return {
        unreserve: () => devices.unreserve(pod, plans),
        async preBind(signal, tell) {
          try {
            const bound = await devices.bind(pod, plans, signal);
            if (!bound.some(waitsForDevices)) return;
            tell({ reason: "BindingConditionsPending", note: `waiting for binding conditions for device on node ${node.name}` });
            const isReady = (): boolean =>
              bound.every(({ metadata: { namespace = "", name: claimName } }) => {
                const claim = devices.claim(namespace, claimName);
                if (!claim) throw new Error(`resourceclaim.resource.k8s.io ${JSON.stringify(claimName)} not found`);
                if (readiness(claim)) return true;
                if (isOverdue(claim, args.bindingTimeout, devices.now())) throw new Error(`device binding timeout: claim=${claimName}`);
                return false;
              });
            await devices.wait(isReady, args.bindingTimeout, signal);
          } catch (error) {
            if (signal.aborted) throw error;
            throw new Error(`running PreBind plugin "${name}": ${(error as Error).message}`, { cause: error });
          }
        },
      };
    },
  };
};
