/** Objects of a kind as parameters of policies: from the cache, in the version that the policy names. */
import { normalize } from "../../api/codec/normalize.ts";
import type { JSONObject } from "../../api/json.ts";
import type { Stored } from "../../cache/cache.ts";
import type { ParamSource } from "../admission/policies/params.ts";
import type { Endpoint } from "./call.ts";

export function paramSource({ def, cache, conversion, type, apiVersion, custom }: Endpoint): ParamSource {
  const shown = (stored: Stored): JSONObject => {
    const object = stored.object();
    if (custom) return custom.settled(object) as unknown as JSONObject;
    const visible = conversion ? conversion.fromHub(object) : object;
    return normalize(type, { ...visible, kind: def.kind, apiVersion } as unknown as JSONObject).object;
  };
  return {
    namespaced: def.namespaced,
    async get(namespace, name) {
      const stored = await cache.get(namespace, name);
      return stored && shown(stored);
    },
    async list(namespace, matches) {
      const { items } = await cache.list({ namespace, predicate: ({ labels }) => matches(labels) });
      return items.map(shown);
    },
  };
}
