/**
 * Image references as container tools read them (distribution/reference, ParseNormalizedNamed): `nginx` is
 * `docker.io/library/nginx`, and a reference with neither tag nor digest means `latest`.
 */
import { table } from "../../base/table.ts";

export interface ImageName {
  repository: string;
  tag: string;
  /** `sha256:...`, or empty. */
  digest: string;
}

const domainComponent = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const domain = `(?:${domainComponent}(?:\\.${domainComponent})*|\\[(?:[a-fA-F0-9:]+)\\])(?::[0-9]+)?`;
const pathComponent = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const tag = "[\\w][\\w.-]{0,127}";
const digest = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";
const reference = new RegExp(`^((?:${domain}/)?${pathComponent}(?:/${pathComponent})*)(?::(${tag}))?(?:@(${digest}))?$`);
const digestLengths = table<number>({ sha256: 64, sha384: 96, sha512: 128 });

function validDigest(text: string): boolean {
  const [algorithm, hex] = text.split(":") as [string, string];
  return digestLengths[algorithm] === hex.length && /^[0-9a-f]+$/.test(hex);
}

/** Undefined for what is no image reference. */
export function parseImageName(image: string): ImageName | undefined {
  if (/^[a-f0-9]{64}$/.test(image)) return undefined;
  const slash = image.indexOf("/");
  const first = image.slice(0, Math.max(slash, 0));
  let host = "docker.io";
  let rest = image;
  if (slash >= 0 && (/[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first)) {
    host = first === "index.docker.io" ? "docker.io" : first;
    rest = image.slice(slash + 1);
  }
  if (host === "docker.io" && !rest.includes("/")) rest = `library/${rest}`;
  const match = reference.exec(`${host}/${rest}`);
  if (!match || match[1]!.length - host.length - 1 > 255) return undefined;
  const found = { repository: match[1]!, tag: match[2] ?? "", digest: match[3] ?? "" };
  if (found.digest && !validDigest(found.digest)) return undefined;
  if (!found.tag && !found.digest) found.tag = "latest";
  return found;
}

const rememberedImages = 256;
const longestRemembered = 512;
const policies = new Map<string, string>();

/** Always for `:latest`, IfNotPresent for everything else, what cannot be parsed included. */
export function defaultPullPolicy(image: string): string {
  let policy = policies.get(image);
  if (policy === undefined) {
    policy = parseImageName(image)?.tag === "latest" ? "Always" : "IfNotPresent";
    if (policies.size >= rememberedImages) policies.clear();
    if (image.length <= longestRemembered) policies.set(image, policy);
  }
  return policy;
}
