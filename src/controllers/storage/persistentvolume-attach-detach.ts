/**
 * Attaches volumes to the nodes whose pods use them, and detaches them when no pod does and the node has let go
 * (pkg/controller/volume/attachdetach). For a CSI volume that means a VolumeAttachment, which the driver's own
 * external-attacher carries out; volumes of plugins that moved to CSI drivers are left to those drivers' own persistent volumes.
 */
import { keyOf } from "../../api/object.ts";
import type { Node, Pod } from "../../api/types/core-v1.gen.ts";
import {
  csidrivers,
  nodes as nodeResource,
  persistentvolumeclaims,
  persistentvolumes,
  pods as podResource,
  volumeattachments,
} from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import { attachableVolume } from "./attach-detach/attachable.ts";
import { Attachments } from "./attach-detach/attachments.ts";
import { Desired } from "./attach-detach/desired.ts";
import { NodeReports } from "./attach-detach/node-reports.ts";
import { byClaim, claimIndex } from "./pods-of-claim.ts";
import { measureAttachments } from "./volume-measures.ts";

const nodeKey = "node:";

/** Keys are the volumes' unique names, and nodes that have to be told again. */
export const persistentVolumeAttachDetach: Controller = {
  name: "persistentvolume-attach-detach-controller",
  account: "attachdetach-controller",
  start(context) {
    const { informers, enqueue, measures } = context;
    const pods = informers.informer(podResource, { indexes: claimIndex });
    const claims = informers.informer(persistentvolumeclaims);
    const volumes = informers.informer(persistentvolumes);
    const nodes = informers.informer(nodeResource);
    const drivers = informers.informer(csidrivers);
    const attachments = informers.informer(volumeattachments);
    /** What nodes that are gone said last that they use. */
    const departed = new Map<string, readonly string[]>();
    const attaches = (driver: string): boolean => drivers.get("", driver)?.spec.attachRequired !== false;
    const desired = new Desired({ claim: (namespace, name) => claims.get(namespace, name), volume: (name) => volumes.get("", name), attaches }, (unique) =>
      enqueue(unique),
    );
    const reports = new NodeReports(context, (name) => nodes.get("", name));
    const forced = measureAttachments(measures, {
      wanted: () => desired.wanted(),
      present: () => places.present(),
      used: () => desired.used(),
    });
    const lastInUse = (name: string): readonly string[] => departed.get(name) ?? [];
    const places = new Attachments({ context, desired, reports, nodes, attachments, forced, lastInUse });

    const updateUsers = (claimKey: string): void => {
      for (const pod of pods.by(byClaim, claimKey)) desired.update(pod);
    };
    pods.onChange((old, pod) => {
      if (pod) desired.update(pod);
      else desired.remove(old as Pod);
    });
    claims.onChange((_, claim) => {
      if (claim?.status?.phase === "Bound") updateUsers(keyOf(claim));
    });
    volumes.onChange((_, volume) => {
      const { claimRef } = volume?.spec ?? {};
      if (claimRef) updateUsers(`${claimRef.namespace}/${claimRef.name}`);
    });
    drivers.onChange((old, driver) => {
      const { name } = (driver ?? old)?.metadata ?? { name: "" };
      if (!attaches(name)) desired.dropDriver(name);
      else if (old?.spec.attachRequired === false) for (const pod of pods.list()) desired.update(pod);
    });
    nodes.onChange((old, node) => {
      const { name } = ((node ?? old) as Node).metadata;
      if (node) departed.delete(name);
      else if (old?.status?.volumesInUse?.length) departed.set(name, old.status.volumesInUse);
      for (const unique of new Set([...places.on(name), ...(old && node ? [] : desired.on(name))])) enqueue(unique);
      if (node && reports.check(node)) enqueue(`${nodeKey}${name}`);
    });
    attachments.onChange((old, attachment) => {
      const { nodeName } = (attachment ?? old)?.spec ?? { nodeName: "" };
      for (const unique of new Set([...places.on(nodeName), ...desired.on(nodeName)])) if (unique.startsWith("kubernetes.io/csi/")) enqueue(unique);
    });

    let adopted = false;
    /** What an earlier process has done; only now are all caches filled. */
    const adopt = (): void => {
      adopted = true;
      for (const node of nodes.list()) {
        reports.adopt(node);
        for (const { name } of node.status?.volumesAttached ?? []) places.adopt(name, node.metadata.name, true);
      }
      for (const { spec } of attachments.list()) {
        const volume = volumes.get("", spec.source.persistentVolumeName ?? "");
        const attachable = volume && attachableVolume(volume, () => true);
        if (attachable) places.adopt(attachable.unique, spec.nodeName, false);
      }
      for (const node of nodes.list()) for (const unique of places.on(node.metadata.name)) enqueue(unique);
      for (const { spec } of attachments.list()) for (const unique of places.on(spec.nodeName)) enqueue(unique);
      // Pods may have been seen before their claims were.
      for (const pod of pods.list()) desired.update(pod);
    };
    enqueue(nodeKey);
    return async (key) => {
      if (!adopted) adopt();
      if (!key.startsWith(nodeKey)) return places.reconcile(key);
      await reports.flush(key.slice(nodeKey.length));
    };
  },
};
