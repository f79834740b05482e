/** Volumes on nodes: attached, refused, fought over, taken from a node that is off. The scenario is the driver's attacher. */
import { attachmentName } from "../../src/controllers/storage/attach-detach/attachable.ts";
import type { Kube, Loose } from "./kube.ts";
import { boundClaim, node, pod, ready, type Scenario, uses } from "./scenario.ts";

const attachments = "storage.k8s.io/v1/VolumeAttachment";
const driver = "disk.example.com";
const managed = { metadata: { annotations: { "volumes.kubernetes.io/controller-managed-attach-detach": "true" } } };

async function makeNode(kube: Kube, name: string, spec: object = {}): Promise<string> {
  const full = `${kube.namespace}-${name}`;
  await kube.create("v1/Node", node(full, { ...managed, spec }));
  await kube.patch("v1/Node", full, ready, "status");
  return full;
}
const on = async (kube: Kube, nodeName: string): Promise<Loose> => (await kube.list(attachments)).find(({ spec }) => spec.nodeName === nodeName);
const unique = (handle: string): string => `kubernetes.io/csi/${driver}^${handle}`;
const csi = (handle: string): object => ({ csi: { driver, volumeHandle: handle } });
const present = (kube: Kube, nodeName: string): Promise<unknown> =>
  kube.wait("v1/Node", nodeName, "has an attachment", async () => (await on(kube, nodeName)) !== undefined);
const absent = (kube: Kube, nodeName: string): Promise<unknown> =>
  kube.wait("v1/Node", nodeName, "has no attachment", async () => (await on(kube, nodeName)) === undefined);
const told = (kube: Kube, nodeName: string, count: number): Promise<unknown> =>
  kube.wait("v1/Node", nodeName, `may mount ${count}`, (one) => (one.status.volumesAttached?.length ?? 0) === count);
async function setAttached(kube: Kube, nodeName: string, status: object = { attached: true }): Promise<void> {
  await kube.patch(attachments, (await on(kube, nodeName)).metadata.name, { status }, "status");
}

export const attaching: Scenario = {
  name: "attaching",
  compared: [attachments, "v1/Node"],
  async play(kube) {
    const [first, second] = [await makeNode(kube, "first"), await makeNode(kube, "second")];
    await boundClaim(kube, "disk", csi("attach-1"));
    await kube.create("v1/Pod", pod("one", uses("disk"), first));
    await present(kube, first);
    await setAttached(kube, first, { attached: false, attachError: { message: "no such disk", time: "2026-01-01T00:00:00Z" } });
    await kube.told("one", "FailedAttachVolume");
    await setAttached(kube, first, { attached: true, attachError: null });
    await kube.told("one", "SuccessfulAttachVolume", 60);
    await told(kube, first, 1);
    await kube.patch("v1/Node", first, { status: { volumesInUse: [unique("attach-1")] } }, "status");
    await kube.create("v1/Pod", pod("two", uses("disk"), second));
    await kube.told("two", "FailedAttachVolume");
    await kube.remove("v1/Pod", "one", 0);
    // The node still uses it: nothing may happen.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await present(kube, first);
    await kube.patch("v1/Node", first, { status: { volumesInUse: null } }, "status");
    await absent(kube, first);
    await present(kube, second);
    await setAttached(kube, second);
    await kube.told("two", "SuccessfulAttachVolume", 60);
    await told(kube, second, 1);
    await told(kube, first, 0);
  },
};

/** Wanted again while it is still being detached. */
export const reattaching: Scenario = {
  name: "reattaching",
  compared: [attachments, "v1/Node"],
  async play(kube) {
    const name = await makeNode(kube, "same");
    await boundClaim(kube, "disk", csi("again-1"));
    await kube.create("v1/Pod", pod("one", uses("disk"), name));
    await present(kube, name);
    const attachment: string = (await on(kube, name)).metadata.name;
    await kube.patch(attachments, attachment, { metadata: { finalizers: ["example.com/driver"] } });
    await setAttached(kube, name);
    await told(kube, name, 1);
    await kube.remove("v1/Pod", "one", 0);
    await kube.wait(attachments, attachment, "is being deleted", (one) => one.metadata.deletionTimestamp);
    await kube.create("v1/Pod", pod("two", uses("disk"), name));
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const { uid } = (await kube.get(attachments, attachment)).metadata;
    await kube.patch(attachments, attachment, { metadata: { finalizers: null } });
    await kube.wait(attachments, attachment, "is made again", (one) => one && one.metadata.uid !== uid, 60);
    await setAttached(kube, name);
    await kube.told("two", "SuccessfulAttachVolume", 60);
    await told(kube, name, 1);
  },
};

/** What earlier controllers have left behind. */
export const takingOver: Scenario = {
  name: "taking-over",
  compared: [attachments, "v1/Node"],
  async prepare(kube) {
    await kube.create("v1/ServiceAccount", { metadata: { name: "default" } });
    // The network is that of node-networks' first: that scenario counts on the others being free.
    const name = await makeNode(kube, "kept", { podCIDR: "10.244.0.0/24", podCIDRs: ["10.244.0.0/24"] });
    for (const disk of ["used", "dangling"]) {
      const volume = `${kube.namespace}-${disk}`;
      const common = { accessModes: ["ReadWriteOnce"], storageClassName: "none" };
      const claim = await kube.create("v1/PersistentVolumeClaim", {
        metadata: { name: disk },
        spec: { ...common, resources: { requests: { storage: "1Gi" } }, volumeName: volume },
      });
      const claimRef = { namespace: kube.namespace, name: disk, uid: claim.metadata.uid };
      await kube.create("v1/PersistentVolume", {
        metadata: { name: volume },
        spec: { ...common, capacity: { storage: "1Gi" }, claimRef, persistentVolumeReclaimPolicy: "Retain", ...csi(disk) },
      });
      await kube.patch("v1/PersistentVolumeClaim", disk, { metadata: { annotations: { "pv.kubernetes.io/bind-completed": "yes" } } });
      await kube.patch(
        "v1/PersistentVolumeClaim",
        disk,
        { status: { phase: "Bound", capacity: { storage: "1Gi" }, accessModes: common.accessModes } },
        "status",
      );
      await kube.patch("v1/PersistentVolume", volume, { status: { phase: "Bound" } }, "status");
      const attachment = attachmentName(disk, driver, name);
      await kube.create(attachments, { metadata: { name: attachment }, spec: { attacher: driver, nodeName: name, source: { persistentVolumeName: volume } } });
      await kube.patch(attachments, attachment, { status: { attached: true } }, "status");
    }
    const volumesAttached = ["used", "forgotten"].map((handle) => ({ name: unique(handle), devicePath: "" }));
    await kube.patch("v1/Node", name, { status: { volumesAttached, volumesInUse: [unique("used")] } }, "status");
    await kube.create("v1/Pod", pod("one", uses("used"), name));
  },
  async play(kube) {
    const name = `${kube.namespace}-kept`;
    await kube.wait(attachments, attachmentName("dangling", driver, name), "is gone", (one) => !one);
    await told(kube, name, 1);
  },
};

export const outOfService: Scenario = {
  name: "out-of-service",
  compared: [attachments, "v1/Node"],
  async play(kube) {
    const name = await makeNode(kube, "off");
    await boundClaim(kube, "disk", csi("off-1"));
    await kube.create("v1/Pod", pod("one", uses("disk"), name));
    await present(kube, name);
    await setAttached(kube, name);
    await told(kube, name, 1);
    await kube.patch("v1/Node", name, { status: { volumesInUse: [unique("off-1")] } }, "status");
    await kube.remove("v1/Pod", "one", 0);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await present(kube, name);
    await kube.patch("v1/Node", name, { spec: { taints: [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute" }] } });
    await absent(kube, name);
    await told(kube, name, 0);
  },
};

export const sharing: Scenario = {
  name: "sharing",
  compared: [attachments, "v1/Node"],
  async prepare(kube) {
    await kube.create("storage.k8s.io/v1/CSIDriver", { metadata: { name: "local.example.com" }, spec: { attachRequired: false } });
  },
  async play(kube) {
    const [first, second] = [await makeNode(kube, "a"), await makeNode(kube, "b")];
    await boundClaim(kube, "shared", csi("shared-1"), { accessModes: ["ReadWriteMany"] });
    await boundClaim(kube, "local", { csi: { driver: "local.example.com", volumeHandle: "local-1" } });
    await boundClaim(kube, "wire", { fc: { targetWWNs: ["50060e801049cfd1"], lun: 0 } });
    await kube.create("v1/Pod", pod("one", uses("shared"), first));
    await kube.create("v1/Pod", pod("two", uses("shared"), second));
    await kube.create("v1/Pod", pod("local", uses("local"), first));
    await kube.create("v1/Pod", pod("wired", uses("wire"), second));
    for (const name of [first, second]) {
      await present(kube, name);
      await setAttached(kube, name);
    }
    await told(kube, first, 1);
    await told(kube, second, 2);
    await kube.told("wired", "SuccessfulAttachVolume");
  },
};
