/**
 * A configuration file of authorizers that is read again when it changes (pkg/kubeapiserver/authorizer/reload.go). A file that is
 * wrong is not used: the former configuration stays in force.
 */
import { readFileSync } from "node:fs";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { ConfigurationError } from "../configuration-file.ts";
import type { ReloadSeries } from "../metrics/reloads.ts";
import { followFile } from "../outside/follow-file.ts";
import type { AuthorizerChain } from "./chain.ts";
import { parseAuthorizationConfiguration } from "./configuration.ts";

export interface FollowOptions {
  readonly file: string;
  /** What it said when the chain was made. */
  readonly text: string;
  readonly chain: AuthorizerChain;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly series: ReloadSeries;
  readonly signal: AbortSignal;
}

/** Milliseconds between looks where nothing is heard of changes. */
const interval = 60_000;

/** Ends with the signal. */
export function followAuthorization({ file, text, chain, clock, logger, series, signal }: FollowOptions): Promise<void> {
  let last = text;
  series.configured(text);
  const read = (): void => {
    try {
      const next = readFileSync(file, "utf8");
      if (next === last) return;
      last = next;
      chain.replace(parseAuthorizationConfiguration(next, chain.needed));
      series.reloaded(next);
      logger.info("reloaded authz config", { file });
    } catch (error) {
      if (!(error instanceof ConfigurationError) && (error as NodeJS.ErrnoException).code === undefined) throw error;
      series.reloaded(undefined);
      logger.error("reloading authorization config", { file, error: (error as Error).message });
    }
  };
  // It may have changed since it was read.
  read();
  return followFile({ file, interval, clock, signal, changed: read });
}
