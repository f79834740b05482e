/** What messages about a patch show: the document and the patch as upstream's patchers leave them. */
import { DecodeError } from "../../api/codec/decode-error.ts";
import { kindOfValue } from "../../api/codec/scalars.ts";
import { nodeOf, readTyped } from "../../api/codec/typed-reader.ts";
import { deepCopy } from "../../api/copy.ts";
import { isMap, type JSONObject, type JSONValue } from "../../api/json.ts";
import { applyStrategicMergePatch } from "../../api/patch/strategic.ts";
import { withoutNulls } from "../../api/patch/values.ts";
import { hasType, type TypeDef, typeByName } from "../../api/schema/schema.ts";

/** The first value that does not fit, in the order of the text. */
export function misfitOf(type: TypeDef, value: JSONValue, known: DecodeError): string {
  try {
    readTyped(type, nodeOf(value), false);
  } catch (error) {
    if (error instanceof DecodeError) return error.message;
    throw error;
  }
  return known.message;
}

const elementOrder = "$setElementOrder/";

/** What merging strategically leaves of the patch that it was given, which is what messages show. */
export function consumed(type: TypeDef | undefined, original: JSONValue | undefined, patch: JSONObject): JSONObject {
  if (Object.hasOwn(patch, "$patch")) {
    if (patch.$patch === "replace") delete patch.$patch;
    return patch;
  }
  delete patch.$retainKeys;
  // Lists that come with an order are merged with it, before all else.
  for (const key of Object.keys(patch).filter((name) => name.startsWith(elementOrder))) {
    delete patch[key];
    delete patch[key.slice(elementOrder.length)];
  }
  for (const key of Object.keys(patch)) {
    const inner = patch[key];
    const old = isMap(original) ? original[key] : undefined;
    const field = type?.byName.get(key);
    const element = field && elementOf(field.type);
    if (isMap(inner) && isMap(old)) {
      // What replaces is not looked into.
      if (field?.patchStrategy !== "replace") consumed(element, old, inner);
    } else if (Array.isArray(inner) && Array.isArray(old) && field?.patchMergeKey && element) mergeRepeated(element, field.patchMergeKey, old, inner);
    else if (inner !== null && inner !== undefined && kindOfValue(old) !== kindOfValue(inner)) patch[key] = withoutNulls(inner);
  }
  return patch;
}

/** The struct that a field holds, or holds many of. */
function elementOf(type: string): TypeDef | undefined {
  const name = type.replace(/^\*?(\[\])?\*?/, "");
  return hasType(name) ? typeByName(name) : undefined;
}

/** What a patch adds to a list is merged into when the patch names it again. */
function mergeRepeated(element: TypeDef, key: string, old: JSONValue[], list: JSONValue[]): void {
  const first = new Map<JSONValue, JSONObject>();
  for (const item of old) {
    const name = isMap(item) ? item[key] : undefined;
    if (name !== undefined && !first.has(name)) first.set(name, item as JSONObject);
  }
  const added = new Map<JSONValue, JSONObject>();
  for (const item of list) {
    if (!isMap(item)) continue;
    const name = item[key];
    if (name === undefined) continue;
    const there = first.get(name);
    if (there && !Object.hasOwn(item, "$patch")) consumed(element, there, item);
    if (there) continue;
    const earlier = added.get(name);
    if (earlier) Object.assign(earlier, applyStrategicMergePatch(element, deepCopy(earlier), item));
    else added.set(name, item);
  }
}

const freeForm = new Map<string, boolean>();

/** Whether something in it is stored as the text that it came as. */
export function holdsText(type: string): boolean {
  const name = type.replace(/^(\*|\[\]|map\[string\])*/, "");
  if (name === "RawExtension" || name === "JSON") return true;
  const known = freeForm.get(name);
  if (known !== undefined || !hasType(name)) return known ?? false;
  // Types that hold themselves hold nothing by that.
  freeForm.set(name, false);
  const holds = typeByName(name).flat.some((field) => holdsText(field.type));
  freeForm.set(name, holds);
  return holds;
}
