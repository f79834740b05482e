/** Devices of a pod's claims: a node fits where they are, or can be had (pkg/scheduler/framework/plugins/dynamicresources). */
import { isReservedFor } from "../../api/resource/pod-claims.ts";
import { mayBeDevices } from "../../api/resource/extended-resource.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { ResourceClaim } from "../../api/types/resource-v1.gen.ts";
import type { Snapshot } from "../cache/snapshot.ts";
import { podBehind } from "../devices/extended-claim.ts";
import type { ClusterView } from "../framework/cluster-view.ts";
import { action } from "../framework/events.ts";
import { type Cycle, isRejection, normalizeToMax, type Plugin, type Rejection, rejection } from "../framework/plugin.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import { same } from "../framework/same.ts";
import type { PluginArgs } from "../plugin-args.ts";
import { ClaimsOfPod } from "./claims-of-pod.ts";
import { isOverdue, readiness, waitsForDevices } from "./device-readiness.ts";
import { usableResourceClaims } from "./resource-claims.ts";

const name = "DynamicResources";
const inUse = rejection(name, false, "resourceclaim in use");
/** That a claim has room for. */
const maxUsers = 256;

function missingClass({ spec }: ResourceClaim, cluster: ClusterView): Rejection | undefined {
  for (const { name: request, exactly, firstAvailable } of spec.devices.requests ?? []) {
    const asked = exactly ? [{ ...exactly, at: request }] : (firstAvailable ?? []).map((one) => ({ ...one, at: `${request}/${one.name}` }));
    const found = asked.find(({ deviceClassName }) => !cluster.devices.deviceClass(deviceClassName));
    if (found) return rejection(name, false, `request ${found.at}: device class ${found.deviceClassName} does not exist`);
  }
  return undefined;
}

/** Resources that may be devices; none where devices stand behind none of those that the pod asks for. */
function resourcesOf({ requests }: PodInfo, { devices }: ClusterView): string[] {
  const names = requests.scalars.flatMap(([resource]) => (mayBeDevices(resource) ? [resource] : []));
  return names.some((resource) => devices.classBehind(resource)) ? names : [];
}

function prepare(args: PluginArgs[typeof name], { pod: info, cluster }: Cycle): ClaimsOfPod | Rejection | undefined {
  const { pod } = info;
  if (!pod.spec.resourceClaims?.length && !info.requests.scalars.length) return undefined;
  const claims = usableResourceClaims(pod, cluster.devices);
  if (typeof claims === "string") return rejection(name, false, claims);
  const resources = resourcesOf(info, cluster);
  if (!claims.length && !resources.length) return undefined;
  for (const claim of claims) {
    const { metadata, status } = claim;
    if (status?.allocation) {
      if ((status.reservedFor?.length ?? 0) >= maxUsers && !isReservedFor(claim, pod)) return inUse;
      continue;
    }
    if (cluster.devices.isPending(claim))
      return rejection(name, false, `resource claim ${metadata.namespace}/${metadata.name} is in the process of being allocated`);
    const missing = missingClass(claim, cluster);
    if (missing) return missing;
  }
  return new ClaimsOfPod({ pod, claims, resources, cluster, args });
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
        actions: action.add | action.updateOther | action.delete,
        hint(pod, { old, object }, cluster) {
          // Its devices are free, or what an attempt left behind is gone and the next one may begin.
          if (!object) return Boolean((old as ResourceClaim).status?.allocation) || podBehind(old as ResourceClaim) === pod.metadata.uid;
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
          const found = claims.toFree();
          if (!found) return { message: "still not schedulable" };
          const { claim, remove } = found;
          const { devices } = cycle.cluster;
          if (remove) return { message: "deletion of ResourceClaim completed", work: (signal) => devices.remove(claim, signal) };
          return { message: "deallocation of ResourceClaim completed", work: (signal) => devices.deallocate(claim, signal) };
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
      const plans = claims.plans(node);
      if (isRejection(plans)) return plans;
      if (!plans.length) return undefined;
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
