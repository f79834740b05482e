/**
 * Configuration files of the API server (apiserver.config.k8s.io): YAML or JSON, decoded strictly as upstream's codecs do.
 * The fields of a kind are data; what is unknown, repeated or of another type is an error that names it.
 */
import { own } from "../base/table.ts";
import { DecodeError } from "../api/codec/decode-error.ts";
import { parseJSON } from "../api/codec/json.ts";
import { parseYAML } from "../api/codec/yaml.ts";
import { aggregateText, type FieldError } from "../api/field.ts";
import { goQuote } from "../api/go-quote.ts";
import type { JSONValue } from "../api/json.ts";
import { parseDuration } from "../api/time.ts";

/** `go` names types as messages do. Durations stay text. */
export type Shape =
  | "string"
  | "bool"
  | "int"
  | "int64"
  | "duration"
  /** JSON as it is given. */
  | "any"
  | { readonly list: Shape }
  | { readonly map: "string" }
  | { readonly go: string; readonly fields: Readonly<Record<string, Shape>> };

export interface ConfigurationKind {
  readonly kind: string;
  /** Accepted alike. */
  readonly versions: readonly string[];
  readonly fields: Readonly<Record<string, Shape>>;
  /** Other kinds that upstream knows there, as `VERSION KIND`, and how Go names them: of such a text it says what it is. */
  readonly others?: Readonly<Record<string, string>>;
  /** Unknown and repeated fields are passed over. */
  readonly lenient?: boolean;
  /** What a text is that does not say what it is. */
  readonly unnamed?: boolean;
}

/** One sentence that says what is wrong, and where. */
export class ConfigurationError extends Error {
  override name = "ConfigurationError";
}

function goType(shape: Shape): string {
  if (shape === "duration") return "v1.Duration";
  if (shape === "int") return "int32";
  if (typeof shape === "string") return shape;
  if ("list" in shape) return `[]${goType(shape.list)}`;
  return "map" in shape ? "map[string]string" : shape.go;
}

const described = (value: JSONValue): string => {
  if (Array.isArray(value)) return "array";
  if (typeof value === "bigint") return "number";
  return typeof value === "boolean" ? "bool" : typeof value;
};

class Reader {
  readonly unknown: string[] = [];
  /** The struct whose fields are read now. */
  #struct: string;
  constructor(kind: string) {
    this.#struct = kind;
  }
  #wrong(value: JSONValue, shape: Shape, go: string): never {
    throw new ConfigurationError(`json: cannot unmarshal ${described(value)} into Go struct field ${this.#struct}.${go} of type ${goType(shape)}`);
  }
  /** `go` is the path without indices. Undefined for null. */
  read(value: JSONValue, shape: Shape, path: string, go: string): unknown {
    if (value === null) return undefined;
    if (shape === "any") return value;
    if (shape === "string" || shape === "duration") {
      if (typeof value !== "string") {
        this.#wrong(value, "string", go);
      }
      if (shape === "duration") duration(value);
      return value;
    }
    if (shape === "bool") return typeof value === "boolean" ? value : this.#wrong(value, shape, go);
    if (shape === "int" || shape === "int64") {
      const limit = shape === "int" ? 2 ** 31 : 2 ** 53;
      return typeof value === "number" && Number.isInteger(value) && Math.abs(value) < limit ? value : this.#wrong(value, shape, go);
    }
    if ("list" in shape) {
      if (!Array.isArray(value)) return this.#wrong(value, shape, go);
      return value.map((item, i) => this.read(item, shape.list, `${path}[${i}]`, go) ?? empty(shape.list));
    }
    if (typeof value !== "object" || Array.isArray(value)) return this.#wrong(value, shape, go);
    if ("map" in shape) {
      for (const item of Object.values(value)) if (typeof item !== "string") this.#wrong(item as JSONValue, "string", go);
      return value;
    }
    const outer = this.#struct;
    this.#struct = shape.go.slice(shape.go.indexOf(".") + 1);
    const read = this.fields(value, shape.fields, path, go);
    this.#struct = outer;
    return read;
  }
  fields(value: { [key: string]: JSONValue | undefined }, fields: Readonly<Record<string, Shape>>, path: string, go: string): Record<string, unknown> {
    const out: Record<string, unknown> = {};
    for (const [name, item] of Object.entries(value)) {
      const at = path ? `${path}.${name}` : name;
      const shape = own(fields, name);
      if (!shape) this.unknown.push(`unknown field ${goQuote(at)}`);
      else {
        const read = this.read(item as JSONValue, shape, at, go ? `${go}.${name}` : name);
        if (read !== undefined) out[name] = read;
      }
    }
    return out;
  }
}

function empty(shape: Shape): unknown {
  if (shape === "bool") return false;
  if (typeof shape === "string") return shape === "int" || shape === "int64" ? 0 : "";
  return "list" in shape ? [] : {};
}

/** Braces begin JSON, unless it is YAML all the same. Throws DecodeError. */
function jsonOrYAML(text: string): ReturnType<typeof parseYAML> {
  try {
    return parseJSON(text);
  } catch (error) {
    if (error instanceof DecodeError) return parseYAML(text);
    throw error;
  }
}

function duration(text: string): void {
  try {
    parseDuration(text);
  } catch (error) {
    throw new ConfigurationError((error as Error).message);
  }
}

/** A value of this shape; what the shape does not know is let go. Throws ConfigurationError. */
export const decodeValue = <T>(value: JSONValue, shape: Shape): T | undefined => new Reader("").read(value, shape, "", "") as T | undefined;

/** The object that the text describes, checked against the fields of its kind, one of these. Throws ConfigurationError. */
export function decodeConfiguration<T>(text: string, ...kinds: readonly ConfigurationKind[]): T {
  let document: ReturnType<typeof parseYAML>;
  try {
    document = text.trimStart().startsWith("{") ? jsonOrYAML(text) : parseYAML(text);
  } catch (error) {
    if (error instanceof DecodeError) throw new ConfigurationError(error.message);
    throw error;
  }
  const { value, duplicates } = document;
  const object = value === null ? {} : value;
  if (typeof object !== "object" || Array.isArray(object))
    throw new ConfigurationError(
      `couldn't get version/kind; json parse error: json: cannot unmarshal ${described(object)} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
    );
  const assumed = kinds.find(({ unnamed }) => unnamed);
  const { apiVersion = assumed?.versions[0] ?? "", kind = assumed?.kind ?? "", ...fields } = object;
  if (kind === "") throw new ConfigurationError(`Object 'Kind' is missing in '${text}'`);
  if (apiVersion === "") throw new ConfigurationError(`Object 'apiVersion' is missing in '${text}'`);
  const known = kinds.find((one) => one.kind === kind && one.versions.includes(String(apiVersion)));
  const other = kinds[0]?.others?.[`${apiVersion} ${kind}`];
  if (other) throw new ConfigurationError(`expected ${kinds[0]?.kind}, got ${other}`);
  if (!known)
    throw new ConfigurationError(
      `no kind ${goQuote(String(kind))} is registered for version ${goQuote(String(apiVersion))} in scheme "pkg/runtime/scheme.go:111"`,
    );
  const reader = new Reader(known.kind);
  const read = reader.fields(fields, known.fields, "", "");
  const strict = known.lenient ? [] : [...duplicates, ...reader.unknown];
  if (strict.length) throw new ConfigurationError(`strict decoding error: ${strict.join(", ")}`);
  return read as T;
}

/** What validation found, as one sentence. */
export function throwFieldErrors(errors: readonly FieldError[]): void {
  if (errors.length) throw new ConfigurationError(aggregateText(errors.map(({ field, body }) => `${field}: ${body}`)));
}
