/** Bodies in other forms than JSON. */
import { normalize } from "../../src/api/codec/normalize.ts";
import { encodeProtobuf } from "../../src/api/codec/protobuf.ts";
import type { JSONObject } from "../../src/api/json.ts";
import { typeOfKind } from "../../src/api/schema/schema.ts";

export const contentTypes = { yaml: "application/yaml", protobuf: "application/vnd.kubernetes.protobuf" };

/** Absent where the object does not fit its type. */
export function inProtobuf(object: JSONObject): Uint8Array | undefined {
  try {
    const type = typeOfKind(String(object.apiVersion), String(object.kind));
    return type && encodeProtobuf(type, normalize(type, structuredClone(object)).object, String(object.apiVersion), String(object.kind));
  } catch {
    return undefined;
  }
}
