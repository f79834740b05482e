/** Authorization as it is configured: the chain, counted, and the file that it follows. */
import type { PolicyRule } from "../../api/types/rbac-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Random } from "../../base/random.ts";
import type { Reader } from "../../cache/cache.ts";
import { webhookAuthorizerSeries } from "../metrics/authorization.ts";
import { reloadSeries } from "../metrics/reloads.ts";
import { countDecisions } from "../metrics/identity.ts";
import type { AbacAuthorizer } from "./abac.ts";
import { AuthorizerChain } from "./chain.ts";
import type { AuthorizerSettings } from "./configuration.ts";
import { followAuthorization } from "./follow.ts";
import type { OutgoingSeries } from "../outside/post.ts";

/** Who decides who may do what. */
export interface AuthorizationSource {
  /** In their order. */
  authorizers: readonly AuthorizerSettings[];
  /** The authorizer ABAC, where it is one of them. */
  abac?: AbacAuthorizer;
  /** Where they stand, and what it said; they follow it when it changes. */
  file?: { path: string; text: string };
}

const nodeAndRBAC: AuthorizationSource = {
  authorizers: [
    { type: "Node", name: "node" },
    { type: "RBAC", name: "rbac" },
  ],
};

export interface OpenOptions {
  readonly reader: Reader;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly outgoing?: OutgoingSeries;
  readonly nodeRules: readonly PolicyRule[];
  /** Tells servers apart in metrics. */
  readonly server: string;
}

export interface OpenAuthorization extends AsyncDisposable {
  readonly chain: AuthorizerChain;
}

/** Throws ConfigurationError. */
export function openAuthorization({ authorizers, abac, file } = nodeAndRBAC, { metrics, server, ...options }: OpenOptions): OpenAuthorization {
  const series = webhookAuthorizerSeries(metrics);
  const chain = new AuthorizerChain({ ...options, authorizers, ...(abac ? { abac } : {}), series, counted: countDecisions(metrics) });
  const stop = new AbortController();
  const { clock, logger } = options;
  const following =
    file &&
    followAuthorization({
      ...{ file: file.path, text: file.text, chain, clock, logger, signal: stop.signal },
      series: reloadSeries(metrics, clock, "authorization", server),
    });
  return {
    chain,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await following;
      chain[Symbol.dispose]();
    },
  };
}
