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

/** Undefined: not a token of this kind. Throws TokenError for a token of this kind that is not valid. */
export interface TokenAuthenticator {
  authenticateToken(token: string, audiences: readonly string[]): TokenUser | undefined;
}

/** Why a token is refused; TokenReview shows the message, other answers just say Unauthorized. */
export class TokenError extends Error {
  override name = "TokenError";
}
