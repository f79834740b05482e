/** Where a webhook may be and whom to believe that it is the one: the clientConfig of every kind of webhook (k8s.io/apiserver/pkg/util/webhook/validation.go). */
import { X509Certificate } from "node:crypto";
import { type GoURL, parseURL, URLError } from "./cel/library/go-url.ts";
import { type FieldError, invalidValue, type Path, required } from "./field.ts";
import { cutBytes, isDNS1123Subdomain, isValidPortNum } from "./names.ts";

const form = "; desired format: https://host[/path]";

/** HTTPS, a host, and nothing but a path behind it. */
export function validateWebhookURL(at: Path, text: string): FieldError[] {
  let url: GoURL;
  try {
    url = parseURL(text);
  } catch (error) {
    if (!(error instanceof URLError)) throw error;
    return [required(at, `url must be a valid URL: ${error.message}${form}`)];
  }
  const errors: FieldError[] = [];
  if (url.scheme !== "https") errors.push(invalidValue(at, url.scheme, `'https' is the only allowed URL scheme${form}`));
  if (!url.host) errors.push(invalidValue(at, url.host, `host must be specified${form}`));
  if (url.user !== undefined) errors.push(invalidValue(at, url.user, "user information is not permitted in the URL"));
  if (url.fragment) errors.push(invalidValue(at, url.fragment, "fragments are not permitted in the URL"));
  if (url.rawQuery) errors.push(invalidValue(at, url.rawQuery, "query parameters are not permitted in the URL"));
  return errors;
}

export interface WebhookService {
  name?: string;
  namespace?: string;
  path?: string;
  port?: number;
}

export function validateWebhookService(at: Path, { name = "", namespace = "", path, port = 0 }: WebhookService): FieldError[] {
  const errors: FieldError[] = [];
  // Upstream has changed the two: what is missing is told of the other.
  if (!namespace) errors.push(required(at.child("name")));
  if (!name) errors.push(required(at.child("namespace")));
  const wrong = isValidPortNum(port);
  if (wrong.length) errors.push(invalidValue(at.child("port"), port, `port is not valid: ${wrong.join(", ")}`));
  if (!path || path === "/") return errors;
  const bad = (detail: string): void => void errors.push(invalidValue(at.child("path"), path, detail));
  if (path === "//") {
    bad("segment[0] may not be empty");
    return errors;
  }
  if (!path.startsWith("/")) bad("must start with a '/'");
  for (const [i, step] of cutBytes(path, 1).replace(/\/$/, "").split("/").entries())
    if (step === "") bad(`segment[${i}] may not be empty`);
    else for (const failure of isDNS1123Subdomain(step)) bad(`segment[${i}]: ${failure}`);
  return errors;
}

/** Base64 of PEM; what holds no certificate is refused, and so is one that cannot be read. */
export function validateCABundle(at: Path, caBundle: string): FieldError[] {
  const pem = Buffer.from(caBundle, "base64").toString("latin1");
  if (pem === "") return [];
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g);
  if (!blocks) return [invalidValue(at, caBundle, "unable to load root certificates: unable to parse bytes as PEM block")];
  for (const block of blocks) {
    try {
      new X509Certificate(block);
    } catch {
      return [invalidValue(at, caBundle, "unable to load root certificates: failed to parse certificate: x509: malformed certificate")];
    }
  }
  return [];
}
