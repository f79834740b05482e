/** Requests without a credential (k8s.io/apiserver/pkg/authentication/request/anonymous). */
import type { UserInfo } from "../../api/exchange.ts";
import type { Authenticator } from "./authenticator.ts";

export const anonymousUser = "system:anonymous";
export const unauthenticatedGroup = "system:unauthenticated";

/** `paths`: only these are open to anonymous requests; absent or empty: all. */
export function anonymousAuthenticator(paths: readonly string[] = []): Authenticator {
  const user = { name: anonymousUser, groups: [unauthenticatedGroup] };
  return { authenticate: ({ path }) => (paths.length && !paths.includes(path) ? undefined : user) };
}

/** Whether that is anybody at all (k8s.io/apiserver/pkg/endpoints/filters/authentication.go). */
export const isNobody = ({ name, groups }: UserInfo): boolean => name === anonymousUser || groups.includes(unauthenticatedGroup);
