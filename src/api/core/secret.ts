/** Secrets (pkg/registry/core/secret). */
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { type FieldError, invalidValue, path, required, tooLong } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { isConfigMapKey } from "../names.ts";
import type { Secret } from "../types/core-v1.gen.ts";
import { invalidAll, validateImmutableNamed } from "./checks.ts";
import { validateImmutableData } from "./immutable-data.ts";
import { base64Length, maxDataSize } from "./data-size.ts";
import { age, validateMetadata, validateMetadataUpdate } from "./object-meta.ts";
import { goJsonError } from "./secret-json.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const data = path("data");

function validateDockerConfig(secret: Secret, key: string): FieldError[] {
  const text = secret.data?.[key];
  if (text === undefined) return [required(data.key(key))];
  const wrong = goJsonError(Buffer.from(text ?? "", "base64"));
  return wrong ? [invalidValue(data.key(key), "<secret contents redacted>", wrong)] : [];
}

const missing = (secret: Secret, keys: string[]): FieldError[] => keys.filter((key) => secret.data?.[key] === undefined).map((key) => required(data.key(key)));

function validateType(secret: Secret): FieldError[] {
  switch (secret.type) {
    case "kubernetes.io/service-account-token": {
      const key = "kubernetes.io/service-account.name";
      return secret.metadata.annotations?.[key] ? [] : [required(path("metadata", "annotations").key(key))];
    }
    case "kubernetes.io/dockercfg":
      return validateDockerConfig(secret, ".dockercfg");
    case "kubernetes.io/dockerconfigjson":
      return validateDockerConfig(secret, ".dockerconfigjson");
    case "kubernetes.io/basic-auth": {
      const absent = missing(secret, ["username", "password"]);
      return absent.length === 2 ? absent : [];
    }
    case "kubernetes.io/ssh-auth":
      return secret.data?.["ssh-privatekey"] ? [] : [required(data.key("ssh-privatekey"))];
    case "kubernetes.io/tls":
      return missing(secret, ["tls.crt", "tls.key"]);
  }
  return [];
}

function validateSecret(secret: Secret): FieldError[] {
  const errors = validateMetadata(secret.metadata, rules);
  let size = 0;
  for (const [key, value] of Object.entries(secret.data ?? {})) {
    errors.push(...invalidAll(data.key(key), key, isConfigMapKey(key)));
    size += base64Length(value);
  }
  if (size > maxDataSize) errors.push(tooLong(data, maxDataSize));
  return [...errors, ...validateType(secret)];
}

const pem = (secret: Secret, key: string): string => Buffer.from(secret.data?.[key] ?? "", "base64").toString("latin1");

/** Go's tls.X509KeyPair errors for a pair that no server can use. */
function keyPairWarnings(secret: Secret): string[] {
  if (secret.type !== "kubernetes.io/tls") return [];
  const certificateText = pem(secret, "tls.crt");
  const keyText = pem(secret, "tls.key");
  const missingPem = (kind: string): string[] => [`tls: failed to find any PEM data in ${kind} input`];
  if (!/-----BEGIN [^-]+-----/.test(certificateText)) return missingPem("certificate");
  if (!/-----BEGIN CERTIFICATE-----/.test(certificateText)) {
    return [
      `tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: ${blockTypes(certificateText)}`,
    ];
  }
  if (!/-----BEGIN [^-]+-----/.test(keyText)) return missingPem("key");
  try {
    const certificate = new X509Certificate(certificateText);
    const own = createPublicKey(createPrivateKey(keyText));
    if (own.asymmetricKeyType !== certificate.publicKey.asymmetricKeyType) return ["tls: private key type does not match public key type"];
    return own.equals(certificate.publicKey) ? [] : ["tls: private key does not match public key"];
  } catch (error) {
    return [`tls: failed to parse private key or certificate: ${(error as Error).message}`];
  }
}
const blockTypes = (text: string): string => `[${[...text.matchAll(/-----BEGIN ([^-]+)-----/g)].map((m) => m[1]).join(" ")}]`;

export const secretKind: Kind<Secret> = {
  resource: "secrets",
  setDefaults(secret) {
    secret.type ||= "Opaque";
    // What was written as text becomes data; it is never read back.
    if (secret.stringData) {
      const data = { ...secret.data };
      for (const [key, text] of Object.entries(secret.stringData)) data[key] = Buffer.from(text).toString("base64");
      if (Object.keys(data).length) secret.data = data;
      delete secret.stringData;
    }
  },
  validate: validateSecret,
  warnings: keyPairWarnings,
  prepareForUpdate(secret, old) {
    secret.type ||= old.type;
  },
  validateUpdate: (secret, old) => [
    ...validateMetadataUpdate(secret.metadata, old.metadata),
    ...validateImmutableNamed(secret.type ?? "", old.type ?? "", path("type")),
    ...validateImmutableData(secret, old, ["data"]),
    ...validateSecret(secret),
  ],
  warningsOnUpdate: keyPairWarnings,
  fields: (secret) => ({ type: secret.type ?? "" }),
  cells: (secret, now) => [secret.metadata.name, secret.type ?? "", Object.keys(secret.data ?? {}).length, age(secret, now)],
};
