/** Which level of the Pod Security Standards a namespace asks for by its labels (k8s.io/pod-security-admission/api). */
import { type FieldError, invalidValue, path } from "../../../api/field.ts";

export type Level = "privileged" | "baseline" | "restricted";

export interface LevelVersion {
  level: Level;
  /** Minor version of v1.x; Infinity for "latest". */
  minor: number;
}

export interface Policy {
  enforce: LevelVersion;
  audit: LevelVersion;
  warn: LevelVersion;
}

const levels: readonly string[] = ["privileged", "baseline", "restricted"];
const privileged: LevelVersion = { level: "privileged", minor: Number.POSITIVE_INFINITY };
export const privilegedPolicy: Policy = { enforce: privileged, audit: privileged, warn: privileged };

export const describePolicy = ({ level, minor }: LevelVersion): string => `${level}:${minor === Number.POSITIVE_INFINITY ? "latest" : `v1.${minor}`}`;
export const sameLevel = (a: LevelVersion, b: LevelVersion): boolean => a.level === b.level && a.minor === b.minor;
/** Less than 0 when `a` is the more lenient. */
export const compareLevels = (a: Level, b: Level): number => levels.indexOf(a) - levels.indexOf(b);

/** Or why it is none. */
export const readLevel = (text: string): Level | { error: string } =>
  levels.includes(text) ? (text as Level) : { error: `must be one of ${levels.join(", ")}` };
/** The minor version, or why it is none. */
export function readVersion(text: string): number | { error: string } {
  if (text === "latest") return Number.POSITIVE_INFINITY;
  const minor = /^v1\.([0-9]|[1-9][0-9]*)$/.exec(text)?.[1];
  return minor === undefined ? { error: 'must be "latest" or "v1.x"' } : Number(minor);
}

/** Always gives a policy: where a label is wrong the strict reading for enforce, the lenient one for audit and warn. */
export function policyOf(labels: Record<string, string> | undefined, defaults: Policy): { policy: Policy; errors: FieldError[] } {
  const policy: Policy = { enforce: { ...defaults.enforce }, audit: { ...defaults.audit }, warn: { ...defaults.warn } };
  const errors: FieldError[] = [];
  const read = (mode: keyof Policy, fallback: Level): { level: boolean; version: boolean; valid: boolean } => {
    const label = `pod-security.kubernetes.io/${mode}`;
    const complain = (key: string, value: string, why: string): void => {
      errors.push(invalidValue(path("metadata", "labels").key(key), value, why));
    };
    const level = labels?.[label];
    const version = labels?.[`${label}-version`];
    const known = level === undefined ? undefined : readLevel(level);
    const valid = typeof known === "string";
    if (known !== undefined) {
      policy[mode].level = valid ? known : fallback;
      if (!valid) complain(label, level as string, known.error);
    }
    if (version !== undefined) {
      const minor = readVersion(version);
      policy[mode].minor = typeof minor === "number" ? minor : Number.POSITIVE_INFINITY;
      if (typeof minor === "object") complain(`${label}-version`, version, minor.error);
    }
    return { level: level !== undefined, version: version !== undefined, valid };
  };
  const enforce = read("enforce", "restricted");
  read("audit", "privileged");
  const warn = read("warn", "privileged");
  if (!warn.level && enforce.valid && compareLevels(policy.enforce.level, policy.warn.level) > 0) {
    policy.warn.level = policy.enforce.level;
    if (!warn.version) policy.warn.minor = policy.enforce.minor;
  }
  return { policy, errors };
}
