/** How a plugin refuses (k8s.io/apiserver/pkg/admission/errors.go), and how it recognises what it acts on. */
import { forbidden, groupResource, type StatusError } from "../../api/status.ts";
import type { AdmissionAttributes } from "./admission.ts";

/** 403 that names the object even while its name is not generated yet. */
export function refuse(attributes: AdmissionAttributes, why: string): StatusError {
  const { metadata } = attributes.object ?? {};
  const name = attributes.name || metadata?.name || metadata?.generateName || "Unknown";
  return forbidden(groupResource(attributes.resource.group, attributes.resource.resource), name, why);
}

/** Whether this is the resource itself (or one of its subresources), by groupResource. */
export function concerns(attributes: AdmissionAttributes, resource: string, ...subresources: string[]): boolean {
  const { resource: def, subresource } = attributes;
  return groupResource(def.group, def.resource) === resource && (subresource === "" || subresources.includes(subresource));
}

export const mirrorPodAnnotation = "kubernetes.io/config.mirror";
