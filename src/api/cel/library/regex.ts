/** `text.find(pattern)`, `text.findAll(pattern)` (k8s.io/apiserver/pkg/cel/library/regex.go). */
import { type Library, member } from "../declarations.ts";
import { findAll } from "../regex.ts";
import { listOf, types } from "../types.ts";
import { CelError, TextList, type Value } from "../values.ts";

const { string, int } = types;

function all(text: string, pattern: string, most = -1n): Value {
  const found = findAll(text, pattern, most < 0n ? undefined : Number(most));
  return found instanceof CelError ? new CelError(`Illegal regex: ${found.message}`) : new TextList(found);
}
function first(text: string, pattern: string): Value {
  const found = findAll(text, pattern, 1);
  return found instanceof CelError ? new CelError(`Illegal regex: ${found.message}`) : (found[0] ?? "");
}

export const regex: Library = {
  functions: {
    find: [member("string_find_string", [string, string], string, first)],
    findAll: [
      member("string_find_all_string", [string, string], listOf(string), all),
      member("string_find_all_string_int", [string, string, int], listOf(string), all),
    ],
  },
};
