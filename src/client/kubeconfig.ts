/**
 * kubeconfig files (kubectl's own format, k8s.io/client-go/tools/clientcmd/api/v1). Understood: certificate authority,
 * client certificate, token, token file, server name, proxy-free HTTPS, impersonation. What is there and not understood
 * (exec plug-ins, auth providers, passwords, proxies) is refused, never ignored.
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { load } from "js-yaml";
import { impersonationHeaders, impersonationProblem, type KubeconfigUser } from "../api/kubeconfig.ts";
import type { Clock } from "../base/clock.ts";
import type { TLSMaterial } from "./http-session.ts";
import type { HttpTransportOptions } from "./http-transport.ts";

export class KubeconfigError extends Error {
  override name = "KubeconfigError";
}

export interface KubeconfigCluster {
  server?: string;
  "certificate-authority"?: string;
  "certificate-authority-data"?: string;
  "insecure-skip-tls-verify"?: boolean;
  "tls-server-name"?: string;
  "proxy-url"?: string;
}
export interface Kubeconfig {
  clusters?: { name: string; cluster: KubeconfigCluster }[];
  users?: { name: string; user: KubeconfigUser }[];
  contexts?: { name: string; context: { cluster: string; user: string; namespace?: string } }[];
  "current-context"?: string;
}

/** Milliseconds for which a token file's text is used before it is read again (client-go: one minute). */
const tokenLifetime = 60_000;

/** Options of an HTTP transport from a kubeconfig file. Throws KubeconfigError, naming what is wrong and where. */
export function loadKubeconfig(file: string, clock: Clock, context?: string): HttpTransportOptions {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new KubeconfigError(`kubeconfig ${file}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  try {
    return transportOptions(load(text) as Kubeconfig, { directory: dirname(resolve(file)), clock, context });
  } catch (cause) {
    throw new KubeconfigError(`kubeconfig ${file}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

/** `directory` is what relative file names are relative to. */
export function transportOptions(config: Kubeconfig, from: { directory: string; clock: Clock; context?: string }): HttpTransportOptions {
  if (!config || typeof config !== "object") throw new KubeconfigError("is empty");
  const contextName = from.context ?? config["current-context"];
  if (!contextName) throw new KubeconfigError("current-context is not set");
  const context = named(config.contexts, contextName, "context").context;
  const cluster = named(config.clusters, context.cluster, "cluster").cluster;
  const user = context.user ? named(config.users, context.user, "user").user : {};
  const refused = Object.entries({
    "exec plug-ins": user.exec,
    "auth providers": user["auth-provider"],
    "user name and password": user.username ?? user.password,
    proxies: cluster["proxy-url"],
  }).find(([, value]) => value !== undefined);
  if (refused)
    throw new KubeconfigError(`context ${JSON.stringify(contextName)}: ${refused[0]} are not supported; use a client certificate, a token or a token file`);
  const unclear = impersonationProblem(context.user, user);
  if (unclear) throw new KubeconfigError(unclear);
  if (!cluster.server) throw new KubeconfigError(`cluster ${JSON.stringify(context.cluster)}: server is not set`);
  const pathTo = (path: string): string => resolve(from.directory, path);
  const material = (data: string | undefined, path: string | undefined): string | undefined =>
    data ? Buffer.from(data, "base64").toString() : path ? readFileSync(pathTo(path), "utf8") : undefined;
  const tls = (): TLSMaterial => ({
    ca: material(cluster["certificate-authority-data"], cluster["certificate-authority"]),
    cert: material(user["client-certificate-data"], user["client-certificate"]),
    key: material(user["client-key-data"], user["client-key"]),
    serverName: cluster["tls-server-name"],
    insecure: cluster["insecure-skip-tls-verify"],
  });
  tls();
  return {
    server: cluster.server,
    clock: from.clock,
    tls,
    ...(user.tokenFile ? { token: tokenFromFile(pathTo(user.tokenFile), from.clock) } : user.token ? { token: () => user.token } : {}),
    ...(user.as ? { headers: impersonationHeaders(user) } : {}),
  };
}

/** Token of a file, read again once a minute; the last good text is used while the file cannot be read. */
export function tokenFromFile(path: string, clock: Clock): () => string {
  let token = readFileSync(path, "utf8").trim();
  let readAt = clock.monotonic();
  return () => {
    if (clock.monotonic() - readAt < tokenLifetime) return token;
    readAt = clock.monotonic();
    try {
      token = readFileSync(path, "utf8").trim() || token;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    return token;
  };
}

function named<T extends { name: string }>(entries: T[] | undefined, name: string, what: string): T {
  const found = entries?.find((e) => e.name === name);
  if (!found) throw new KubeconfigError(`${what} ${JSON.stringify(name)} does not exist`);
  return found;
}
