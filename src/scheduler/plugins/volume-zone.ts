/** Volumes with zone labels are used in their zone only. */
import type { PersistentVolume } from "../../api/types/core-v1.gen.ts";
import { action } from "../framework/events.ts";
import { type Plugin, rejection } from "../framework/plugin.ts";
import { same } from "../framework/same.ts";
import { claimsOf, classOf } from "./pod-claims.ts";

const name = "VolumeZone";
const refused = rejection(name, false, "node(s) had no available volume zone");
const newKey: Record<string, string> = {
  "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
};
const keys = Object.entries(newKey).flat();

export const volumeZone: Plugin = {
  name,
  wakes: [
    { source: "StorageClass", actions: action.add },
    { source: "Node", actions: action.add | action.updateLabel },
    {
      source: "PersistentVolumeClaim",
      actions: action.add | action.updateOther,
      hint: (pod, { object }) => object?.metadata.namespace === pod.metadata.namespace && claimsOf(pod).some((claim) => claim.name === object?.metadata.name),
    },
    {
      source: "PersistentVolume",
      actions: action.add | action.updateOther,
      hint: (_, { old, object }) => !old || !same((old as PersistentVolume).metadata.labels, object?.metadata.labels),
    },
  ],
  filter({ pod, cluster }) {
    const topologies: { key: string; values: Set<string> }[] = [];
    for (const use of claimsOf(pod.pod)) {
      const claim = cluster.pvc(pod.namespace, use.name);
      if (!claim) return rejection(name, false, `persistentvolumeclaim ${JSON.stringify(use.name)} not found`);
      const { volumeName } = claim.spec;
      if (!volumeName) {
        const className = classOf(claim);
        if (!className) return rejection(name, false, "PersistentVolumeClaim had no pv name and storageClass name");
        const storageClass = cluster.storageClass(className);
        if (!storageClass) return rejection(name, false, `storageclass.storage.k8s.io ${JSON.stringify(className)} not found`);
        if (storageClass.volumeBindingMode === "WaitForFirstConsumer") continue;
        return rejection(name, false, "PersistentVolume had no name");
      }
      const volume = cluster.pv(volumeName);
      if (!volume) return rejection(name, false, `persistentvolume ${JSON.stringify(volumeName)} not found`);
      for (const key of keys) {
        const value = volume.metadata.labels?.[key];
        if (value !== undefined) topologies.push({ key, values: new Set(value.split("__")) });
      }
    }
    if (!topologies.length) return "skip";
    return {
      check({ rows }, row) {
        const { labels } = rows[row]!;
        if (!keys.some((key) => labels[key] !== undefined)) return undefined;
        for (const { key, values } of topologies) {
          const value = labels[key] ?? labels[newKey[key] ?? key];
          if (value === undefined || !values.has(value)) return refused;
        }
        return undefined;
      },
    };
  },
};
