/** From one version of a custom resource to another (apiextensions-apiserver/pkg/apiserver/conversion). */
import type { CustomVersion } from "../../api/apiextensions/custom-version.ts";
import { deepCopy } from "../../api/copy.ts";
import type { JSONObject } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";

export interface Converter {
  /** Conversions that need nobody else are made at once. */
  readonly now?: (object: KubeObject, to: CustomVersion) => KubeObject;
  /**
   * In the order of the objects, which are not changed. Those that have the version already may come as they are; others may have
   * fields that the version does not know. Rejects with StatusError.
   */
  convert(objects: readonly KubeObject[], to: CustomVersion): Promise<KubeObject[]>;
}

/** Versions differ in their name alone; what the other one does not know goes. */
function renamed(object: KubeObject, to: CustomVersion): KubeObject {
  if (object.apiVersion === to.apiVersion) return object;
  const copy = deepCopy(object);
  copy.apiVersion = to.apiVersion;
  to.coerce(copy as unknown as JSONObject);
  return copy;
}

export const renaming: Converter = { now: renamed, convert: async (objects, to) => objects.map((object) => renamed(object, to)) };
