/** Work that only one of several processes does. */
import { hostname } from "node:os";
import { systemClock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { systemRandom } from "../../base/random.ts";
import type { Client } from "../../client/client.ts";
import { runAsLeader } from "../../client/leader-election.ts";
import { FlagError } from "./flag-error.ts";

export interface LeaderElectionFlags {
  readonly "leader-elect": boolean;
  readonly "leader-elect-lease-duration": number;
  readonly "leader-elect-renew-deadline": number;
  readonly "leader-elect-retry-period": number;
  readonly "leader-elect-resource-name": string;
  readonly "leader-elect-resource-namespace": string;
}

/** Client-go's JitterFactor: a renewal must fit in at least one try. */
const jitter = 1.2;

/** Throws FlagError for times that would give two leaders or none. */
export function checkLeaderElection(flags: LeaderElectionFlags): void {
  const { "leader-elect-lease-duration": lease, "leader-elect-renew-deadline": renew, "leader-elect-retry-period": retry } = flags;
  if (!flags["leader-elect"]) return;
  if (lease <= renew)
    throw new FlagError([`--leader-elect-lease-duration (${lease / 1000}s) must be longer than --leader-elect-renew-deadline (${renew / 1000}s)`]);
  if (renew <= retry * jitter)
    throw new FlagError([
      `--leader-elect-renew-deadline (${renew / 1000}s) must be longer than ${jitter} times --leader-elect-retry-period (${retry / 1000}s)`,
    ]);
}

/** Rejects with LeadershipLostError when the lease was lost; without an election it works at once. */
export async function leading(
  flags: LeaderElectionFlags,
  { client, logger, signal }: { client: Client; logger: Logger; signal: AbortSignal },
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  if (!flags["leader-elect"]) return work(signal);
  await runAsLeader(
    {
      client,
      clock: systemClock,
      random: systemRandom,
      logger,
      namespace: flags["leader-elect-resource-namespace"],
      name: flags["leader-elect-resource-name"],
      identity: `${hostname()}_${systemRandom.uuid()}`,
      leaseDuration: flags["leader-elect-lease-duration"],
      renewDeadline: flags["leader-elect-renew-deadline"],
      retryPeriod: flags["leader-elect-retry-period"],
      onNewLeader: (identity) => logger.info("the leader is", { identity }),
    },
    work,
    signal,
  );
}
