/**
 * The behaviour of one kind: a plain object of pure functions. A missing function means the generic default. No I/O, no
 * clock, no random: what a function needs is passed in. Facts (fields, types, columns' names) are data in schema/.
 *
 * A kind's file is src/api/<group>/<kind>.ts ("core" for the group ""), and exports one Kind.
 */
import type { Reads } from "./codec/json-part.ts";
import type { FieldError } from "./field.ts";
import type { KubeObject } from "./object.ts";

export interface UpdateStrategy<T extends KubeObject = KubeObject> {
  /** Takes away what a client may not change on this way in, and keeps what it left out; mutates `object`; `now` is milliseconds since the epoch. */
  prepareForUpdate?(object: T, old: T, now?: number): void;
  /** Errors in the order in which upstream reports them. */
  validateUpdate?(object: T, old: T): FieldError[];
  /** What validating the object itself gave reason to say, whether it is accepted or not. */
  validationWarnings?(object: T): string[];
  warningsOnUpdate?(object: T, old: T): string[];
}

export interface KnownSpec {
  /** In its completed form; immutable. */
  readonly spec: object;
  /** Its JSON, as encodeJSONString makes it, in pieces. */
  readonly text: readonly string[];
}

/** Specifications about which there was nothing to say, whatever else the object has. Bounded. */
export interface KnownSpecs<T extends KubeObject = KubeObject> {
  /** `object` as it was prepared. */
  find(object: T): KnownSpec | undefined;
  /** `completed`: what that came to, which had neither errors nor warnings nor anything that storage does not keep. */
  learn(prepared: T, completed: T): void;
}

export interface Kind<T extends KubeObject = KubeObject> extends UpdateStrategy<T> {
  /** GroupResource: `pods`, `deployments.apps`. */
  resource: string;
  /** Upstream's defaulting of the versioned object (pkg/apis/<group>/<version>/defaults.go); mutates, idempotent. */
  setDefaults?(object: T): void;
  /** Mutates a new object before validation; status is already cleared where the kind has a status subresource. */
  prepareForCreate?(object: T, now?: number): void;
  /** What preparing the object itself gave reason to say, whether it is accepted or not. */
  preparationWarnings?(object: T): readonly string[];
  /** `known`: `knownSpecs` has the specification. */
  validate?(object: T, known?: boolean): FieldError[];
  warnings?(object: T, known?: boolean): string[];
  /** Of new objects, for kinds of which many are made of one template. */
  knownSpecs?: KnownSpecs<T>;
  /** Generic default for `status`: only status (and metadata as upstream allows) changes. */
  subresources?: Record<string, UpdateStrategy<T>>;
  /** Selectable fields besides metadata.name and metadata.namespace. */
  fields?(object: T): Record<string, string>;
  /** Table cells in the order of the kind's columns in schema/resources.json; `now` is milliseconds since the epoch. */
  cells?(object: T, now: number): unknown[];
  /** All that `fields` and `cells` look at: other parts of objects need not be read for them. Absent: anything. */
  reads?: { fields?: Reads<T>; cells?: Reads<T> };
  /** Name rule; the default is a DNS-1123 subdomain. Returns upstream's messages. */
  validateName?(name: string, prefix: boolean): string[];
  /** generateName is taken as the name: what is generated would not be valid. */
  plainGenerateName?: boolean;
  /** Takes away from a valid object what upstream never shows; mutates. */
  conceal?(object: T): void;
  /** Which objects have something to conceal, by an indexed field. */
  conceals?: { field: string; value: string };
  /** PUT of a name that does not exist creates it. Default false. */
  allowCreateOnUpdate?: boolean;
  /** PUT without resourceVersion is accepted. Default true. */
  allowUnconditionalUpdate?: boolean;
  /** Why writes of this kind do nothing yet ("no controller acts on it"): each write answers with it as a Warning. */
  inert?: string;
  /** Why writes of this kind are refused: it protects, and nothing enforces it yet. */
  refused?: string;
  /** Why upstream cannot read the object as the type that it works with. */
  misread?(object: T): string | undefined;
}
