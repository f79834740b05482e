/** Defaults of a pod and of everything that holds a pod's specification (pkg/apis/core/v1/defaults.go and its generated part). */
import { EmptyMap } from "../copy.ts";
import type { Container, ContainerStatus, HTTPGetAction, ObjectFieldSelector, Pod, PodSpec, PodTemplateSpec, Probe, Volume } from "../types/core-v1.gen.ts";
import { defaultPullPolicy } from "./image-name.ts";
import { aggregateContainerLimits, aggregateContainerRequests, isSupportedPodLevelResource } from "./pod-resources.ts";
import { type ResourceList, roundUpToMilli } from "./resource-list.ts";
import { isHugePages, isOvercommitAllowed } from "./resource-names.ts";

const initContainerAnnotations = [
  "pod.beta.kubernetes.io/init-containers",
  "pod.alpha.kubernetes.io/init-containers",
  "pod.beta.kubernetes.io/init-container-statuses",
  "pod.alpha.kubernetes.io/init-container-statuses",
];

/** Annotations of a time before init containers: they never reach storage. */
function dropInitContainerAnnotations(metadata: { annotations?: Record<string, string> } | undefined): void {
  if (!metadata?.annotations) return;
  for (const key of initContainerAnnotations) delete metadata.annotations[key];
}

function setFieldRef(selector: ObjectFieldSelector | undefined): void {
  if (selector) selector.apiVersion ||= "v1";
}

function setHttpGet(action: HTTPGetAction | undefined): void {
  if (!action) return;
  action.path ||= "/";
  action.scheme ||= "HTTP";
}

function setProbe(probe: Probe | undefined): void {
  if (!probe) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  setHttpGet(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= "";
}

function setContainer(container: Container): void {
  container.resources ??= {};
  container.imagePullPolicy ||= defaultPullPolicy(container.image ?? "");
  container.terminationMessagePath ||= "/dev/termination-log";
  container.terminationMessagePolicy ||= "File";
  for (const port of container.ports ?? []) port.protocol ||= "TCP";
  for (const variable of container.env ?? []) {
    setFieldRef(variable.valueFrom?.fieldRef);
    if (variable.valueFrom?.fileKeyRef) variable.valueFrom.fileKeyRef.optional ??= false;
  }
  roundUpToMilli(container.resources.limits);
  roundUpToMilli(container.resources.requests);
  setProbe(container.livenessProbe);
  setProbe(container.readinessProbe);
  setProbe(container.startupProbe);
  setHttpGet(container.lifecycle?.postStart?.httpGet);
  setHttpGet(container.lifecycle?.preStop?.httpGet);
}

/** Defaults that a volume source has both in a pod and in a PersistentVolume. */
export function setVolumeSourceDefaults(source: Pick<Volume, "hostPath" | "iscsi" | "rbd" | "azureDisk" | "scaleIO"> & object): void {
  if (source.hostPath) source.hostPath.type ??= "";
  if (source.iscsi) source.iscsi.iscsiInterface ||= "default";
  if (source.rbd) {
    source.rbd.pool ||= "rbd";
    source.rbd.user ||= "admin";
    source.rbd.keyring ||= "/etc/ceph/keyring";
  }
  if (source.azureDisk) {
    source.azureDisk.cachingMode ??= "ReadWrite";
    source.azureDisk.fsType ??= "ext4";
    source.azureDisk.readOnly ??= false;
    source.azureDisk.kind ??= "Shared";
  }
  if (source.scaleIO) {
    source.scaleIO.storageMode ||= "ThinProvisioned";
    source.scaleIO.fsType ||= "xfs";
  }
}

/** Mode 0644 of files that volumes of secrets, config maps, downward API and projections make. */
const defaultMode = 0o644;

function hasSource(volume: Volume): boolean {
  for (const key in volume) if (key !== "name" && volume[key as keyof Volume] !== undefined) return true;
  return false;
}

function setVolume(volume: Volume): void {
  if (!hasSource(volume)) volume.emptyDir = {};
  if (volume.image) volume.image.pullPolicy ||= defaultPullPolicy(volume.image.reference ?? "");
  setVolumeSourceDefaults(volume);
  if (volume.secret) volume.secret.defaultMode ??= defaultMode;
  if (volume.configMap) volume.configMap.defaultMode ??= defaultMode;
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= defaultMode;
    for (const item of volume.downwardAPI.items ?? []) setFieldRef(item.fieldRef);
  }
  if (volume.projected) {
    volume.projected.defaultMode ??= defaultMode;
    for (const source of volume.projected.sources ?? []) {
      for (const item of source.downwardAPI?.items ?? []) setFieldRef(item.fieldRef);
      if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= 3600;
    }
  }
  const claim = volume.ephemeral?.volumeClaimTemplate?.spec;
  if (claim) {
    claim.volumeMode ??= "Filesystem";
    roundUpToMilli(claim.resources?.limits);
    roundUpToMilli(claim.resources?.requests);
  }
}

/** What every pod specification gets, in a pod and in a template alike. */
export function setPodSpecDefaults(spec: PodSpec): void {
  spec.dnsPolicy ||= "ClusterFirst";
  spec.restartPolicy ||= "Always";
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= "default-scheduler";
  // The two names of the service account are one field; the newer name wins.
  const account = spec.serviceAccountName || spec.serviceAccount;
  if (account) spec.serviceAccountName = spec.serviceAccount = account;
  for (const volume of spec.volumes ?? []) setVolume(volume);
  for (const container of spec.initContainers ?? []) setContainer(container);
  for (const container of spec.containers ?? []) setContainer(container);
  for (const container of spec.ephemeralContainers ?? []) setContainer(container);
  roundUpToMilli(spec.overhead);
  roundUpToMilli(spec.resources?.limits);
  roundUpToMilli(spec.resources?.requests);
}

export function setPodTemplateDefaults(template: PodTemplateSpec): void {
  template.spec ??= {} as PodSpec;
  setPodSpecDefaults(template.spec);
  dropInitContainerAnnotations(template.metadata);
}

/** With the host's network, a container port is a host port. */
function setHostPorts(spec: PodSpec): void {
  if (!spec.hostNetwork) return;
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    for (const port of container.ports ?? []) if (port.containerPort) port.hostPort ||= port.containerPort;
  }
}

function isEmpty(list: ResourceList | undefined): boolean {
  for (const _ in list) return false;
  return true;
}

/** Limits stand in for requests that are missing, be there none of them. */
function requestsFromLimits(container: Container): void {
  const limits = container.resources?.limits;
  if (!limits) return;
  const requests = { ...limits, ...container.resources.requests };
  container.resources.requests = isEmpty(requests) ? (new EmptyMap() as ResourceList) : requests;
}

/** Pod-level limits of huge pages follow the containers' (KEP-2837). */
function setHugePageLimits(spec: PodSpec): void {
  const resources = spec.resources;
  if (!resources || (isEmpty(resources.limits) && isEmpty(resources.requests))) return;
  const limits = { ...resources.limits };
  for (const [name, quantity] of Object.entries(aggregateContainerLimits(spec))) {
    if (!isHugePages(name) || resources.requests?.[name] !== undefined) continue;
    limits[name] ??= quantity;
  }
  if (!isEmpty(limits)) resources.limits = limits;
}

/** Pod-level requests follow the containers' requests, else the pod's limits (KEP-2837). */
function setPodLevelRequests(spec: PodSpec): void {
  const resources = spec.resources;
  if (!resources?.limits || isEmpty(resources.limits)) return;
  const requests = { ...resources.requests };
  for (const [name, quantity] of Object.entries(aggregateContainerRequests(spec))) {
    if (isSupportedPodLevelResource(name) && isOvercommitAllowed(name)) requests[name] ??= quantity;
  }
  for (const [name, quantity] of Object.entries(resources.limits)) {
    if (isSupportedPodLevelResource(name)) requests[name] ??= quantity;
  }
  if (!isEmpty(requests)) resources.requests = requests;
}

/** A pod's own defaults come before those of its specification: they see what the client wrote. */
export function setPodDefaults(pod: Pod): void {
  pod.spec ??= {} as PodSpec;
  const spec = pod.spec;
  for (const container of spec.containers ?? []) requestsFromLimits(container);
  for (const container of spec.initContainers ?? []) requestsFromLimits(container);
  setHugePageLimits(spec);
  setPodLevelRequests(spec);
  spec.enableServiceLinks ??= true;
  setHostPorts(spec);
  setPodSpecDefaults(spec);
  // A negative period is a request to kill at once (upstream's conversion).
  if (spec.terminationGracePeriodSeconds! < 0) spec.terminationGracePeriodSeconds = 1;
  dropInitContainerAnnotations(pod.metadata);
  setPodStatusDefaults(pod);
}

function setContainerStatuses(statuses: readonly ContainerStatus[] | undefined): void {
  for (const container of statuses ?? []) {
    roundUpToMilli(container.allocatedResources);
    roundUpToMilli(container.resources?.limits);
    roundUpToMilli(container.resources?.requests);
  }
}

function setPodStatusDefaults(pod: Pod): void {
  const status = pod.status;
  if (!status) return;
  setContainerStatuses(status.initContainerStatuses);
  setContainerStatuses(status.containerStatuses);
  setContainerStatuses(status.ephemeralContainerStatuses);
  roundUpToMilli(status.allocatedResources);
  roundUpToMilli(status.resources?.limits);
  roundUpToMilli(status.resources?.requests);
  // podIP and podIPs[0] are one value; podIP wins.
  if (status.podIP && status.podIP !== status.podIPs?.[0]?.ip) status.podIPs = [{ ip: status.podIP }];
  if (status.podIPs?.length) status.podIP = status.podIPs[0]!.ip;
}
