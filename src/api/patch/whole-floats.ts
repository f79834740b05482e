/**
 * Whole numbers that were written as floats (`1e3`, `1.0`): Go tells them from integers where it converts by reflection, and says so. What
 * is told of a refused patch is worked out once more with texts in their place; nothing else minds.
 */
import { parseNodes, type JSONNode } from "../codec/json-syntax.ts";
import { untyped } from "../codec/json.ts";
import type { JSONValue } from "../json.ts";

const mark = "\0float64 ";

/** Whether it stands for such a number. */
export const isWholeFloat = (value: unknown): value is string => typeof value === "string" && value.startsWith(mark);
export const wholeFloat = (value: string): number => Number(value.slice(mark.length));

/** The value of a well-formed text, with these numbers as texts of their own kind; undefined where it has none. */
export function withWholeFloats(text: Uint8Array): JSONValue | undefined {
  const json = Buffer.from(text).toString();
  if (!/\d[.eE]/.test(json)) return undefined;
  let found = false;
  const marked = (node: JSONNode): JSONNode => {
    if (node.kind === "array" || node.kind === "object") return { ...node, values: node.values.map(marked) };
    if (node.kind !== "number" || !/[.eE]/.test(node.text) || !Number.isInteger(Number(node.text))) return node;
    found = true;
    return { kind: "string", value: mark + Number(node.text) };
  };
  const value = untyped(marked(parseNodes(json)), new Set());
  return found ? value : undefined;
}
