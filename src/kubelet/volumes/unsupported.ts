/** Volumes that this node knows and cannot have, each with what is missing. */
import { findProgram } from "../../linux/mount-program.ts";
import type { VolumePlugin } from "./plugin.ts";

/** iSCSI: the targets are logged in to by iscsiadm. */
export const iscsiPlugin = (): VolumePlugin => ({
  name: "kubernetes.io/iscsi",
  mountOptions: true,
  supports: ({ volume, persistent }) => (persistent ? persistent.spec.iscsi : volume.iscsi) !== undefined,
  async setUp({ spec }) {
    const source = spec.persistent ? spec.persistent.spec.iscsi : spec.volume.iscsi;
    const why = (await findProgram("iscsiadm")) ? "iSCSI targets are not logged in to by this node" : `exec: "iscsiadm": executable file not found in $PATH`;
    throw new Error(
      `failed to get any path for iscsi disk, last err seen:\niscsi: failed to sendtargets to portal ${source?.targetPortal} output: , err ${why}`,
    );
  },
  async tearDown() {},
});

/** Fibre Channel: no adapter is looked at. */
export const fcPlugin = (): VolumePlugin => ({
  name: "kubernetes.io/fc",
  mountOptions: true,
  supports: ({ volume, persistent }) => (persistent ? persistent.spec.fc : volume.fc) !== undefined,
  async setUp() {
    throw new Error("no fc disk found");
  },
  async tearDown() {},
});

export const gitRepoPlugin = (): VolumePlugin => ({
  name: "kubernetes.io/git-repo",
  supports: ({ volume, persistent }) => !persistent && volume.gitRepo !== undefined,
  async setUp() {
    throw new Error("git-repo volume plugin has been disabled; if necessary, it may be re-enabled by enabling the feature-gate `GitRepoVolumeDriver`");
  },
  async tearDown() {},
});
