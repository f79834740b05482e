/** The status subresource of pods. */
import { duplicate, type FieldError, forbiddenField, internalFieldError, invalidValue, path, required, tooLong, duplicateNamed } from "../field.ts";
import { isIPv6, isValidIPForLegacyField, parseIP, warningsForIP } from "../ip.ts";
import type { UpdateStrategy } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { isValidGroupID, isValidUserID } from "../names.ts";
import type { Container, ContainerStatus, Pod, PodCondition, PodSpec, PodStatus } from "../types/core-v1.gen.ts";
import { exceeds, invalidAll, invalidAllNamed, oneOf, validateDNSLabel, validateQualifiedName, validateImmutableNamed } from "./checks.ts";
import { validateMetadataUpdate } from "./object-meta.ts";
import { validatePodAnnotationsUpdate } from "./pod-annotations.ts";
import { dropDisabledPodFields } from "./pod-drop-disabled.ts";
import { containerShouldRestart, mayRestartAllContainers } from "./pod-status.ts";
import { updateOptions } from "./pod-update.ts";
import { quantityOf } from "./resource-list.ts";
import { isNativeResource } from "./resource-names.ts";

const statusPath = path("status");
const conditionsPath = statusPath.child("conditions");
const annotationsPath = path("metadata", "annotations");
const lists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] as const;
type List = (typeof lists)[number];
const systemConditions = ["PodScheduled", "Ready", "Initialized"];
const maxHealthMessage = 1024;

/** A client that does not know observedGeneration leaves it as it was. */
function keepObservedGenerations(status: PodStatus, old: PodStatus): void {
  if (!status.observedGeneration && old.observedGeneration) status.observedGeneration = old.observedGeneration;
  if (!status.conditions) delete status.conditions;
  if (!old.conditions?.some(hasGeneration)) return;
  const before = new Map<string, number[]>();
  for (const { type, observedGeneration = 0 } of old.conditions) before.set(type, [...(before.get(type) ?? []), observedGeneration]);
  status.conditions = status.conditions?.map((condition): PodCondition => {
    const generation = before.get(condition.type)?.shift();
    return condition.observedGeneration || !generation ? condition : { ...condition, observedGeneration: generation };
  });
}
const hasGeneration = ({ observedGeneration }: PodCondition): boolean => !!observedGeneration;

function prepareForUpdate(pod: Pod, old: Pod): void {
  pod.spec = old.spec;
  delete pod.metadata.deletionTimestamp;
  pod.metadata.ownerReferences = old.metadata.ownerReferences;
  pod.status ??= {};
  const before = old.status ?? {};
  if (!pod.status.qosClass && before.qosClass) pod.status.qosClass = before.qosClass;
  keepObservedGenerations(pod.status, before);
  for (const list of lists) for (const status of pod.status[list] ?? []) for (const mount of status.volumeMounts ?? []) delete mount.volumeStatus;
  if (!before.nodeAllocatableResourceClaimStatuses?.length) delete pod.status.nodeAllocatableResourceClaimStatuses;
  dropDisabledPodFields(pod.spec, old.spec);
}

/** What has ended stays ended unless its restart policy says otherwise. */
function validateTransitions(list: List, now: ContainerStatus[] | undefined, old: ContainerStatus[] | undefined, spec: PodSpec): FieldError[] {
  if (!now || !old?.some(hasEnded)) return [];
  const containers = containersOf(list, spec);
  if (containers && mayRestartAllContainers(spec)) return [];
  const at = statusPath.child(list);
  return old.flatMap((before, i) => {
    const ended = before.state?.terminated;
    const status = now.find((candidate) => candidate.name === before.name);
    if (!ended || !status || status.state?.terminated) return [];
    const container = containers?.find((candidate) => candidate.name === before.name);
    if (container && containerShouldRestart(container, spec, ended.exitCode ?? 0)) return [];
    return [forbiddenField(at.index(i).child("state"), "may not be transitioned to non-terminated state")];
  });
}
const hasEnded = ({ state }: ContainerStatus): boolean => !!state?.terminated;
/** Whose rules say what may start again. */
function containersOf(list: List, spec: PodSpec): Container[] | undefined {
  if (list === "ephemeralContainerStatuses") return undefined;
  return list === "containerStatuses" ? spec.containers : (spec.initContainers ?? []);
}

function validateIps(list: { ip: string }[] | undefined, old: { ip: string }[] | undefined, field: "podIPs" | "hostIPs"): FieldError[] {
  if (!list?.length) return [];
  const at = statusPath.child(field);
  const known = old?.map(({ ip }) => ip);
  const errors = list.flatMap(({ ip }, i) => isValidIPForLegacyField(at.index(i), ip ?? "", known));
  if (list.length === 1) return errors;
  const malformed = list.findIndex(({ ip }) => !parseIP(ip ?? ""));
  if (malformed >= 0) errors.push(internalFieldError(at, `failed to check for dual stack with error:invalid IP[${malformed}]: ${list[malformed]!.ip}`));
  if (malformed >= 0 || list.length > 2 || new Set(list.map(({ ip }) => isIPv6(ip))).size < 2)
    errors.push(
      invalidValue(
        at,
        list.map(({ ip }) => ({ IP: ip })),
        "may specify no more than one IP for each IP family",
      ),
    );
  return errors;
}

function validateUsers(statuses: ContainerStatus[] | undefined, list: List, os: string): FieldError[] {
  if (!statuses?.some(hasUser)) return [];
  const at = statusPath.child(list);
  return statuses.flatMap((status, i) => {
    const user = status.user?.linux;
    if (!user) return [];
    const here = at.index(i).child("user", "linux");
    if (os === "windows") return [forbiddenField(here, "cannot be set for a windows pod")];
    return [
      ...invalidAll(here.child("uid"), user.uid ?? 0, isValidUserID(user.uid ?? 0)),
      ...invalidAll(here.child("gid"), user.gid ?? 0, isValidGroupID(user.gid ?? 0)),
      ...(user.supplementalGroups ?? []).flatMap((gid, j) => invalidAll(here.child("supplementalGroups").index(j), gid, isValidGroupID(gid))),
    ];
  });
}

const hasUser = ({ user }: ContainerStatus): boolean => !!user?.linux;

function validateHealth(statuses: ContainerStatus[] | undefined, list: List, containers: Container[] | undefined): FieldError[] {
  if (!statuses?.some(hasHealth)) return [];
  const errors: FieldError[] = [];
  const at = statusPath.child(list);
  for (const [i, status] of statuses.entries()) {
    const container = (containers ?? []).find((candidate) => candidate.name === status.name);
    for (const [j, resource] of (status.allocatedResourcesStatus ?? []).entries()) {
      const here = at.index(i).child("allocatedResourcesStatus").index(j);
      const isClaim = resource.name.startsWith("claim:");
      const claims = (container?.resources.claims ?? []).map((claim) => `claim:${claim.name}${claim.request ? `/${claim.request}` : ""}`);
      const known = isClaim ? claims : Object.keys(container?.resources.requests ?? {});
      if (container && !known.includes(resource.name)) {
        const claimWhy =
          "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty";
        errors.push(invalidValue(here.child("name"), resource.name, isClaim ? claimWhy : "must match one of the container's resource requests"));
      }
      const seen = new Set<string>();
      for (const [k, device] of (resource.resources ?? []).entries()) {
        const own = here.child("resources").index(k);
        errors.push(...oneOf(device.health, ["Healthy", "Unhealthy", "Unknown"], own.child("health")));
        if (device.message === "") errors.push(required(own.child("message"), "must be non-empty if specified"));
        else if (device.message && exceeds(device.message, maxHealthMessage)) errors.push(tooLong(own.child("message"), maxHealthMessage));
        if (seen.has(device.resourceID)) errors.push(duplicateNamed(own.child("resourceID"), device.resourceID));
        seen.add(device.resourceID);
      }
    }
  }
  return errors;
}

const hasHealth = ({ allocatedResourcesStatus }: ContainerStatus): boolean => !!allocatedResourcesStatus?.length;

function validateClaimStatuses(status: PodStatus, spec: PodSpec): FieldError[] {
  if (!status.resourceClaimStatuses?.length) return [];
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, claim] of status.resourceClaimStatuses.entries()) {
    const here = statusPath.child("resourceClaimStatuses").index(i);
    if (!spec.resourceClaims?.some((own) => own.name === claim.name))
      errors.push(invalidValue(here.child("name"), claim.name, "must match the name of an entry in `spec.resourceClaims`"));
    if (seen.has(claim.name)) errors.push(duplicate(here.child("name"), claim.name));
    seen.add(claim.name);
    const name = claim.resourceClaimName;
    if (name !== undefined) errors.push(...invalidAllNamed(here.child("resourceClaimName"), name, nameIsDNSSubdomain(name, false)));
  }
  return errors;
}

function validateExtendedClaim(status: PodStatus, spec: PodSpec): FieldError[] {
  const claim = status.extendedResourceClaimStatus;
  if (!claim) return [];
  const at = statusPath.child("extendedResourceClaimStatus");
  const mappings = at.child("requestMappings");
  const errors: FieldError[] = claim.requestMappings?.length ? [] : [required(mappings, "at least one request mapping is required")];
  const seen = new Set<string>();
  for (const [i, { containerName, resourceName, requestName }] of (claim.requestMappings ?? []).entries()) {
    const here = mappings.index(i);
    const container = [...spec.containers, ...(spec.initContainers ?? [])].find((candidate) => candidate.name === containerName);
    const where = "spec.initContainers.resources.requests or spec.containers.resources.requests";
    if (!container)
      errors.push(
        invalidValue(here.child("containerName"), containerName, "must match the name of an entry in spec.initContainers.name or spec.containers.name"),
      );
    else if (container.resources.requests?.[resourceName] === undefined)
      errors.push(invalidValue(here.child("resourceName"), resourceName, `must match the extended resource name of an entry in ${where}`));
    errors.push(...validateDNSLabel(requestName, at.child("requestName")));
    const key = `${containerName}/${resourceName}/${requestName}`;
    if (seen.has(key)) {
      errors.push(duplicate(here.child("containerName"), containerName), duplicate(here.child("resourceName"), resourceName));
      errors.push(duplicate(here.child("requestName"), requestName));
    }
    seen.add(key);
  }
  const name = claim.resourceClaimName;
  const here = at.child("resourceClaimName");
  return [...errors, ...(name ? invalidAll(here, name, nameIsDNSSubdomain(name, false)) : [required(here)])];
}

function validateNodeAllocatable(status: PodStatus, spec: PodSpec): FieldError[] {
  if (!status.nodeAllocatableResourceClaimStatuses?.length) return [];
  const known = new Set([...(spec.resourceClaims ?? []), ...(status.resourceClaimStatuses ?? [])].map((claim) => claim.resourceClaimName));
  const errors: FieldError[] = [];
  for (const [i, claim] of status.nodeAllocatableResourceClaimStatuses.entries()) {
    const here = statusPath.child("nodeAllocatableResourceClaimStatuses").index(i);
    const name = claim.resourceClaimName ?? "";
    if (!name) errors.push(required(here.child("resourceClaimName"), "must not be empty"));
    if (!known.has(name)) errors.push(invalidValue(here.child("resourceClaimName"), name, "no mapping found in pod reference"));
    if (!claim.containers?.length) errors.push(required(here.child("containers"), "must not be empty"));
    const resources = Object.entries(claim.resources ?? {});
    if (!resources.length) errors.push(required(here.child("resources"), "must not be empty"));
    for (const [resource, quantity] of resources) {
      const own = here.child("resources").key(resource);
      if (!isNativeResource(resource)) errors.push(invalidValue(own, resource, "must be a node allocatable resource name"));
      if (quantityOf(quantity).sign() < 0) errors.push(invalidValue(own, quantityOf(quantity).toString(), "must be non-negative"));
    }
  }
  return errors;
}

function validateConditions(conditions: PodCondition[] = []): FieldError[] {
  const errors: FieldError[] = [];
  for (let i = 0; i < conditions.length; i++) {
    const { type, observedGeneration = 0 } = conditions[i] as PodCondition;
    if (observedGeneration < 0)
      errors.push(invalidValue(conditionsPath.index(i).child("observedGeneration"), observedGeneration, "must be a non-negative integer"));
    if (!systemConditions.includes(type)) errors.push(...validateQualifiedName(type ?? "", conditionsPath.index(i).child("Type")));
  }
  return errors;
}

function validateNomination(pod: Pod, old: Pod): FieldError[] {
  const name = pod.status.nominatedNodeName ?? "";
  if (!name || name === (old.status?.nominatedNodeName ?? "")) return [];
  const at = statusPath.child("nominatedNodeName");
  const errors = invalidAll(at, name, nameIsDNSSubdomain(name, false));
  return old.spec.nodeName ? [...errors, forbiddenField(at, "may not be set on pods that are already bound to a node")] : errors;
}

function validateUpdate(pod: Pod, old: Pod): FieldError[] {
  const { spec, status } = pod;
  const before = old.status ?? {};
  const errors = validateMetadataUpdate(pod.metadata, old.metadata);
  if (pod.metadata.annotations || old.metadata.annotations) errors.push(...validatePodAnnotationsUpdate(pod, old, annotationsPath, updateOptions(old)));
  errors.push(...validateConditions(status.conditions));
  if ((spec.nodeName ?? "") !== (old.spec.nodeName ?? "")) errors.push(forbiddenField(statusPath.child("nodeName"), "may not be changed directly"));
  errors.push(...validateNomination(pod, old));
  const generation = status.observedGeneration ?? 0;
  if (generation < 0) errors.push(invalidValue(statusPath.child("observedGeneration"), generation, "must be a non-negative integer"));
  errors.push(...validateImmutableNamed(status.qosClass ?? "", before.qosClass ?? "", statusPath.child("qosClass")));
  for (const list of lists) errors.push(...validateTransitions(list, status[list], before[list], old.spec));
  errors.push(...validateClaimStatuses(status, spec), ...validateExtendedClaim(status, spec), ...validateNodeAllocatable(status, spec));
  errors.push(...validateIps(status.podIPs, before.podIPs, "podIPs"));
  const first = status.hostIPs?.[0];
  if (first && (status.hostIP ?? "") !== first.ip)
    errors.push(invalidValue(statusPath.child("hostIPs").index(0).child("ip"), first.ip, "must be equal to `hostIP`"));
  errors.push(...validateIps(status.hostIPs, before.hostIPs, "hostIPs"));
  for (const list of lists) errors.push(...validateUsers(status[list], list, spec.os?.name ?? "linux"));
  errors.push(...validateHealth(status.containerStatuses, "containerStatuses", spec.containers));
  errors.push(...validateHealth(status.initContainerStatuses, "initContainerStatuses", spec.initContainers));
  status.ephemeralContainerStatuses?.forEach((container, i) => {
    const at = statusPath.child("ephemeralContainerStatuses").index(i).child("allocatedResourcesStatus");
    if (hasHealth(container)) errors.push(forbiddenField(at, "must not be specified in container status"));
  });
  return errors;
}

const ipWarnings = (status: PodStatus, list: "podIPs" | "hostIPs"): string[] =>
  status[list]?.flatMap(({ ip }, i) => warningsForIP(statusPath.child(list).index(i).child("ip"), ip)) ?? [];

export const podStatusStrategy: UpdateStrategy<Pod> = {
  prepareForUpdate,
  validateUpdate,
  warningsOnUpdate: ({ status }) => [...ipWarnings(status, "podIPs"), ...ipWarnings(status, "hostIPs")],
};
