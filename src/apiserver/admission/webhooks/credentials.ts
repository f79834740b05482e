/** Who this server is to webhooks: the users of a kubeconfig, chosen by host (k8s.io/apiserver/pkg/util/webhook/authentication.go). */
import { readFileSync } from "node:fs";
import { parseYAML } from "../../../api/codec/yaml.ts";

export interface Credentials {
  token?: string;
  /** PEM. */
  cert?: string;
  key?: string;
  username?: string;
  password?: string;
}
/** By `HOST:PORT`. */
export type CredentialsFor = (target: string) => Credentials;

interface User {
  "client-certificate"?: string;
  "client-certificate-data"?: string;
  "client-key"?: string;
  "client-key-data"?: string;
  token?: string;
  tokenFile?: string;
  username?: string;
  password?: string;
  exec?: object;
  "auth-provider"?: object;
}
interface Kubeconfig {
  users?: { name: string; user?: User }[];
  contexts?: { name: string; context?: { user?: string } }[];
  "current-context"?: string;
}

export const anonymous: CredentialsFor = () => ({});

function read(name: string, user: User): Credentials {
  for (const way of ["exec", "auth-provider"] as const) if (user[way]) throw new Error(`user ${JSON.stringify(name)}: ${way} is not supported for webhooks`);
  const pem = (data: string | undefined, file: string | undefined): string | undefined =>
    data === undefined ? file && readFileSync(file, "utf8") : Buffer.from(data, "base64").toString("utf8");
  const cert = pem(user["client-certificate-data"], user["client-certificate"]);
  const key = pem(user["client-key-data"], user["client-key"]);
  const token = user.token || (user.tokenFile ? readFileSync(user.tokenFile, "utf8").trim() : "");
  return {
    ...(cert && key ? { cert, key } : {}),
    ...(token ? { token } : {}),
    ...(user.username || user.password ? { username: user.username ?? "", password: user.password ?? "" } : {}),
  };
}

/** Throws for a file that cannot be read, with what it names. */
export function credentialsOf(file: string): CredentialsFor {
  const config = parseYAML(readFileSync(file)).value as Kubeconfig | null;
  const users = new Map((config?.users ?? []).map(({ name, user = {} }) => [name, read(name, user)]));
  const context = config?.contexts?.find(({ name }) => name === config["current-context"])?.context;
  /** The name itself, then with stars for its first labels. */
  const byName = (target: string): Credentials | undefined => {
    const exact = users.get(target);
    if (exact) return exact;
    const steps = target.split(".");
    for (let i = 1; i < steps.length; i++) {
      const found = users.get(`*.${steps.slice(i).join(".")}`);
      if (found) return found;
    }
    return undefined;
  };
  return (target) =>
    byName(target) ?? (target.endsWith(":443") ? byName(target.slice(0, -":443".length)) : undefined) ?? users.get("*") ?? users.get(context?.user ?? "") ?? {};
}
