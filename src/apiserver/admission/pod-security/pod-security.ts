/** Pods keep to the level their namespace asks for (plugin/pkg/admission/security/podsecurity, KEP-2579). */
import { goQuote } from "../../../api/go-quote.ts";
import type { KubeObject } from "../../../api/object.ts";
import { groupResource, internalError, invalid } from "../../../api/status.ts";
import type { Namespace, Pod, PodTemplateSpec } from "../../../api/types/core-v1.gen.ts";
import type { Clock } from "../../../base/clock.ts";
import type { Reader } from "../../../cache/cache.ts";
import { sameValue } from "../../authorization/same.ts";
import type { PodSecuritySeries } from "../../metrics/pod-security.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import { refuse } from "../refuse.ts";
import { baselineChecks } from "./baseline.ts";
import type { Check, CheckFunction, Finding, Subject } from "./check.ts";
import { compareLevels, describePolicy, type LevelVersion, type Policy, policyOf, privilegedPolicy, sameLevel } from "./policy.ts";
import { restrictedChecks } from "./restricted.ts";

export interface PodSecurityOptions {
  reader: Reader;
  clock: Clock;
  /** For namespaces without labels. @default privileged */
  defaults?: Policy;
  exemptNamespaces?: readonly string[];
  exemptUsers?: readonly string[];
  exemptRuntimeClasses?: readonly string[];
  /** Counts what is decided. */
  podSecuritySeries?: PodSecuritySeries;
}

const byId = (a: Check, b: Check): number => (a.id < b.id ? -1 : 1);
const ordered = [...[...baselineChecks].sort(byId), ...[...restrictedChecks].sort(byId)];
const compiled = new Map<string, CheckFunction[]>();

/** The checks of a level as they were in v1.`minor`, baseline first. */
function checksOf({ level, minor }: LevelVersion): CheckFunction[] {
  if (level === "privileged") return [];
  const key = `${level} ${minor}`;
  let functions = compiled.get(key);
  if (!functions) {
    const active = ordered
      .filter((check) => level === "restricted" || check.level === "baseline")
      .flatMap((check) => {
        const version = check.versions.findLast(({ from }) => from <= minor);
        return version ? [{ id: check.id, ...version }] : [];
      });
    const overridden = new Set(active.flatMap(({ overrides }) => overrides ?? []));
    functions = active.filter(({ id }) => !overridden.has(id)).map(({ check }) => check);
    compiled.set(key, functions);
  }
  return functions;
}

/** What of a pod the level forbids; empty when it allows the pod. */
export const evaluatePodSecurity = (level: LevelVersion, subject: Subject): Finding[] => checksOf(level).flatMap((check) => check(subject) ?? []);

const detailOf = (findings: readonly Finding[]): string => findings.map(({ reason, detail }) => (detail ? `${reason} (${detail})` : reason)).join(", ");

const ignoredSubresources = new Set(["exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status"]);
const templated = new Set([
  "replicationcontrollers",
  "podtemplates",
  "replicasets.apps",
  "deployments.apps",
  "statefulsets.apps",
  "daemonsets.apps",
  "jobs.batch",
  "cronjobs.batch",
]);
const maxPodsToCheck = 3000;
const checkTime = 1000;

export function podSecurity(options: PodSecurityOptions): AdmissionPlugin {
  const defaults = options.defaults ?? privilegedPolicy;
  const { podSecuritySeries: series } = options;
  const note = (attributes: AdmissionAttributes, key: string, value: string): void => attributes.annotate?.(`pod-security.kubernetes.io/${key}`, value);
  const exempted = (attributes: AdmissionAttributes, why: string): true => {
    series?.exempted(attributes);
    note(attributes, "exempt", why);
    return true;
  };
  const isExempt = (attributes: AdmissionAttributes): boolean => {
    if (options.exemptNamespaces?.includes(attributes.namespace)) return exempted(attributes, "namespace");
    return options.exemptUsers?.includes(attributes.user.name) ? exempted(attributes, "user") : false;
  };
  /** By the labels, of which namespaces with the same ones share one record. */
  const policies = new WeakMap<object, Policy>();
  const policyFor = (labels: Readonly<Record<string, string>>): Policy => {
    let policy = policies.get(labels);
    if (!policy) {
      ({ policy } = policyOf(labels, defaults));
      policies.set(labels, policy);
    }
    return policy;
  };
  const labelsOf = (name: string) => options.reader.labels("namespaces", "", name);

  const evaluate = (attributes: AdmissionAttributes, policy: Policy, subject: Subject, enforce: boolean): void => {
    const runtimeClass = subject.spec.runtimeClassName;
    if (runtimeClass && options.exemptRuntimeClasses?.includes(runtimeClass)) {
      exempted(attributes, "runtimeClass");
      return;
    }
    const violation = (mode: keyof Policy, findings: readonly Finding[]): string =>
      `violate${mode === "enforce" ? "s" : ""} PodSecurity ${goQuote(describePolicy(policy[mode]))}: ${detailOf(findings)}`;
    const forbidden = enforce ? evaluatePodSecurity(policy.enforce, subject) : [];
    if (enforce) {
      note(attributes, "enforce-policy", describePolicy(policy.enforce));
      series?.evaluated(!forbidden.length, policy.enforce, "enforce", attributes);
    }
    const audited = evaluatePodSecurity(policy.audit, subject);
    if (audited.length) {
      note(attributes, "audit-violations", `would ${violation("audit", audited)}`);
      series?.evaluated(false, policy.audit, "audit", attributes);
    }
    if (forbidden.length) throw refuse(attributes, violation("enforce", forbidden));
    const warned = evaluatePodSecurity(policy.warn, subject);
    if (warned.length) {
      attributes.warn(`would ${violation("warn", warned)}`);
      series?.evaluated(false, policy.warn, "warn", attributes);
    }
  };

  const validatePod = (attributes: AdmissionAttributes): void => {
    if (ignoredSubresources.has(attributes.subresource) || isExempt(attributes)) return;
    const labels = labelsOf(attributes.namespace);
    if (!labels) {
      series?.failed(true, attributes);
      throw internalError(`failed to lookup namespace ${goQuote(attributes.namespace)}`);
    }
    const policy = policyFor(labels);
    const { enforce, audit, warn } = policy;
    if (enforce.level === "privileged" && audit.level === "privileged" && warn.level === "privileged") {
      series?.evaluated(true, enforce, "enforce", attributes);
      note(attributes, "enforce-policy", "privileged:latest");
      return;
    }
    const pod = attributes.object as Pod;
    if (attributes.operation === "UPDATE" && !isSignificant(pod, attributes.old as Pod)) return;
    evaluate(attributes, policy, pod, true);
  };

  const validateTemplate = (attributes: AdmissionAttributes): void => {
    if (attributes.subresource || isExempt(attributes)) return;
    const policy = policyFor(labelsOf(attributes.namespace) ?? {});
    const template = templateOf(attributes.object as KubeObject);
    if ((policy.warn.level === "privileged" && policy.audit.level === "privileged") || !template?.spec) return;
    evaluate(attributes, policy, { metadata: template.metadata ?? {}, spec: template.spec }, false);
  };

  const validateNamespace = (attributes: AdmissionAttributes): void => {
    if (attributes.subresource) return;
    const { metadata } = attributes.object as Namespace;
    const now = policyOf(metadata.labels, defaults);
    const before = attributes.operation === "UPDATE" ? policyOf(attributes.old?.metadata.labels, defaults) : undefined;
    if (now.errors.length && !(before?.errors.length && sameValue(before.errors, now.errors))) throw invalid("Namespace", metadata.name, now.errors);
    const [next, last] = [now.policy.enforce, before?.policy.enforce];
    if (options.exemptNamespaces?.includes(metadata.name)) {
      const ignored = exemptText(metadata.labels, now.policy, defaults);
      if (ignored !== undefined && (!last || !sameLevel(next, last)))
        attributes.warn(`namespace ${goQuote(metadata.name)} is exempt from Pod Security, and the policy (${ignored}) will be ignored`);
      return;
    }
    if (!last || sameLevel(next, last) || next.level === "privileged") return;
    if (next.minor === last.minor && compareLevels(next.level, last.level) < 1) return;
    for (const warning of warningsForPods(metadata.name, next, options)) attributes.warn(warning);
  };

  return {
    name: "PodSecurity",
    validate(attributes) {
      const resource = groupResource(attributes.resource.group, attributes.resource.resource);
      if (resource === "pods") validatePod(attributes);
      else if (resource === "namespaces") validateNamespace(attributes);
      else if (templated.has(resource)) validateTemplate(attributes);
    },
  };
}

/** The template of a pod controller, wherever its kind keeps it. */
function templateOf(object: KubeObject): PodTemplateSpec | undefined {
  const holder = object as KubeObject & {
    template?: PodTemplateSpec;
    spec?: { template?: PodTemplateSpec; jobTemplate?: { spec?: { template?: PodTemplateSpec } } };
  };
  return holder.template ?? holder.spec?.template ?? holder.spec?.jobTemplate?.spec?.template;
}

function isSignificant({ spec }: Pod, { spec: old }: Pod): boolean {
  const images = (list: readonly { image?: string }[] | undefined): (string | undefined)[] => (list ?? []).map(({ image }) => image);
  if (!sameValue(images(spec.containers), images(old.containers)) || !sameValue(images(spec.initContainers), images(old.initContainers))) return true;
  return (spec.ephemeralContainers ?? []).some(({ name, image }) => {
    const before = old.ephemeralContainers?.find((container) => container.name === name);
    return !before || before.image !== image;
  });
}

/** What the labels of an exempt namespace ask for in vain. */
function exemptText(labels: Record<string, string> | undefined, policy: Policy, defaults: Policy): string | undefined {
  const modes = ["enforce", "audit", "warn"] as const;
  const same = (a: LevelVersion, b: LevelVersion): boolean => (a.level === "privileged" && b.level === "privileged") || sameLevel(a, b);
  if (modes.every((mode) => policy[mode].level === "privileged") || modes.every((mode) => same(policy[mode], defaults[mode]))) return undefined;
  const label = (mode: string): boolean =>
    labels?.[`pod-security.kubernetes.io/${mode}`] !== undefined || labels?.[`pod-security.kubernetes.io/${mode}-version`] !== undefined;
  return modes
    .filter((mode) => policy[mode].level !== "privileged" && label(mode))
    .map((mode) => `${mode}=${describePolicy(policy[mode])}`)
    .join(", ");
}

/** What a stricter level would forbid of the pods that run already; stops after a second. */
function warningsForPods(namespace: string, level: LevelVersion, { reader, clock, exemptRuntimeClasses }: PodSecurityOptions): string[] {
  const started = clock.monotonic();
  const seen = new Set<string>();
  const replicas: Pod[] = [];
  const pods: Pod[] = [];
  for (const pod of reader.list<Pod>("pods", namespace)) {
    if (pod.spec.runtimeClassName && exemptRuntimeClasses?.includes(pod.spec.runtimeClassName)) continue;
    const owner = pod.metadata.ownerReferences?.find((ref) => ref.controller)?.uid;
    if (owner !== undefined && seen.has(owner)) replicas.push(pod);
    else pods.push(pod);
    if (owner !== undefined) seen.add(owner);
  }
  pods.push(...replicas);
  const found = new Map<string, { first: string; count: number }>();
  let checked = Math.min(pods.length, maxPodsToCheck);
  for (const [i, pod] of pods.slice(0, checked).entries()) {
    const findings = evaluatePodSecurity(level, pod);
    if (findings.length) {
      const reasons = findings.map(({ reason }) => reason).join(", ");
      const entry = found.get(reasons) ?? { first: pod.metadata.name, count: 0 };
      found.set(reasons, { first: [pod.metadata.name, entry.first].sort()[0] as string, count: entry.count + 1 });
    }
    if (clock.monotonic() - started > checkTime) {
      checked = i + 1;
      break;
    }
  }
  const others = (count: number): string => (count < 2 ? "" : count === 2 ? " (and 1 other pod)" : ` (and ${count - 1} other pods)`);
  return [
    ...(checked < pods.length ? [`new PodSecurity enforce level only checked against the first ${checked} of ${pods.length} existing pods`] : []),
    ...(found.size ? [`existing pods in namespace ${goQuote(namespace)} violate the new PodSecurity enforce level ${goQuote(describePolicy(level))}`] : []),
    ...[...found].map(([reasons, { first, count }]) => `${first}${others(count)}: ${reasons}`).sort(),
  ];
}
