/** Users of a kubeconfig: what they say to show who asks (k8s.io/client-go/tools/clientcmd, k8s.io/client-go/transport). */
import { readFileSync } from "node:fs";
import type { OutgoingHttpHeaders } from "node:http";
import { impersonationHeaders, type KubeconfigUser } from "../../api/kubeconfig.ts";

export interface Identity {
  /** PEM. */
  cert?: string;
  key?: string;
  token?: string;
  /** Read again for each question; where that fails, `token` is what it said before. */
  tokenFile?: string;
  username?: string;
  password?: string;
  /** Headers of whom it acts as. */
  impersonation?: OutgoingHttpHeaders;
}

/** Where a file lies that a kubeconfig names. */
export type Locate = (path: string | undefined) => string | undefined;

export const pemOf = (data: string | undefined, path: string | undefined): string | undefined =>
  data ? Buffer.from(data, "base64").toString("utf8") : path && readFileSync(path, "utf8");

/** Ways of a user that are not known here; give a token, a client certificate or a password instead. */
export const unsupportedWay = (user: KubeconfigUser): string | undefined => (["exec", "auth-provider"] as const).find((way) => user[way]);

/** Throws what reading its files throws. */
export function identityOf(user: KubeconfigUser, at: Locate): Identity {
  const cert = pemOf(user["client-certificate-data"], at(user["client-certificate"]));
  const key = pemOf(user["client-key-data"], at(user["client-key"]));
  const tokenFile = at(user.tokenFile);
  const token = user.token || (tokenFile && readFileSync(tokenFile, "utf8").trim());
  return {
    ...(cert && key ? { cert, key } : {}),
    ...(token ? { token } : {}),
    ...(tokenFile ? { tokenFile } : {}),
    ...(user.username || user.password ? { username: user.username ?? "", password: user.password ?? "" } : {}),
    ...(user.as ? { impersonation: impersonationHeaders(user) } : {}),
  };
}

/** What each question says of who asks. */
export function identityHeaders(identity: Identity): OutgoingHttpHeaders {
  const { username, password = "", impersonation } = identity;
  const token = currentToken(identity);
  const basic = username === undefined ? undefined : `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  const authorization = token ? `Bearer ${token}` : basic;
  return { ...(authorization ? { authorization } : {}), ...impersonation };
}

function currentToken({ token, tokenFile }: Identity): string | undefined {
  if (!tokenFile) return token;
  try {
    return readFileSync(tokenFile, "utf8").trim() || token;
  } catch {
    // It is being exchanged, or gone for good: whom it named before is as good as anybody.
    return token;
  }
}
