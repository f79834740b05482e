/** What namespaces without labels are held to, and who is exempt (k8s.io/pod-security-admission/admission/api). */
import { aggregateText, duplicate, type FieldError, invalidValue, path } from "../../../api/field.ts";
import { isDNS1123Label, isDNS1123Subdomain } from "../../../api/names.ts";
import { ConfigurationError, decodeConfiguration, throwFieldErrors } from "../../configuration-file.ts";
import { type Policy, readLevel, readVersion } from "./policy.ts";
import type { PodSecurityOptions } from "./pod-security.ts";

const modes = ["enforce", "audit", "warn"] as const;
const levels = Object.fromEntries(modes.flatMap((mode) => [mode, `${mode}-version`]).map((name) => [name, "string"] as const));
const lists = { usernames: { list: "string" }, namespaces: { list: "string" }, runtimeClasses: { list: "string" } } as const;
const kind = {
  kind: "PodSecurityConfiguration",
  versions: ["pod-security.admission.config.k8s.io/v1", "pod-security.admission.config.k8s.io/v1beta1", "pod-security.admission.config.k8s.io/v1alpha1"],
  fields: { defaults: { go: "v1.PodSecurityDefaults", fields: levels }, exemptions: { go: "v1.PodSecurityExemptions", fields: lists } },
} as const;

interface Read {
  defaults?: Record<string, string>;
  exemptions?: { [list in keyof typeof lists]?: string[] };
}
const nonEmpty = (name: string): string[] => (name ? [] : ["username must not be empty"]);

/** Throws ConfigurationError. */
export function readPodSecurity(text: string): Omit<PodSecurityOptions, "reader" | "clock"> {
  const { defaults: given = {}, exemptions = {} } = decodeConfiguration<Read>(text, kind);
  const wrong: string[] = [];
  const defaults = {} as Policy;
  for (const mode of modes) {
    const level = readLevel(given[mode] || "privileged");
    const minor = readVersion(given[`${mode}-version`] || "latest");
    if (typeof level === "object") wrong.push(`${mode}: ${level.error}`);
    if (typeof minor === "object") wrong.push(`${mode}-version: ${minor.error}`);
    if (typeof level !== "object" && typeof minor !== "object") defaults[mode] = { level, minor };
  }
  // What exemptions are is judged only beside levels that are right.
  if (wrong.length) throw new ConfigurationError(`PodSecurity configuration error: ${aggregateText(wrong)}`);
  const errors: FieldError[] = [];
  const exempt = (list: keyof typeof lists, rule: (name: string) => string[]): string[] => {
    const names = exemptions[list] ?? [];
    for (const [i, name] of names.entries()) {
      const wrong = rule(name);
      const at = path("exemptions", list).index(i);
      if (wrong.length) errors.push(invalidValue(at, name, wrong.join(", ")));
      else if (names.indexOf(name) < i) errors.push(duplicate(at, name));
    }
    return names;
  };
  const exemptNamespaces = exempt("namespaces", isDNS1123Label);
  const exemptRuntimeClasses = exempt("runtimeClasses", isDNS1123Subdomain);
  const exemptUsers = exempt("usernames", nonEmpty);
  throwFieldErrors(errors);
  return { defaults, exemptNamespaces, exemptRuntimeClasses, exemptUsers };
}
