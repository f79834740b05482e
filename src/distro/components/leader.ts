/** Work that only one of several processes does. */
import { hostname } from "node:os";
import { systemClock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import { systemRandom } from "../../base/random.ts";
import type { Client } from "../../client/client.ts";
import { createEventRecorder } from "../../client/events.ts";
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

/** `component`: who tells of it in events. Rejects with LeadershipLostError when the lease was lost; without an election it works at once. */
export async function leading(
  flags: LeaderElectionFlags,
  { client, logger, signal, metrics, component }: { client: Client; logger: Logger; signal: AbortSignal; metrics: Metrics; component: string },
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  if (!flags["leader-elect"]) return work(signal);
  const name = flags["leader-elect-resource-name"];
  const master = metrics.gauge(
    "leader_election_master_status",
    "[ALPHA] Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master. 'name' is the string used to identify the lease. Please make sure to group by name.",
    ["name"],
  );
  master.set(0, name);
  const events = createEventRecorder({ client, clock: systemClock, random: systemRandom, logger, component });
  const lead = async (term: AbortSignal): Promise<void> => {
    master.set(1, name);
    try {
      await work(term);
    } finally {
      master.set(0, name);
    }
  };
  await runAsLeader(
    {
      client,
      clock: systemClock,
      random: systemRandom,
      logger,
      namespace: flags["leader-elect-resource-namespace"],
      name,
      identity: `${hostname()}_${systemRandom.uuid()}`,
      leaseDuration: flags["leader-elect-lease-duration"],
      renewDeadline: flags["leader-elect-renew-deadline"],
      retryPeriod: flags["leader-elect-retry-period"],
      events,
      onNewLeader: (identity) => logger.info("the leader is", { identity }),
    },
    lead,
    signal,
  );
}
