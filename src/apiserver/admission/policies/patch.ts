/** What the expressions of mutating policies do to objects (k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch). */
import { type Atom, wholeAtom } from "../../../api/apply/atom.ts";
import { shapeErrors } from "../../../api/apply/fields-of.ts";
import { mergeApplied } from "../../../api/apply/merge.ts";
import { checkTypeNames, JSONPatchOperation, MutationError, mutationJSON, MutationObject } from "../../../api/cel/library/mutation.ts";
import { ListValue, type Value } from "../../../api/cel/values.ts";
import { isMap, type JSONObject, type JSONValue } from "../../../api/json.ts";
import { JSONPatchError, runJSONPatch } from "../../../api/patch/json-patch.ts";
import type { Face } from "../admission.ts";

/** The mutation cannot be made: the failure policy decides. */
export class PatchFailure extends Error {}

/** Paths of lists, maps and structs that are replaced as wholes: nobody means to lose what they do not name. */
function atomics(value: JSONValue | undefined, atom: Atom, path: string): string[] {
  if (isMap(value) && atom.kind === "map") {
    const inner = Object.keys(value).flatMap((key) => {
      const field = atom.fields.get(key);
      return field ? atomics(value[key], field.atom, `${path}.${key}`) : [];
    });
    return atom.atomic ? [path, ...inner] : inner;
  }
  if (Array.isArray(value) && atom.kind === "list") {
    const inner = value.flatMap((item, i) => atomics(item, atom.element, `${path}[${i}]`));
    return atom.atomic ? [path, ...inner] : inner;
  }
  return [];
}

function misnamed(value: Value): void {
  try {
    checkTypeNames(value);
  } catch (error) {
    throw error instanceof MutationError ? new PatchFailure(`type mismatch: ${error.message}`) : error;
  }
}

/** The object with the configuration laid over it. Throws PatchFailure. */
export function applyConfiguration(value: Value, shown: JSONObject, face: Face): JSONObject {
  if (!(value instanceof MutationObject)) throw new PatchFailure("unsupported return type from ApplyConfiguration expression");
  misnamed(value);
  let configuration: JSONObject;
  try {
    configuration = mutationJSON(value) as JSONObject;
  } catch (error) {
    throw error instanceof MutationError ? new PatchFailure(`invalid return type: ${error.message}`) : error;
  }
  const { apiVersion, kind } = shown;
  const over: JSONObject = { ...configuration, apiVersion: apiVersion as JSONValue, kind: kind as JSONValue };
  const atom = wholeAtom(face.type);
  const errors = shapeErrors(over, atom);
  if (errors.length) {
    const text = errors.length === 1 ? errors[0] : ["errors:", ...errors.map((error) => `  ${error}`)].join("\n");
    throw new PatchFailure(`error applying patch: failed to convert patch object to typed object: ${text}`);
  }
  const whole = atomics(over, atom, "");
  if (whole.length)
    throw new PatchFailure(`error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${whole.join(", ")}`);
  return mergeApplied(shown, over, atom) as JSONObject;
}

function operationOf(value: Value): JSONObject {
  if (!(value instanceof JSONPatchOperation)) throw new PatchFailure("type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch");
  const operation: JSONObject = { op: value.get("op") as string, path: value.get("path") as string };
  const from = value.get("from") as string;
  if (from) operation.from = from;
  const given = value.fields.get("value");
  if (given === undefined) return operation;
  if (given instanceof MutationObject) misnamed(given);
  try {
    operation.value = mutationJSON(given);
  } catch (error) {
    if (!(error instanceof MutationError)) throw error;
    throw new PatchFailure(`JSONPath valueExpression evaluated to a type that could not marshal to JSON: ${error.message}`);
  }
  return operation;
}

/** The object patched; as it is where a test of the patch fails. Throws PatchFailure. */
export function applyOperations(value: Value, shown: JSONObject): JSONObject {
  if (!(value instanceof ListValue)) throw new PatchFailure("type mismatch: JSONPatchType.expression should evaluate to array");
  const operations = [...value].map(operationOf);
  try {
    return runJSONPatch(shown, operations) as JSONObject;
  } catch (error) {
    if (error instanceof JSONPatchError && error.message.endsWith(": test failed")) return shown;
    if (error instanceof JSONPatchError) throw new PatchFailure(`JSON Patch: ${error.message}`);
    throw error;
  }
}
