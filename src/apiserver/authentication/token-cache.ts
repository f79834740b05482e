/**
 * Remembers what a token authenticator answered, by the token's hash (k8s.io/apiserver/pkg/authentication/token/cache).
 * Several that ask about one token at the same time share one answer.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { type TokenAnswer, type TokenAuthenticator, TokenError } from "./authenticator.ts";

export interface TokenCacheOptions {
  clock: Clock;
  /** Milliseconds that an accepted token is believed without looking again; 0: not at all. @default 10000 */
  ttlMs?: number;
  /** Milliseconds that a token which is nobody's stays so; 0: not at all. Errors are never remembered. @default 0 */
  failureTtlMs?: number;
  /** Answers at most, the oldest go first. @default 32768 */
  size?: number;
  observer?: TokenCacheObserver;
}

/** Told of each look. Seconds. */
export interface TokenCacheObserver {
  hit(seconds: number): void;
  miss(seconds: number): void;
  /** Who is asked in its place has begun; the function is told how it ended. */
  fetching(): (ok: boolean) => void;
  /** Somebody waits for an answer that is not there yet; the function is called when it is. */
  blocking(): () => void;
}

/** Milliseconds after which nobody waits any more for an answer from outside. */
const patience = 30_000;

const nobody: TokenCacheObserver = { hit: () => undefined, miss: () => undefined, fetching: () => () => undefined, blocking: () => () => undefined };

function keyOf(token: string, audiences: readonly string[]): string {
  return createHash("sha256")
    .update(`${audiences.map((a) => `${a.length}:${a}`).join("")}\n${token}`)
    .digest("base64");
}

export function cachedTokenAuthenticator(inner: TokenAuthenticator, options: TokenCacheOptions): TokenAuthenticator {
  const { clock, ttlMs = 10_000, failureTtlMs = 0, size = 32_768, observer = nobody } = options;
  const entries = new Map<string, { until: number; found: TokenAnswer }>();
  const asking = new Map<string, Promise<TokenAnswer>>();

  const remember = (key: string, found: TokenAnswer): void => {
    const ttl = found ? ttlMs : failureTtlMs;
    if (!ttl) return;
    if (entries.size >= size) entries.delete(entries.keys().next().value as string);
    entries.set(key, { until: clock.monotonic() + ttl, found });
  };
  const bounded = (pending: Promise<TokenAnswer>): Promise<TokenAnswer> =>
    new Promise((resolve, reject) => {
      const timer = clock.after(patience, () => reject(new TokenError("context deadline exceeded")));
      pending.then(resolve, reject).finally(() => timer.cancel());
    });
  const wait = async (pending: Promise<TokenAnswer>, began: number): Promise<TokenAnswer> => {
    const there = observer.blocking();
    try {
      return await pending;
    } finally {
      there();
      observer.miss((clock.monotonic() - began) / 1000);
    }
  };
  /** At once where nobody outside has to be asked. */
  const fetch = (token: string, audiences: readonly string[], key: string, began: number): TokenAnswer | Promise<TokenAnswer> => {
    const fetched = observer.fetching();
    let answer: TokenAnswer | Promise<TokenAnswer>;
    try {
      answer = inner.authenticateToken(token, audiences);
    } catch (error) {
      fetched(false);
      observer.miss((clock.monotonic() - began) / 1000);
      throw error;
    }
    if (!(answer instanceof Promise)) {
      fetched(true);
      remember(key, answer);
      observer.miss((clock.monotonic() - began) / 1000);
      return answer;
    }
    const shared = bounded(answer)
      .then(
        (found) => {
          fetched(true);
          remember(key, found);
          return found;
        },
        (error: unknown) => {
          fetched(false);
          throw error;
        },
      )
      .finally(() => asking.delete(key));
    asking.set(key, shared);
    return wait(shared, began);
  };
  return {
    authenticateToken(token, audiences) {
      const key = keyOf(token, audiences);
      const began = clock.monotonic();
      const known = entries.get(key);
      if (known && began < known.until) {
        observer.hit((clock.monotonic() - began) / 1000);
        return known.found;
      }
      entries.delete(key);
      const asked = asking.get(key);
      return asked ? wait(asked, began) : fetch(token, audiences, key, began);
    },
  };
}
