/** Objects that are made when somebody asks for them and are never stored: they are read as stored ones are. */
import { encodeJSON } from "../../api/codec/json.ts";
import type { KubeObject } from "../../api/object.ts";
import type { Stored } from "../../cache/cache.ts";

/** `object`: its kind first, then its apiVersion, as objects are stored. Without revision, uid and labels; selected by its name. */
export function madeOf(object: KubeObject): Stored {
  const { name } = object.metadata;
  return {
    namespace: "",
    name,
    revision: 0,
    uid: "",
    labels: {},
    fields: { "metadata.name": name, "metadata.namespace": "" },
    bytes: encodeJSON(object),
    object: () => object,
    part: () => ({ object, metadata: encodeJSON(object.metadata) }),
  };
}
