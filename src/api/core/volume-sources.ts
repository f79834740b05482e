/** Volume sources that pods and PersistentVolumes share, and those that differ between them only in their secrets. */
import { type FieldError, forbiddenField, invalidValue, notSupportedText, type Path, required, tooLong } from "../field.ts";
import { nameIsDNSLabel, nameIsDNSSubdomain } from "../meta/names.ts";
import { inclusiveRangeError, isDNS1123Subdomain } from "../names.ts";
import type {
  AzureDiskVolumeSource,
  CSIPersistentVolumeSource,
  CSIVolumeSource,
  FCVolumeSource,
  FlockerVolumeSource,
  GlusterfsPersistentVolumeSource,
  HostPathVolumeSource,
  ISCSIPersistentVolumeSource,
  NFSVolumeSource,
  QuobyteVolumeSource,
  SecretReference,
  StorageOSPersistentVolumeSource,
} from "../types/core-v1.gen.ts";
import {
  exceeds,
  invalidAll,
  oneOf,
  outOfRange,
  validateDNSLabel,
  validateDNSSubdomain,
  validateLocalDescendingPath,
  validatePathNoBacksteps,
} from "./checks.ts";
import { table } from "../../base/table.ts";

/** Required: none of these fields is empty. */
export const requireFields = (source: object, fields: readonly string[], at: Path): FieldError[] =>
  fields
    .filter((name) => {
      const value = (source as Record<string, unknown>)[name];
      return !value || (Array.isArray(value) && value.length === 0);
    })
    .map((name) => required(at.child(name)));

/** The same as a rule for one source. */
export const needs =
  (...fields: string[]) =>
  (source: object, at: Path): FieldError[] =>
    requireFields(source, fields, at);

const hostPathTypes = ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

export function validateHostPath(source: HostPathVolumeSource, at: Path): FieldError[] {
  if (!source.path) return [required(at.child("path"))];
  return [...validatePathNoBacksteps(source.path, at.child("path")), ...oneOf(source.type, hostPathTypes, at.child("type"))];
}

export const validateGitRepo = (source: { repository: string; directory?: string }, at: Path): FieldError[] => [
  ...requireFields(source, ["repository"], at),
  ...validateLocalDescendingPath(source.directory ?? "", at.child("directory")),
];

const partitionMessage = inclusiveRangeError(1, 255);
export const validateDisk =
  (idField: "pdName" | "volumeID") =>
  (source: { partition?: number }, at: Path): FieldError[] => {
    const partition = source.partition ?? 0;
    const errors = requireFields(source, [idField], at);
    if (partition < 0 || partition > 255) errors.push(invalidValue(at.child("partition"), partition, partitionMessage));
    return errors;
  };

const initiators = table<RegExp>({
  iqn: /iqn\.\d{4}-\d{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\s]+)$/,
  eui: /^eui.[A-Za-z0-9]{16}$/,
  naa: /^naa.[A-Za-z0-9]{32}$/,
});

function initiatorErrors(name: string, noPrefix: string): string[] {
  const rule = initiators[name.slice(0, 3)];
  if (!rule) return [noPrefix];
  return rule.test(name) ? [] : ["must be valid format"];
}

const tooLongPortal = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";
export const portalTooLong = (source: ISCSIPersistentVolumeSource, volume: string): boolean =>
  source.initiatorName !== undefined && exceeds(`${volume}:${source.targetPortal ?? ""}`, 64);
export const portalError = (at: Path, value: string): FieldError => invalidValue(at, value, tooLongPortal);

/** `pvName`: of the PersistentVolume that holds the source. */
export function validateIscsi(source: ISCSIPersistentVolumeSource, at: Path, pvName?: string): FieldError[] {
  const errors = requireFields(source, ["targetPortal"], at);
  const ofVolume = pvName !== undefined;
  const noPrefix = ofVolume ? "must be valid format" : "must be valid format starting with iqn, eui, or naa";
  if (ofVolume && portalTooLong(source, pvName)) errors.push(portalError(at.child("targetportal"), source.targetPortal));
  if (!source.iqn) errors.push(required(at.child("iqn")));
  else errors.push(...invalidAll(at.child("iqn"), source.iqn, initiatorErrors(source.iqn, noPrefix)));
  errors.push(...outOfRange(source.lun ?? 0, 0, 255, at.child("lun")));
  if ((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef) errors.push(required(at.child("secretRef")));
  if (ofVolume && source.secretRef) errors.push(...requireFields(source.secretRef, ["name"], at.child("secretRef")));
  const initiator = source.initiatorName;
  if (initiator !== undefined) errors.push(...invalidAll(at.child("initiatorname"), initiator, initiatorErrors(initiator, noPrefix)));
  return errors;
}

export function validateFc(source: FCVolumeSource, at: Path): FieldError[] {
  const names = source.targetWWNs?.length ?? 0;
  const ids = source.wwids?.length ?? 0;
  const errors: FieldError[] = [];
  if (!names && !ids) errors.push(required(at.child("targetWWNs"), "must specify either targetWWNs or wwids, but not both"));
  if (names && ids) errors.push(invalidValue(at.child("targetWWNs"), source.targetWWNs, "targetWWNs and wwids can not be specified simultaneously"));
  if (names && source.lun === undefined) errors.push(required(at.child("lun"), "lun is required if targetWWNs is specified"));
  else if (names) errors.push(...outOfRange(source.lun!, 0, 255, at.child("lun")));
  return errors;
}

export function validateNfs(source: NFSVolumeSource, at: Path): FieldError[] {
  const errors = requireFields(source, ["server", "path"], at);
  if (!source.path?.startsWith("/")) errors.push(invalidValue(at.child("path"), source.path ?? "", "must be an absolute path"));
  return errors;
}

/** What Go's net.SplitHostPort takes. */
function isHostPort(text: string): boolean {
  const bracketed = /^\[([^[\]]*)\]:([^:[\]]*)$/;
  return bracketed.test(text) || /^[^:[\]]*:[^:[\]]*$/.test(text);
}

export function validateQuobyte(source: QuobyteVolumeSource, at: Path): FieldError[] {
  const why = "must be a host:port pair or multiple pairs separated by commas";
  const errors: FieldError[] = [];
  if (!source.registry) errors.push(required(at.child("registry"), why));
  else if ((source.tenant?.length ?? 0) >= 65) errors.push(required(at.child("tenant"), "must be a UUID and may not exceed a length of 64 characters"));
  else for (const pair of source.registry.split(",")) if (!isHostPort(pair)) errors.push(invalidValue(at.child("registry"), source.registry, why));
  return [...errors, ...requireFields(source, ["volume"], at)];
}

export function validateGlusterfs(source: GlusterfsPersistentVolumeSource, at: Path): FieldError[] {
  const errors = requireFields(source, ["endpoints", "path"], at);
  const namespace = source.endpointsNamespace;
  if (namespace === undefined) return errors;
  const wrong = namespace ? nameIsDNSLabel(namespace, false) : ["if the endpointnamespace is set, it must be a valid namespace name"];
  return [...errors, ...invalidAll(at.child("endpointsNamespace"), namespace, wrong)];
}

export function validateFlocker(source: FlockerVolumeSource, at: Path): FieldError[] {
  const { datasetName: name = "", datasetUUID: uuid = "" } = source;
  const errors: FieldError[] = [];
  if (!name && !uuid) errors.push(required(at, "one of datasetName and datasetUUID is required"));
  if (name && uuid) errors.push(invalidValue(at, "resource", "datasetName and datasetUUID can not be specified simultaneously"));
  if (name.includes("/")) errors.push(invalidValue(at.child("datasetName"), name, "must not contain '/'"));
  return errors;
}

/** `fields`: what a reference to a secret must name. */
export const validateWithSecret =
  (own: readonly string[], fields: readonly string[]) =>
  (source: { secretRef?: SecretReference }, at: Path): FieldError[] => [
    ...requireFields(source, own, at),
    ...(source.secretRef ? requireFields(source.secretRef, fields, at.child("secretRef")) : []),
  ];

export function validateFlex(source: { driver: string; options?: Record<string, string> }, at: Path): FieldError[] {
  const errors = requireFields(source, ["driver"], at);
  for (const key of Object.keys(source.options ?? {})) {
    const namespace = `.${key.split("/")[0]!.toLowerCase()}`;
    if (namespace.endsWith(".kubernetes.io") || namespace.endsWith(".k8s.io"))
      errors.push(invalidValue(at.child("options").key(key), key, "kubernetes.io and k8s.io namespaces are reserved"));
  }
  return errors;
}

export function validateAzureFile(source: { secretName: string; shareName: string; secretNamespace?: string }, at: Path): FieldError[] {
  const errors = requireFields(source, ["secretName", "shareName"], at);
  return source.secretNamespace === "" ? [...errors, required(at.child("secretNamespace"))] : errors;
}

const managedDisks = ["/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"];
const blobDisks = ["https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"];

export function validateAzureDisk(source: AzureDiskVolumeSource, at: Path): FieldError[] {
  const errors = requireFields(source, ["diskName", "diskURI"], at);
  const { cachingMode, kind, diskURI = "" } = source;
  if (cachingMode !== undefined) errors.push(...oneOf(cachingMode, ["None", "ReadOnly", "ReadWrite"], at.child("cachingMode")));
  if (kind === undefined) return errors;
  errors.push(...oneOf(kind, ["Dedicated", "Managed", "Shared"], at.child("kind")));
  if (kind === "Managed" && !diskURI.startsWith("/subscriptions/")) errors.push(notSupportedText(at.child("diskURI"), diskURI, managedDisks));
  if (kind !== "Managed" && !diskURI.startsWith("https://")) errors.push(notSupportedText(at.child("diskURI"), diskURI, blobDisks));
  return errors;
}

export const validateStorageOs =
  (secretFields: readonly string[]) =>
  (source: StorageOSPersistentVolumeSource, at: Path): FieldError[] => {
    const errors = source.volumeName ? validateDNSLabel(source.volumeName, at.child("volumeName")) : [required(at.child("volumeName"))];
    if (source.volumeNamespace) errors.push(...validateDNSLabel(source.volumeNamespace, at.child("volumeNamespace")));
    if (source.secretRef) errors.push(...requireFields(source.secretRef, secretFields, at.child("secretRef")));
    return errors;
  };

export function validateCsiDriverName(name: string, at: Path): FieldError[] {
  if (!name) return [required(at)];
  const errors: FieldError[] = exceeds(name, 63) ? [tooLong(at, 63)] : [];
  return [...errors, ...invalidAll(at, name, isDNS1123Subdomain(name.toLowerCase()))];
}

export function validateCsi(source: CSIVolumeSource, at: Path): FieldError[] {
  const errors = validateCsiDriverName(source.driver, at.child("driver"));
  const reference = source.nodePublishSecretRef;
  if (!reference) return errors;
  if (!reference.name) return [...errors, required(at.child("nodePublishSecretRef", "name"))];
  return [...errors, ...invalidAll(at.child("name"), reference.name, nameIsDNSSubdomain(reference.name, false))];
}

function validateSecretReference(reference: SecretReference, at: Path): FieldError[] {
  const { name, namespace } = reference;
  return [
    ...(name ? validateDNSSubdomain(name, at.child("name")) : [required(at.child("name"))]),
    ...(namespace ? validateDNSLabel(namespace, at.child("namespace")) : [required(at.child("namespace"))]),
  ];
}

export function validateCsiPersistent(source: CSIPersistentVolumeSource, at: Path): FieldError[] {
  const errors = [...validateCsiDriverName(source.driver, at.child("driver")), ...requireFields(source, ["volumeHandle"], at)];
  for (const name of ["controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef"] as const) {
    const reference = source[name];
    if (reference) errors.push(...validateSecretReference(reference, at.child(name)));
  }
  return errors;
}

/** A source's field, the name in the error for one too many ("": never too many), the name its own errors have, its rules. */
export type SourceRule<S> = { [K in keyof S & string]: [K, string, string, (source: NonNullable<S[K]>, at: Path) => FieldError[]] }[keyof S & string];

/** Exactly one source: the first is validated, the others are too many. `after`: what else is said of each, `taken` for the first. */
export function validateOneSource<S extends object>(
  sources: S,
  rules: readonly SourceRule<S>[],
  at: Path,
  found = 0,
  after?: (field: keyof S & string, taken: boolean) => FieldError[],
): FieldError[] {
  const errors: FieldError[] = [];
  let count = found;
  for (const [field, extraName, ownName, check] of rules) {
    const source = sources[field];
    if (source === undefined || source === null) continue;
    const taken = count++ === 0 || !extraName;
    if (!taken) errors.push(forbiddenField(at.child(extraName), "may not specify more than 1 volume type"));
    else errors.push(...(check as (source: unknown, at: Path) => FieldError[])(source, at.child(ownName)));
    if (after) errors.push(...after(field, taken));
  }
  if (count === 0) errors.push(required(at, "must specify a volume type"));
  return errors;
}
