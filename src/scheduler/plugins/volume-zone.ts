/** Volumes with zone labels are used in their zone only. */
import type { StorageClass } from "../../api/types/storage-v1.gen.ts";
import { action } from "../framework/events.ts";
import { type Plugin, rejection } from "../framework/plugin.ts";
import { classOf, isOfPod, namedClaims } from "./pod-claims.ts";
import { own, table } from "../../base/table.ts";

const name = "VolumeZone";
const refused = rejection(name, false, "node(s) had no available volume zone");
const newKey = table<string>({
  "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
});
const keys = Object.entries(newKey).flat();

export const volumeZone: Plugin = {
  name,
  wakes: [
    {
      source: "StorageClass",
      actions: action.add,
      hint: (_, { object }) => (object as StorageClass).volumeBindingMode === "WaitForFirstConsumer",
    },
    { source: "Node", actions: action.add | action.updateLabel },
    {
      source: "PersistentVolumeClaim",
      actions: action.add | action.updateOther,
      hint: isOfPod(namedClaims),
    },
    {
      source: "PersistentVolume",
      actions: action.add | action.updateOther,
      hint: (_, { old, object }) => !old || keys.some((key) => old.metadata.labels?.[key] !== object?.metadata.labels?.[key]),
    },
  ],
  filter({ pod, cluster }) {
    const topologies: { key: string; values: Set<string> }[] = [];
    for (const use of namedClaims(pod.pod)) {
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
        if (!keys.some((key) => own(labels, key) !== undefined)) return undefined;
        for (const { key, values } of topologies) {
          const value = own(labels, key) ?? own(labels, newKey[key] ?? key);
          if (value === undefined || !values.has(value)) return refused;
        }
        return undefined;
      },
    };
  },
};
