/** Credentials by registry, and which of them are for an image (upstream's pkg/credentialprovider/keyring.go). */
import { createHash } from "node:crypto";

export interface RegistryAuth {
  username: string;
  password: string;
  identityToken?: string;
  registryToken?: string;
}
/** By registry, as docker spells it: `https://index.docker.io/v1/`, `registry.example:5000/team`, `*.registry.example`. */
export type DockerConfig = Record<string, RegistryAuth>;

export interface SecretSource {
  uid: string;
  namespace: string;
  name: string;
}
/** Whose a credential is; one without a source is the node's, for every pod. */
export type CredentialSource = { secret: SecretSource } | { serviceAccount: SecretSource };

export interface PullCredential {
  auth: RegistryAuth;
  /** The same for the same credential, whoever brings it. */
  hash: string;
  source?: CredentialSource;
}

interface Entry {
  username?: string;
  password?: string;
  auth?: string;
  identitytoken?: string;
  registrytoken?: string;
}

/** Of the `auths` of a docker configuration. */
export function dockerConfigOf(auths: Record<string, Entry>): DockerConfig {
  const config: DockerConfig = Object.create(null);
  for (const [registry, entry] of Object.entries(auths)) {
    const [user = "", ...rest] = entry.auth ? Buffer.from(entry.auth, "base64").toString("utf8").split(":") : [];
    config[registry] = {
      username: entry.username ?? user,
      password: entry.password ?? rest.join(":"),
      ...(entry.identitytoken ? { identityToken: entry.identitytoken } : {}),
      ...(entry.registrytoken ? { registryToken: entry.registrytoken } : {}),
    };
  }
  return config;
}

const hashOf = (auth: RegistryAuth): string => createHash("sha256").update(JSON.stringify(auth)).digest("hex");

/** Host with its port and path, or undefined for what is no address. */
function keyOf(registry: string): string | undefined {
  const bare = registry.replace(/^https?:\/\//, "");
  const [host = "", ...path] = bare.split("/");
  if (!host || /\s/.test(bare)) return undefined;
  const rest = `/${path.join("/")}`;
  const effective = /^\/v[12]\//.test(rest) ? rest.slice(3) : rest;
  return effective === "/" ? host : `${host}${effective}`;
}

function partsOf(address: string): { host: string[]; port: string; path: string } {
  const slash = address.indexOf("/");
  const [authority, path] = slash < 0 ? [address, ""] : [address.slice(0, slash), address.slice(slash)];
  const port = /:(\d*)$/.exec(authority)?.[1] ?? "";
  return { host: authority.replace(/:\d*$/, "").split("."), port, path };
}

/** `*` and `?` within one part of a host's name. */
function globMatches(pattern: string, text: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === text;
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll(/\*+/g, ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`).test(text);
}

/** `*.registry.example/team` is for `a.registry.example/team/app`: as many parts of the host, the same port, the path in front. */
export function addressMatches(glob: string, address: string): boolean {
  const [wanted, given] = [partsOf(glob), partsOf(address)];
  if (wanted.port !== given.port || wanted.host.length !== given.host.length || !given.path.startsWith(wanted.path)) return false;
  return wanted.host.every((part, i) => globMatches(part, given.host[i] as string));
}

const dockerHub = "index.docker.io";

export class Keyring {
  readonly #credentials = new Map<string, PullCredential[]>();
  add(config: DockerConfig, source?: CredentialSource): void {
    for (const [registry, auth] of Object.entries(config)) {
      const key = keyOf(registry);
      if (key === undefined) continue;
      const found = this.#credentials.get(key) ?? [];
      this.#credentials.set(key, [...found, { auth, hash: hashOf(auth), ...(source ? { source } : {}) }]);
    }
  }
  /** Most specific first. `repository` is `docker.io/library/nginx`. */
  lookup(repository: string): PullCredential[] {
    const keys = [...this.#credentials.keys()].sort().reverse();
    const found = keys.filter((key) => addressMatches(key, repository)).flatMap((key) => this.#credentials.get(key) ?? []);
    if (found.length || !/^(index\.)?docker\.io\//.test(repository)) return found;
    return this.#credentials.get(dockerHub) ?? [];
  }
}
