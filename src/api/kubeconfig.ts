/** Users of a kubeconfig, and whom they act as (k8s.io/client-go/tools/clientcmd/api/v1, k8s.io/client-go/transport). */

/** As the file has it. */
export interface KubeconfigUser {
  "client-certificate"?: string;
  "client-certificate-data"?: string;
  "client-key"?: string;
  "client-key-data"?: string;
  token?: string;
  tokenFile?: string;
  username?: string;
  password?: string;
  as?: string;
  "as-uid"?: string;
  "as-groups"?: string[];
  "as-user-extra"?: Record<string, string[]>;
  exec?: object;
  "auth-provider"?: object;
}

/** Why nobody can be acted as; undefined where all is well. `name`: the user's in the file. */
export function impersonationProblem(name: string, user: KubeconfigUser): string | undefined {
  const { as, "as-uid": uid, "as-groups": groups = [], "as-user-extra": extra = {} } = user;
  const more = uid || groups.length || Object.keys(extra).length;
  return !as && more ? `requesting uid, groups or user-extra for ${name} without impersonating a user` : undefined;
}

/** Headers of whom the user acts as, one value for each header line; none where it acts as itself. */
export function impersonationHeaders(user: KubeconfigUser): Record<string, string | string[]> {
  const { as: name, "as-uid": uid, "as-groups": groups = [], "as-user-extra": extra = {} } = user;
  if (!name) return {};
  const headers: Record<string, string | string[]> = { "impersonate-user": name };
  if (uid) headers["impersonate-uid"] = uid;
  if (groups.length) headers["impersonate-group"] = groups;
  for (const [key, values] of Object.entries(extra)) headers[`impersonate-extra-${escaped(key)}`] = values;
  return headers;
}

/** What may not stand in the name of a header, and what begins an escape. */
const escaped = (key: string): string =>
  [...Buffer.from(key)]
    .map((byte) => (/[\w!#$&'*+\-.^`|~]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`))
    .join("");
