/** POST tokenreviews: whom does this token name (pkg/registry/authentication/tokenreview). */
import { badRequest } from "../../../api/status.ts";
import type { TokenReview } from "../../../api/types/authentication-v1.gen.ts";
import { type TokenAuthenticator, TokenError } from "../../authentication/authenticator.ts";
import { withAuthenticatedGroup } from "../../authentication/union.ts";
import { userStatus } from "./selfsubjectreview.ts";

export interface TokenReviewDeps {
  tokens: TokenAuthenticator;
  /** The API server's own audiences, asked for when the review names none. */
  audiences: readonly string[];
}

export async function reviewToken(review: TokenReview, { tokens, audiences }: TokenReviewDeps): Promise<TokenReview> {
  const token = review.spec.token;
  if (!token) throw badRequest("token is required for TokenReview in authentication");
  // What the caller sent as status stays where the answer has nothing to say.
  const { authenticated: _authenticated, ...sent } = review.status ?? {};
  const refused = (error?: string): TokenReview => ({ ...review, status: { ...sent, user: sent.user ?? {}, ...(error === undefined ? {} : { error }) } });
  // As it would stand behind "Bearer " in a header: what follows a space is not part of it.
  const [bearer = ""] = token.trim().split(" ", 1);
  if (!bearer) return refused();
  try {
    const found = await tokens.authenticateToken(bearer, review.spec.audiences?.length ? review.spec.audiences : audiences);
    if (!found) return refused("invalid bearer token");
    return { ...review, status: { ...sent, authenticated: true, user: userStatus(withAuthenticatedGroup(found.user)), audiences: found.audiences } };
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    return refused(`[invalid bearer token, ${error.message}]`);
  }
}
