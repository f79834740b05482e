/** ConfigMaps (pkg/registry/core/configmap). */
import { type FieldError, invalidValue, path, tooLong } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { isConfigMapKey } from "../names.ts";
import type { ConfigMap } from "../types/core-v1.gen.ts";
import { invalidAll } from "./checks.ts";
import { base64Length, maxDataSize } from "./data-size.ts";
import { validateImmutableData } from "./immutable-data.ts";
import { age, validateMetadata, validateMetadataUpdate } from "./object-meta.ts";
import { own } from "../../base/table.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };

function validateConfigMap(map: ConfigMap): FieldError[] {
  const errors = validateMetadata(map.metadata, rules);
  let size = 0;
  for (const [key, value] of Object.entries(map.data ?? {})) {
    const at = path("data").key(key);
    errors.push(...invalidAll(at, key, isConfigMapKey(key)));
    if (own(map.binaryData, key) !== undefined) errors.push(invalidValue(at, key, "duplicate of key present in binaryData"));
    size += Buffer.byteLength(value);
  }
  for (const [key, value] of Object.entries(map.binaryData ?? {})) {
    errors.push(...invalidAll(path("binaryData").key(key), key, isConfigMapKey(key)));
    size += base64Length(value);
  }
  if (size > maxDataSize) errors.push({ ...tooLong("data", maxDataSize), field: "" });
  return errors;
}

export const configMapKind: Kind<ConfigMap> = {
  resource: "configmaps",
  validate: validateConfigMap,
  validateUpdate: (map, old) => [
    ...validateMetadataUpdate(map.metadata, old.metadata),
    ...validateImmutableData(map, old, ["data", "binaryData"], ["data"]),
    ...validateConfigMap(map),
  ],
  cells: (map, now) => [map.metadata.name, Object.keys(map.data ?? {}).length + Object.keys(map.binaryData ?? {}).length, age(map, now)],
};
