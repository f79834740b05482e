/** Semantic versions, 2.0.0 (k8s.io/apiserver/pkg/cel/library/semverlib.go; messages of github.com/blang/semver). */
import { type Library, member, overload } from "../declarations.ts";
import { struct, types } from "../types.ts";
import { CelError, ObjectValue, type Value } from "../values.ts";
import { quoted } from "./long-texts.ts";

const { bool, int, string } = types;
export const semverType = struct("kubernetes.Semver");
const maxUint = 2n ** 64n - 1n;

export class SemverValue extends ObjectValue {
  readonly type = semverType;
  override readonly onlyWithItsLike = true;
  readonly numbers: readonly bigint[];
  readonly before: readonly string[];
  constructor(numbers: readonly bigint[], before: readonly string[]) {
    super();
    this.numbers = numbers;
    this.before = before;
  }
  equals(other: Value): boolean {
    return other instanceof SemverValue && compareVersions(this, other) === 0;
  }
}

const sign = (a: bigint | string | number, b: bigint | string | number): number => (a < b ? -1 : a > b ? 1 : 0);
/** A version before the release is less than the release; numbers are less than words. */
export function compareVersions(a: SemverValue, b: SemverValue): number {
  for (let i = 0; i < 3; i++) {
    const order = sign(a.numbers[i] as bigint, b.numbers[i] as bigint);
    if (order !== 0) return order;
  }
  if (a.before.length === 0 || b.before.length === 0) return sign(b.before.length && 1, a.before.length && 1);
  for (let i = 0; i < Math.min(a.before.length, b.before.length); i++) {
    const [x, y] = [a.before[i] as string, b.before[i] as string];
    const [numeric, other] = [/^\d+$/.test(x), /^\d+$/.test(y)];
    const order = numeric && other ? sign(BigInt(x), BigInt(y)) : numeric !== other ? (numeric ? -1 : 1) : sign(x, y);
    if (order !== 0) return order;
  }
  return sign(a.before.length, b.before.length);
}

export function parseVersion(text: string): Value {
  if (text === "") return new CelError("Version string empty");
  const parts = text.split(".");
  if (parts.length < 3) return new CelError("No Major.Minor.Patch elements found");
  const [, patch = "", before, build] = /^([^+-]*)(?:-([^+]*))?(?:\+(.*))?$/s.exec(parts.slice(2).join(".")) ?? [];
  const numbers: bigint[] = [];
  for (const [name, part] of [
    ["Major", parts[0] as string],
    ["Minor", parts[1] as string],
    ["Patch", patch],
  ] as const) {
    if (!/^\d*$/.test(part)) return new CelError(`Invalid character(s) found in ${name.toLowerCase()} number ${quoted(part)}`);
    if (part.length > 1 && part.startsWith("0")) return new CelError(`${name} number must not contain leading zeroes ${quoted(part)}`);
    if (part === "") return new CelError('strconv.ParseUint: parsing "": invalid syntax');
    if (part.length > 20 || BigInt(part) > maxUint) return new CelError(`strconv.ParseUint: parsing ${quoted(part)}: value out of range`);
    numbers.push(BigInt(part));
  }
  const pre = before?.split(".") ?? [];
  for (const one of pre) {
    if (one === "") return new CelError("Prerelease is empty");
    if (/^\d+$/.test(one) && one.length > 1 && one.startsWith("0"))
      return new CelError(`Numeric PreRelease version must not contain leading zeroes ${quoted(one)}`);
    if (!/^[\dA-Za-z-]+$/.test(one)) return new CelError(`Invalid character(s) found in prerelease ${quoted(one)}`);
  }
  for (const one of build?.split(".") ?? []) {
    if (one === "") return new CelError("Build meta data is empty");
    if (!/^[\dA-Za-z-]+$/.test(one)) return new CelError(`Invalid character(s) found in build meta data ${quoted(one)}`);
  }
  return new SemverValue(numbers, pre);
}
/** Without a leading v or zeros, and with three numbers. */
function normalized(text: string): Value {
  const [major = "", minor, ...rest] = text.replace(/^v/, "").split(".");
  const parts = [major, ...(minor === undefined ? [] : [minor]), ...(rest.length ? [rest.join(".")] : [])].map((part) => {
    if (part.length <= 1) return part;
    const trimmed = part.replace(/^0+/, "");
    return /^\d/.test(trimmed) ? trimmed : `0${trimmed}`;
  });
  if (parts.length < 3 && /[+-]/.test(parts.at(-1) as string)) return new CelError("short version cannot contain PreRelease/Build meta data");
  while (parts.length < 3) parts.push("0");
  return parseVersion(parts.join("."));
}
const parse = (text: string, normalize = false): Value => (normalize ? normalized(text) : parseVersion(text));
const isVersion = (text: string, normalize = false): boolean => parse(text, normalize) instanceof SemverValue;

type S = SemverValue;
const pair = [semverType, semverType] as const;
const numberAt = (id: string, i: number) => member(id, [semverType], int, ({ numbers }: S) => BigInt.asIntN(64, numbers[i] as bigint));

export const semver: Library = {
  types: [semverType],
  functions: {
    semver: [overload("string_to_semver", [string], semverType, parse), overload("string_bool_to_semver", [string, bool], semverType, parse)],
    isSemver: [overload("is_semver_string", [string], bool, isVersion), overload("is_semver_string_bool", [string, bool], bool, isVersion)],
    isGreaterThan: [member("semver_is_greater_than", pair, bool, (a: S, b: S) => compareVersions(a, b) > 0)],
    isLessThan: [member("semver_is_less_than", pair, bool, (a: S, b: S) => compareVersions(a, b) < 0)],
    compareTo: [member("semver_compare_to", pair, int, (a: S, b: S) => BigInt(compareVersions(a, b)))],
    major: [numberAt("semver_major", 0)],
    minor: [numberAt("semver_minor", 1)],
    patch: [numberAt("semver_patch", 2)],
  },
};
