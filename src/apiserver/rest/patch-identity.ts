/** What an object that was patched as text says that it is: it is read as that (k8s.io/apimachinery/pkg/runtime/serializer). */
import { DecodeError } from "../../api/codec/decode-error.ts";
import { type Decoded, decodeJSON, sniffJSON } from "../../api/codec/decode.ts";
import { goQuote } from "../../api/go-quote.ts";
import { groupVersionText, internalPackage, parseGroupVersion, unexpectedGroupVersion } from "../../api/group-version.ts";
import { internalType, typeOfKind } from "../../api/schema/schema.ts";
import type { Endpoint } from "./call.ts";

/** Registered in each version of each group. */
export const unversioned = new Set(["Status", "APIVersions", "APIGroupList", "APIGroup", "APIResourceList"]);

/**
 * The object where it does not say its version: it is read as upstream's internal type then, of which its metadata is left, and gets
 * no defaults. Undefined where it is what it was. Throws DecodeError.
 */
export function readAsInternal({ def, apiVersion: own }: Endpoint, text: Uint8Array): Decoded | undefined {
  const said = sniffJSON(text);
  const given = parseGroupVersion(said.apiVersion);
  if (!given) throw new DecodeError(unexpectedGroupVersion(said.apiVersion));
  if (given.group && !given.version) throw new DecodeError(`Object 'apiVersion' is missing in '${Buffer.from(text)}'`);
  const kind = said.kind || def.kind;
  const internal = said.apiVersion === "";
  const version = internal ? own : groupVersionText(given);
  const type = typeOfKind(unversioned.has(kind) ? "v1" : version, kind);
  if (!type) {
    const where = internal ? `the internal version of group ${goQuote(def.group)}` : `version ${goQuote(version)}`;
    throw new DecodeError(`no kind ${goQuote(kind)} is registered for ${where} in scheme "pkg/runtime/scheme.go:111"`);
  }
  if (kind !== def.kind) {
    if (!internal) decodeJSON(text, type);
    const home = internalPackage(def.group);
    const from = unversioned.has(kind) ? "v1" : internal ? home : given.version;
    throw new DecodeError(`converting (${from}.${kind}) to (${home}.${def.kind}): unknown conversion`);
  }
  if (!internal) return undefined;
  const { object, strictErrors } = decodeJSON(text, internalType(kind), "kept");
  const { kind: _, apiVersion: none, ...metadata } = object;
  return { object: { metadata }, strictErrors };
}
