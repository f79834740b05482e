/** PersistentVolumes (pkg/registry/core/persistentvolume). */
import { validateImmutableNamed } from "./checks.ts";
import { type FieldError, forbiddenField, invalidValue, path, required } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { formatTime } from "../time.ts";
import type { NodeSelectorRequirement, PersistentVolume, PersistentVolumeSource, VolumeNodeAffinity } from "../types/core-v1.gen.ts";
import { goDiff } from "./go-diff.ts";
import { internalForm } from "./internal-types.ts";
import { selectorHasInvalidValue } from "./node-affinity.ts";
import { nodeSelectorWarnings } from "./node-labels.ts";
import { age, validateMetadata, validateMetadataUpdate } from "./object-meta.ts";
import { sourceOf, validatePersistentVolumeSpec } from "./persistentvolume-spec.ts";
import { accessModesText, storageClassAnnotation } from "./persistentvolumeclaim.ts";
import { setVolumeSourceDefaults } from "./pod-defaults.ts";
import { canonicalQuantity, roundUpToMilli } from "./resource-list.ts";
import { semanticEqual } from "./semantic.ts";
import { table } from "../../base/table.ts";

const rules = { namespaced: false, validateName: nameIsDNSSubdomain };
const spec = path("spec");
const mountOptionsAnnotation = "volume.beta.kubernetes.io/mount-options";
function validateVolume(volume: PersistentVolume, old: PersistentVolume | undefined): FieldError[] {
  const lenient = selectorHasInvalidValue(old?.spec.nodeAffinity?.required);
  return [
    ...validateMetadata(volume.metadata, rules),
    ...validatePersistentVolumeSpec(volume.spec, { name: volume.metadata.name, at: spec, inline: false, lenient }),
  ];
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

const renamedLabels = table<string>({
  "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
  "beta.kubernetes.io/os": "kubernetes.io/os",
  "beta.kubernetes.io/arch": "kubernetes.io/arch",
  "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
});

/** The old affinity with each label that the new one has renamed from beta to its final name; to upstream none is the final name of all others. */
function renamed(affinity: VolumeNodeAffinity, now: VolumeNodeAffinity | undefined): VolumeNodeAffinity {
  const terms = (affinity.required && (affinity.required.nodeSelectorTerms ?? []))?.map((term, i) => {
    const rename = (field: "matchExpressions" | "matchFields"): NodeSelectorRequirement[] | undefined =>
      term[field]?.map((requirement, j) => {
        const key = (now?.required?.nodeSelectorTerms ?? [])[i]?.[field]?.[j]?.key;
        return key !== undefined && (renamedLabels[requirement.key] ?? "") === key ? { ...requirement, key } : requirement;
      });
    return { ...term, matchExpressions: rename("matchExpressions"), matchFields: rename("matchFields") };
  });
  return { required: terms && { nodeSelectorTerms: terms } };
}

function validateUpdate(volume: PersistentVolume, old: PersistentVolume): FieldError[] {
  const own = validateVolume(volume, old);
  const errors = [...own, ...validateMountOptions(volume), ...own];
  const before = sourceOf(old.spec);
  let now = sourceOf(volume.spec);
  if (before.csi && !before.csi.controllerExpandSecretRef && now.csi?.controllerExpandSecretRef)
    now = { ...now, csi: { ...now.csi, controllerExpandSecretRef: undefined } };
  if (!semanticEqual(now, before)) {
    const diff = goDiff(internalForm("PersistentVolumeSource", before), internalForm("PersistentVolumeSource", now));
    errors.push(forbiddenField(spec.child("persistentvolumesource"), `spec.persistentvolumesource is immutable after creation\n${diff}`));
  }
  errors.push(...validateImmutableNamed(volume.spec.volumeMode, old.spec.volumeMode, path("volumeMode")));
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
