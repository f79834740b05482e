/** ClusterTrustBundles (pkg/registry/certificates/clustertrustbundle): authorities that a signer vouches for, or that anybody wrote down. */
import { X509Certificate } from "node:crypto";
import { clusterTrustBundleNameErrors, validateSignerName } from "../core/signer-names.ts";
import { type FieldError, invalidValue, path, tooLong } from "../field.ts";
import type { Kind } from "../kind.ts";
import { validateImmutableField, validateObjectMeta, validateObjectMetaUpdate } from "../meta/validation.ts";
import { longerThan } from "../names.ts";
import type { ClusterTrustBundle } from "../types/certificates-v1beta1.gen.ts";
import { pemBlocksIn } from "./pem.ts";

const maxBytes = 1 << 20;
const metadata = path("metadata");
const signer = path("spec", "signerName");
const bundlePath = path("spec", "trustBundle");

/** Why a block is no trust anchor. */
function blockError({ type, headers, bytes }: ReturnType<typeof pemBlocksIn>[number], i: number): string | undefined {
  if (type !== "CERTIFICATE") return `entry ${i} has bad block type: ${type}`;
  if (headers) return `entry ${i} has PEM block headers`;
  try {
    return new X509Certificate(bytes).ca ? undefined : `entry ${i} does not have the CA bit set`;
  } catch {
    return `entry ${i} does not parse as X.509`;
  }
}

function validateBundle(text: string): FieldError[] {
  if (longerThan(text, maxBytes)) return [tooLong(bundlePath, maxBytes)];
  const wrong = (message: string): FieldError => invalidValue(bundlePath, "<value omitted>", message);
  const blocks = pemBlocksIn(Buffer.from(text).toString("latin1"));
  const errors = blocks.flatMap((block, i) => blockError(block, i) ?? []).map(wrong);
  if (errors.length) return errors;
  if (!blocks.length) return [wrong("at least one trust anchor must be provided")];
  const same = Map.groupBy(blocks.keys(), (i) => Buffer.from(blocks[i]?.bytes ?? []).toString("base64"));
  return [...same.values()].filter(({ length }) => length > 1).map((indices) => wrong(`duplicate trust anchor (indices [${indices.join(" ")}])`));
}

function validate(bundle: ClusterTrustBundle, parse: boolean): FieldError[] {
  const { signerName = "", trustBundle } = bundle.spec;
  const rules = { namespaced: false, validateName: (name: string) => clusterTrustBundleNameErrors(name, signerName) };
  return [
    ...validateObjectMeta(bundle.metadata, rules, metadata),
    ...(signerName ? validateSignerName(signerName, signer) : []),
    ...(parse ? validateBundle(trustBundle) : []),
  ];
}

export const clusterTrustBundleKind: Kind<ClusterTrustBundle> = {
  resource: "clustertrustbundles.certificates.k8s.io",
  allowUnconditionalUpdate: false,
  validate: (bundle) => validate(bundle, true),
  validateUpdate: (bundle, old) => [
    ...validate(bundle, bundle.spec.trustBundle !== old.spec.trustBundle),
    ...validateObjectMetaUpdate(bundle.metadata, old.metadata, metadata),
    ...validateImmutableField(bundle.spec.signerName ?? "", old.spec.signerName ?? "", signer),
  ],
  fields: ({ spec }) => ({ "spec.signerName": spec?.signerName ?? "" }),
  cells: ({ metadata: { name }, spec }) => [name, spec.signerName || "<none>"],
};
