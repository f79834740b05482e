/** Registry credentials from image pull secrets (upstream's pkg/credentialprovider). */
import type { Pod, Secret } from "../api/types/core-v1.gen.ts";
import type { References } from "./env.ts";
import type { PodEvents } from "./pod-events.ts";

export interface RegistryAuth {
  username: string;
  password: string;
  identityToken?: string;
  registryToken?: string;
}

interface Entry {
  username?: string;
  password?: string;
  auth?: string;
  identitytoken?: string;
  registrytoken?: string;
}

function entriesOf(secret: Secret): [string, Entry][] {
  const text = (key: string): string | undefined => {
    const value = secret.data?.[key];
    return value === undefined ? undefined : Buffer.from(value as unknown as string, "base64").toString("utf8");
  };
  try {
    if (secret.type === "kubernetes.io/dockerconfigjson")
      return Object.entries((JSON.parse(text(".dockerconfigjson") ?? "{}") as { auths?: Record<string, Entry> }).auths ?? {});
    if (secret.type === "kubernetes.io/dockercfg") return Object.entries(JSON.parse(text(".dockercfg") ?? "{}") as Record<string, Entry>);
  } catch {
    // The API server refuses such content; what got past it gives no credentials.
  }
  return [];
}

function authOf(entry: Entry): RegistryAuth {
  const [user = "", ...rest] = entry.auth ? Buffer.from(entry.auth, "base64").toString("utf8").split(":") : [];
  return {
    username: entry.username ?? user,
    password: entry.password ?? rest.join(":"),
    ...(entry.identitytoken ? { identityToken: entry.identitytoken } : {}),
    ...(entry.registrytoken ? { registryToken: entry.registrytoken } : {}),
  };
}

/** `https://index.docker.io/v1/` and `docker.io` are the same registry. */
function normalize(registry: string): string {
  const bare = registry
    .replace(/^https?:\/\//, "")
    .replace(/\/(v1|v2)\/?$/, "")
    .replace(/\/$/, "");
  return bare.replace(/^(index\.|registry-1\.)?docker\.io/, "docker.io");
}

function matches(pattern: string, repository: string): boolean {
  const [patternHost = "", ...patternPath] = pattern.split("/");
  const [host = "", ...path] = repository.split("/");
  const wantedParts = patternHost.split(".");
  const parts = host.split(".");
  const sameHost = wantedParts.length === parts.length && wantedParts.every((part, i) => part === parts[i] || globMatches(part, parts[i] as string));
  return sameHost && patternPath.every((part, i) => part === path[i]);
}

const globMatches = (pattern: string, text: string): boolean =>
  pattern.includes("*") && new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", "[^.]*")}$`).test(text);

/** Most specific first. `repository` is `docker.io/library/nginx`. */
export function credentialsFor(repository: string, secrets: readonly Secret[]): RegistryAuth[] {
  return secrets
    .flatMap(entriesOf)
    .map(([registry, entry]) => ({ registry: normalize(registry), auth: authOf(entry) }))
    .filter(({ registry }) => matches(registry, repository))
    .sort((a, b) => b.registry.length - a.registry.length)
    .map(({ auth }) => auth);
}

/** Those that the pod names and that are there; an event tells of the others. */
export async function pullSecretsOf(pod: Pod, references: References, events: PodEvents): Promise<Secret[]> {
  const found: Secret[] = [];
  const missing: string[] = [];
  for (const { name } of pod.spec.imagePullSecrets ?? []) {
    if (!name) continue;
    try {
      found.push(await references.secret(pod.metadata.namespace ?? "", name));
    } catch {
      missing.push(name);
    }
  }
  if (missing.length)
    events.pod(
      pod,
      "Warning",
      "FailedToRetrieveImagePullSecret",
      `Unable to retrieve some image pull secrets (${missing.join(", ")}); attempting to pull the image may not succeed.`,
    );
  return found;
}
