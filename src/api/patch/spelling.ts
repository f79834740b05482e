/**
 * How the scalars of a JSON patch are written. Upstream's `test` compares texts (gopkg.in/evanphx/json-patch.v4): what it is given
 * with what Go writes of the document, so that `"<"` is not `"\u003c"` and `1.0` is not 1.
 */
import { bounded } from "../codec/decode-error.ts";
import { encodeJSONString, escapeHTML, numberOf } from "../codec/json.ts";
import { isMap, type JSONObject, type JSONValue } from "../json.ts";
import { Spelled, set } from "./values.ts";

/** Itself where it is written as Go writes it. */
const asWritten = (value: JSONValue, text: string): JSONValue =>
  encodeJSONString(value) === text ? value : (new Spelled(value, text) as unknown as JSONValue);

/** The operations of a well-formed patch, their values as the text has them; undefined where all tests may go by the values. Throws DecodeError for what is too deep to be looked at. */
export function spelledOperations(text: string, operations: JSONValue): JSONValue | undefined {
  if (!Array.isArray(operations) || !operations.some((one) => isMap(one) && one.op === "test")) return undefined;
  let odd = false;
  const revive = (_key: string, value: JSONValue, context?: { source?: string }): JSONValue => {
    const source = context?.source;
    if (source === undefined) return value;
    const written = asWritten(typeof value === "number" ? numberOf(source) : value, source);
    odd ||= (written as unknown) instanceof Spelled;
    return written;
  };
  const written = bounded(() => JSON.parse(text, revive) as JSONValue[]);
  if (!odd) return undefined;
  return operations.map((one, i) => (isMap(one) && one.value !== undefined ? { ...one, value: (written[i] as JSONObject).value } : one));
}

/** The values alone; parts that are written Go's way are shared. */
export const unspelled = (value: JSONValue): JSONValue => replaced(value, (spelled) => spelled.value);

/** As upstream copies it: written again, with what HTML gives a meaning escaped. */
export const rewritten = (value: JSONValue): JSONValue => replaced(value, (spelled) => asWritten(spelled.value, escapeHTML(spelled.text)));

function replaced(value: JSONValue, by: (spelled: Spelled) => JSONValue): JSONValue {
  if ((value as unknown) instanceof Spelled) return by(value as unknown as Spelled);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => replaced(item, by));
    return items.some((item, i) => item !== value[i]) ? items : value;
  }
  let made: JSONObject | undefined;
  for (const [key, item] of Object.entries(value)) {
    const other = item === undefined ? item : replaced(item, by);
    if (other === item) continue;
    made ??= { ...value };
    set(made, key, other);
  }
  return made ?? value;
}
