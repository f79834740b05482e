/** Namespaces that are made when they are first used, or must be there (plugin/pkg/admission/namespace/{autoprovision,exists}). */
import { isAlreadyExists, notFound } from "../../../api/status.ts";
import type { Reader } from "../../../cache/cache.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import { refuse } from "../refuse.ts";

const isInside = ({ namespace, resource }: AdmissionAttributes): boolean => namespace !== "" && !(resource.group === "" && resource.kind === "Namespace");

/** `create`: as anybody's request would, by the server itself. */
export function namespaceAutoProvision({ reader, create }: { reader: Reader; create(name: string): Promise<void> }): AdmissionPlugin {
  return {
    name: "NamespaceAutoProvision",
    async mutate(attributes) {
      const { dryRun, namespace } = attributes;
      if (dryRun || !isInside(attributes) || reader.labels("namespaces", "", namespace)) return;
      try {
        await create(namespace);
      } catch (error) {
        if (!isAlreadyExists(error)) throw refuse(attributes, (error as Error).message);
      }
    },
  };
}

export function namespaceExists({ reader }: { reader: Reader }): AdmissionPlugin {
  return {
    name: "NamespaceExists",
    validate(attributes) {
      if (!isInside(attributes)) return;
      if (!reader.labels("namespaces", "", attributes.namespace)) throw notFound("namespaces", attributes.namespace);
    },
  };
}
