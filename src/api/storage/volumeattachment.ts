/** VolumeAttachments (pkg/registry/storage/volumeattachment). */
import { validateImmutable } from "../apps/workload.ts";
import { invalidAll } from "../core/checks.ts";
import { age, validateMetadata } from "../core/object-meta.ts";
import { internalForm } from "../core/internal-types.ts";
import { setVolumeSourceDefaults } from "../core/pod-defaults.ts";
import { roundUpToMilli } from "../core/resource-list.ts";
import { validatePersistentVolumeSpec } from "../core/persistentvolume-spec.ts";
import { validateCsiDriverName } from "../core/volume-sources.ts";
import { type FieldError, forbiddenField, invalidValue, type Path, path, required, tooLong } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { resetMetadata } from "../meta/status-update.ts";
import { inclusiveRangeError, longerThan } from "../names.ts";
import type { VolumeAttachment, VolumeAttachmentSource, VolumeAttachmentSpec, VolumeError } from "../types/storage-v1.gen.ts";
import { sizeOf } from "./parameters.ts";

const rules = { namespaced: false, validateName: nameIsDNSSubdomain };
const at = path("spec");
const maxMetadata = 256 * 1024;
const maxMessage = 1024;

function validateSource({ persistentVolumeName: name, inlineVolumeSpec: inline }: VolumeAttachmentSource, here: Path): FieldError[] {
  const exactly = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
  if (!inline && name === undefined) return [required(here, exactly)];
  if (inline && name !== undefined) return [forbiddenField(here, exactly)];
  if (inline) return validatePersistentVolumeSpec(inline, { name: "", at: here.child("inlineVolumeSpec"), inline: true });
  return name ? [] : [required(here.child("persistentVolumeName"), "must specify non empty persistentVolumeName")];
}

function validateError(error: VolumeError | undefined, here: Path): FieldError[] {
  if (!error) return [];
  const errors: FieldError[] = longerThan(error.message ?? "", maxMessage) ? [tooLong(here.child("message"), maxMetadata)] : [];
  if ((error.errorCode ?? 0) < 0) errors.push(invalidValue(here.child("errorCode"), error.errorCode, inclusiveRangeError(0, 2 ** 31 - 1)));
  return errors;
}

function validate({ metadata, spec, status }: VolumeAttachment): FieldError[] {
  const { attacher = "", nodeName = "" } = spec;
  const source = spec.source ?? {};
  const name = source.persistentVolumeName;
  const here = path("status");
  return [
    ...validateMetadata(metadata, rules),
    ...validateCsiDriverName(attacher, at.child("attacher")),
    ...validateSource(source, at.child("source")),
    ...invalidAll(at.child("nodeName"), nodeName, nameIsDNSSubdomain(nodeName, false)),
    ...(sizeOf(status?.attachmentMetadata) > maxMetadata ? [tooLong(here.child("attachmentMetadata"), maxMetadata)] : []),
    ...validateError(status?.attachError, here.child("attachError")),
    ...validateError(status?.detachError, here.child("detachError")),
    ...(name === undefined ? [] : invalidAll(at.child("source.persistentVolumeName"), name, nameIsDNSSubdomain(name, false))),
  ];
}

/** The form of upstream's internal type. */
const shownSpec = ({ attacher, source, nodeName }: VolumeAttachmentSpec): object => ({
  Attacher: attacher,
  Source: { PersistentVolumeName: source.persistentVolumeName ?? null, InlineVolumeSpec: internalForm("PersistentVolumeSpec", source.inlineVolumeSpec) },
  NodeName: nodeName,
});

const validateUpdate = (item: VolumeAttachment, old: VolumeAttachment): FieldError[] => [
  ...validate(item),
  ...validateImmutable(item.spec, old.spec, at, shownSpec(item.spec)),
];

export const volumeAttachmentKind: Kind<VolumeAttachment> = {
  resource: "volumeattachments.storage.k8s.io",
  allowUnconditionalUpdate: false,
  setDefaults(item) {
    item.spec ??= {} as VolumeAttachmentSpec;
    item.spec.source ??= {};
    const { inlineVolumeSpec: inline } = item.spec.source;
    if (!inline) return;
    roundUpToMilli(inline.capacity);
    setVolumeSourceDefaults(inline);
  },
  prepareForCreate(item) {
    item.status = { attached: false };
  },
  validate,
  prepareForUpdate(item, old) {
    item.status = old.status;
  },
  validateUpdate,
  subresources: {
    status: {
      prepareForUpdate(item, old) {
        item.spec = old.spec;
        resetMetadata(item.metadata, old.metadata);
      },
      validateUpdate,
    },
  },
  cells: (item, now) => [
    item.metadata.name,
    item.spec.attacher,
    item.spec.source?.persistentVolumeName ?? "",
    item.spec.nodeName,
    item.status?.attached ?? false,
    age(item, now),
  ],
};
