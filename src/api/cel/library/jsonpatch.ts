/** Keys in the paths of JSON patches: `jsonpatch.escapeKey("k8s.io/my~label")` (k8s.io/apiserver/pkg/cel/library/jsonpatch.go). */
import { type Library, overload } from "../declarations.ts";
import { types } from "../types.ts";

const escapeKey = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");

export const jsonpatch: Library = {
  functions: { "jsonpatch.escapeKey": [overload("string_jsonpatch_escapeKey_string", [types.string], types.string, escapeKey)] },
};
