/** When a volume may be detached, and how an attachment stands (pkg/controller/volume/attachdetach/reconciler, pkg/volume/csi/csi_attacher.go). Pure. */
import type { VolumeAttachment } from "../../../api/types/storage-v1.gen.ts";

/** Milliseconds after which a volume is taken from a node that does not answer. */
export const maxWaitForUnmount = 6 * 60_000;
/** Milliseconds that a driver has for one attempt. */
export const driverTimeout = 2 * 60_000;

export interface DetachState {
  /** The node has said that it uses the volume. */
  mounted: boolean;
  ready: boolean;
  /** The taint node.kubernetes.io/out-of-service: somebody has made sure that the node is off. */
  outOfService: boolean;
  /** Milliseconds since nobody wants the volume there. */
  unwanted: number;
  forceOnTimeout: boolean;
}

/** `verify`: the node is asked past all caches first. `again`: milliseconds after which time alone changes the answer. */
export function mayDetach(state: DetachState): { detach: true; verify: boolean } | { detach: false; again?: number } {
  const expired = state.forceOnTimeout && state.unwanted > maxWaitForUnmount;
  if (state.mounted && !state.outOfService && !(expired && !state.ready))
    return expired || !state.forceOnTimeout ? { detach: false } : { detach: false, again: maxWaitForUnmount - state.unwanted + 1 };
  return { detach: true, verify: !expired && !state.outOfService };
}

export type Progress = "done" | "waiting" | { failed: string };

/** `waited`: milliseconds of this attempt. */
export function attachProgress(attachment: VolumeAttachment | undefined, driver: string, handle: string, waited: number): Progress {
  if (attachment?.metadata.deletionTimestamp) return { failed: "volume attachment is being deleted" };
  if (attachment?.status?.attached) return "done";
  const message = attachment?.status?.attachError?.message;
  if (attachment?.status?.attachError) return { failed: message ?? "" };
  return waited < driverTimeout ? "waiting" : { failed: `timed out waiting for external-attacher of ${driver} CSI driver to attach volume ${handle}` };
}

export function detachProgress(attachment: VolumeAttachment | undefined, handle: string, waited: number): Progress {
  if (!attachment) return "done";
  if (attachment.status?.detachError) return { failed: attachment.status.detachError.message ?? "" };
  return waited < driverTimeout ? "waiting" : { failed: `timed out waiting for external-attacher of unknown CSI driver to detach volume ${handle}` };
}

/** Milliseconds before the next attempt after so many failures. */
export const backoff = (failures: number): number => Math.min(500 * 2 ** (failures - 1), 2 * 60_000 + 2000);

/** What pods on a node are told whose volume others have; `here` is the namespace of who is told. */
export function multiAttachReason(users: readonly { namespace: string; name: string }[], here: string): string {
  if (!users.length) return "Volume is already exclusively attached to one node and can't be attached to another";
  const local = users.filter(({ namespace }) => namespace === here).map(({ name }) => name);
  const others = `${users.length - local.length} pod(s) in different namespaces`;
  if (!local.length) return `Volume is already used by ${others}`;
  const named = `Volume is already used by pod(s) ${local.join(", ")}`;
  return local.length < users.length ? `${named} and ${others}` : named;
}
