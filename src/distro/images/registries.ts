/**
 * What the node and its commands know of registries: mirrors, private certificate authorities, credentials, in a file of
 * k3s' form (registries.yaml). It becomes containerd's own configuration by host, hosts.toml (containerd docs/hosts.md).
 */
import { isMap } from "../../api/json.ts";
import { existsSync, readFileSync } from "node:fs";
import { load } from "js-yaml";
import type { Credentials } from "./docker-config.ts";
import type { Trust } from "./registry-http.ts";
import { table } from "../../base/table.ts";

interface HostConfig {
  auth?: { username?: string; password?: string; auth?: string; identity_token?: string };
  tls?: { ca_file?: string; cert_file?: string; key_file?: string; insecure_skip_verify?: boolean };
}
export interface Registries {
  mirrors: Record<string, { endpoint: string[] }>;
  configs: Record<string, HostConfig>;
}

const wrong = (path: string, message: string): Error => new Error(`${path}: ${message}`);
const hostPattern = /^(\*|[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:\d{1,5})?)$/;
const known = table<readonly string[]>({
  auth: ["username", "password", "auth", "identity_token"],
  tls: ["ca_file", "cert_file", "key_file", "insecure_skip_verify"],
});

function assertKeys(path: string, where: string, value: unknown, keys: readonly string[]): asserts value is Record<string, unknown> {
  if (!isMap(value)) throw wrong(path, `${where} must be a mapping with the keys ${keys.join(", ")}`);
  for (const key of Object.keys(value))
    if (!keys.includes(key)) throw wrong(path, `${where} has an unknown key ${JSON.stringify(key)}; known are ${keys.join(", ")}`);
}

/** `path` is for messages only. Throws one sentence for a mistake. */
export function parseRegistries(text: string, path: string): Registries {
  let value: unknown;
  try {
    // A file of comments alone is a file that says nothing.
    value = /^\s*[^#\s]/m.test(text) ? (load(text) ?? {}) : {};
  } catch (error) {
    throw wrong(path, (error as Error).message.split("\n")[0] as string);
  }
  assertKeys(path, "it", value, ["mirrors", "configs"]);
  const { mirrors = {}, configs = {} } = value;
  if (!isMap(mirrors) || !isMap(configs)) throw wrong(path, "mirrors and configs must be mappings from registries");
  for (const host of [...Object.keys(mirrors), ...Object.keys(configs)])
    if (!hostPattern.test(host)) throw wrong(path, `${JSON.stringify(host)} is no registry: it is a host, with its port where it has one, or "*"`);
  for (const [host, mirror] of Object.entries(mirrors)) {
    assertKeys(path, `the mirror of ${host}`, mirror, ["endpoint"]);
    const list = mirror.endpoint;
    if (!Array.isArray(list) || !list.every((one) => typeof one === "string" && URL.canParse(one) && /^https?:$/.test(new URL(one).protocol)))
      throw wrong(path, `endpoint of ${host} must be a list of URLs such as https://mirror.example:5000`);
  }
  for (const [host, config] of Object.entries(configs)) {
    assertKeys(path, `the config of ${host}`, config, ["auth", "tls"]);
    for (const part of ["auth", "tls"] as const) {
      if (config[part] === undefined) continue;
      assertKeys(path, `${part} of ${host}`, config[part], known[part] as string[]);
      for (const [key, one] of Object.entries(config[part]))
        if (typeof one !== (key === "insecure_skip_verify" ? "boolean" : "string"))
          throw wrong(path, `${key} of ${host} must be a ${key === "insecure_skip_verify" ? "boolean" : "text"}`);
    }
    const tls = (config as HostConfig).tls ?? {};
    for (const file of [tls.ca_file, tls.cert_file, tls.key_file])
      if (file !== undefined && !existsSync(file)) throw wrong(path, `the file ${file} of ${host} does not exist`);
  }
  return { mirrors, configs } as unknown as Registries;
}

/** Nothing when there is no such file. */
export function readRegistries(path: string): Registries {
  try {
    return parseRegistries(readFileSync(path, "utf8"), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { mirrors: {}, configs: {} };
    throw error;
  }
}

/** Where a registry answers. */
export const endpointOf = (registry: string): URL => {
  if (registry === "docker.io") return new URL("https://registry-1.docker.io");
  const local = /^(localhost|127(\.\d{1,3}){3})(:\d+)?$/.test(registry);
  return new URL(`${local ? "http" : "https"}://${registry}`);
};

export function trustOf({ configs }: Registries, host: string): Trust {
  const tls = configs[host]?.tls ?? {};
  const text = (file: string | undefined): string | undefined => (file === undefined ? undefined : readFileSync(file, "utf8"));
  const [ca, cert, key] = [text(tls.ca_file), text(tls.cert_file), text(tls.key_file)];
  return { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}), ...(tls.insecure_skip_verify ? { insecure: true } : {}) };
}

export function configuredCredentials({ configs }: Registries, host: string): Credentials | undefined {
  const auth = configs[host]?.auth;
  if (!auth) return undefined;
  const [user = "", ...rest] = auth.auth ? Buffer.from(auth.auth, "base64").toString("utf8").split(":") : [];
  return { username: auth.username ?? user, password: auth.password ?? rest.join(":"), ...(auth.identity_token ? { identityToken: auth.identity_token } : {}) };
}

/** The kubelet's own docker configuration: what it shows to registries that no pull secret is for. */
export function dockerConfigOf(registries: Registries): { auths: Record<string, { username: string; password: string; identitytoken?: string }> } {
  const auths = Object.keys(registries.configs).flatMap((host) => {
    const found = configuredCredentials(registries, host);
    if (!found) return [];
    return [[host, { username: found.username, password: found.password, ...(found.identityToken ? { identitytoken: found.identityToken } : {}) }] as const];
  });
  return { auths: Object.fromEntries(auths) };
}

const quoted = (text: string): string => JSON.stringify(text);

function hostTable(registries: Registries, url: URL, isMirror: boolean): string {
  const { tls = {}, auth } = registries.configs[url.host] ?? {};
  const basic = auth && configuredCredentials(registries, url.host);
  const lines = [
    `[host.${quoted(url.href.replace(/\/$/, ""))}]`,
    `  capabilities = ["pull", "resolve"${isMirror ? "" : ', "push"'}]`,
    ...(url.pathname.length > 1 ? ["  override_path = true"] : []),
    ...(tls.ca_file ? [`  ca = ${quoted(tls.ca_file)}`] : []),
    ...(tls.cert_file ? [`  client = [[${quoted(tls.cert_file)}, ${quoted(tls.key_file ?? "")}]]`] : []),
    ...(tls.insecure_skip_verify ? ["  skip_verify = true"] : []),
    // The kubelet's credentials are for the registry itself; a mirror is told its own.
    ...(isMirror && basic
      ? [
          `  [host.${quoted(url.href.replace(/\/$/, ""))}.header]`,
          `    Authorization = [${quoted(`Basic ${Buffer.from(`${basic.username}:${basic.password}`).toString("base64")}`)}]`,
        ]
      : []),
  ];
  return lines.join("\n");
}

/** hosts.toml by the directory that containerd looks for. `local` is asked first for every image. */
export function hostsFiles(registries: Registries, local: URL | undefined): Map<string, string> {
  const files = new Map<string, string>();
  const own = Object.entries(registries.configs)
    .filter(([, config]) => config.tls)
    .map(([host]) => host);
  for (const host of new Set([...Object.keys(registries.mirrors), ...own, ...(local ? ["*"] : [])])) {
    const mirrors = [...(local ? [local] : []), ...(registries.mirrors[host]?.endpoint ?? registries.mirrors["*"]?.endpoint ?? []).map((one) => new URL(one))];
    // A table that is there twice makes the whole file void.
    const tables = [...new Map(mirrors.map((url) => [url.href, hostTable(registries, url, true)])).values()];
    if (host !== "*" && registries.configs[host]?.tls) tables.push(hostTable(registries, endpointOf(host), false));
    const server = host === "*" ? [] : [`server = ${quoted(endpointOf(host).href.replace(/\/$/, ""))}`, ""];
    files.set(host === "*" ? "_default" : host, `${[...server, ...tables].join("\n")}\n`);
  }
  return files;
}
