/** Warnings about pods and templates: accepted, but hardly meant (pkg/api/pod/warnings.go). */
import { type Path, path } from "../field.ts";
import { goQuote } from "../go-quote.ts";
import { warningsForIP } from "../ip.ts";
import { isDNS1123Label } from "../names.ts";
import type { Container, ContainerPort, Pod, PodAffinity, PodSpec, PodTemplateSpec, Volume } from "../types/core-v1.gen.ts";
import type { ObjectMeta } from "../types/meta-v1.gen.ts";
import { seenBefore } from "../seen.ts";
import { deprecatedLabelMessage, nodeSelectorWarnings } from "./node-labels.ts";
import { claimSpecWarnings } from "./persistentvolumeclaim.ts";
import { appArmorOfAnnotation, appArmorPrefix, seccompContainerPrefix, seccompPodAnnotation } from "./pod-annotations.ts";
import { visitContainers } from "./pod-containers.ts";
import { canonicalQuantity, isWhole, quantityOf, type ResourceList } from "./resource-list.ts";
import { semanticEqual } from "./semantic.ts";
import { overlapWarnings } from "./volume-overlaps.ts";

const oldAnnotations: [string, string][] = [
  ["scheduler.alpha.kubernetes.io/critical-pod", 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ["security.alpha.kubernetes.io/sysctls", 'non-functional in v1.11+; use the "sysctls" field instead'],
  ["security.alpha.kubernetes.io/unsafe-sysctls", 'non-functional in v1.11+; use the "sysctls" field instead'],
];
const oldVolumes: [keyof Volume, string, string][] = [
  ["photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"],
  ["gitRepo", "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"],
  ["scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"],
  ["flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+"],
  ["storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"],
  ["quobyte", "quobyte", "deprecated in v1.22, non-functional in v1.25+"],
  ["glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"],
  ["cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"],
  ["rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"],
];
const nullSelector = "a null labelSelector results in matching no pod";

function nodeWarnings(spec: PodSpec, at: Path): string[] {
  const found: string[] = [];
  if (!spec.nodeSelector && !spec.affinity?.nodeAffinity && !spec.topologySpreadConstraints) return found;
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    const message = deprecatedLabelMessage(key);
    if (message) found.push(`${at.child("nodeSelector").key(key)}: ${message}`);
  }
  const affinity = spec.affinity?.nodeAffinity;
  const here = at.child("affinity", "nodeAffinity");
  const hard = here.child("requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms");
  found.push(...nodeSelectorWarnings(affinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms, hard));
  const soft = here.child("preferredDuringSchedulingIgnoredDuringExecution");
  for (const [i, { preference }] of (affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    // A term stands alone here: its path has no index of its own.
    const own = nodeSelectorWarnings([preference], path("@"), true);
    found.push(...own.map((text) => text.replace("@[0]", soft.index(i).child("preference").text)));
  }
  for (const [i, { topologyKey, labelSelector }] of (spec.topologySpreadConstraints ?? []).entries()) {
    const own = at.child("topologySpreadConstraints").index(i);
    const message = deprecatedLabelMessage(topologyKey);
    if (message) found.push(`${own.child("topologyKey")}: ${topologyKey} is ${message}`);
    if (!labelSelector) found.push(`${own.child("labelSelector")}: ${nullSelector}`);
  }
  return found;
}

function volumeWarnings(volumes: Volume[] | undefined, at: Path): string[] {
  const found: string[] = [];
  for (const [i, volume] of (volumes ?? []).entries()) {
    for (let old = 0; old < oldVolumes.length; old++) {
      const [field, name, message] = oldVolumes[old] as (typeof oldVolumes)[number];
      if (field === "cephfs" && volume.ephemeral?.volumeClaimTemplate) {
        found.push(...claimSpecWarnings(volume.ephemeral.volumeClaimTemplate.spec, at.index(i).child("ephemeral", "volumeClaimTemplate", "spec")));
      }
      if (volume[field]) found.push(`${at.index(i).child(name)}: ${message}`);
    }
  }
  return [...found, ...overlapWarnings(volumes)];
}

/** Values given twice where more than one is given at all. */
function duplicates(values: string[], at: Path, field: string, what: string): string[] {
  if (values.length < 2) return [];
  const seen = seenBefore<string>();
  return values.flatMap((value, i) => (seen(value) ? [`${at.index(i).child(field)}: duplicate ${what} ${goQuote(value)}`] : []));
}

const byteSizes = ["memory", "ephemeral-storage"] as const;

function fractions(list: ResourceList | undefined, names: readonly string[], at: Path): string[] {
  if (!list) return [];
  return names.flatMap((name) => {
    const text = list?.[name];
    if (text === undefined || isWhole(quantityOf(text))) return [];
    return [`${at.key(name)}: fractional byte value ${goQuote(canonicalQuantity(text))} is invalid, must be an integer`];
  });
}

function containerWarnings(container: Container, at: Path): string[] {
  const found: string[] = [];
  const { resources, env } = container;
  if (resources?.limits || resources?.requests)
    for (const name of byteSizes)
      for (const list of ["limits", "requests"] as const) found.push(...fractions(resources[list], [name], at.child("resources", list)));
  if (!env || env.length < 2) return found;
  const seen = new Set<string>();
  for (const [i, { name, value = "", valueFrom }] of env.entries()) {
    const reference = `$(${name})`;
    if (seen.has(name) && (valueFrom || value === reference || !value.includes(reference)))
      found.push(`${at.child("env").index(i)}: hides previous definition of ${goQuote(name)}, which may be dropped when using apply`);
    seen.add(name);
  }
  return found;
}

const goPort = ({ name = "", hostPort = 0, containerPort, protocol = "", hostIP = "" }: ContainerPort): string =>
  `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`;

function portWarnings(spec: PodSpec, at: Path): string[] {
  const found: string[] = [];
  const known = new Map<string, { at: Path; port: ContainerPort }[]>();
  visitContainers(spec, at, (container, here) => {
    for (const [i, port] of (container.ports ?? []).entries()) {
      const own = here.child("ports").index(i);
      const { hostIP = "", hostPort = 0 } = port;
      if (hostIP && !hostPort) found.push(`${own}: hostIP set without hostPort: ${goPort(port)}`);
      const key = `${port.containerPort}/${port.protocol}`;
      const others = known.get(key) ?? [];
      for (const { at: where, port: other } of others) {
        const [otherIp, otherPort] = [other.hostIP ?? "", other.hostPort ?? 0];
        if (hostIP === otherIp && hostPort === otherPort) found.push(`${own}: duplicate port definition with ${where}`);
        else if (!hostPort || !otherPort) found.push(`${own}: overlapping port definition with ${where}`);
        else if (hostPort === otherPort && !hostIP !== !otherIp) found.push(`${own}: dangerously ambiguous port definition with ${where}`);
      }
      known.set(key, [...others, { at: own, port }]);
    }
  });
  const names = new Map<string, Path>();
  visitContainers(spec, at, (container, here) => {
    for (const [i, { name }] of (container.ports ?? []).entries()) {
      if (!name) continue;
      const own = here.child("ports").index(i);
      const other = names.get(name);
      if (other) found.push(`${own}: duplicate port name ${goQuote(name)} with ${other}, services and probes that select ports by name will use ${other}`);
      else names.set(name, own);
    }
  });
  return found;
}

function selectorWarnings(affinity: PodAffinity | undefined, at: Path): string[] {
  if (!affinity) return [];
  const hard = at.child("requiredDuringSchedulingIgnoredDuringExecution");
  const soft = at.child("preferredDuringSchedulingIgnoredDuringExecution");
  return [
    ...(affinity.requiredDuringSchedulingIgnoredDuringExecution ?? []).flatMap((term, i) =>
      term.labelSelector ? [] : [`${hard.index(i).child("labelSelector")}: ${nullSelector}`],
    ),
    ...(affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).flatMap((term, i) =>
      term.podAffinityTerm?.labelSelector ? [] : [`${soft.index(i).child("podAffinityTerm", "labelSelector")}: ${nullSelector}`],
    ),
  ];
}

function profileWarnings(spec: PodSpec, annotations: Record<string, string>, at: Path, isTemplate: boolean): (container: Container) => string[] {
  return (container) => {
    const found: string[] = [];
    const seccomp = seccompContainerPrefix + container.name;
    if (!container.securityContext?.seccompProfile && annotations[seccomp] !== undefined)
      found.push(`${at.key(seccomp)}: non-functional in v1.27+; use the "seccompProfile" field instead`);
    const key = appArmorPrefix + container.name;
    const annotation = annotations[key];
    const ofPod = spec.securityContext?.appArmorProfile;
    if (isTemplate && !container.securityContext?.appArmorProfile && annotation !== undefined) {
      if (!ofPod || !semanticEqual(ofPod, appArmorOfAnnotation(annotation)))
        found.push(`${at.key(key)}: deprecated since v1.30; use the "appArmorProfile" field instead`);
    }
    return found;
  };
}

function warnings(spec: PodSpec, meta: Partial<ObjectMeta>, root: Path): string[] {
  const at = root.child("spec");
  const { annotations } = meta;
  const annotationsPath = root.child("metadata", "annotations");
  const found = nodeWarnings(spec, at);
  if (annotations) for (const [key, message] of oldAnnotations) if (annotations[key] !== undefined) found.push(`${annotationsPath.key(key)}: ${message}`);
  found.push(...volumeWarnings(spec.volumes, at.child("volumes")));
  const aliases = (spec.hostAliases ?? []).map((alias) => alias.ip);
  found.push(...duplicates(aliases, at.child("hostAliases"), "ip", "ip"));
  const secrets = (spec.imagePullSecrets ?? []).map((secret) => secret.name ?? "");
  found.push(...duplicates(secrets, at.child("imagePullSecrets"), "name", "name"));
  for (const [i, name] of secrets.entries()) if (!name) found.push(`${at.child("imagePullSecrets").index(i).child("name")}: invalid empty name ""`);
  found.push(...fractions(spec.overhead, byteSizes, at.child("overhead")));
  if (!spec.securityContext?.seccompProfile && annotations?.[seccompPodAnnotation] !== undefined)
    found.push(`${annotationsPath.key(seccompPodAnnotation)}: non-functional in v1.27+; use the "seccompProfile" field instead`);
  const ofProfiles = annotations && profileWarnings(spec, annotations, annotationsPath, root.text !== "");
  visitContainers(spec, at, (container, here) => {
    if (ofProfiles) found.push(...ofProfiles(container));
    found.push(...containerWarnings(container, here));
  });
  found.push(...portWarnings(spec, at));
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    found.push(`${at.child("terminationGracePeriodSeconds")}: must be >= 0; negative values are invalid and will be treated as 1`);
  found.push(...selectorWarnings(spec.affinity?.podAffinity, at.child("affinity", "podAffinity")));
  found.push(...selectorWarnings(spec.affinity?.podAntiAffinity, at.child("affinity", "podAntiAffinity")));
  for (const [i, ip] of (spec.dnsConfig?.nameservers ?? []).entries()) found.push(...warningsForIP(at.child("dnsConfig", "nameservers").index(i), ip));
  for (const [i, ip] of aliases.entries()) found.push(...warningsForIP(at.child("hostAliases").index(i).child("ip"), ip));
  return found;
}

/** Of a template that a workload holds at `at`. */
export const podTemplateWarnings = (template: PodTemplateSpec | undefined, at: Path): string[] =>
  template?.spec ? warnings(template.spec, template.metadata ?? {}, at) : [];

const old = new Set(oldAnnotations.map(([key]) => key));
/** Whether any of them may give reason to warn. */
function speak(annotations: Record<string, string> | undefined): boolean {
  for (const key in annotations)
    if (old.has(key) || key === seccompPodAnnotation || key.startsWith(seccompContainerPrefix) || key.startsWith(appArmorPrefix)) return true;
  return false;
}

/** `known`: the specification alone was found to give none. */
export function podWarnings(pod: Pod, known = false): string[] {
  const { metadata, spec } = pod;
  const wrong = isDNS1123Label(metadata.name ?? "");
  const why = "this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended";
  const ofName = wrong.length ? [`metadata.name: ${why}: [${wrong.join(" ")}]`] : [];
  return known && !speak(metadata.annotations) ? ofName : [...ofName, ...warnings(spec, metadata, path())];
}
