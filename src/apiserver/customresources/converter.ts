/** From one version of a custom resource to another (apiextensions-apiserver/pkg/apiserver/conversion). */
import type { CustomVersion } from "../../api/apiextensions/custom-version.ts";
import { DecodeError } from "../../api/codec/decode-error.ts";
import { deepCopy } from "../../api/copy.ts";
import type { JSONObject } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import { StatusError } from "../../api/status.ts";

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
  coerceConverted(copy, to);
  return copy;
}

/** What the version does not know goes. Throws as upstream tells what it cannot coerce here: an error without a reason, as it comes from the store. */
export function coerceConverted(object: KubeObject, to: CustomVersion): void {
  try {
    to.coerce(object as unknown as JSONObject);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new StatusError({ code: 500, message: error.message });
  }
}

export const renaming: Converter = { now: renamed, convert: async (objects, to) => objects.map((object) => renamed(object, to)) };
