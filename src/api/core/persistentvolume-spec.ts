/** What a PersistentVolume says of its volume, and a VolumeAttachment of one that has no object of its own (pkg/apis/core/validation). */
import { type FieldError, forbiddenField, type Path, path, quoteValue, required } from "../field.ts";
import type { ISCSIPersistentVolumeSource, LocalVolumeSource, PersistentVolumeSource, PersistentVolumeSpec } from "../types/core-v1.gen.ts";
import { oneOf, validatePathNoBacksteps } from "./checks.ts";
import { validateNodeSelector } from "./node-affinity.ts";
import { className, validateAccessModes, volumeModes } from "./persistentvolumeclaim-spec.ts";
import { validateBasicResource, validatePositiveQuantity } from "./resources.ts";
import {
  needs,
  type SourceRule,
  validateAzureDisk,
  validateAzureFile,
  validateCsiPersistent,
  validateDisk,
  validateFc,
  validateFlex,
  validateFlocker,
  validateGlusterfs,
  validateHostPath,
  validateIscsi,
  validateNfs,
  validateOneSource,
  validateQuobyte,
  validateStorageOs,
  validateWithSecret,
} from "./volume-sources.ts";

const bothSecretFields = ["name", "namespace"];

const sourceRules = (name: string, hasNodeAffinity: boolean, spec: Path): SourceRule<PersistentVolumeSource>[] => [
  ["hostPath", "hostPath", "hostPath", validateHostPath],
  ["gcePersistentDisk", "gcePersistentDisk", "persistentDisk", validateDisk("pdName")],
  ["awsElasticBlockStore", "awsElasticBlockStore", "awsElasticBlockStore", validateDisk("volumeID")],
  ["glusterfs", "glusterfs", "glusterfs", validateGlusterfs],
  ["flocker", "flocker", "flocker", validateFlocker],
  ["nfs", "nfs", "nfs", validateNfs],
  ["rbd", "rbd", "rbd", needs("monitors", "image")],
  ["quobyte", "quobyte", "quobyte", validateQuobyte],
  ["cephfs", "cephFS", "cephfs", needs("monitors")],
  ["iscsi", "iscsi", "iscsi", (source: ISCSIPersistentVolumeSource, at: Path) => validateIscsi(source, at, name)],
  ["cinder", "cinder", "cinder", validateWithSecret(["volumeID"], bothSecretFields)],
  ["fc", "fc", "fc", validateFc],
  // Upstream has forgotten to look whether there is another before it.
  ["flexVolume", "", "flexVolume", validateFlex],
  ["azureFile", "azureFile", "azureFile", validateAzureFile],
  ["vsphereVolume", "vsphereVolume", "vsphereVolume", needs("volumePath")],
  ["photonPersistentDisk", "photonPersistentDisk", "photonPersistentDisk", needs("pdID")],
  ["portworxVolume", "portworxVolume", "portworxVolume", needs("volumeID")],
  ["azureDisk", "azureDisk", "azureDisk", validateAzureDisk],
  ["scaleIO", "scaleIO", "scaleIO", needs("gateway", "system", "volumeName")],
  [
    "local",
    "local",
    "local",
    (source: LocalVolumeSource, at: Path) => [
      ...(source.path ? validatePathNoBacksteps(source.path, at.child("path")) : [required(at.child("path"))]),
      ...(hasNodeAffinity ? [] : [required(spec.child("nodeAffinity"), "Local volume requires node affinity")]),
    ],
  ],
  ["storageos", "storageos", "storageos", validateStorageOs(bothSecretFields)],
  ["csi", "csi", "csi", validateCsiPersistent],
];

const sourceNames = sourceRules("", true, path("spec")).map(([name]) => name);

/** The part of the specification that says what the volume is. */
export const sourceOf = (spec: PersistentVolumeSpec): PersistentVolumeSource =>
  Object.fromEntries(sourceNames.filter((name) => spec[name] !== undefined).map((name) => [name, spec[name]]));

function validateCapacity(capacity: Record<string, string> | undefined, at: Path): FieldError[] {
  const names = Object.keys(capacity ?? {});
  const errors: FieldError[] = names.length ? [] : [required(at)];
  if (capacity?.storage === undefined || names.length > 1)
    errors.push({
      type: "FieldValueNotSupported",
      field: at.text,
      body: `Unsupported value: ${quoteValue(capacity)}: supported values: "storage"`,
    });
  for (const [name, quantity] of Object.entries(capacity ?? {}))
    errors.push(...validateBasicResource(quantity, at.key(name)), ...validatePositiveQuantity(quantity, at.key(name)));
  return errors;
}

/** Where the directory is the host's root, recycling would empty the machine. */
const isRoot = (directory: string): boolean => directory.startsWith("/") && directory.split("/").every((part) => part === "" || part === ".");

export interface VolumeContext {
  /** Of the PersistentVolume; "" for an inline volume. */
  name: string;
  at: Path;
  inline: boolean;
  /** What the stored volume may keep: values of labels that are none. */
  lenient?: boolean;
}

export function validatePersistentVolumeSpec(spec: PersistentVolumeSpec, { name, at, inline, lenient = false }: VolumeContext): FieldError[] {
  const context = "in the context of inline volumes";
  const errors: FieldError[] = [];
  if (inline) {
    if (spec.claimRef) errors.push(forbiddenField(at.child("claimRef"), `may not be specified ${context}`));
    if (Object.keys(spec.capacity ?? {}).length) errors.push(forbiddenField(at.child("capacity"), `may not be specified ${context}`));
    if (!spec.csi) errors.push(required(at.child("csi"), `has to be specified ${context}`));
  }
  if (!spec.accessModes?.length) errors.push(required(at.child("accessModes")));
  errors.push(...validateAccessModes(spec.accessModes, at.child("accessModes")));
  if (!inline) errors.push(...validateCapacity(spec.capacity, at.child("capacity")));
  const policy = at.child("persistentVolumeReclaimPolicy");
  const reclaim = spec.persistentVolumeReclaimPolicy;
  if (reclaim && !inline) errors.push(...oneOf(reclaim, ["Delete", "Recycle", "Retain"], policy));
  else if (reclaim && reclaim !== "Retain") errors.push(forbiddenField(policy, `may only be Retain ${context}`));
  if (spec.nodeAffinity && inline) errors.push(forbiddenField(at.child("nodeAffinity"), `may not be specified ${context}`));
  else if (spec.nodeAffinity) {
    const here = at.child("nodeAffinity", "required");
    if (spec.nodeAffinity.required) errors.push(...validateNodeSelector(spec.nodeAffinity.required, lenient, here));
    else errors.push(required(here, "must specify required node constraints"));
  }
  errors.push(...validateOneSource(sourceOf(spec), sourceRules(name, !inline && spec.nodeAffinity !== undefined, at), at));
  if (spec.hostPath && isRoot(spec.hostPath.path ?? "") && reclaim === "Recycle")
    errors.push(forbiddenField(policy, "may not be 'recycle' for a hostPath mount of '/'"));
  const classAt = at.child("storageClassName");
  if (spec.storageClassName)
    errors.push(...(inline ? [forbiddenField(classAt, `may not be specified ${context}`)] : className(spec.storageClassName, classAt)));
  if (spec.volumeMode !== undefined && !inline) errors.push(...oneOf(spec.volumeMode, volumeModes, at.child("volumeMode")));
  else if (spec.volumeMode !== undefined && spec.volumeMode !== "Filesystem")
    errors.push(forbiddenField(at.child("volumeMode"), `may not specify volumeMode other than Filesystem ${context}`));
  const attributes = spec.volumeAttributesClassName;
  if (attributes !== undefined && !inline) {
    const here = at.child("volumeAttributesClassName");
    errors.push(...(attributes ? className(attributes, here) : [required(here, "an empty string is disallowed")]));
    if (!spec.csi) errors.push(required(at.child("csi"), "has to be specified when using volumeAttributesClassName"));
  }
  return errors;
}
