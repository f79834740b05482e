/** Tokens by which a node joins: secrets `bootstrap-token-ID` in kube-system (plugin/pkg/auth/authenticator/token/bootstrap). */
import { timingSafeEqual } from "node:crypto";
import type { Secret } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Reader } from "../../cache/cache.ts";
import type { TokenAuthenticator } from "./authenticator.ts";

const tokenForm = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const groupForm = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const defaultGroup = "system:bootstrappers";

export interface BootstrapTokenOptions {
  reader: Reader;
  clock: Clock;
  /** The API server's own audiences. */
  audiences: readonly string[];
}

/** Whatever does not match in full is no bootstrap token: undefined, never an error. */
export function bootstrapTokenAuthenticator({ reader, clock, audiences }: BootstrapTokenOptions): TokenAuthenticator {
  return {
    authenticateToken(token, wanted) {
      const [, id, value] = tokenForm.exec(token) ?? [];
      if (id === undefined || value === undefined) return undefined;
      const secret = reader.get<Secret>("secrets", "kube-system", `bootstrap-token-${id}`);
      if (!secret || secret.metadata.deletionTimestamp !== undefined || secret.type !== "bootstrap.kubernetes.io/token") return undefined;
      const data = (key: string): string => Buffer.from(secret.data?.[key] ?? "", "base64").toString("utf8");
      const stored = Buffer.from(data("token-secret"));
      const given = Buffer.from(value);
      if (stored.length !== given.length || !timingSafeEqual(stored, given) || data("token-id") !== id) return undefined;
      const expiration = data("expiration");
      if (expiration && (!rfc3339.test(expiration) || !(Date.parse(expiration) > clock.now()))) return undefined;
      if (data("usage-bootstrap-authentication") !== "true") return undefined;
      const extra = data("auth-extra-groups");
      const more = extra ? extra.split(",") : [];
      if (!more.every((group) => groupForm.test(group))) return undefined;
      const good = wanted.filter((audience) => audiences.includes(audience));
      if (!good.length) return undefined;
      return { user: { name: `system:bootstrap:${id}`, groups: [...new Set([defaultGroup, ...more])].sort() }, audiences: good };
    },
  };
}
