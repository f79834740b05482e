/** Volumes of a pod and where its containers mount them. */
import { duplicate, type FieldError, forbiddenField, invalidValue, notFoundValue, type Path, required } from "../field.ts";
import { goQuote } from "../go-quote.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { parseQuantity } from "../quantity.ts";
import type {
  Container,
  EmptyDirVolumeSource,
  EphemeralVolumeSource,
  ImageVolumeSource,
  ISCSIVolumeSource,
  ProjectedVolumeSource,
  Volume,
  VolumeDevice,
  VolumeMount,
} from "../types/core-v1.gen.ts";
import type { ObjectMeta } from "../types/meta-v1.gen.ts";
import { oneOf, requiredOneOf, validateDNSLabel, validateLocalDescendingPath, validatePathNoBacksteps } from "./checks.ts";
import { validateClaimTemplate } from "./persistentvolumeclaim-spec.ts";
import { validateConfigMapVolume, validateDownwardVolume, validateProjectedVolume, validateSecretVolume } from "./projected-volume.ts";
import {
  needs,
  portalError,
  portalTooLong,
  requireFields,
  type SourceRule,
  validateAzureDisk,
  validateAzureFile,
  validateCsi,
  validateDisk,
  validateFc,
  validateFlex,
  validateFlocker,
  validateGitRepo,
  validateGlusterfs,
  validateHostPath,
  validateIscsi,
  validateNfs,
  validateOneSource,
  validateQuobyte,
  validateStorageOs,
  validateWithSecret,
} from "./volume-sources.ts";

export interface VolumeOptions {
  resourceIsPod?: boolean;
  allowNonLocalTokenPath?: boolean;
}

export const pullPolicies = ["Always", "IfNotPresent", "Never"];

const sourceRules = (options: VolumeOptions): SourceRule<Volume>[] => [
  [
    "emptyDir",
    "emptyDir",
    "emptyDir",
    (source: EmptyDirVolumeSource, at: Path) =>
      source.sizeLimit !== undefined && parseQuantity(source.sizeLimit).sign() < 0
        ? [forbiddenField(at.child("sizeLimit"), "SizeLimit field must be a valid resource quantity")]
        : [],
  ],
  ["hostPath", "hostPath", "hostPath", validateHostPath],
  ["gitRepo", "gitRepo", "gitRepo", validateGitRepo],
  ["gcePersistentDisk", "gcePersistentDisk", "persistentDisk", validateDisk("pdName")],
  ["awsElasticBlockStore", "awsElasticBlockStore", "awsElasticBlockStore", validateDisk("volumeID")],
  ["secret", "secret", "secret", validateSecretVolume],
  ["nfs", "nfs", "nfs", validateNfs],
  ["iscsi", "iscsi", "iscsi", (source: ISCSIVolumeSource, at: Path) => validateIscsi(source, at)],
  ["glusterfs", "glusterfs", "glusterfs", validateGlusterfs],
  ["flocker", "flocker", "flocker", validateFlocker],
  ["persistentVolumeClaim", "persistentVolumeClaim", "persistentVolumeClaim", needs("claimName")],
  ["rbd", "rbd", "rbd", needs("monitors", "image")],
  ["cinder", "cinder", "cinder", validateWithSecret(["volumeID"], ["name"])],
  ["cephfs", "cephFS", "cephfs", needs("monitors")],
  ["quobyte", "quobyte", "quobyte", validateQuobyte],
  ["downwardAPI", "downwarAPI", "downwardAPI", validateDownwardVolume],
  ["fc", "fc", "fc", validateFc],
  ["flexVolume", "flexVolume", "flexVolume", validateFlex],
  ["configMap", "configMap", "configMap", validateConfigMapVolume],
  ["azureFile", "azureFile", "azureFile", validateAzureFile],
  ["vsphereVolume", "vsphereVolume", "vsphereVolume", needs("volumePath")],
  ["photonPersistentDisk", "photonPersistentDisk", "photonPersistentDisk", needs("pdID")],
  ["portworxVolume", "portworxVolume", "portworxVolume", needs("volumeID")],
  ["azureDisk", "azureDisk", "azureDisk", validateAzureDisk],
  ["storageos", "storageos", "storageos", validateStorageOs(["name"])],
  ["projected", "projected", "projected", (source: ProjectedVolumeSource, at: Path) => validateProjectedVolume(source, at, options)],
  ["scaleIO", "scaleIO", "scaleIO", needs("gateway", "system", "volumeName")],
  ["csi", "csi", "csi", validateCsi],
  [
    "ephemeral",
    "ephemeral",
    "ephemeral",
    (source: EphemeralVolumeSource, at: Path) =>
      source.volumeClaimTemplate
        ? validateClaimTemplate(source.volumeClaimTemplate, at.child("volumeClaimTemplate"))
        : [required(at.child("volumeClaimTemplate"))],
  ],
  [
    "image",
    "image",
    "image",
    (source: ImageVolumeSource, at: Path) => [
      ...(options.resourceIsPod ? requireFields(source, ["reference"], at) : []),
      ...requiredOneOf(source.pullPolicy, pullPolicies, at.child("pullPolicy")),
    ],
  ],
];
const podRules = sourceRules({ resourceIsPod: true });
const templateRules = sourceRules({});
const rulesFor = (options: VolumeOptions): SourceRule<Volume>[] =>
  options.allowNonLocalTokenPath ? sourceRules(options) : options.resourceIsPod ? podRules : templateRules;

/** Valid volumes by name, and the errors of the others. `meta`: of the pod, where it has one. */
export function validateVolumes(
  volumes: Volume[] | undefined,
  meta: Pick<ObjectMeta, "name"> | undefined,
  at: Path,
  options: VolumeOptions,
): { volumes: Map<string, Volume>; errors: FieldError[] } {
  const errors: FieldError[] = [];
  const valid = new Map<string, Volume>();
  const podName = meta?.name ?? "";
  const claims = new Set((volumes ?? []).flatMap((volume) => (podName && volume.ephemeral ? `${podName}-${volume.name}` : [])));
  const rules = rulesFor(options);
  for (const [i, volume] of (volumes ?? []).entries()) {
    const here = at.index(i);
    const name = volume.name ?? "";
    const own = validateOneSource(volume, rules, here, 0, (source, taken) => {
      if (source === "iscsi" && volume.iscsi && portalTooLong(volume.iscsi, name)) return [portalError(here.child("name"), name)];
      if (source !== "ephemeral" || !taken || !podName || !name) return [];
      const claim = `${podName}-${name}`;
      return nameIsDNSSubdomain(claim, false).map((message) => invalidValue(here.child("name"), name, `PVC name ${goQuote(claim)}: ${message}`));
    });
    own.push(...(name ? validateDNSLabel(name, here.child("name")) : [required(here.child("name"))]));
    if (valid.has(name)) own.push(duplicate(here.child("name"), name));
    if (own.length === 0) valid.set(name, volume);
    errors.push(...own);
    const claimName = volume.persistentVolumeClaim?.claimName;
    if (claimName !== undefined && claims.has(claimName)) {
      const why = "must not reference a PVC that gets created for an ephemeral volume";
      errors.push(invalidValue(here.child("persistentVolumeClaim").child("claimName"), claimName, why));
    }
  }
  return { volumes: valid, errors };
}

function validatePropagation(mode: string, privileged: boolean, at: Path): FieldError[] {
  const errors = oneOf(mode, ["Bidirectional", "HostToContainer", "None"], at);
  if (mode === "Bidirectional" && !privileged) errors.push(forbiddenField(at, "Bidirectional mount propagation is available only to privileged containers"));
  return errors;
}

function validateRecursiveReadOnly(mount: VolumeMount, at: Path): FieldError[] {
  const mode = mount.recursiveReadOnly;
  if (mode === undefined || mode === "Disabled") return [];
  if (mode !== "Enabled" && mode !== "IfPossible") return oneOf(mode, ["Disabled", "Enabled", "IfPossible"], at);
  const errors: FieldError[] = mount.readOnly ? [] : [forbiddenField(at, "may only be specified when readOnly is true")];
  if (mount.mountPropagation !== undefined && mount.mountPropagation !== "None")
    errors.push(forbiddenField(at, "may only be specified when mountPropagation is None or not specified"));
  return errors;
}

/** Upstream names the list, not its element, in the errors of a mount's options. */
export function validateVolumeMounts(container: Container, volumes: Map<string, Volume>, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const devices = container.volumeDevices?.length ? new Map(container.volumeDevices.map((device) => [device.name, device.devicePath])) : undefined;
  const devicePaths = devices && new Set(devices.values());
  const seen = new Set<string>();
  const privileged = container.securityContext?.privileged === true;
  for (const [i, mount] of (container.volumeMounts ?? []).entries()) {
    const here = at.index(i);
    const { name = "", mountPath = "" } = mount;
    if (!name) errors.push(required(here.child("name")));
    if (!volumes.has(name)) errors.push(notFoundValue(here.child("name"), name));
    if (!mountPath) errors.push(required(here.child("mountPath")));
    if (seen.has(mountPath)) errors.push(invalidValue(here.child("mountPath"), mountPath, "must be unique"));
    seen.add(mountPath);
    if (devices?.has(name)) errors.push(invalidValue(here.child("name"), name, "must not already exist in volumeDevices"));
    if (devicePaths?.has(mountPath)) errors.push(invalidValue(here.child("mountPath"), mountPath, "must not already exist as a path in volumeDevices"));
    if (mount.subPath) errors.push(...validateLocalDescendingPath(mount.subPath, at.child("subPath")));
    if (mount.subPathExpr) {
      if (mount.subPath) errors.push(invalidValue(here.child("subPathExpr"), mount.subPathExpr, "subPathExpr and subPath are mutually exclusive"));
      errors.push(...validateLocalDescendingPath(mount.subPathExpr, at.child("subPathExpr")));
    }
    if (mount.mountPropagation !== undefined) errors.push(...validatePropagation(mount.mountPropagation, privileged, at.child("mountPropagation")));
    errors.push(...validateRecursiveReadOnly(mount, at.child("recursiveReadOnly")));
  }
  return errors;
}

export function validateVolumeDevices(container: Container, volumes: Map<string, Volume>, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const mounts = new Map((container.volumeMounts ?? []).map((mount) => [mount.name, mount.mountPath]));
  const mountPaths = new Set(mounts.values());
  const paths = new Set<string>();
  const names = new Set<string>();
  for (const [i, { name = "", devicePath = "" }] of (container.volumeDevices ?? ([] as VolumeDevice[])).entries()) {
    const here = at.index(i);
    const volume = volumes.get(name);
    if (!name) errors.push(required(here.child("name")));
    if (names.has(name)) errors.push(invalidValue(here.child("name"), name, "must be unique"));
    if (volume && !volume.persistentVolumeClaim && !volume.ephemeral)
      errors.push(invalidValue(here.child("name"), name, "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"));
    if (!volume) errors.push(notFoundValue(here.child("name"), name));
    if (!devicePath) errors.push(required(here.child("devicePath")));
    if (paths.has(devicePath)) errors.push(invalidValue(here.child("devicePath"), devicePath, "must be unique"));
    if (devicePath && validatePathNoBacksteps(devicePath, here).length)
      errors.push(invalidValue(here.child("devicePath"), devicePath, "can not contain backsteps ('..')"));
    else paths.add(devicePath);
    if (mounts.has(name)) errors.push(invalidValue(here.child("name"), name, "must not already exist in volumeMounts"));
    if (mountPaths.has(devicePath)) errors.push(invalidValue(here.child("devicePath"), devicePath, "must not already exist as a path in volumeMounts"));
    if (name) names.add(name);
  }
  return errors;
}
