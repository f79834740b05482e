/** What a check of the Pod Security Standards is, and how its findings read. */
import type { Container, EphemeralContainer, PodSecurityContext, PodSpec, SecurityContext } from "../../../api/types/core-v1.gen.ts";
import type { ObjectMeta } from "../../../api/types/meta-v1.gen.ts";
import type { Level } from "./policy.ts";

export type AnyContainer = Container | EphemeralContainer;
export interface Subject {
  metadata: Pick<ObjectMeta, "annotations">;
  spec: PodSpec;
}
/** Why a pod is forbidden; `detail` is shown in parentheses. */
export interface Finding {
  reason: string;
  detail: string;
}
export type CheckFunction = (subject: Subject) => Finding | undefined;

export interface Check {
  id: string;
  level: Exclude<Level, "privileged">;
  /** Ascending; each holds from v1.`from` on. */
  versions: { from: number; check: CheckFunction; overrides?: readonly string[] }[];
}

export const containersOf = (spec: PodSpec): AnyContainer[] => [
  ...(spec.initContainers ?? []),
  ...(spec.containers ?? []),
  ...(spec.ephemeralContainers ?? []),
];
export const quoteAll = (items: Iterable<string>): string => [...items].map((item) => `"${item}"`).join(", ");
export const sorted = (items: Iterable<string>): string[] => [...new Set(items)].sort();
export const plural = (count: number, one: string, many = `${one}s`): string => (count === 1 ? one : many);
/** `container "a"`, `containers "a", "b"` */
export const namedContainers = (names: readonly string[]): string => `${plural(names.length, "container")} ${quoteAll(names)}`;
export const inUserNamespace = (spec: PodSpec): boolean => spec.hostUsers === false;
export const unlessWindows =
  (check: CheckFunction): CheckFunction =>
  (subject) =>
    subject.spec.os?.name === "windows" ? undefined : check(subject);
export const unlessUserNamespace =
  (check: CheckFunction): CheckFunction =>
  (subject) =>
    inUserNamespace(subject.spec) ? undefined : check(subject);

/** Names of the containers for which `bad` holds. */
export const badContainers = (spec: PodSpec, bad: (container: AnyContainer) => boolean): string[] =>
  containersOf(spec)
    .filter(bad)
    .map(({ name }) => name);

/** Who sets something bad at pod or container level: `pod and container "a"`; "" for nobody. */
export function setters(spec: PodSpec, bad: (context: PodSecurityContext | SecurityContext) => boolean): string {
  const names = badContainers(spec, ({ securityContext }) => securityContext !== undefined && bad(securityContext));
  const pod = spec.securityContext !== undefined && bad(spec.securityContext);
  return [...(pod ? ["pod"] : []), ...(names.length ? [namedContainers(names)] : [])].join(" and ");
}
