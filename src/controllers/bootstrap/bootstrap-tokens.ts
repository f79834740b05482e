/** Bootstrap tokens (k8s.io/cluster-bootstrap): reading their Secrets, and signing with them. Pure. */
import { createHmac } from "node:crypto";
import { parseTime } from "../../api/time.ts";
import type { Secret } from "../../api/types/core-v1.gen.ts";

export const bootstrapTokenType = "bootstrap.kubernetes.io/token";

const value = (secret: Secret, key: string): string => Buffer.from(secret.data?.[key] ?? "", "base64").toString("utf8");

/** Milliseconds until the token ends: 0 or less when it has, or when its end cannot be read; undefined for one without end. */
export function lifeLeft(secret: Secret, now: number): number | undefined {
  const end = value(secret, "expiration");
  if (!end) return undefined;
  try {
    return parseTime(end) - now;
  } catch {
    return 0;
  }
}

/** Token by id of those that may sign. */
export function signingTokens(secrets: readonly Secret[], now: number): Map<string, string> {
  const tokens = new Map<string, string>();
  for (const secret of secrets) {
    const id = /^bootstrap-token-([a-z0-9]{6})$/.exec(secret.metadata.name)?.[1];
    const token = value(secret, "token-secret");
    if (secret.type !== bootstrapTokenType || id === undefined || value(secret, "token-id") !== id || !token) continue;
    if ((lifeLeft(secret, now) ?? 1) > 0 && value(secret, "usage-bootstrap-signing") === "true" && !tokens.has(id)) tokens.set(id, token);
  }
  return tokens;
}

const encode = (text: string): string => Buffer.from(text).toString("base64url");

/** A compact JWS (RFC 7515, HS256) without its payload. */
export function detachedSignature(content: string, id: string, token: string): string {
  const head = encode(JSON.stringify({ alg: "HS256", kid: id }));
  return `${head}..${createHmac("sha256", token)
    .update(`${head}.${encode(content)}`)
    .digest("base64url")}`;
}

const prefix = "jws-kubeconfig-";

/** The data of cluster-info with a signature of each token and no other; undefined when it is so already. */
export function signed(data: Record<string, string>, tokens: ReadonlyMap<string, string>): Record<string, string> | undefined {
  const { kubeconfig } = data;
  if (kubeconfig === undefined) return undefined;
  const rest = Object.entries(data).filter(([key]) => !key.startsWith(prefix));
  const signatures = [...tokens].map(([id, token]) => [`${prefix}${id}`, detachedSignature(kubeconfig, id, token)] as const);
  const same = rest.length + signatures.length === Object.keys(data).length && signatures.every(([key, signature]) => data[key] === signature);
  return same ? undefined : Object.fromEntries([...rest, ...signatures]);
}
