/** Reads a configuration object by object, noting everything that is wrong with it. */
import { type FieldError, forbiddenField, invalidValue, type Path } from "../../api/field.ts";
import { path } from "../../api/field.ts";
import { parseDuration } from "../../api/time.ts";

export type Fields = Record<string, unknown>;

export class Reader {
  readonly errors: FieldError[] = [];

  fail(...errors: readonly FieldError[]): void {
    this.errors.push(...errors);
  }
  fields(value: unknown, at: Path | undefined, known: readonly string[]): Fields {
    if (value === undefined || value === null) return {};
    if (typeof value !== "object" || Array.isArray(value)) {
      this.fail(invalidValue(at ?? "configuration", value, "must be an object"));
      return {};
    }
    const fields = value as Fields;
    for (const key of Object.keys(fields)) {
      if (!known.includes(key)) this.fail(forbiddenField(at ? at.child(key) : path(key), "not supported by this scheduler"));
    }
    return fields;
  }
  list(value: unknown, at: Path): unknown[] {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return value;
    this.fail(invalidValue(at, value, "must be a list"));
    return [];
  }
  strings(value: unknown, at: Path): string[] {
    return this.list(value, at).flatMap((item, i) => {
      if (typeof item === "string") return [item];
      this.fail(invalidValue(at.index(i), item, "must be a string"));
      return [];
    });
  }
  /** A whole number; any where no bounds are asked for. */
  integer(value: unknown, at: Path, otherwise: number): number {
    if (value === undefined || value === null) return otherwise;
    if (typeof value === "number" && Number.isInteger(value)) return value;
    this.fail(invalidValue(at, value, "must be an integer"));
    return otherwise;
  }
  number(value: unknown, at: Path, from: number, to: number, otherwise: number): number {
    const read = this.integer(value, at, otherwise);
    if (read >= from && read <= to) return read;
    this.fail(invalidValue(at, read, to === Number.MAX_SAFE_INTEGER ? `must be at least ${from}` : `not in valid range [${from}-${to}]`));
    return otherwise;
  }
  /** Milliseconds. */
  duration(value: unknown, at: Path, otherwise: number): number {
    if (value === undefined || value === null) return otherwise;
    try {
      return parseDuration(String(value));
    } catch (error) {
      this.fail(invalidValue(at, value, (error as Error).message));
      return otherwise;
    }
  }
  boolean(value: unknown, at: Path, otherwise: boolean): boolean {
    if (value === undefined || value === null) return otherwise;
    if (typeof value === "boolean") return value;
    this.fail(invalidValue(at, value, "must be true or false"));
    return otherwise;
  }
}
