/** POST selfsubjectreviews: who am I (pkg/registry/authentication/selfsubjectreview). */
import type { UserInfo } from "../../../api/exchange.ts";
import type { UserInfo as UserStatus, SelfSubjectReview } from "../../../api/types/authentication-v1.gen.ts";
import type { Clock } from "../../../base/clock.ts";

export const userStatus = (user: UserInfo): UserStatus => ({
  username: user.name,
  ...(user.uid ? { uid: user.uid } : {}),
  ...(user.groups.length ? { groups: user.groups } : {}),
  ...(user.extra && Object.keys(user.extra).length ? { extra: user.extra } : {}),
});

export async function reviewSelf(review: SelfSubjectReview, user: UserInfo, { clock }: { clock: Clock }): Promise<SelfSubjectReview> {
  const creationTimestamp = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, "Z");
  return {
    apiVersion: review.apiVersion,
    kind: review.kind,
    metadata: { creationTimestamp } as SelfSubjectReview["metadata"],
    status: { userInfo: userStatus(user) },
  };
}
