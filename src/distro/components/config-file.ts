/**
 * Configuration files of components (`--config`): a table of their fields says which act; the others may only be set to
 * what is done anyway. Nothing is read and ignored.
 */
import { isMap } from "../../api/json.ts";
import { isDeepStrictEqual } from "node:util";
import { parseYAML } from "../../api/codec/yaml.ts";
import { readNamed } from "./files.ts";
import { FlagError } from "./flag-error.ts";
import { parseDuration } from "./flag-types.ts";

export type FieldType = "string" | "int" | "number" | "bool" | "duration" | "strings" | "map" | "list" | "object";
export type ConfigField =
  | { readonly type: FieldType; readonly choices?: readonly unknown[] }
  /** Upstream's default, and why nothing else is possible. */
  | { readonly only: unknown; readonly why: string; readonly unset?: boolean };

/** By dotted path. */
export type ConfigTable = Readonly<Record<string, ConfigField>>;

export interface ConfigValues {
  /** Undefined where the file says nothing. Durations are in milliseconds. */
  get<T>(path: string): T | undefined;
}

export const only = (value: unknown, why: string): ConfigField => ({ only: value, why });
/** As only(), for fields that upstream sets to their default when they are written empty, 0 or false. */
export const onlyOrUnset = (value: unknown, why: string): ConfigField => ({ only: value, why, unset: true });

const described: Record<FieldType, string> = {
  string: "a string",
  int: "a whole number",
  number: "a number",
  bool: "true or false",
  duration: "a duration such as 30s or 5m",
  strings: "a list of strings",
  map: "a mapping of strings to strings",
  list: "a list",
  object: "a mapping",
};

/** Throws when the value is not of the type. */
function read(type: FieldType, value: unknown): unknown {
  const wrong = (): never => {
    throw new Error(`it must be ${described[type]}`);
  };
  switch (type) {
    case "string":
      return typeof value === "string" ? value : wrong();
    case "int":
      return Number.isSafeInteger(Number(value)) && typeof value !== "string" && typeof value !== "boolean" ? Number(value) : wrong();
    case "number":
      return typeof value === "number" ? value : wrong();
    case "bool":
      return typeof value === "boolean" ? value : wrong();
    case "duration":
      try {
        return parseDuration(String(value));
      } catch {
        return wrong();
      }
    case "strings":
      return Array.isArray(value) && value.every((item) => typeof item === "string") ? value : wrong();
    case "map":
      return isMap(value) && Object.values(value).every((item) => typeof item === "string") ? { ...value } : wrong();
    case "list":
      return Array.isArray(value) ? value : wrong();
    case "object":
      return isMap(value) ? value : wrong();
  }
}

const isEmpty = (value: unknown): boolean =>
  value === null || value === "" || (Array.isArray(value) && !value.length) || (isMap(value) && !Object.keys(value).length);
/** Nothing is said with it: kubeadm writes whole sections of these. */
const isZero = (value: unknown): boolean =>
  value === 0 || value === false || value === "0" || value === "0s" || isEmpty(value) || (isMap(value) && Object.values(value).every(isZero));
/** `0`, `0s`, `4h` and `4h0m0s` are equal. */
function same(value: unknown, expected: unknown): boolean {
  if (isDeepStrictEqual(value, expected) || (isEmpty(value) && (isEmpty(expected) || expected === undefined))) return true;
  if (typeof value !== "string" || typeof expected !== "string") return false;
  try {
    return parseDuration(value) === parseDuration(expected);
  } catch {
    return false;
  }
}

class Walk {
  readonly problems: string[] = [];
  readonly values = new Map<string, unknown>();
  /** Paths that are null. */
  readonly cleared: string[] = [];
  readonly #table: ConfigTable;
  readonly #file: string;
  constructor(table: ConfigTable, file: string) {
    this.#table = table;
    this.#file = file;
  }
  object(object: Record<string, unknown>, prefix: string): void {
    for (const [name, value] of Object.entries(object)) this.#field(prefix ? `${prefix}.${name}` : name, value);
  }
  #field(path: string, value: unknown): void {
    const field = this.#table[path];
    if (value === null) this.cleared.push(path);
    if (!field) {
      if (Object.keys(this.#table).some((known) => known.startsWith(`${path}.`))) {
        if (isMap(value)) this.object(value, path);
        else if (value !== null) this.problem(path, "it must be a mapping");
      } else this.problem(path, "unknown field");
      return;
    }
    if ("only" in field) {
      if (!same(value, field.only) && !(field.unset && isZero(value)))
        this.problem(path, `${JSON.stringify(value)} is not supported${field.only === undefined ? "" : `, only ${JSON.stringify(field.only)}`}: ${field.why}`);
      return;
    }
    if (value === null) return;
    try {
      const parsed = read(field.type, value);
      if (field.choices && !field.choices.includes(parsed))
        throw new Error(`${JSON.stringify(value)} is not supported, only ${field.choices.map((one) => JSON.stringify(one)).join(" or ")}`);
      this.values.set(path, parsed);
    } catch (error) {
      this.problem(path, (error as Error).message);
    }
  }
  problem(path: string, why: string): void {
    this.problems.push(`${this.#file}: ${path}: ${why}`);
  }
}

/** Throws FlagError with everything that is wrong with the file; `check` may find more. */
export const readConfigFile = (file: string, type: { apiVersion: string; kind: string }, table: ConfigTable): ConfigValues =>
  readConfigFiles([file], type, table);

/**
 * What the later files say goes before what the earlier ones say: member by member in mappings, null takes away (JSON merge
 * patch). Throws FlagError with everything that is wrong with each of them.
 */
export function readConfigFiles(files: readonly string[], type: { apiVersion: string; kind: string }, table: ConfigTable): ConfigValues {
  const values = new Map<string, unknown>();
  const problems: string[] = [];
  for (const file of files) {
    const walk = walkFile(file, type, table);
    problems.push(...walk.problems);
    for (const path of walk.cleared) for (const known of [...values.keys()]) if (known === path || known.startsWith(`${path}.`)) values.delete(known);
    for (const [path, value] of walk.values) {
      const before = values.get(path);
      values.set(path, isMap(value) && isMap(before) ? { ...before, ...value } : value);
    }
  }
  if (problems.length) throw new FlagError(problems);
  return { get: <T>(path: string) => values.get(path) as T | undefined };
}

function walkFile(file: string, type: { apiVersion: string; kind: string }, table: ConfigTable): Walk {
  let parsed: ReturnType<typeof parseYAML>;
  try {
    parsed = parseYAML(readNamed(file, "--config"));
  } catch (error) {
    throw error instanceof FlagError ? error : new FlagError([`--config: ${file}: ${(error as Error).message}`]);
  }
  const { value: document, duplicates } = parsed;
  if (!isMap(document)) throw new FlagError([`--config: ${file} must be a mapping that begins with apiVersion: ${type.apiVersion} and kind: ${type.kind}`]);
  const walk = new Walk(table, file);
  for (const duplicate of duplicates) walk.problem(duplicate, "is there twice");
  const { apiVersion, kind, ...fields } = document;
  if (apiVersion !== type.apiVersion || kind !== type.kind)
    walk.problem(
      "apiVersion, kind",
      `it is ${JSON.stringify(apiVersion ?? "")} ${JSON.stringify(kind ?? "")}, and must be ${JSON.stringify(type.apiVersion)} ${JSON.stringify(type.kind)}`,
    );
  else walk.object(fields, "");
  return walk;
}
