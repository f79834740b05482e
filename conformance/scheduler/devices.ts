/** Random devices: classes of them that stand behind extended resources, what drivers publish, and claims that hold some. */
import type { DeviceClass, ResourceClaim, ResourceSlice } from "../../src/api/types/resource-v1.gen.ts";
import type { Random } from "../../src/base/random.ts";
import { zones } from "./nodes.ts";
import { chance, identity, maybe, pick, times } from "./pick.ts";

const driver = "gpu.example.com";
const fast = `device.driver == "${driver}" && device.attributes["${driver}"].fast`;
/** Of a device that does not say: an error. */
const large = `device.attributes["${driver}"].size > 5`;

/** Nodes may have `example.com/dev` themselves; nothing but its own name stands for `large`. */
export const deviceResources = ["example.com/gpu", "example.com/gpu", "example.com/dev", "deviceclass.resource.kubernetes.io/fast"] as const;

const selecting = (expression: string): DeviceClass["spec"] => ({ selectors: [{ cel: { expression } }] });

export function randomDeviceClasses(random: Random): DeviceClass[] {
  const classes: [string, DeviceClass["spec"]][] = [
    ["gpu", { extendedResourceName: "example.com/gpu" }],
    ["fast", selecting(fast)],
    // Without selectors: NodeResourcesBalancedAllocation scores it in some worlds, and upstream's crashes over a selector.
    ["dev", { extendedResourceName: "example.com/dev" }],
    ["large", { extendedResourceName: "example.com/large", ...selecting(large) }],
  ];
  return classes.filter(() => chance(random, 0.8)).map(([name, spec]) => ({ metadata: identity(name) as unknown as DeviceClass["metadata"], spec }));
}

function randomSlice(random: Random, name: string, where: Pick<ResourceSlice["spec"], "nodeName" | "allNodes" | "nodeSelector">): ResourceSlice {
  const devices = times(random.int(4), (i) => ({
    name: `d${i}`,
    attributes: { fast: { bool: chance(random, 0.5) }, ...maybe(random, 0.8, () => ({ size: { int: random.int(10) } })) },
    ...maybe(random, 0.15, () => ({ taints: [{ key: "broken", effect: "NoSchedule" as const, timeAdded: "2026-01-01T00:00:00Z" }] })),
  }));
  const pool = { name, generation: 1, resourceSliceCount: chance(random, 0.05) ? 2 : 1 };
  return { metadata: identity(name) as unknown as ResourceSlice["metadata"], spec: { driver, pool, devices, ...where } };
}

export function randomSlices(random: Random, nodes: readonly string[]): ResourceSlice[] {
  const zone = { nodeSelectorTerms: [{ matchExpressions: [{ key: "topology.kubernetes.io/zone", operator: "In" as const, values: [pick(random, zones)] }] }] };
  return [
    ...nodes.filter(() => chance(random, 0.5)).map((nodeName) => randomSlice(random, nodeName, { nodeName })),
    ...(chance(random, 0.15) ? [randomSlice(random, "everywhere", { allNodes: true })] : []),
    ...(chance(random, 0.15) ? [randomSlice(random, "in-zone", { nodeSelector: zone })] : []),
  ];
}

/** Each holds one device for a pod that is not among those of the world. */
export function randomDeviceClaims(random: Random, slices: readonly ResourceSlice[]): ResourceClaim[] {
  const devices = slices.flatMap(({ spec }) => (spec.devices ?? []).map(({ name }) => ({ driver, pool: spec.pool.name, device: name })));
  return devices
    .filter(() => chance(random, 0.3))
    .map((device, i) => ({
      metadata: identity(`claim-${i}`, "a") as unknown as ResourceClaim["metadata"],
      spec: { devices: { requests: [{ name: "r", exactly: { deviceClassName: "gpu", allocationMode: "ExactCount", count: 1 } }] } },
      status: {
        allocation: { devices: { results: [{ request: "r", ...device }] } },
        reservedFor: [{ resource: "pods", name: "elsewhere", uid: "uid-elsewhere" }],
      },
    }));
}
