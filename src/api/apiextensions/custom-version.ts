/**
 * One version of a custom resource: what takes the place of a Go type. Objects are brought into the form that decoding into
 * a struct would give them (unstructuredSchemaCoercer of apiextensions-apiserver/pkg/apiserver/customresource_handler.go).
 */
import type { ObjectType } from "../apply/atom.ts";
import { schemaAtom } from "../apply/schema-atom.ts";
import { DecodeError } from "../codec/decode-error.ts";
import { withSortedKeys } from "../codec/json.ts";
import { parseGroupVersion, unexpectedGroupVersion } from "../group-version.ts";
import type { JSONObject, JSONValue } from "../json.ts";
import type { KubeObject } from "../object.ts";
import type { CustomResourceDefinition, CustomResourceDefinitionVersion, CustomResourceSubresourceScale } from "../types/apiextensions-v1.gen.ts";
import { applyDefaults } from "./defaulting.ts";
import { coerceEmbedded, readObjectMeta } from "./embedded.ts";
import { prune, pruneNullsOf } from "./prune.ts";
import type { Schema } from "./schema.ts";

export interface CoerceFlags {
  /** Malformed metadata goes instead of being an error, and a generation is there: of what is read from the store. */
  stored?: boolean;
  /** What the schema does not know stays, and nulls too: of what an apply has merged, which is seen to where it is read again. */
  merged?: boolean;
}

export class CustomVersion {
  readonly group: string;
  readonly name: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly listKind: string;
  readonly namespaced: boolean;
  readonly schema: Schema | undefined;
  readonly hasStatus: boolean;
  readonly scale: CustomResourceSubresourceScale | undefined;
  readonly definition: CustomResourceDefinitionVersion;
  readonly #keepsUnknown: boolean;

  constructor({ spec, status }: CustomResourceDefinition, version: CustomResourceDefinitionVersion) {
    this.group = spec.group;
    this.name = version.name;
    this.apiVersion = `${spec.group}/${version.name}`;
    this.kind = status.acceptedNames.kind;
    this.listKind = status.acceptedNames.listKind ?? `${this.kind}List`;
    this.namespaced = spec.scope === "Namespaced";
    this.schema = version.schema?.openAPIV3Schema;
    this.hasStatus = version.subresources?.status !== undefined;
    this.scale = version.subresources?.scale;
    this.definition = version;
    this.#keepsUnknown = spec.preserveUnknownFields ?? false;
  }

  /** Of ownership. */
  get objectType(): ObjectType {
    return this.schema && schemaAtom(this.schema as unknown as JSONObject);
  }

  /**
   * Prunes what the schema does not know and brings metadata into its form; changes `object`. Gives the paths of what was
   * unknown. Throws DecodeError for an apiVersion and for metadata that are none.
   */
  coerce(object: JSONObject, { stored = false, merged = false }: CoerceFlags = {}): string[] {
    const { apiVersion, kind } = object;
    for (const [name, value] of Object.entries({ kind, apiVersion }))
      if (value !== undefined && typeof value !== "string")
        throw new DecodeError(
          `.${name} accessor error: ${value === null ? "<nil> is of the type <nil>, expected string" : `${JSON.stringify(value)} is not a string`}`,
        );
    const given = parseGroupVersion((apiVersion as string | undefined) ?? "");
    if (!given) throw new DecodeError(unexpectedGroupVersion(apiVersion as string));
    const options = { dropInvalid: stored };
    const unknown: string[] = [];
    const metadata = Object.hasOwn(object, "metadata") ? readObjectMeta(object.metadata as JSONValue, options, unknown, "metadata") : undefined;
    if (!merged && kind === this.kind && given.group === this.group) {
      // A version that the definition does not have knows no fields.
      const schema = apiVersion === this.apiVersion ? this.schema : undefined;
      if (!this.#keepsUnknown) {
        unknown.push(...prune(object, schema, true));
        pruneNullsOf(object, schema);
      }
      const wrong = coerceEmbedded(object, schema, options, unknown);
      if (wrong) throw new DecodeError(`${wrong.field}: ${wrong.body}`);
      if (stored && metadata && !metadata.generation) metadata.generation = 1;
    }
    if (metadata) object.metadata = metadata;
    return unknown;
  }
  /** Changes `object`. */
  setDefaults(object: JSONObject): void {
    applyDefaults(object, this.schema);
  }
  /** As it is written: metadata in its form, all keys sorted. Fields that are undefined are left out. What is sorted is shared with `object`. */
  settled(object: KubeObject): KubeObject {
    const metadata = readObjectMeta(object.metadata as unknown as JSONValue, { dropInvalid: true }, [], "metadata") as JSONValue;
    return withSortedKeys({ ...(object as unknown as JSONObject), metadata }) as unknown as KubeObject;
  }
}
