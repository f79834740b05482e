/** Acting as somebody else (k8s.io/apiserver/pkg/endpoints/filters/impersonation). */
import type { ApiRequest, UserInfo } from "../api/exchange.ts";
import { badRequest } from "../api/status.ts";
import type { AuthorizationAttributes } from "./authorization/authorizer.ts";

const known = new WeakMap<ApiRequest["headers"], boolean>();

/** Whether a request says anything of it: few do. Connections hand over the same headers again and again. */
export function impersonates(headers: ApiRequest["headers"]): boolean {
  let found = known.get(headers);
  if (found === undefined) {
    found = Object.keys(headers).some((name) => name.startsWith("impersonate-"));
    known.set(headers, found);
  }
  return found;
}

/** `authorize` throws the 403 of an attribute that the caller may not take on. */
export async function impersonate(request: ApiRequest, user: UserInfo, authorize: (attributes: AuthorizationAttributes) => Promise<void>): Promise<UserInfo> {
  const name = request.headers["impersonate-user"];
  const groups = valuesOf(request, "impersonate-group");
  const uid = request.headers["impersonate-uid"];
  const extras = Object.keys(request.headers).filter((header) => header.startsWith("impersonate-extra-"));
  if (name === undefined) {
    if (groups.length === 0 && uid === undefined && extras.length === 0) return user;
    const asked = groups.length ? `[]string{${groups.map((group) => JSON.stringify(group)).join(", ")}}` : "[]string(nil)";
    const info = `Name:"", UID:${JSON.stringify(uid ?? "")}, Groups:${asked}, Extra:map[string][]string(nil)`;
    throw badRequest(`requested &user.DefaultInfo{${info}} without impersonating a user name`);
  }
  const may = (group: string, resource: string, subresource: string, namespace: string, value: string): Promise<void> =>
    authorize({ user, verb: "impersonate", isResource: true, group, version: "", resource, subresource, namespace, name: value, path: request.path });
  const as: UserInfo = { name, groups: [] };
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name);
  if (account) await may("", "serviceaccounts", "", account[1] as string, account[2] as string);
  else await may("", "users", "", "", name);
  for (const group of groups) {
    await may("", "groups", "", "", group);
    as.groups.push(group);
  }
  for (const header of extras) {
    const key = decodeURIComponent(header.slice("impersonate-extra-".length));
    const values = valuesOf(request, header);
    for (const value of values) await may("authentication.k8s.io", "userextras", key, "", value);
    as.extra = { ...as.extra, [key]: values };
  }
  if (uid !== undefined) {
    await may("authentication.k8s.io", "uids", "", "", uid);
    as.uid = uid;
  }
  if (account && as.groups.length === 0) as.groups = ["system:serviceaccounts", `system:serviceaccounts:${account[1]}`];
  const marked = as.groups.some((group) => group === "system:authenticated" || group === "system:unauthenticated");
  if (!marked) as.groups = [...as.groups, name === "system:anonymous" ? "system:unauthenticated" : "system:authenticated"];
  return as;
}

/** A header that came once is one value, whatever is in it. */
function valuesOf(request: ApiRequest, header: string): string[] {
  const single = request.headers[header];
  return request.repeatedHeaders?.[header] ?? (single === undefined ? [] : [single]);
}
