/** Tokens that a kubelet asks for must be for pods that run on its node. */
import type { KubeObject } from "../../api/object.ts";
import { notFound } from "../../api/status.ts";
import type { TokenRequest } from "../../api/types/authentication-v1.gen.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../api/types/core-v1.gen.ts";
import type { CSIDriver } from "../../api/types/storage-v1.gen.ts";
import type { Reader } from "../../cache/cache.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import type { AdmissionAttributes } from "./admission.ts";
import { refuse } from "./refuse.ts";

const quote = JSON.stringify;

export async function admitToken(node: string, a: AdmissionAttributes, deps: { reader: Reader; authorizer: Authorizer }): Promise<void> {
  const request = a.object as KubeObject as TokenRequest;
  const ref = request.spec.boundObjectRef;
  if (ref?.apiVersion !== "v1" || ref.kind !== "Pod" || !ref.name) throw refuse(a, "node requested token not bound to a pod");
  if (!ref.uid) throw refuse(a, "node requested token with a pod binding without a uid");
  const pod = deps.reader.get<Pod>("pods", a.namespace, ref.name);
  // A lister names what it misses in the singular.
  if (!pod) throw notFound("pod", ref.name);
  if (ref.uid !== pod.metadata.uid)
    throw refuse(
      a,
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  if (pod.spec.nodeName !== node) throw refuse(a, "node requested token bound to a pod scheduled on a different node");
  const audiences = request.spec.audiences ?? [];
  if (audiences.length > 1) throw refuse(a, "node may only request 0 or 1 audiences");
  const audience = audiences[0] ?? "";
  const found = namesAudience(pod, audience, deps.reader);
  if (found === true) return;
  if (found !== false) throw refuse(a, `error validating audience ${quote(audience)}: ${found}`);
  const decision = await deps.authorizer.authorize({
    user: a.user,
    verb: "request-serviceaccounts-token-audience",
    isResource: true,
    group: "",
    version: "v1",
    resource: audience,
    subresource: "",
    namespace: a.namespace,
    name: a.name,
    path: "",
  });
  if (decision.decision !== "allow")
    throw refuse(a, `audience ${quote(audience)} not found in pod spec volume, ${a.user.name} is not authorized to request tokens for this audience`);
}

/** Whether a volume of the pod, or the CSI driver behind one, wants tokens for the audience; a text when that cannot be told. */
function namesAudience(pod: Pod, audience: string, reader: Reader): boolean | string {
  const errors: string[] = [];
  const driverOfClaim = (name: string): string | undefined => {
    const claim = reader.get<PersistentVolumeClaim>("persistentvolumeclaims", pod.metadata.namespace ?? "", name);
    if (!claim) throw new Error(`persistentvolumeclaim ${quote(name)} not found`);
    const volume = reader.get<PersistentVolume>("persistentvolumes", "", claim.spec.volumeName ?? "");
    if (!volume) throw new Error(`persistentvolume ${quote(claim.spec.volumeName ?? "")} not found`);
    return volume.spec.csi?.driver;
  };
  for (const volume of pod.spec.volumes ?? []) {
    if (volume.projected?.sources?.some(({ serviceAccountToken: token }) => token && (token.audience ?? "") === audience)) return true;
    try {
      let name: string | undefined;
      if (volume.ephemeral?.volumeClaimTemplate) name = driverOfClaim(`${pod.metadata.name}-${volume.name}`);
      else if (volume.persistentVolumeClaim) name = driverOfClaim(volume.persistentVolumeClaim.claimName);
      else name = volume.csi?.driver;
      if (!name) continue;
      const driver = reader.get<CSIDriver>("csidrivers.storage.k8s.io", "", name);
      if (!driver) throw new Error(`csidriver.storage.k8s.io ${quote(name)} not found`);
      if (driver.spec.tokenRequests?.some((request) => request.audience === audience)) return true;
    } catch (error) {
      errors.push((error as Error).message);
    }
  }
  const unique = [...new Set(errors)];
  if (!unique.length) return false;
  return unique.length === 1 ? (unique[0] as string) : `[${unique.join(", ")}]`;
}
