/** What both kinds of CSI volumes, file systems and raw blocks, tell the driver when a pod gets them. */
import type { Pod } from "../../../api/types/core-v1.gen.ts";
import type { CSIDriver } from "../../../api/types/storage-v1.gen.ts";
import { type CsiObjects, credentials, podInfo, publishContext, tokens } from "./context.ts";
import type { CsiSource } from "./source.ts";

export interface PublishFacts {
  publishContext: Record<string, string>;
  volumeContext: Record<string, string>;
  secrets: Record<string, string>;
}

export async function publishFacts(objects: CsiObjects, node: string, source: CsiSource, driver: CSIDriver | undefined, pod: Pod): Promise<PublishFacts> {
  const secrets = await credentials(objects, source.publishSecret, "NodePublishSecretRef");
  const given = await tokens(objects, driver, pod).catch((error: Error) => {
    throw new Error(`kubernetes.io/csi: mounter.SetUpAt failed to get service accoount token attributes: ${error.message}`, { cause: error });
  });
  const inSecrets = driver?.spec.serviceAccountTokenInSecrets === true;
  return {
    publishContext: source.inline ? {} : await publishContext(objects, node, source.driver, source.handle),
    volumeContext: { ...source.attributes, ...(driver?.spec.podInfoOnMount ? podInfo(pod, source.inline) : {}), ...(inSecrets ? {} : given) },
    secrets: { ...secrets, ...(inSecrets ? given : {}) },
  };
}
