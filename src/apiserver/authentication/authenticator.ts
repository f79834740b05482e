/** Authentication: who makes this request (k8s.io/apiserver/pkg/authentication). */
import type { ApiRequest, UserInfo } from "../../api/exchange.ts";

/** Gives undefined when it finds no credential of its kind; rejects with StatusError 401 for one that is wrong. */
export interface Authenticator {
  authenticate(request: ApiRequest): UserInfo | undefined | Promise<UserInfo | undefined>;
}

export interface TokenUser {
  user: UserInfo;
  /** Which of the audiences asked for the token is good for. */
  audiences: string[];
}

export type TokenAnswer = TokenUser | undefined;

/**
 * Undefined: not a token of this kind. Throws TokenError, or rejects with it, for a token of this kind that is not valid.
 * What needs nobody else answers at once; a promise is given only where somebody outside has to be asked.
 */
export interface TokenAuthenticator {
  authenticateToken(token: string, audiences: readonly string[]): TokenAnswer | Promise<TokenAnswer>;
}

/** Why a token is refused; TokenReview shows the message, other answers just say Unauthorized. */
export class TokenError extends Error {
  override name = "TokenError";
}
