/** ServiceAccounts (pkg/registry/core/serviceaccount). */
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import type { ServiceAccount } from "../types/core-v1.gen.ts";
import { age, validateMetadata, validateMetadataUpdate } from "./object-meta.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const enforceAnnotation = "kubernetes.io/enforce-mountable-secrets";

/** References to secrets are names, nothing more. */
function cleanSecrets(account: ServiceAccount): void {
  if (account.secrets) account.secrets = account.secrets.map(({ name }) => (name ? { name } : {}));
}

function warnings(account: ServiceAccount, old?: ServiceAccount): string[] {
  const has = (of: ServiceAccount | undefined): boolean => of?.metadata.annotations?.[enforceAnnotation] !== undefined;
  if (has(old) || !has(account)) return [];
  return [`metadata.annotations[${enforceAnnotation}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`];
}

export const serviceAccountKind: Kind<ServiceAccount> = {
  resource: "serviceaccounts",
  prepareForCreate: cleanSecrets,
  validate: (account) => validateMetadata(account.metadata, rules),
  warnings: (account) => warnings(account),
  prepareForUpdate: cleanSecrets,
  validateUpdate: (account, old) => [...validateMetadataUpdate(account.metadata, old.metadata), ...validateMetadata(account.metadata, rules)],
  warningsOnUpdate: warnings,
  cells: (account, now) => [account.metadata.name, age(account, now)],
};
