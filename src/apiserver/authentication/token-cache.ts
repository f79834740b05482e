/** Remembers what a token authenticator accepted, by the token's hash (k8s.io/apiserver/pkg/authentication/token/cache). */
import { createHash } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import type { TokenAuthenticator, TokenUser } from "./authenticator.ts";

export interface TokenCacheOptions {
  clock: Clock;
  /** How long an accepted token is believed without looking again. @default 10000 */
  ttlMs?: number;
  /** @default 4096 */
  size?: number;
  /** Told of each look. Seconds. */
  observer?: { hit(seconds: number): void; miss(seconds: number): void; fetched(ok: boolean): void };
}

/** Refusals are not remembered: a token may become valid, and each one costs its sender as much as us. */
export function cachedTokenAuthenticator(inner: TokenAuthenticator, options: TokenCacheOptions): TokenAuthenticator {
  const ttl = options.ttlMs ?? 10_000;
  const size = options.size ?? 4096;
  const { observer } = options;
  const entries = new Map<string, { until: number; found: TokenUser }>();
  return {
    authenticateToken(token, audiences) {
      const key = createHash("sha256")
        .update(`${audiences.map((a) => `${a.length}:${a}`).join("")}\n${token}`)
        .digest("base64");
      const now = options.clock.monotonic();
      const known = entries.get(key);
      if (known && now < known.until) {
        observer?.hit((options.clock.monotonic() - now) / 1000);
        return known.found;
      }
      entries.delete(key);
      let found: TokenUser | undefined;
      try {
        found = inner.authenticateToken(token, audiences);
        observer?.fetched(true);
      } catch (error) {
        observer?.fetched(false);
        throw error;
      } finally {
        observer?.miss((options.clock.monotonic() - now) / 1000);
      }
      if (found) {
        if (entries.size >= size) entries.delete(entries.keys().next().value as string);
        entries.set(key, { until: now + ttl, found });
      }
      return found;
    },
  };
}
