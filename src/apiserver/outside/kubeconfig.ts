/**
 * The server that a kubeconfig's current context names, and who asks it (k8s.io/client-go/tools/clientcmd). Messages are
 * upstream's; what is not supported is refused by name.
 */
import { openSync, closeSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { DecodeError } from "../../api/codec/decode-error.ts";
import { parseYAML } from "../../api/codec/yaml.ts";
import { aggregateText } from "../../api/field.ts";
import { goQuote } from "../../api/go-quote.ts";
import { impersonationProblem, type KubeconfigUser } from "../../api/kubeconfig.ts";
import { type Identity, identityOf, type Locate, pemOf, unsupportedWay } from "./kubeconfig-user.ts";
import { table } from "../../base/table.ts";

export interface KubeconfigTarget extends Identity {
  server: URL;
  /** PEM of the authorities that its certificate is verified against; absent: the system's. */
  ca?: string;
  /** Its certificate is not verified. */
  insecure: boolean;
  /** The name that its certificate must have; absent: its host's. */
  serverName?: string;
}

/** One sentence. */
export class KubeconfigError extends Error {
  override name = "KubeconfigError";
}

interface Cluster {
  server?: string;
  "certificate-authority"?: string;
  "certificate-authority-data"?: string;
  "insecure-skip-tls-verify"?: boolean;
  "tls-server-name"?: string;
  "proxy-url"?: string;
}
export interface Kubeconfig {
  clusters?: { name: string; cluster?: Cluster }[];
  users?: { name: string; user?: KubeconfigUser }[];
  contexts?: { name: string; context?: { cluster?: string; user?: string } }[];
  "current-context"?: string;
}

const empty = "invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable";

/** As Go says it. */
function openError(file: string): string | undefined {
  try {
    closeSync(openSync(file, "r"));
    return undefined;
  } catch (error) {
    return goFileError(error as NodeJS.ErrnoException, `open ${file}`);
  }
}

const causes = table<string>({
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EISDIR: "is a directory",
  ENOTDIR: "not a directory",
});
/** `what`: the call and its file, as Go names them. */
export const goFileError = ({ code = "", message }: NodeJS.ErrnoException, what: string): string => (causes[code] ? `${what}: ${causes[code]}` : message);

/** Throws KubeconfigError for a file that cannot be read. */
export function loadKubeconfig(file: string): Kubeconfig {
  let value: unknown;
  try {
    ({ value } = parseYAML(readFileSync(file)));
  } catch (error) {
    if (error instanceof DecodeError) throw new KubeconfigError(`error loading config file ${goQuote(file)}: ${error.message}`);
    const { code } = error as NodeJS.ErrnoException;
    throw new KubeconfigError(goFileError(error as NodeJS.ErrnoException, `${code === "ENOENT" ? "stat" : "open"} ${file}`));
  }
  if (value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw new KubeconfigError(`error loading config file ${goQuote(file)}: it is not a map`);
  return value as Kubeconfig;
}

/** Throws KubeconfigError for a file that cannot be read or says nothing usable. */
export function readKubeconfig(file: string): KubeconfigTarget {
  const config = loadKubeconfig(file);
  const contextName = config["current-context"] ?? "";
  const context = config.contexts?.find(({ name }) => name === contextName)?.context;
  if (contextName && !context)
    throw new KubeconfigError(`invalid configuration: [context was not found for specified context: ${contextName}, cluster has no server defined]`);
  const clusterName = context?.cluster ?? "";
  const userName = context?.user ?? "";
  const cluster = config.clusters?.find(({ name }) => name === clusterName)?.cluster;
  // A user that is not there is nobody.
  const { user = {} } = config.users?.find(({ name }) => name === userName) ?? {};
  if (!cluster || Object.keys(cluster).length === 0) throw new KubeconfigError(empty);
  const at = beside(file);
  const found = target(cluster, user, at);
  const problems = [...userProblems(userName, user, at), ...clusterProblems(clusterName, cluster, at)];
  if (problems.length) throw new KubeconfigError(`invalid configuration: ${aggregateText(problems)}`);
  return found();
}

/** Paths are relative to the file that names them. */
export const beside =
  (file: string): Locate =>
  (path) =>
    path && !isAbsolute(path) ? join(dirname(file), path) : path || undefined;

function clusterProblems(name: string, cluster: Cluster, at: Locate): string[] {
  const problems: string[] = [];
  const authority = at(cluster["certificate-authority"]);
  if (!cluster.server) problems.push(name ? `no server found for cluster ${goQuote(name)}` : "default cluster has no server defined");
  if (authority && cluster["certificate-authority-data"])
    problems.push(`certificate-authority-data and certificate-authority are both specified for ${name}. certificate-authority-data will override.`);
  const why = authority && openError(authority);
  if (why) problems.push(`unable to read certificate-authority ${authority} for ${name} due to ${why}`);
  return problems;
}

function userProblems(name: string, user: KubeconfigUser, at: Locate): string[] {
  const problems: string[] = [];
  const methods = [...(user.token ? ["token"] : []), ...(user.username || user.password ? ["basicAuth"] : [])];
  const { "client-certificate-data": certData, "client-key-data": keyData } = user;
  const cert = at(user["client-certificate"]);
  const key = at(user["client-key"]);
  if (cert || certData) {
    if (cert && certData) problems.push(`client-cert-data and client-cert are both specified for ${name}. client-cert-data will override.`);
    if (key && keyData) problems.push(`client-key-data and client-key are both specified for ${name}; client-key-data will override`);
    if (!key && !keyData) problems.push(`client-key-data or client-key must be specified for ${name} to use the clientCert authentication method.`);
    for (const [what, path] of [
      ["client-cert", cert],
      ["client-key", key],
    ]) {
      const why = path && openError(path);
      if (why) problems.push(`unable to read ${what} ${path} for ${name} due to ${why}`);
    }
  }
  const unclear = impersonationProblem(name, user);
  if (unclear) problems.push(unclear);
  if (methods.length > 1) problems.push(`more than one authentication method found for ${name}; found [${methods.join(" ")}], only one is allowed`);
  return problems;
}

/** What is refused is refused at once; files are read when the rest is known to be well. */
function target(cluster: Cluster, user: KubeconfigUser, at: Locate): () => KubeconfigTarget {
  const way = unsupportedWay(user);
  if (way) throw new KubeconfigError(`${way} of a user is not supported for webhooks: give a token, a client certificate or a password`);
  if (cluster["proxy-url"]) throw new KubeconfigError("proxy-url is not supported for webhooks: they are reached directly");
  return () => {
    const insecure = cluster["insecure-skip-tls-verify"] ?? false;
    const ca = pemOf(cluster["certificate-authority-data"], at(cluster["certificate-authority"]));
    if (ca !== undefined && !ca.includes("-----BEGIN CERTIFICATE-----"))
      throw new KubeconfigError("unable to load root certificates: unable to parse bytes as PEM block");
    if (insecure && ca) throw new KubeconfigError("specifying a root certificates file with the insecure flag is not allowed");
    const certified = user["client-certificate-data"] ?? user["client-certificate"];
    const server = serverOf(cluster.server ?? "", insecure || ca !== undefined || Boolean(certified));
    const serverName = cluster["tls-server-name"];
    // Over a connection that anybody can read nobody says who he is.
    if (server.protocol === "http:") return { server, insecure };
    return { server, insecure, ...(ca ? { ca } : {}), ...(serverName ? { serverName } : {}), ...identityOf(user, at) };
  };
}

function serverOf(text: string, secure: boolean): URL {
  const url = URL.parse(text.includes("://") ? text : `${secure ? "https" : "http"}://${text}`);
  if (!url?.host || (url.protocol !== "https:" && url.protocol !== "http:"))
    throw new KubeconfigError(`host must be a URL or a host:port pair: ${goQuote(text)}`);
  return url;
}
