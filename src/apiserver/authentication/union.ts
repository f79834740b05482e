/**
 * Authenticators in order (k8s.io/apiserver/pkg/authentication/request/union, group, and the chain of
 * pkg/kubeapiserver/authenticator/config.go).
 */
import type { ApiRequest, UserInfo } from "../../api/exchange.ts";
import { unauthorized } from "../../api/status.ts";
import { anonymousUser } from "./anonymous.ts";
import type { Authenticator, TokenAuthenticator, TokenUser } from "./authenticator.ts";
import { TokenError } from "./authenticator.ts";

const authenticatedGroup = "system:authenticated";
const unauthenticatedGroup = "system:unauthenticated";

/** One object per user object, so that caches keyed by the user keep working. */
const grouped = new WeakMap<UserInfo, UserInfo>();

/** Adds `system:authenticated`, once, to whoever is neither anonymous nor marked either way. */
export function withAuthenticatedGroup(user: UserInfo): UserInfo {
  if (user.name === anonymousUser || user.groups.includes(authenticatedGroup) || user.groups.includes(unauthenticatedGroup)) return user;
  let known = grouped.get(user);
  if (!known) {
    known = { ...user, groups: [...user.groups, authenticatedGroup] };
    grouped.set(user, known);
  }
  return known;
}

/**
 * The first credential that holds decides. Where one was wrong and none held, rejects with 401 and does not fall back to
 * `anonymous`; where there was none at all, `anonymous` decides, and without it the answer is 401 as well.
 */
export function unionAuthenticator(authenticators: readonly Authenticator[], anonymous?: Authenticator): Authenticator {
  return {
    async authenticate(request: ApiRequest): Promise<UserInfo> {
      let wrong: unknown;
      for (const authenticator of authenticators) {
        try {
          const found = authenticator.authenticate(request);
          const user = found instanceof Promise ? await found : found;
          if (user) return withAuthenticatedGroup(user);
        } catch (error) {
          wrong ??= error;
        }
      }
      if (wrong) throw unauthorized();
      const user = await anonymous?.authenticate(request);
      if (!user) throw unauthorized();
      return user;
    },
  };
}

/** Joins messages as upstream's aggregate errors do. */
const aggregate = (messages: string[]): string => {
  const unique = [...new Set(messages)];
  return unique.length === 1 ? (unique[0] as string) : `[${unique.join(", ")}]`;
};

/** The first token authenticator that accepts decides; throws TokenError with all reasons where some refused and none accepted. */
export function unionTokenAuthenticator(...authenticators: TokenAuthenticator[]): TokenAuthenticator {
  return {
    authenticateToken(token, audiences): TokenUser | undefined {
      const errors: string[] = [];
      for (const authenticator of authenticators) {
        try {
          const found = authenticator.authenticateToken(token, audiences);
          if (found) return found;
        } catch (error) {
          if (!(error instanceof TokenError)) throw error;
          errors.push(error.message);
        }
      }
      if (errors.length) throw new TokenError(aggregate(errors));
      return undefined;
    },
  };
}
