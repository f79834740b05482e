/** Random nodes, with what CSI drivers say of them. */
import type { Node, Taint } from "../../src/api/types/core-v1.gen.ts";
import type { CSINode } from "../../src/api/types/storage-v1.gen.ts";
import type { Random } from "../../src/base/random.ts";
import { chance, identity, maybe, pick, times } from "./pick.ts";

export const zones = ["z1", "z2", "z3"] as const;

const randomTaint = (random: Random): Taint => ({
  key: pick(random, ["gpu", "spot"]),
  value: pick(random, ["", "yes"]),
  effect: pick(random, ["NoSchedule", "PreferNoSchedule", "PreferNoSchedule", "NoExecute"]),
});

const images = [
  { names: ["big:latest", "registry.example.com/big@sha256:11"], sizeBytes: 900_000_000 },
  { names: ["medium:v1"], sizeBytes: 300_000_000 },
  { names: ["huge:latest"], sizeBytes: 4_000_000_000 },
];

export function randomNode(random: Random, name: string): Node {
  const labels: Record<string, string> = { "kubernetes.io/hostname": name };
  if (chance(random, 0.85)) labels["topology.kubernetes.io/zone"] = pick(random, zones);
  if (chance(random, 0.3)) labels["topology.kubernetes.io/region"] = "r1";
  if (chance(random, 0.1)) labels["failure-domain.beta.kubernetes.io/zone"] = pick(random, zones);
  if (chance(random, 0.5)) labels.disk = pick(random, ["ssd", "hdd"]);
  if (chance(random, 0.4)) labels.gen = String(random.int(5));
  const allocatable: Record<string, string> = {
    cpu: pick(random, ["1", "2", "4", "8", "3500m"]),
    memory: pick(random, ["1Gi", "2Gi", "8Gi", "8000000k"]),
    pods: pick(random, ["3", "5", "110", "110"]),
    "ephemeral-storage": pick(random, ["10Gi", "1Gi"]),
  };
  if (chance(random, 0.3)) allocatable["example.com/dev"] = "2";
  if (chance(random, 0.2)) allocatable["hugepages-2Mi"] = "64Mi";
  if (chance(random, 0.02)) delete allocatable.cpu;
  return {
    metadata: { ...identity(name), labels },
    spec: {
      taints: chance(random, 0.35) ? times(1 + random.int(2), () => randomTaint(random)) : [],
      ...maybe(random, 0.1, () => ({ unschedulable: true })),
    },
    status: { allocatable, capacity: allocatable, images: images.filter(() => chance(random, 0.35)), conditions: [{ type: "Ready", status: "True" }] },
  } as unknown as Node;
}

export const randomCSINode = (random: Random, name: string): CSINode =>
  ({
    metadata: identity(name),
    spec: {
      drivers: [
        {
          name: "csi.example.com",
          nodeID: name,
          topologyKeys: ["topology.kubernetes.io/zone"],
          ...maybe(random, 0.7, () => ({ allocatable: { count: 1 + random.int(2) } })),
        },
      ],
    },
  }) as unknown as CSINode;
