/** PersistentVolumes (pkg/registry/core/persistentvolume). */
import { type FieldError, forbiddenField, invalidValue, path, required } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { validateImmutableField } from "../meta/validation.ts";
import { formatTime } from "../time.ts";
import type { NodeSelectorRequirement, PersistentVolume, PersistentVolumeSource, VolumeNodeAffinity } from "../types/core-v1.gen.ts";
import { oneOf } from "./checks.ts";
import { goDiff } from "./go-diff.ts";
import { internalForm } from "./internal-types.ts";
import { selectorHasInvalidValue, validateNodeSelector } from "./node-affinity.ts";
import { nodeSelectorWarnings } from "./node-labels.ts";
import { age, validateMetadata, validateMetadataUpdate } from "./object-meta.ts";
import { className, validateAccessModes, volumeModes } from "./persistentvolumeclaim-spec.ts";
import { accessModesText, storageClassAnnotation } from "./persistentvolumeclaim.ts";
import { setVolumeSourceDefaults } from "./pod-defaults.ts";
import { canonicalQuantity, roundUpToMilli } from "./resource-list.ts";
import { validateBasicResource, validatePositiveQuantity } from "./resources.ts";
import { semanticEqual } from "./semantic.ts";
import {
  requireFields,
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
import type { ISCSIPersistentVolumeSource, LocalVolumeSource } from "../types/core-v1.gen.ts";
import type { Path } from "../field.ts";
import { validatePathNoBacksteps } from "./checks.ts";

const rules = { namespaced: false, validateName: nameIsDNSSubdomain };
const spec = path("spec");
const mountOptionsAnnotation = "volume.beta.kubernetes.io/mount-options";
const bothSecretFields = ["name", "namespace"];

const needs =
  (...fields: string[]) =>
  (source: object, at: Path): FieldError[] =>
    requireFields(source, fields, at);

const sourceRules = (name: string, hasNodeAffinity: boolean): SourceRule<PersistentVolumeSource>[] => [
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
  ["flexVolume", "flexVolume", "flexVolume", validateFlex],
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

const sourceNames = sourceRules("", true).map(([name]) => name);
const sourceOf = (volume: PersistentVolume): PersistentVolumeSource =>
  Object.fromEntries(sourceNames.filter((name) => volume.spec[name] !== undefined).map((name) => [name, volume.spec[name]]));

function validateCapacity(capacity: Record<string, string>): FieldError[] {
  const at = spec.child("capacity");
  const names = Object.keys(capacity);
  const errors: FieldError[] = names.length ? [] : [required(at)];
  if (capacity.storage === undefined || names.length > 1) errors.push(...unsupportedCapacity(capacity, at));
  for (const name of names) errors.push(...validateBasicResource(capacity[name]!, at.key(name)), ...validatePositiveQuantity(capacity[name]!, at.key(name)));
  return errors;
}

function unsupportedCapacity(capacity: Record<string, string>, at: Path): FieldError[] {
  const shown = Object.keys(capacity).length ? JSON.stringify(capacity) : "null";
  return [{ type: "FieldValueNotSupported", field: at.text, body: `Unsupported value: ${shown}: supported values: "storage"` }];
}

/** Where the directory is the host's root, recycling would empty the machine. */
const isRoot = (directory: string): boolean => directory.startsWith("/") && directory.split("/").every((part) => part === "" || part === ".");

function validateVolume(volume: PersistentVolume, old: PersistentVolume | undefined): FieldError[] {
  const s = volume.spec;
  const errors = validateMetadata(volume.metadata, rules);
  if (!s.accessModes?.length) errors.push(required(spec.child("accessModes")));
  errors.push(...validateAccessModes(s.accessModes, spec.child("accessModes")), ...validateCapacity(s.capacity ?? {}));
  const policy = spec.child("persistentVolumeReclaimPolicy");
  if (s.persistentVolumeReclaimPolicy) errors.push(...oneOf(s.persistentVolumeReclaimPolicy, ["Delete", "Recycle", "Retain"], policy));
  if (s.nodeAffinity) {
    const at = spec.child("nodeAffinity", "required");
    const lenient = selectorHasInvalidValue(old?.spec.nodeAffinity?.required);
    if (s.nodeAffinity.required) errors.push(...validateNodeSelector(s.nodeAffinity.required, lenient, at));
    else errors.push(required(at, "must specify required node constraints"));
  }
  errors.push(...validateOneSource(sourceOf(volume), sourceRules(volume.metadata.name, s.nodeAffinity !== undefined), spec));
  if (s.hostPath && isRoot(s.hostPath.path ?? "") && s.persistentVolumeReclaimPolicy === "Recycle")
    errors.push(forbiddenField(policy, "may not be 'recycle' for a hostPath mount of '/'"));
  if (s.storageClassName) errors.push(...className(s.storageClassName, spec.child("storageClassName")));
  if (s.volumeMode !== undefined) errors.push(...oneOf(s.volumeMode, volumeModes, spec.child("volumeMode")));
  const attributes = s.volumeAttributesClassName;
  if (attributes !== undefined) {
    const at = spec.child("volumeAttributesClassName");
    errors.push(...(attributes ? className(attributes, at) : [required(at, "an empty string is disallowed")]));
    if (!s.csi) errors.push(required(spec.child("csi"), "has to be specified when using volumeAttributesClassName"));
  }
  return errors;
}

const mountable = [
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "glusterfs",
  "nfs",
  "rbd",
  "quobyte",
  "iscsi",
  "cinder",
  "cephfs",
  "azureFile",
  "vsphereVolume",
  "azureDisk",
  "photonPersistentDisk",
] as const;

function validateMountOptions(volume: PersistentVolume): FieldError[] {
  if (volume.metadata.annotations?.[mountOptionsAnnotation] === undefined || mountable.some((name) => volume.spec[name])) return [];
  return [forbiddenField(path("metadata", "annotations", mountOptionsAnnotation), "may not specify mount options for this volume type")];
}

const renamedLabels: Record<string, string> = {
  "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
  "beta.kubernetes.io/os": "kubernetes.io/os",
  "beta.kubernetes.io/arch": "kubernetes.io/arch",
  "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
};

/** The old affinity with each label that the new one has renamed from beta to its final name. */
function renamed(affinity: VolumeNodeAffinity, now: VolumeNodeAffinity | undefined): VolumeNodeAffinity {
  const terms = affinity.required?.nodeSelectorTerms.map((term, i) => {
    const rename = (field: "matchExpressions" | "matchFields"): NodeSelectorRequirement[] | undefined =>
      term[field]?.map((requirement, j) => {
        const key = now?.required?.nodeSelectorTerms[i]?.[field]?.[j]?.key;
        return key !== undefined && renamedLabels[requirement.key] === key ? { ...requirement, key } : requirement;
      });
    return { ...term, matchExpressions: rename("matchExpressions"), matchFields: rename("matchFields") };
  });
  return { required: terms && { nodeSelectorTerms: terms } };
}

function validateUpdate(volume: PersistentVolume, old: PersistentVolume): FieldError[] {
  const own = validateVolume(volume, old);
  const errors = [...own, ...validateMountOptions(volume), ...own];
  const before = sourceOf(old);
  let now = sourceOf(volume);
  if (before.csi && !before.csi.controllerExpandSecretRef && now.csi?.controllerExpandSecretRef)
    now = { ...now, csi: { ...now.csi, controllerExpandSecretRef: undefined } };
  if (!semanticEqual(now, before)) {
    const diff = goDiff(internalForm("PersistentVolumeSource", before), internalForm("PersistentVolumeSource", now));
    errors.push(forbiddenField(spec.child("persistentvolumesource"), `spec.persistentvolumesource is immutable after creation\n${diff}`));
  }
  errors.push(...validateImmutableField(volume.spec.volumeMode, old.spec.volumeMode, path("volumeMode")));
  const affinity = old.spec.nodeAffinity;
  if (affinity && !semanticEqual(volume.spec.nodeAffinity, renamed(affinity, volume.spec.nodeAffinity))) {
    const shown = internalForm("VolumeNodeAffinity", volume.spec.nodeAffinity);
    errors.push(invalidValue(path("nodeAffinity"), shown, "field is immutable, except for updating from beta label to GA"));
  }
  if (old.spec.volumeAttributesClassName !== undefined && volume.spec.volumeAttributesClassName === undefined)
    errors.push(forbiddenField(spec.child("volumeAttributesClassName"), "update from non-nil value to nil is forbidden"));
  return errors;
}

const oldSources: [keyof PersistentVolumeSource, string, string][] = [
  ["cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"],
  ["photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"],
  ["scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"],
  ["storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"],
  ["glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"],
  ["rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"],
];

function warnings(volume: PersistentVolume): string[] {
  const annotations = volume.metadata.annotations ?? {};
  const found: string[] = [];
  const deprecated = (key: string, why: string): void => {
    if (annotations[key] !== undefined) found.push(`metadata.annotations[${key}]: ${why}`);
  };
  deprecated(storageClassAnnotation, 'deprecated since v1.8; use "storageClassName" attribute instead');
  deprecated(mountOptionsAnnotation, 'deprecated since v1.31; use "mountOptions" attribute instead');
  if (volume.spec.persistentVolumeReclaimPolicy === "Recycle")
    found.push(
      "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.",
    );
  found.push(...nodeSelectorWarnings(volume.spec.nodeAffinity?.required?.nodeSelectorTerms, spec.child("nodeAffinity", "required", "nodeSelectorTerms")));
  for (const [field, name, why] of oldSources) if (volume.spec[field]) found.push(`spec.${name}: ${why}`);
  return found;
}

const timeOf = (volume: PersistentVolume, now: number | undefined): string => (now === undefined ? volume.metadata.creationTimestamp : formatTime(now));

export const persistentVolumeKind: Kind<PersistentVolume> = {
  resource: "persistentvolumes",
  setDefaults(volume) {
    volume.spec ??= {};
    volume.status ??= {};
    volume.status.phase ||= "Pending";
    volume.spec.persistentVolumeReclaimPolicy ||= "Retain";
    volume.spec.volumeMode ??= "Filesystem";
    roundUpToMilli(volume.spec.capacity);
    setVolumeSourceDefaults(volume.spec);
  },
  prepareForCreate(volume, now) {
    volume.status = { phase: "Pending", lastPhaseTransitionTime: timeOf(volume, now) };
  },
  validate: (volume) => [...validateVolume(volume, undefined), ...validateMountOptions(volume)],
  warnings,
  prepareForUpdate(volume, old) {
    volume.status = old.status;
  },
  validateUpdate,
  warningsOnUpdate: warnings,
  subresources: {
    status: {
      prepareForUpdate(volume, old, now) {
        volume.spec = old.spec;
        const { status } = volume;
        const last = old.status?.lastPhaseTransitionTime;
        if (status.phase === old.status?.phase) status.lastPhaseTransitionTime ??= last;
        else if (status.lastPhaseTransitionTime === undefined || status.lastPhaseTransitionTime === last) {
          status.lastPhaseTransitionTime = timeOf(volume, now);
        }
      },
      validateUpdate: (volume, old) => [
        ...validateMetadataUpdate(volume.metadata, old.metadata),
        ...(volume.metadata.resourceVersion ? [] : [required("resourceVersion")]),
      ],
    },
  },
  fields: (volume) => ({ name: volume.metadata.name }),
  cells(volume, now) {
    const { metadata, spec: s, status } = volume;
    return [
      metadata.name,
      canonicalQuantity(s.capacity?.storage ?? "0"),
      accessModesText(s.accessModes),
      s.persistentVolumeReclaimPolicy ?? "",
      metadata.deletionTimestamp !== undefined ? "Terminating" : (status?.phase ?? ""),
      s.claimRef ? `${s.claimRef.namespace ?? ""}/${s.claimRef.name ?? ""}` : "",
      metadata.annotations?.[storageClassAnnotation] ?? s.storageClassName ?? "",
      s.volumeAttributesClassName ?? "<unset>",
      status?.reason ?? "",
      age(volume, now),
      s.volumeMode ?? "<unset>",
    ];
  },
};
