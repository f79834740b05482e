/** POST tokenreviews: whom does this token name (pkg/registry/authentication/tokenreview). */
import type { UserInfo } from "../../../api/exchange.ts";
import { badRequest } from "../../../api/status.ts";
import type { TokenReview } from "../../../api/types/authentication-v1.gen.ts";
import { type TokenAuthenticator, TokenError, type TokenUser } from "../../authentication/authenticator.ts";
import { bearerToken } from "../../authentication/bearer.ts";
import { withAuthenticatedGroup } from "../../authentication/union.ts";
import { userStatus } from "./selfsubjectreview.ts";

export interface TokenReviewDeps {
  tokens: TokenAuthenticator;
  /** Who has no credential, where anybody may ask. */
  anonymous?: UserInfo | undefined;
  /** The API server's own audiences, asked for when the review names none. */
  audiences: readonly string[];
}

export async function reviewToken(review: TokenReview, { tokens, anonymous, audiences }: TokenReviewDeps): Promise<TokenReview> {
  const token = review.spec.token;
  if (!token) throw badRequest("token is required for TokenReview in authentication");
  // What the caller sent as status stays where the answer has nothing to say.
  const { authenticated: _authenticated, ...sent } = review.status ?? {};
  const refused = (error?: string): TokenReview => ({ ...review, status: { ...sent, user: sent.user ?? {}, ...(error === undefined ? {} : { error }) } });
  const accepted = ({ user, audiences }: TokenUser): TokenReview => ({
    ...review,
    status: { ...sent, authenticated: true, user: userStatus(withAuthenticatedGroup(user)), audiences },
  });
  const wanted = review.spec.audiences?.length ? review.spec.audiences : audiences;
  // A request that has it in a header, and nothing else.
  const bearer = bearerToken(`Bearer ${token}`);
  if (bearer === undefined) return anonymous ? accepted({ user: anonymous, audiences: [...wanted] }) : refused();
  try {
    const found = await tokens.authenticateToken(bearer, wanted);
    return found ? accepted(found) : refused("invalid bearer token");
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    return refused(`[invalid bearer token, ${error.message}]`);
  }
}
