/** Tokens that somebody outside has made or knows: JSON Web Tokens of other issuers, and the webhook's. */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Random } from "../../base/random.ts";
import { authenticationSeries } from "../metrics/authentication.ts";
import type { DefaultAuthenticationOptions } from "./default.ts";
import { JwtAuthentication, type JwtAuthenticationSource } from "./jwt/jwt-authentication.ts";
import { TokenWebhook, type TokenWebhookOptions } from "./token-webhook.ts";
import type { OutgoingSeries } from "../outside/post.ts";

export interface OutsideTokenOptions {
  /** Issuers of JSON Web Tokens. */
  jwt?: JwtAuthenticationSource;
  /** Who is asked about tokens that nobody here knows. */
  tokenWebhook?: Pick<TokenWebhookOptions, "target" | "version"> & { cacheTtlMs: number };
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Tells servers apart in metrics. */
  hostname?: string;
}

export type OutsideTokens = Pick<DefaultAuthenticationOptions, "jwt" | "webhook"> & AsyncDisposable;

/** Throws ConfigurationError. */
export function outsideTokens(
  { jwt: source, tokenWebhook, clock, random, logger, hostname = "" }: OutsideTokenOptions,
  { issuers, audiences, metrics, outgoing }: { issuers: readonly string[]; audiences: readonly string[]; metrics: Metrics; outgoing: OutgoingSeries },
): OutsideTokens {
  const log = logger.child("authentication");
  const jwt =
    source &&
    new JwtAuthentication({
      ...source,
      audiences,
      serviceAccountIssuers: issuers,
      clock,
      logger: log,
      series: authenticationSeries(metrics, clock, `apiserver-${hostname}`),
    });
  const webhook = tokenWebhook && new TokenWebhook({ ...tokenWebhook, audiences, clock, random, logger: log, outgoing });
  return {
    ...(jwt ? { jwt } : {}),
    ...(webhook ? { webhook: { authenticator: webhook, cacheTtlMs: tokenWebhook.cacheTtlMs } } : {}),
    async [Symbol.asyncDispose]() {
      webhook?.[Symbol.dispose]();
      await jwt?.[Symbol.asyncDispose]();
    },
  };
}
