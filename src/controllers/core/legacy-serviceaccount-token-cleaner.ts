/**
 * Deletes the token Secrets that Kubernetes itself once made for ServiceAccounts and that nobody has used for a year: marked
 * invalid first, deleted as long after that again (KEP-2799, pkg/controller/serviceaccount/legacy_serviceaccount_token_cleaner.go).
 */
import { podSecrets } from "../../api/core/pod-references.ts";
import { isConflict, isNotFound } from "../../api/status.ts";
import { formatTime, parseTime } from "../../api/time.ts";
import type { Pod, Secret, ServiceAccount } from "../../api/types/core-v1.gen.ts";
import { configmaps, pods as podResource, secrets as secretResource, serviceaccounts } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";

const tokenType = "kubernetes.io/service-account-token";
const lastUsedLabel = "kubernetes.io/legacy-token-last-used";
const invalidSinceLabel = "kubernetes.io/legacy-token-invalid-since";
const day = 24 * 3600 * 1000;
const year = 365 * day;

const dateOf = (ms: number): string => formatTime(ms).slice(0, 10);
/** Milliseconds; undefined for what is no date of the form 2006-01-02. */
function parseDate(text: string | undefined): number | undefined {
  if (!text || !/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined;
  const ms = parseTime(`${text}T00:00:00Z`);
  return Number.isNaN(ms) || dateOf(ms) !== text ? undefined : ms;
}

export interface Around {
  /** Of the Secret's namespace, by name. */
  account(name: string): ServiceAccount | undefined;
  /** Names of the Secrets that pods of its namespace use. */
  used(): ReadonlySet<string>;
}

/** What is to be done with a Secret when tokens unused for `period` milliseconds have had their time. Pure. */
export function verdict(secret: Secret, { account, used }: Around, now: number, period: number): "keep" | "invalidate" | "delete" {
  const { metadata, type } = secret;
  if (type !== tokenType || metadata.deletionTimestamp || parseTime(metadata.creationTimestamp) >= now - period) return "keep";
  const oldest = dateOf(now - period);
  const lastUsed = metadata.labels?.[lastUsedLabel];
  if (lastUsed !== undefined && (parseDate(lastUsed) === undefined || lastUsed >= oldest)) return "keep";
  const owner = account(metadata.annotations?.["kubernetes.io/service-account.name"] ?? "");
  const uid = metadata.annotations?.["kubernetes.io/service-account.uid"];
  if (!owner || (uid && uid !== owner.metadata.uid)) return "keep";
  // Only those that were made automatically are listed in the account.
  if (!owner.secrets?.some(({ name }) => name === metadata.name) || used().has(metadata.name)) return "keep";
  const invalidSince = metadata.labels?.[invalidSinceLabel];
  if (parseDate(invalidSince) === undefined) return "invalidate";
  return (invalidSince as string) >= oldest ? "keep" : "delete";
}

export const legacyServiceAccountTokenCleaner: Controller = {
  name: "legacy-serviceaccount-token-cleaner-controller",
  account: "legacy-service-account-token-cleaner",
  workers: 1,
  start({ client, clock, informers, enqueue, options, logger, signal }) {
    const accounts = informers.informer(serviceaccounts);
    const secrets = informers.informer(secretResource);
    const pods = informers.informer(podResource);
    const period = options.legacyTokenCleanUpPeriod ?? year;
    const api = client.resource(secretResource);
    enqueue("all");

    const usedIn = (namespace: string): ReadonlySet<string> => new Set(pods.list(namespace).flatMap((pod: Pod) => podSecrets(pod)));
    const act = async (secret: Secret, what: "invalidate" | "delete", now: number): Promise<void> => {
      const { namespace = "", name, uid, resourceVersion } = secret.metadata;
      if (what === "delete") await api.delete(namespace, name, { preconditions: { resourceVersion }, signal });
      else await api.patch(namespace, name, "merge", { metadata: { uid, labels: { [invalidSinceLabel]: dateOf(now) } } }, { signal });
      logger.info("unused service account token", { secret: `${namespace}/${name}`, done: what });
    };

    return async () => {
      const now = clock.now();
      try {
        const tracking = await client.resource(configmaps).get("kube-system", "kube-apiserver-legacy-service-account-token-tracking", { signal });
        const since = parseDate(tracking.data?.since);
        // Uses before the day after are not known for certain.
        if (since === undefined) logger.error("uses of service account tokens are not tracked: the config map names no day");
        else if (now >= since + day + period) {
          for (const secret of secrets.list()) {
            const { namespace = "", name } = secret.metadata;
            const what = verdict(secret, { account: (of) => accounts.get(namespace, of), used: () => usedIn(namespace) }, now, period);
            if (what === "keep") continue;
            await act(secret, what, now).catch((error: unknown) => {
              if (!isConflict(error) && !isNotFound(error)) logger.error("unused service account token", { secret: `${namespace}/${name}`, error });
            });
          }
        }
      } catch (error) {
        if (!signal.aborted) logger.error("service account tokens were not looked through", { error });
      }
      return { requeueAfter: day };
    };
  },
};
