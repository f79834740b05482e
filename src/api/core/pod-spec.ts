/** Validation of a pod's specification and of templates that hold one (pkg/apis/core/validation). */
import { duplicate, type FieldError, forbiddenField, invalidValue, notFoundValue, notSupported, type Path, path, required, tooLong } from "../field.ts";
import { isValidIPForLegacyField } from "../ip.ts";
import { validateLabels } from "../meta/labels.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { validateAnnotations } from "../meta/validation.ts";
import type { PodDNSConfig, PodResourceClaim, PodSpec, PodTemplateSpec } from "../types/core-v1.gen.ts";
import type { ObjectMeta } from "../types/meta-v1.gen.ts";
import { validateAffinity } from "./affinity.ts";
import {
  exceeds,
  invalidAll,
  maxInt32,
  outOfRange,
  requiredOneOf,
  validateDNSLabel,
  validateDNSSubdomain,
  validateDNSSubdomainWithUnderscore,
  validateQualifiedName,
} from "./checks.ts";
import { type ContainerContext, validateContainers, validateEphemeralContainers, validateInitContainers } from "./container.ts";
import { internalForm } from "./internal-types.ts";
import { mirrorAnnotation, validatePodAnnotations, validateProfilesMatch } from "./pod-annotations.ts";
import { visitContainers } from "./pod-containers.ts";
import type { PodValidationOptions } from "./pod-options.ts";
import { validateContainerResources, validatePodLevelResources } from "./resources.ts";
import { validateForOs, validatePodSecurityContext } from "./security-context.ts";
import { validateTolerations } from "./tolerations.ts";
import { validateTopologySpread } from "./topology-spread.ts";
import { validateVolumes } from "./volumes.ts";

const maxNameservers = 3;
const maxSearches = 32;
const maxSearchBytes = 2048;

function validateDns(config: PodDNSConfig | undefined, policy: string, at: Path): FieldError[] {
  if (policy === "None") {
    if (!config) return [required(at, "must provide `dnsConfig` when `dnsPolicy` is None")];
    if (!config.nameservers?.length) return [required(at.child("nameservers"), "must provide at least one DNS nameserver when `dnsPolicy` is None")];
  }
  const errors: FieldError[] = [];
  const { nameservers = [], searches = [], options = [] } = config ?? {};
  if (nameservers.length > maxNameservers)
    errors.push(invalidValue(at.child("nameservers"), nameservers, `must not have more than ${maxNameservers} nameservers`));
  for (const [i, server] of nameservers.entries()) errors.push(...isValidIPForLegacyField(at.child("nameservers").index(i), server));
  const searchPath = at.child("searches");
  if (searches.length > maxSearches) errors.push(invalidValue(searchPath, searches, `must not have more than ${maxSearches} search paths`));
  if (exceeds(searches.join(" "), maxSearchBytes))
    errors.push(invalidValue(searchPath, searches, `must not have more than ${maxSearchBytes} characters (including spaces) in the search list`));
  for (const [i, search] of searches.entries()) {
    if (search !== ".") errors.push(...validateDNSSubdomainWithUnderscore(search.replace(/\.$/, ""), searchPath.index(i)));
  }
  for (const [i, option] of options.entries()) if (!option.name) errors.push(required(at.child("options").index(i), "must not be empty"));
  return errors;
}

function validateClaims(claims: PodResourceClaim[] | undefined, meta: Pick<ObjectMeta, "annotations"> | undefined, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [i, claim] of (claims ?? []).entries()) {
    const here = at.index(i);
    if (meta?.annotations?.[mirrorAnnotation] !== undefined) {
      errors.push({ ...forbiddenField("spec", "static pods do not support resource claims"), field: "" });
      continue;
    }
    if (!claim.name) errors.push(required(here.child("name")));
    else if (names.has(claim.name)) errors.push(duplicate(here.child("name"), claim.name));
    else {
      errors.push(...validateDNSLabel(claim.name, here.child("name")));
      names.add(claim.name);
    }
    const { resourceClaimName: name, resourceClaimTemplateName: template } = claim;
    const wrong = (why: string): FieldError => invalidValue(here, internalForm("PodResourceClaim", claim), why);
    if (name !== undefined && template !== undefined) errors.push(wrong("at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"));
    if (name === undefined && template === undefined) errors.push(wrong("must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"));
    if (name !== undefined) errors.push(...invalidAll(here.child("resourceClaimName"), name, nameIsDNSSubdomain(name, false)));
    if (template !== undefined) errors.push(...invalidAll(here.child("resourceClaimTemplateName"), template, nameIsDNSSubdomain(template, false)));
  }
  return errors;
}

function validateHostNetworkPorts(spec: PodSpec, at: Path, isPod: boolean): FieldError[] {
  if (!spec.hostNetwork) return [];
  return (spec.containers ?? []).flatMap((container, i) =>
    (container.ports ?? []).flatMap((port, j) => {
      const host = port.hostPort ?? 0;
      if ((!isPod && host === 0) || host === (port.containerPort ?? 0)) return [];
      const here = at.child("containers").index(i).child("ports").index(j).child("hostPort");
      return [invalidValue(here, host, "must match `containerPort` when `hostNetwork` is true")];
    }),
  );
}

function validateHostProcess(spec: PodSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  let containers = 0;
  let hostProcesses = 0;
  visitContainers(spec, at, (container, here) => {
    containers++;
    const own = container.securityContext?.windowsOptions?.hostProcess;
    if (ofPod !== undefined && own !== undefined && ofPod !== own) {
      const why = `pod hostProcess value must be identical if both are specified, was ${ofPod}`;
      errors.push(invalidValue(here.child("securityContext", "windowsOptions", "hostProcess"), own, why));
    }
    if (own ?? ofPod) hostProcesses++;
  });
  if (!hostProcesses) return errors;
  if (hostProcesses !== containers)
    errors.push(invalidValue(at, "", "If pod contains any hostProcess containers then all containers must be HostProcess containers"));
  if (!spec.hostNetwork) errors.push(invalidValue(at.child("hostNetwork"), false, "hostNetwork must be true if pod contains any hostProcess containers"));
  return errors;
}

function validateUserNamespace(spec: PodSpec, at: Path, options: PodValidationOptions): FieldError[] {
  if (spec.hostUsers !== false) return [];
  const why = "when `hostUsers` is false";
  const errors: FieldError[] = [];
  if (spec.hostNetwork && !options.allowUserNamespacesWithHostNetwork) errors.push(forbiddenField(at.child("hostNetwork"), why));
  if (spec.hostPID) errors.push(forbiddenField(at.child("HostPID"), why));
  if (spec.hostIPC) errors.push(forbiddenField(at.child("HostIPC"), why));
  if (options.allowUserNamespacesWithDevices) return errors;
  visitContainers(spec, at, (container, here) => {
    if (container.volumeDevices?.length) errors.push(forbiddenField(here.child("volumeDevices"), why));
  });
  return errors;
}

function validateHostname(spec: PodSpec, at: Path): FieldError[] {
  const name = spec.hostnameOverride;
  if (name === undefined) return [];
  const here = at.child("hostnameOverride");
  const errors: FieldError[] = [];
  if (spec.setHostnameAsFQDN) errors.push(forbiddenField(here, "may not be specified when setHostnameAsFQDN is true"));
  if (spec.hostNetwork) errors.push(forbiddenField(here, "may not be specified when hostNetwork is true"));
  if (exceeds(name, 64)) errors.push(tooLong(here, 64));
  return [...errors, ...validateDNSSubdomain(name, here)];
}

function validateGates(spec: PodSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, gate] of (spec.readinessGates ?? []).entries())
    errors.push(...validateQualifiedName(gate.conditionType ?? "", at.child("readinessGates").index(i).child("conditionType")));
  if (!spec.schedulingGates) return errors;
  const seen = new Set<string>();
  for (const [i, { name = "" }] of spec.schedulingGates.entries()) {
    const here = at.child("schedulingGates").index(i);
    errors.push(...validateQualifiedName(name, here));
    if (seen.has(name)) errors.push(duplicate(here, name));
    seen.add(name);
  }
  return errors;
}

function validateNames(spec: PodSpec, at: Path, options: PodValidationOptions): FieldError[] {
  const errors: FieldError[] = [];
  const subdomain = (field: "serviceAccountName" | "nodeName" | "priorityClassName" | "runtimeClassName"): void => {
    const value = spec[field];
    if (value || (value === "" && field === "runtimeClassName")) errors.push(...invalidAll(at.child(field), value, nameIsDNSSubdomain(value, false)));
  };
  subdomain("serviceAccountName");
  subdomain("nodeName");
  if (spec.activeDeadlineSeconds !== undefined) errors.push(...outOfRange(spec.activeDeadlineSeconds, 1, maxInt32, at.child("activeDeadlineSeconds")));
  if (spec.hostname) errors.push(...validateDNSLabel(spec.hostname, at.child("hostname")));
  if (spec.subdomain) errors.push(...validateDNSLabel(spec.subdomain, at.child("subdomain")));
  errors.push(...validateTolerations(spec.tolerations, at.child("tolerations"), options));
  for (const [i, alias] of (spec.hostAliases ?? []).entries()) {
    const here = at.child("hostAliases").index(i);
    errors.push(...isValidIPForLegacyField(here.child("ip"), alias.ip ?? ""));
    for (const [j, name] of (alias.hostnames ?? []).entries()) errors.push(...validateDNSSubdomain(name, here.child("hostnames").index(j)));
  }
  subdomain("priorityClassName");
  subdomain("runtimeClassName");
  if (spec.preemptionPolicy !== undefined)
    errors.push(...requiredOneOf(spec.preemptionPolicy, ["PreemptLowerPriority", "Never"], at.child("preemptionPolicy")));
  if (spec.overhead) errors.push(...validateContainerResources({ limits: spec.overhead }, new Set(), at.child("overhead"), options));
  return errors;
}

function validateOs(spec: PodSpec, at: Path): FieldError[] {
  if (!spec.os) return [];
  const here = at.child("os");
  if (!spec.os.name) return [required(here.child("name"))];
  if (spec.os.name !== "linux" && spec.os.name !== "windows") return [notSupported(here, spec.os.name, ["linux", "windows"])];
  const contexts: Parameters<typeof validateForOs>[2] = [];
  visitContainers(spec, at, (container, own) => contexts.push([container.securityContext, own]));
  return validateForOs(spec, at, contexts);
}

function validateFileKeyVolumes(spec: PodSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  visitContainers(spec, at, (container, here) => {
    for (const [i, variable] of (container.env ?? []).entries()) {
      const name = variable.valueFrom?.fileKeyRef?.volumeName;
      if (name === undefined) continue;
      const volume = (spec.volumes ?? []).findLast((candidate) => candidate.name === name);
      const own = here.child("env").index(i).child("valueFrom", "fileKeyRef", "volumeName");
      if (!volume) errors.push(notFoundValue(own, name));
      else if (!volume.emptyDir) errors.push(invalidValue(own, name, "referenced volume must be of type emptyDir"));
    }
  });
  return errors;
}

/** `meta`: of the pod; undefined in a template. */
export function validatePodSpec(
  spec: PodSpec,
  meta: Pick<ObjectMeta, "name" | "annotations"> | undefined,
  at: Path,
  options: PodValidationOptions = {},
): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.terminationGracePeriodSeconds === undefined) errors.push(required(at.child("terminationGracePeriodSeconds")));
  const { volumes, errors: volumeErrors } = validateVolumes(spec.volumes, meta, at.child("volumes"), options);
  errors.push(...volumeErrors);
  const podClaims = new Set((spec.resourceClaims ?? []).flatMap((claim) => claim.name || []));
  const restartPolicy = spec.restartPolicy ?? "";
  const context: ContainerContext = {
    volumes,
    podClaims,
    grace: spec.terminationGracePeriodSeconds,
    os: spec.os ? (spec.os.name ?? "") : undefined,
    restartPolicy,
    hostUsers: spec.hostUsers !== false,
    options,
  };
  const regular = spec.containers ?? [];
  if (spec.resourceClaims) errors.push(...validateClaims(spec.resourceClaims, meta, at.child("resourceClaims")));
  errors.push(...validateContainers(spec.containers, at.child("containers"), context));
  if (spec.initContainers) errors.push(...validateInitContainers(spec.initContainers, regular, at.child("initContainers"), context));
  if (spec.ephemeralContainers) {
    const others = [...regular, ...(spec.initContainers ?? [])];
    errors.push(...validateEphemeralContainers(spec.ephemeralContainers, others, at.child("ephemeralContainers"), context));
  }
  errors.push(...validatePodLevelResources(spec, podClaims, at.child("resources"), options));
  errors.push(...validateHostNetworkPorts(spec, at, options.resourceIsPod ?? false));
  errors.push(...requiredOneOf(restartPolicy, ["Always", "OnFailure", "Never"], at.child("restartPolicy")));
  errors.push(...requiredOneOf(spec.dnsPolicy, ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"], at.child("dnsPolicy")));
  if (spec.nodeSelector) errors.push(...validateLabels(spec.nodeSelector, at.child("nodeSelector")));
  errors.push(...validatePodSecurityContext(spec.securityContext, spec, at.child("securityContext"), options));
  errors.push(...validateAffinity(spec.affinity, at.child("affinity"), options));
  errors.push(...validateDns(spec.dnsConfig, spec.dnsPolicy ?? "", at.child("dnsConfig")));
  errors.push(...validateGates(spec, at));
  errors.push(...validateTopologySpread(spec.topologySpreadConstraints, at.child("topologySpreadConstraints"), options));
  errors.push(...validateHostProcess(spec, at), ...validateUserNamespace(spec, at, options), ...validateHostname(spec, at));
  errors.push(...validateNames(spec, at, options), ...validateOs(spec, at));
  if (spec.schedulingGroup) {
    const name = spec.schedulingGroup.podGroupName;
    const here = at.child("schedulingGroup", "podGroupName");
    errors.push(
      ...(name === undefined ? [invalidValue(here, null, "must specify one of: `podGroupName`")] : invalidAll(here, name, nameIsDNSSubdomain(name, false))),
    );
  }
  return [...errors, ...validateFileKeyVolumes(spec, at)];
}

/** Of a template that a workload holds at `at`. */
export function validatePodTemplateSpec(template: PodTemplateSpec, at: Path = path("template"), options: PodValidationOptions = {}): FieldError[] {
  const { metadata = {} as ObjectMeta, spec } = template;
  const annotations = at.child("annotations");
  const errors: FieldError[] = metadata.labels ? validateLabels(metadata.labels, at.child("labels")) : [];
  if (metadata.annotations) errors.push(...validateAnnotations(metadata.annotations, annotations));
  errors.push(...validatePodAnnotations(metadata.annotations, spec, annotations, options));
  errors.push(...validatePodSpec(spec, undefined, at.child("spec"), options));
  errors.push(...validateProfilesMatch(metadata, spec, at.child("spec")));
  if (spec.ephemeralContainers?.length)
    errors.push(forbiddenField(at.child("spec", "ephemeralContainers"), "ephemeral containers not allowed in pod template"));
  return errors;
}
