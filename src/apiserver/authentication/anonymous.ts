/** Requests without a credential (k8s.io/apiserver/pkg/authentication/request/anonymous). */
import type { UserInfo } from "../../api/exchange.ts";
import type { Authenticator } from "./authenticator.ts";

export const anonymousUser = "system:anonymous";
export const unauthenticatedGroup = "system:unauthenticated";

/** Who asks without a credential. */
export const nobody: UserInfo = { name: anonymousUser, groups: [unauthenticatedGroup] };

/** `paths`: only these are open to anonymous requests; absent or empty: all. */
export function anonymousAuthenticator(paths: readonly string[] = []): Authenticator {
  return { authenticate: ({ path }) => (paths.length && !paths.includes(path) ? undefined : nobody) };
}

/** Whether that is anybody at all (k8s.io/apiserver/pkg/endpoints/filters/authentication.go). */
export const isNobody = ({ name, groups }: UserInfo): boolean => name === anonymousUser || groups.includes(unauthenticatedGroup);
