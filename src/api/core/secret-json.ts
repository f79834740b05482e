/** Whether a secret's value is a JSON object, with the error text of Go's encoding/json. */

import { DecodeError } from "../codec/decode-error.ts";
import { parseJSON } from "../codec/json.ts";
import type { JSONValue } from "../json.ts";
import { table } from "../../base/table.ts";

const goTypes = table<string>({ string: "string", number: "number", boolean: "bool" });

/** Undefined for an object (and for null, which Go takes for an empty map). Go sees bytes where the text is no UTF-8. */
export function goJsonError(text: string | Uint8Array): string | undefined {
  let value: JSONValue;
  try {
    ({ value } = parseJSON(text));
  } catch (error) {
    if (error instanceof DecodeError) return error.message;
    throw error;
  }
  if (value === null || (typeof value === "object" && !Array.isArray(value))) return undefined;
  const type = Array.isArray(value) ? "array" : goTypes[typeof value];
  return `json: cannot unmarshal ${type} into Go value of type map[string]interface {}`;
}
