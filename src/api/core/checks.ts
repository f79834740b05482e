/** The small rules that validation of every kind is made of, as field errors. */
import { type FieldError, invalidNamed, invalidValue, notSupported, type Path, required } from "../field.ts";
import {
  inclusiveRangeError,
  isDNS1123Label,
  isDNS1123Subdomain,
  isDNS1123SubdomainWithUnderscore,
  isQualifiedName,
  isValidPortName,
  isValidPortNum,
  longerThan,
} from "../names.ts";

export type Messages = (value: string) => string[];

/** A value of a string type of its own or behind a pointer that must stay. */
export const validateImmutableNamed = (value: string | undefined, old: string | undefined, at: Path): FieldError[] =>
  value === old ? [] : [invalidNamed(at, value, fieldImmutableMessage)];

/** One error a message. */
export const invalidAll = (at: Path, value: unknown, messages: string[]): FieldError[] => messages.map((message) => invalidValue(at, value, message));

/** The same for values of string types of their own and behind pointers. */
export const invalidAllNamed = (at: Path, value: string, messages: string[]): FieldError[] => messages.map((message) => invalidNamed(at, value, message));

const rule =
  (messages: Messages) =>
  (value: string, at: Path): FieldError[] =>
    invalidAll(at, value, messages(value));
export const validateDNSLabel = rule(isDNS1123Label);
export const validateDNSSubdomain = rule(isDNS1123Subdomain);
export const validateDNSSubdomainWithUnderscore = rule(isDNS1123SubdomainWithUnderscore);
export const validateQualifiedName = rule(isQualifiedName);

export const isNegativeMessage = "must be greater than or equal to 0";
export const isNotPositiveMessage = "must be greater than zero";
export const fieldImmutableMessage = "field is immutable";
export const maxInt32 = 2 ** 31 - 1;

export type Integer = number | bigint;
export const validateNonNegative = (value: Integer | undefined, at: Path): FieldError[] =>
  (value ?? 0) < 0 ? [invalidValue(at, value, isNegativeMessage)] : [];
export const validatePositive = (value: Integer | undefined, at: Path): FieldError[] =>
  (value ?? 0) <= 0 ? [invalidValue(at, value ?? 0, isNotPositiveMessage)] : [];
export const outOfRange = (value: Integer, low: number, high: number, at: Path): FieldError[] =>
  value < low || value > high ? [invalidValue(at, value, inclusiveRangeError(low, high))] : [];

export function validatePortNumOrName(port: number | string | undefined, at: Path): FieldError[] {
  return typeof port === "string" ? invalidAll(at, port, isValidPortName(port)) : invalidAll(at, port ?? 0, isValidPortNum(port ?? 0));
}

/** `supported` in the order in which the error lists it. */
export const oneOf = (value: string | undefined, supported: readonly string[], at: Path): FieldError[] =>
  supported.includes(value ?? "") ? [] : [notSupported(at, value ?? "", supported)];
export const requiredOneOf = (value: string | undefined, supported: readonly string[], at: Path): FieldError[] =>
  value ? oneOf(value, supported, at) : [required(at)];

/** Paths inside a volume. */
export function validatePathNoBacksteps(path: string, at: Path): FieldError[] {
  return path.split("/").includes("..") ? [invalidValue(at, path, "must not contain '..'")] : [];
}
export function validateLocalDescendingPath(path: string, at: Path): FieldError[] {
  return [...(path.startsWith("/") ? [invalidValue(at, path, "must be a relative path")] : []), ...validatePathNoBacksteps(path, at)];
}
export function validateLocalNonReservedPath(path: string, at: Path): FieldError[] {
  const errors = validateLocalDescendingPath(path, at);
  if (path.startsWith("..") && !path.startsWith("../")) errors.push(invalidValue(at, path, "must not start with '..'"));
  return errors;
}

const fileModeMessage = "must be a number between 0 and 0777 (octal), both inclusive";
export const validateFileMode = (mode: number | undefined, at: Path): FieldError[] =>
  mode !== undefined && (mode > 0o777 || mode < 0) ? [invalidValue(at, mode, fileModeMessage)] : [];

/** More bytes than that in UTF-8. */
export const exceeds = longerThan;
