/**
 * EncryptionConfiguration, apiserver.config.k8s.io/v1 (k8s.io/apiserver/pkg/apis/apiserver/validation/validation_encryption.go).
 * Messages are upstream's; but where upstream would print whole providers, their keys are left out.
 */
import { type FieldError, invalidValue, type Path, path, required } from "../../api/field.ts";
import { goQuote } from "../../api/go-quote.ts";
import { parseDuration } from "../../api/time.ts";
import type { GroupResource } from "../../cache/keys.ts";
import { type ConfigurationKind, decodeConfiguration, throwFieldErrors } from "../configuration-file.ts";

export interface Key {
  name?: string;
  /** Base64. */
  secret?: string;
}
export interface KmsConfiguration {
  apiVersion?: string;
  name?: string;
  cachesize?: number;
  endpoint?: string;
  timeout?: string;
}
export interface Provider {
  aesgcm?: { keys?: Key[] };
  aescbc?: { keys?: Key[] };
  secretbox?: { keys?: Key[] };
  identity?: Record<string, never>;
  kms?: KmsConfiguration;
}
export interface EncryptionConfiguration {
  resources?: { resources?: string[]; providers?: Provider[] }[];
}

const keys = { go: "v1.AESConfiguration", fields: { keys: { list: { go: "v1.Key", fields: { name: "string", secret: "string" } } } } } as const;
const kind: ConfigurationKind = {
  kind: "EncryptionConfiguration",
  versions: ["apiserver.config.k8s.io/v1"],
  fields: {
    resources: {
      list: {
        go: "v1.ResourceConfiguration",
        fields: {
          resources: { list: "string" },
          providers: {
            list: {
              go: "v1.ProviderConfiguration",
              fields: {
                aesgcm: keys,
                aescbc: keys,
                secretbox: { ...keys, go: "v1.SecretboxConfiguration" },
                identity: { go: "v1.IdentityConfiguration", fields: {} },
                kms: {
                  go: "v1.KMSConfiguration",
                  fields: { apiVersion: "string", name: "string", cachesize: "int", endpoint: "string", timeout: "duration" },
                },
              },
            },
          },
        },
      },
    },
  },
};

/** `secrets`, `deployments.apps`, `*.apps`, `*.`, `*.*`: the group is what follows the first point. */
export function parseGroupResource(text: string): GroupResource {
  const dot = text.indexOf(".");
  return dot < 0 ? { group: "", resource: text } : { group: text.slice(dot + 1), resource: text.slice(0, dot) };
}

/** As the file would write it. */
export const groupResourceText = ({ group, resource }: GroupResource): string =>
  group === "" && resource === "*" ? "*." : group ? `${resource}.${group}` : resource;

/** With defaults. `reload`: the file will be read again. Throws ConfigurationError. */
export function parseEncryptionConfiguration(text: string, file: string, reload: boolean): EncryptionConfiguration {
  let configuration: EncryptionConfiguration;
  try {
    configuration = decodeConfiguration(text, kind);
  } catch (error) {
    (error as Error).message = `error decoding encryption provider configuration file ${goQuote(file)}: ${(error as Error).message}`;
    throw error;
  }
  for (const { providers = [] } of configuration.resources ?? [])
    for (const { kms } of providers) {
      if (!kms) continue;
      kms.timeout ??= "3s";
      kms.apiVersion ||= "v1";
      if (kms.apiVersion === "v1") kms.cachesize ??= 1000;
    }
  throwFieldErrors(validate(configuration, reload));
  return configuration;
}

const aesSizes = [16, 24, 32];
const boxSizes = [32];

function validate({ resources = [] }: EncryptionConfiguration, reload: boolean): FieldError[] {
  const root = path("resources");
  if (!resources.length) return [required(root, `at least one ${root.text} is required`)];
  const errors: FieldError[] = [];
  const kmsNames = new Set<string>();
  for (const [i, { resources: names = [], providers = [] }] of resources.entries()) {
    const atNames = root.index(i).child("resources");
    const atProviders = root.index(i).child("providers");
    if (!names.length) errors.push(required(atNames, `at least one ${atNames.text} is required`));
    errors.push(...overlap(names, atNames), ...names.flatMap((name, j) => resourceName(name, atNames.index(j))));
    if (!providers.length) errors.push(required(atProviders, `at least one ${atProviders.text} is required`));
    for (const [j, provider] of providers.entries()) {
      const at = atProviders.index(j);
      errors.push(...single(provider, at));
      const { kms, aesgcm, aescbc, secretbox } = provider;
      if (kms) {
        errors.push(...validateKms(kms, at.child("kms"), kmsNames, reload));
        kmsNames.add(kms.name ?? "");
      } else if (aesgcm) errors.push(...validateKeys(aesgcm.keys ?? [], at.child("aesgcm").child("keys"), aesSizes));
      else if (aescbc) errors.push(...validateKeys(aescbc.keys ?? [], at.child("aescbc").child("keys"), aesSizes));
      else if (secretbox) errors.push(...validateKeys(secretbox.keys ?? [], at.child("secretbox").child("keys"), boxSizes));
    }
  }
  return errors;
}

function overlap(names: string[], at: Path): FieldError[] {
  const parsed = names.map(parseGroupResource);
  const errors: FieldError[] = [];
  if (new Set(names.map((name) => groupResourceText(parseGroupResource(name)))).size < names.length)
    errors.push(invalidValue(at, names, "the same resource cannot be specified multiple times"));
  const masks = (a: GroupResource, b: GroupResource): boolean => {
    if (a.group === b.group && a.resource === b.resource) return false;
    if (a.group === "*" && a.resource === "*") return true;
    return a.group === b.group && (a.resource === "*" || b.resource === "*");
  };
  if (parsed.some((a, i) => parsed.some((b, j) => i !== j && masks(a, b))))
    errors.push(
      invalidValue(at, names, "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked"),
    );
  return errors;
}

const withoutApi = new Set(["apiserveripinfo", "serviceipallocations", "servicenodeportallocations"]);

function resourceName(name: string, at: Path): FieldError[] {
  const wrong = (why: string): FieldError[] => [invalidValue(at, name, why)];
  if (name.toLowerCase() !== name) return wrong("resource name should not contain capital letters");
  if (name === "*") return wrong("use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources");
  if (withoutApi.has(name)) return wrong("resources which do not have REST API/s cannot be encrypted");
  const { group, resource } = parseGroupResource(name);
  if (group === "events.k8s.io")
    return wrong("'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file");
  if (group === "extensions") return wrong("'extensions' group has been removed and cannot be used for encryption");
  if (group === "*" && resource !== "*") return wrong("encrypting the same resource across groups is not supported");
  return [];
}

function single(provider: Provider, at: Path): FieldError[] {
  const { aesgcm, aescbc, secretbox, identity, kms } = provider;
  const found = [aesgcm, aescbc, secretbox, identity, kms].filter((one) => one !== undefined).length;
  if (found === 1) return [];
  const redacted = (one: { keys?: Key[] } | undefined) =>
    one ? { Keys: one.keys?.map(({ name = "" }) => ({ Name: name, Secret: "REDACTED" })) ?? null } : null;
  const shown = {
    AESGCM: redacted(aesgcm),
    AESCBC: redacted(aescbc),
    Secretbox: redacted(secretbox),
    Identity: identity ?? null,
    KMS: kms
      ? { APIVersion: kms.apiVersion, Name: kms.name ?? "", CacheSize: kms.cachesize ?? null, Endpoint: kms.endpoint ?? "", Timeout: kms.timeout }
      : null,
  };
  return [
    invalidValue(
      at,
      shown,
      found === 0
        ? "provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity"
        : "more than one provider specified in a single element, should split into different list elements",
    ),
  ];
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function validateKeys(list: Key[], at: Path, sizes: readonly number[]): FieldError[] {
  if (!list.length) return [required(at, "at least one keys is required")];
  return list.flatMap(({ name = "", secret = "" }, i) => {
    const errors = name ? [] : [required(at.index(i).child("name"), "name is a mandatory field for a key")];
    const atSecret = at.index(i).child("secret");
    if (!secret) return [...errors, required(atSecret, "secret is a mandatory field for a key")];
    const text = secret.replace(/[\r\n]/g, "");
    if (!base64.test(text)) return [...errors, invalidValue(atSecret, "REDACTED", "secrets must be base64 encoded")];
    const { length } = Buffer.from(text, "base64");
    if (!sizes.includes(length))
      errors.push(invalidValue(atSecret, "REDACTED", `secret is not of the expected length, got ${length}, expected one of [${sizes.join(" ")}]`));
    return errors;
  });
}

function validateKms(kms: KmsConfiguration, at: Path, names: ReadonlySet<string>, reload: boolean): FieldError[] {
  const { name = "", timeout = "3s", endpoint = "", cachesize, apiVersion } = kms;
  const errors: FieldError[] = [];
  const first = apiVersion === "v1";
  if (!name) errors.push(required(at.child("name"), "name is a mandatory field for a provider"));
  if (!first && name.includes(":")) errors.push(invalidValue(at.child("name"), name, `invalid KMS provider name ${name}, must not contain ':'`));
  if ((reload || !first) && names.has(name)) errors.push(invalidValue(at.child("name"), name, `duplicate KMS provider name ${name}, names must be unique`));
  if (parseDuration(timeout) <= 0) errors.push(invalidValue(at.child("timeout"), timeout, "timeout should be a positive value"));
  if (!endpoint) errors.push(invalidValue(at.child("endpoint"), "", "endpoint is a mandatory field for a kms"));
  else {
    const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(endpoint)?.[1]?.toLowerCase() ?? "";
    if (scheme !== "unix")
      errors.push(invalidValue(at.child("endpoint"), endpoint, `unsupported scheme ${goQuote(scheme)} for KMS provider, only unix is supported`));
  }
  if (!first && cachesize !== undefined) errors.push(invalidValue(at.child("cachesize"), cachesize, "cachesize is not supported in v2"));
  if (first && cachesize === 0) errors.push(invalidValue(at.child("cachesize"), 0, "cachesize should be a positive value, or negative to disable"));
  if (!first && apiVersion !== "v2")
    errors.push(invalidValue(at.child("apiVersion"), apiVersion, "unsupported apiVersion apiVersion for KMS provider, only v1 and v2 are supported"));
  return errors;
}
