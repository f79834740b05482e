/** Names of certificate signers and of what is bound to them (pkg/apis/core/validation/names.go). */
import { type FieldError, invalidValue, type Path, required, tooLong } from "../field.ts";
import { goQuote } from "../go-quote.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { isDNS1123Label, isDNS1123Subdomain } from "../names.ts";
import { exceeds } from "./checks.ts";

const maxDomain = 253;
const maxSignerName = maxDomain + 253 + 63 + 2;

function firstBadLabel(text: string, check: (label: string) => string[], at: Path): FieldError[] {
  for (const label of text.split(".")) {
    const wrong = check(label);
    if (wrong.length) return wrong.map((message) => invalidValue(at, text, `validating label ${goQuote(label)}: ${message}`));
  }
  return [];
}

export function validateSignerName(name: string, at: Path): FieldError[] {
  if (!name) return [required(at)];
  const [domain, rest, ...more] = name.split("/") as [string, string | undefined];
  if (rest === undefined || more.length) return [invalidValue(at, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")];
  const errors: FieldError[] = exceeds(domain, maxDomain) ? [tooLong(at, maxDomain)] : [];
  errors.push(...firstBadLabel(domain, isDNS1123Label, at));
  if (!domain.includes(".")) errors.push(invalidValue(at, domain, "should be a domain with at least two segments separated by dots"));
  errors.push(...firstBadLabel(rest, isDNS1123Subdomain, at));
  if (exceeds(name, maxSignerName)) errors.push(tooLong(at, maxSignerName));
  return errors;
}

export function isKubernetesSignerName(name: string): boolean {
  const domain = name.split("/")[0]!;
  return domain === "kubernetes.io" || domain.endsWith(".kubernetes.io");
}

/** Upstream's messages for the name of a ClusterTrustBundle that belongs to `signer` (empty: to none). */
export function clusterTrustBundleNameErrors(name: string, signer: string): string[] {
  if (!signer) return name.includes(":") ? ['ClusterTrustBundle without signer name must not have ":" in its name'] : nameIsDNSSubdomain(name, false);
  const prefix = `${signer.replaceAll("/", ":")}:`;
  if (!name.startsWith(prefix)) return [`ClusterTrustBundle for signerName ${signer} must be named with prefix ${prefix}`];
  return nameIsDNSSubdomain(name.slice(prefix.length), false);
}

/** The signer that such a name implies; empty where it implies none. */
export const signerOfBundle = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf(":"))).replaceAll(":", "/");
