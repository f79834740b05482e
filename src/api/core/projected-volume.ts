/** Volumes that put several sources into one directory; the sources of files that a pod gets from the API. */
import { type FieldError, forbiddenField, invalidValue, type Path, required, tooLong } from "../field.ts";
import { annotationsSizeLimit } from "../meta/validation.ts";
import { isDomainPrefixedKey } from "../names.ts";

import { validateLabelSelector } from "../meta/labels.ts";
import type {
  ClusterTrustBundleProjection,
  ConfigMapVolumeSource,
  DownwardAPIVolumeFile,
  DownwardAPIVolumeSource,
  KeyToPath,
  PodCertificateProjection,
  ProjectedVolumeSource,
  SecretVolumeSource,
  ServiceAccountTokenProjection,
} from "../types/core-v1.gen.ts";
import { oneOf, validateFileMode, validateLocalNonReservedPath } from "./checks.ts";
import { validateObjectFieldSelector, validateResourceFieldSelector } from "./env.ts";
import { clusterTrustBundleNameErrors, isKubernetesSignerName, signerOfBundle, validateSignerName } from "./signer-names.ts";
import { requireFields } from "./volume-sources.ts";

const volumeFieldPaths = ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];

function validateKeyToPath(item: KeyToPath, at: Path): FieldError[] {
  return [
    ...requireFields(item, ["key", "path"], at),
    ...validateLocalNonReservedPath(item.path ?? "", at.child("path")),
    ...validateFileMode(item.mode, at.child("mode")),
  ];
}

const validateItems = (items: KeyToPath[] | undefined, at: Path): FieldError[] =>
  (items ?? []).flatMap((item, i) => validateKeyToPath(item, at.child("items").index(i)));

export const validateSecretVolume = (source: SecretVolumeSource, at: Path): FieldError[] => [
  ...requireFields(source, ["secretName"], at),
  ...validateFileMode(source.defaultMode, at.child("defaultMode")),
  ...validateItems(source.items, at),
];
export const validateConfigMapVolume = (source: ConfigMapVolumeSource, at: Path): FieldError[] => [
  ...requireFields(source, ["name"], at),
  ...validateFileMode(source.defaultMode, at.child("defaultMode")),
  ...validateItems(source.items, at),
];

function validateDownwardFile(file: DownwardAPIVolumeFile, at: Path): FieldError[] {
  const errors = [...requireFields(file, ["path"], at), ...validateLocalNonReservedPath(file.path ?? "", at.child("path"))];
  if (file.fieldRef) {
    errors.push(...validateObjectFieldSelector(file.fieldRef, volumeFieldPaths, at.child("fieldRef")));
    if (file.resourceFieldRef) errors.push(invalidValue(at, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"));
  } else if (file.resourceFieldRef) errors.push(...validateResourceFieldSelector(file.resourceFieldRef, at.child("resourceFieldRef"), true));
  else errors.push(required(at, "one of fieldRef and resourceFieldRef is required"));
  return [...errors, ...validateFileMode(file.mode, at.child("mode"))];
}

export const validateDownwardVolume = (source: DownwardAPIVolumeSource, at: Path): FieldError[] => [
  ...validateFileMode(source.defaultMode, at.child("defaultMode")),
  ...(source.items ?? []).flatMap((file) => validateDownwardFile(file, at)),
];

const minTokenSeconds = 600;
const maxTokenSeconds = 2 ** 32;

/** Upstream reports a wrong path beside the sources, not under the token. */
function validateToken(token: ServiceAccountTokenProjection, at: Path, volumePath: Path, allowNonLocal: boolean | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const seconds = token.expirationSeconds ?? 0;
  const here = at.child("expirationSeconds");
  if (seconds < minTokenSeconds) errors.push(invalidValue(here, seconds, "may not specify a duration less than 10 minutes"));
  if (seconds > maxTokenSeconds) errors.push(invalidValue(here, seconds, "may not specify a duration larger than 2^32 seconds"));
  if (!token.path) errors.push(required(volumePath.child("path")));
  else if (!allowNonLocal) errors.push(...validateLocalNonReservedPath(token.path, volumePath.child("path")));
  return errors;
}

function validateTrustBundle(bundle: ClusterTrustBundleProjection, at: Path): FieldError[] {
  const { name, signerName, labelSelector } = bundle;
  const errors: FieldError[] = [];
  if (name !== undefined && signerName !== undefined) {
    const shown = { Name: name, SignerName: signerName, LabelSelector: labelSelector ?? null, Optional: bundle.optional ?? null, Path: bundle.path };
    errors.push(invalidValue(at, shown, "only one of name and signerName may be used"));
  } else if (name !== undefined) {
    if (!name) errors.push(required(at.child("name"), "must be a valid object name"));
    const wrong = clusterTrustBundleNameErrors(name, signerOfBundle(name));
    errors.push(...wrong.map((message) => invalidValue(at.child("name"), name, `not a valid clustertrustbundlename: ${message}`)));
    if (labelSelector) errors.push(invalidValue(at.child("labelSelector"), labelSelector, "labelSelector must be unset if name is specified"));
  } else if (signerName !== undefined) {
    if (!signerName) errors.push(required(at.child("signerName"), "must be a valid signer name"));
    errors.push(...validateSignerName(signerName, at.child("signerName")), ...validateLabelSelector(labelSelector, {}, at.child("labelSelector")));
  } else errors.push(required(at, "either name or signerName must be specified"));
  return [...errors, ...requireFields(bundle, ["path"], at), ...validateLocalNonReservedPath(bundle.path ?? "", at.child("path"))];
}

const keyTypes = ["RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"];
const minCertificateSeconds = 3600;
const maxCertificateSeconds = 7862400;
const maxKubernetesCertificateSeconds = 86400;

function validateCertificate(certificate: PodCertificateProjection, at: Path): FieldError[] {
  const errors = validateSignerName(certificate.signerName ?? "", at.child("signerName"));
  const annotations = certificate.userAnnotations;
  if (annotations) {
    const here = at.child("userAnnotations");
    let size = 0;
    for (const [key, value] of Object.entries(annotations)) {
      errors.push(...isDomainPrefixedKey(here, key.toLowerCase()));
      size += Buffer.byteLength(key) + Buffer.byteLength(value);
    }
    if (size > annotationsSizeLimit) errors.push(tooLong(here, annotationsSizeLimit));
  }
  errors.push(...oneOf(certificate.keyType, keyTypes, at.child("keyType")));
  const seconds = certificate.maxExpirationSeconds;
  if (seconds !== undefined) {
    const max = isKubernetesSignerName(certificate.signerName ?? "") ? maxKubernetesCertificateSeconds : maxCertificateSeconds;
    const here = at.child("maxExpirationSeconds");
    if (seconds < minCertificateSeconds) errors.push(invalidValue(here, seconds, "if provided, maxExpirationSeconds must be >= 3600"));
    if (seconds > max) errors.push(invalidValue(here, seconds, `if provided, maxExpirationSeconds must be <= ${max}`));
  }
  return errors;
}

export function validateProjectedVolume(volume: ProjectedVolumeSource, at: Path, options: { allowNonLocalTokenPath?: boolean }): FieldError[] {
  const errors = validateFileMode(volume.defaultMode, at.child("defaultMode"));
  const paths = new Set<string>();
  /** Two sources may not write the same file; `shown` is what upstream's error names. */
  const claim = (path: string, shown = path): void => {
    if (paths.has(path)) errors.push(invalidValue(at, shown, "conflicting duplicate paths"));
    paths.add(path);
  };
  for (const [i, source] of (volume.sources ?? []).entries()) {
    const here = at.child("sources").index(i);
    let sources = 0;
    for (const field of ["secret", "configMap"] as const) {
      const projection = source[field];
      if (!projection) continue;
      sources++;
      errors.push(...requireFields(projection, ["name"], here.child(field)));
      for (const [j, item] of (projection.items ?? []).entries()) {
        errors.push(...validateKeyToPath(item, here.child(field).child("items").index(j)));
        if (item.path) claim(item.path, projection.name ?? "");
      }
    }
    if (source.downwardAPI) {
      sources++;
      for (const file of source.downwardAPI.items ?? []) {
        errors.push(...validateDownwardFile(file, here.child("downwardAPI")));
        if (file.path) claim(file.path);
      }
    }
    if (source.serviceAccountToken) {
      sources++;
      errors.push(...validateToken(source.serviceAccountToken, here.child("serviceAccountToken"), at, options.allowNonLocalTokenPath));
    }
    if (source.clusterTrustBundle) {
      sources++;
      errors.push(...validateTrustBundle(source.clusterTrustBundle, here.child("clusterTrustBundle")));
      claim(source.clusterTrustBundle.path ?? "");
    }
    if (source.podCertificate) {
      sources++;
      const own = here.child("podCertificate");
      errors.push(...validateCertificate(source.podCertificate, own));
      let files = 0;
      for (const field of ["credentialBundlePath", "keyPath", "certificateChainPath"] as const) {
        const path = source.podCertificate[field];
        if (!path) continue;
        files++;
        errors.push(...validateLocalNonReservedPath(path, own.child(field)));
        claim(path);
      }
      if (!files) errors.push(required(own, "specify at least one of credentialBundlePath, keyPath, and certificateChainPath"));
    }
    if (sources > 1) errors.push(forbiddenField(here, "may not specify more than 1 volume type per source"));
  }
  return errors;
}
