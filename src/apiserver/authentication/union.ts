/**
 * Authenticators in order (k8s.io/apiserver/pkg/authentication/request/union, group, and the chain of
 * pkg/kubeapiserver/authenticator/config.go).
 */
import type { ApiRequest, UserInfo } from "../../api/exchange.ts";
import { unauthorized } from "../../api/status.ts";
import { anonymousUser, unauthenticatedGroup } from "./anonymous.ts";
import type { Authenticator, TokenAnswer, TokenAuthenticator } from "./authenticator.ts";
import { TokenError } from "./authenticator.ts";

const authenticatedGroup = "system:authenticated";

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
  /** From the one at `from` on; `pending` is what the one before it has not given yet. */
  async function rest(request: ApiRequest, from: number, pending: Promise<UserInfo | undefined>, wrong: unknown): Promise<UserInfo> {
    let failure = wrong;
    let found: Promise<UserInfo | undefined> | UserInfo | undefined = pending;
    for (let i = from; ; i++) {
      try {
        const user: UserInfo | undefined = await found;
        if (user) return withAuthenticatedGroup(user);
      } catch (error) {
        failure ??= error;
      }
      const next = authenticators[i];
      if (!next) break;
      try {
        found = next.authenticate(request);
      } catch (error) {
        found = undefined;
        failure ??= error;
      }
    }
    if (failure) throw unauthorized();
    return nobody(request);
  }
  async function nobody(request: ApiRequest): Promise<UserInfo> {
    const user = await anonymous?.authenticate(request);
    if (!user) throw unauthorized();
    return user;
  }
  return {
    /** At once where no authenticator has to wait: nearly always. */
    authenticate(request: ApiRequest): UserInfo | Promise<UserInfo> {
      let wrong: unknown;
      for (let i = 0; i < authenticators.length; i++) {
        try {
          const found = authenticators[i]?.authenticate(request);
          if (found instanceof Promise) return rest(request, i + 1, found, wrong);
          if (found) return withAuthenticatedGroup(found);
        } catch (error) {
          wrong ??= error;
        }
      }
      if (wrong) throw unauthorized();
      return nobody(request);
    },
  };
}

/** Joins messages as upstream's aggregate errors do. */
const aggregate = (messages: string[]): string => {
  const unique = [...new Set(messages)];
  return unique.length === 1 ? (unique[0] as string) : `[${unique.join(", ")}]`;
};

/**
 * The first token authenticator that accepts decides; throws TokenError with all reasons where some refused and none accepted.
 * `failOnError`: the first that refuses decides as well.
 */
export function unionTokenAuthenticator(authenticators: readonly TokenAuthenticator[], failOnError = false): TokenAuthenticator {
  const refuse = (error: unknown, errors: string[]): void => {
    if (failOnError || !(error instanceof TokenError)) throw error;
    errors.push(error.message);
  };
  const nobody = (errors: string[]): undefined => {
    if (errors.length) throw new TokenError(aggregate(errors));
    return undefined;
  };
  /** From the one at `from` on; `pending` is what the one before it has not given yet. */
  async function rest(token: string, audiences: readonly string[], from: number, pending: Promise<TokenAnswer>, errors: string[]): Promise<TokenAnswer> {
    let found: TokenAnswer | Promise<TokenAnswer> = pending;
    for (let i = from; ; i++) {
      try {
        const user = await found;
        if (user) return user;
      } catch (error) {
        refuse(error, errors);
      }
      const next = authenticators[i];
      if (!next) return nobody(errors);
      try {
        found = next.authenticateToken(token, audiences);
      } catch (error) {
        found = undefined;
        refuse(error, errors);
      }
    }
  }
  return {
    authenticateToken(token, audiences) {
      const errors: string[] = [];
      for (let i = 0; i < authenticators.length; i++) {
        try {
          const found = authenticators[i]?.authenticateToken(token, audiences);
          if (found instanceof Promise) return rest(token, audiences, i + 1, found, errors);
          if (found) return found;
        } catch (error) {
          refuse(error, errors);
        }
      }
      return nobody(errors);
    },
  };
}
