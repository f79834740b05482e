/** CSIDrivers (pkg/registry/storage/csidriver). */
import { validateImmutable } from "../apps/workload.ts";
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { semanticEqual } from "../core/semantic.ts";
import { duplicate, type FieldError, invalidValue, notSupported, path, required } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import type { CSIDriver, TokenRequest } from "../types/storage-v1.gen.ts";

const rules = { namespaced: false, validateName: nameIsDNSSubdomain };
const at = path("spec");
const fsGroupPolicies = ["File", "None", "ReadWriteOnceWithFSType"];
const lifecycleModes = ["Persistent", "Ephemeral"];
const minExpiration = 600;
const maxExpiration = 2 ** 32;
const tokensWarning =
  "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes";

function validateTokens(requests: TokenRequest[]): FieldError[] {
  const seen = new Set<string>();
  return requests.flatMap(({ audience = "", expirationSeconds: seconds }, i) => {
    const here = at.child("tokenRequests").index(i);
    if (seen.has(audience)) return [duplicate(here.child("audience"), audience)];
    seen.add(audience);
    const wrong = (why: string): FieldError[] => [invalidValue(here.child("expirationSeconds"), seconds, `may not specify a duration ${why}`)];
    if (seconds === undefined) return [];
    if (seconds < minExpiration) return wrong("less than 10 minutes");
    return seconds > maxExpiration ? wrong("larger than 2^32 seconds") : [];
  });
}

function validateSpec({ spec }: CSIDriver): FieldError[] {
  const needed = (value: unknown, field: string): FieldError[] => (value === undefined ? [required(at.child(field))] : []);
  const { fsGroupPolicy, tokenRequests = [], volumeLifecycleModes = [], nodeAllocatableUpdatePeriodSeconds: period, serviceAccountTokenInSecrets } = spec;
  const errors = [
    ...needed(spec.attachRequired, "attachedRequired"),
    ...needed(spec.podInfoOnMount, "podInfoOnMount"),
    ...needed(spec.storageCapacity, "storageCapacity"),
  ];
  if (fsGroupPolicy !== undefined && !fsGroupPolicies.includes(fsGroupPolicy))
    errors.push(notSupported(at.child("fsGroupPolicy"), fsGroupPolicy, fsGroupPolicies));
  errors.push(...validateTokens(tokenRequests));
  for (const mode of volumeLifecycleModes)
    if (!lifecycleModes.includes(mode)) errors.push(notSupported(at.child("volumeLifecycleModes"), mode, lifecycleModes));
  errors.push(...needed(spec.seLinuxMount, "seLinuxMount"));
  if (period !== undefined && period < 10)
    errors.push(invalidValue(at.child("nodeAllocatableUpdatePeriodSeconds"), period, "must be greater than or equal to 10 seconds"));
  if (serviceAccountTokenInSecrets !== undefined && !tokenRequests.length) {
    const why = "serviceAccountTokenInSecrets is set but no tokenRequests are specified";
    errors.push(invalidValue(at.child("serviceAccountTokenInSecrets"), serviceAccountTokenInSecrets, why));
  }
  return errors;
}

const tokensUnprotected = ({ spec }: CSIDriver): boolean => Boolean(spec.tokenRequests?.length) && spec.serviceAccountTokenInSecrets === undefined;

/** A field of a feature that v1.36 has switched off. */
function dropDisabled(driver: CSIDriver, old?: CSIDriver): void {
  if (old?.spec.preventPodSchedulingIfMissing === undefined) delete driver.spec.preventPodSchedulingIfMissing;
}

export const csiDriverKind: Kind<CSIDriver> = {
  resource: "csidrivers.storage.k8s.io",
  allowUnconditionalUpdate: false,
  setDefaults(driver) {
    driver.spec ??= {};
    const { spec } = driver;
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= "ReadWriteOnceWithFSType";
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ["Persistent"];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
  },
  prepareForCreate: (driver) => dropDisabled(driver),
  validate: (driver) => [...validateMetadata(driver.metadata, rules), ...validateSpec(driver)],
  warnings: (driver) => (tokensUnprotected(driver) ? [tokensWarning] : []),
  prepareForUpdate(driver, old) {
    dropDisabled(driver, old);
    if (!semanticEqual(driver.spec, old.spec)) driver.metadata.generation = (old.metadata.generation ?? 0) + 1;
  },
  validateUpdate: (driver, old) => [
    ...validateMetadataUpdate(driver.metadata, old.metadata),
    ...validateSpec(driver),
    ...validateImmutable(driver.spec.attachRequired, old.spec.attachRequired, at.child("attachedRequired")),
    ...validateImmutable(driver.spec.volumeLifecycleModes, old.spec.volumeLifecycleModes, at.child("volumeLifecycleModes")),
  ],
  warningsOnUpdate: (driver, old) => (tokensUnprotected(driver) && !semanticEqual(driver.spec.tokenRequests, old.spec.tokenRequests) ? [tokensWarning] : []),
  cells({ metadata, spec }, now) {
    return [
      metadata.name,
      spec.attachRequired ?? true,
      spec.podInfoOnMount ?? false,
      spec.storageCapacity ?? false,
      spec.tokenRequests ? spec.tokenRequests.map(({ audience }) => audience).join(",") : "<unset>",
      spec.requiresRepublish ?? false,
      spec.volumeLifecycleModes?.join(",") || "<none>",
      age({ metadata }, now),
    ];
  },
};
