/** Writes down on which day the token of a Secret was last used, for whoever cleans up the unused ones (pkg/serviceaccount/legacy.go). */
import type { Secret } from "../../api/types/core-v1.gen.ts";
import type { Logger } from "../../base/logger.ts";
import type { ResourceCache } from "../../cache/cache.ts";
import { RevisionMismatchError } from "../../store/store.ts";

/** Does not wait: the request that brought the token goes on. A Secret that somebody changes meanwhile is noted at its next use. */
export const noteLegacyUse =
  (secrets: ResourceCache<Secret>, logger: Logger) =>
  (secret: Secret, today: string): void => {
    const { metadata } = secret;
    const labels = { ...metadata.labels, "kubernetes.io/legacy-token-last-used": today };
    secrets.update({ ...secret, metadata: { ...metadata, labels } }, Number(metadata.resourceVersion)).catch((error: unknown) => {
      if (!(error instanceof RevisionMismatchError))
        logger.error("the use of a service account token was not noted", { secret: `${metadata.namespace}/${metadata.name}`, error });
    });
  };
