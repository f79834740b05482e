/** What the API says about a CSI volume beside the volume itself. */
import type { Pod, Secret } from "../../../api/types/core-v1.gen.ts";
import type { CSIDriver, VolumeAttachment } from "../../../api/types/storage-v1.gen.ts";
import { attachmentName } from "./volume-data.ts";

export interface CsiObjects {
  /** Undefined when there is none, which is allowed. */
  driver(name: string): Promise<CSIDriver | undefined>;
  attachment(name: string): Promise<VolumeAttachment>;
  secret(namespace: string, name: string): Promise<Secret>;
  /** A token of the pod's service account. */
  token(pod: Pod, request: { audience: string; expirationSeconds?: number }): Promise<{ token: string; expirationTimestamp: string }>;
}

export async function attaches(objects: CsiObjects, driver: string): Promise<boolean> {
  return (await objects.driver(driver))?.spec.attachRequired !== false;
}

/** Rejects with upstream's text unless the volume is attached to the node. */
export async function verifyAttached(objects: CsiObjects, node: string, driver: string, handle: string): Promise<void> {
  const name = attachmentName(handle, driver, node);
  const attachment = await objects.attachment(name).catch((error: Error) => {
    throw new Error(`volume ${handle} has GET error for volume attachment ${name}: ${error.message}`, { cause: error });
  });
  if (attachment.metadata.deletionTimestamp) throw new Error("volume attachment is being deleted");
  if (attachment.status?.attached) return;
  if (attachment.status?.attachError) throw new Error(attachment.status.attachError.message ?? "");
  throw new Error(`volume ${handle} is not attached for volume attachment ${name}`);
}

/** RESOURCE_EXHAUSTED of gRPC. */
const resourceExhausted = 8;

/** Whether attaching failed because the node takes no more. */
export async function isExhausted(objects: CsiObjects, node: string, driver: string, handle: string): Promise<boolean> {
  const attachment = await objects.attachment(attachmentName(handle, driver, node)).catch(() => undefined);
  return attachment?.status?.attachError?.errorCode === resourceExhausted;
}

/** What attaching has told, for the node's calls. */
export async function publishContext(objects: CsiObjects, node: string, driver: string, handle: string): Promise<Record<string, string>> {
  if (!(await attaches(objects, driver))) return {};
  const attachment = await objects.attachment(attachmentName(handle, driver, node));
  return { ...attachment.status?.attachmentMetadata };
}

/** The content of a secret that a volume refers to; empty where it refers to none. */
export async function credentials(
  objects: CsiObjects,
  reference: { namespace?: string; name?: string } | undefined,
  what: string,
): Promise<Record<string, string>> {
  if (!reference) return {};
  const { namespace = "", name = "" } = reference;
  try {
    const secret = await objects.secret(namespace, name);
    return Object.fromEntries(Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(String(value), "base64").toString()]));
  } catch (error) {
    const why = `kubernetes.io/csi: failed to find the secret ${name} in the namespace ${namespace} with error: ${(error as Error).message}`;
    throw new Error(`fetching ${what} ${namespace}/${name} failed: ${why}`, { cause: error });
  }
}

/** What drivers with podInfoOnMount are told of the pod. */
export const podInfo = ({ metadata, spec }: Pod, inline: boolean): Record<string, string> => ({
  "csi.storage.k8s.io/pod.name": metadata.name,
  "csi.storage.k8s.io/pod.namespace": metadata.namespace ?? "",
  "csi.storage.k8s.io/pod.uid": metadata.uid,
  "csi.storage.k8s.io/serviceAccount.name": spec.serviceAccountName ?? "",
  "csi.storage.k8s.io/ephemeral": String(inline),
});

/** The tokens that the driver asks for, as it expects them; empty where it asks for none. */
export async function tokens(objects: CsiObjects, driver: CSIDriver | undefined, pod: Pod): Promise<Record<string, string>> {
  const requests = driver?.spec.tokenRequests ?? [];
  if (!requests.length) return {};
  const given: Record<string, { expirationTimestamp: string; token: string }> = {};
  for (const { audience, expirationSeconds } of requests) {
    const { token, expirationTimestamp } = await objects.token(pod, { audience, ...(expirationSeconds === undefined ? {} : { expirationSeconds }) });
    given[audience] = { token, expirationTimestamp };
  }
  return { "csi.storage.k8s.io/serviceAccount.tokens": JSON.stringify(given) };
}

const singleNode = ["ReadWriteOnce", "ReadWriteOncePod"];

/** Whether the kubelet is to give the volume to the pod's group. Throws where the driver does not say. */
export function givesToGroup(
  driver: CSIDriver | undefined,
  volume: { readOnly: boolean; fsType: string; accessModes: readonly string[]; inline: boolean },
): boolean {
  if (driver && !driver.spec.fsGroupPolicy) throw new Error("kubernetes.io/csi: expected valid fsGroupPolicy, received nil value or empty string");
  const policy = driver?.spec.fsGroupPolicy ?? "ReadWriteOnceWithFSType";
  if (policy === "None" || volume.readOnly) return false;
  if (policy === "File") return true;
  return volume.fsType !== "" && (volume.inline || volume.accessModes.some((mode) => singleNode.includes(mode)));
}
