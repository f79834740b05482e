/** Work that only one of several processes does. */
import { hostname } from "node:os";
import type { HealthCheck } from "../../api/health-checks.ts";
import { type Clock, systemClock } from "../../base/clock.ts";
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

/** Beyond the lease's time, in which a leader that lost it may still be ending. */
const endingMs = 20_000;

/** Whether a leader that could not renew its lease works on all the same (k8s.io/client-go/tools/leaderelection/healthzadaptor.go). */
export class LeaderHealth {
  readonly checks: readonly HealthCheck[];
  readonly #clock: Clock;
  /** Monotonic milliseconds; undefined while another one leads. */
  #renewed: number | undefined;

  constructor(flags: LeaderElectionFlags, clock: Clock) {
    this.#clock = clock;
    const patience = flags["leader-elect-lease-duration"] + endingMs;
    const why = `failed election to renew leadership on lease ${flags["leader-elect-resource-name"]}`;
    const late = (): boolean => this.#renewed !== undefined && clock.monotonic() - this.#renewed > patience;
    this.checks = flags["leader-elect"] ? [{ name: "leaderElection", check: () => (late() ? why : undefined) }] : [];
  }
  renewed(): void {
    this.#renewed = this.#clock.monotonic();
  }
  ended(): void {
    this.#renewed = undefined;
  }
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

export interface Leading {
  client: Client;
  logger: Logger;
  signal: AbortSignal;
  metrics: Metrics;
  component: string;
  health: LeaderHealth;
}

/** `component`: who tells of it in events. Rejects with LeadershipLostError when the lease was lost; without an election it works at once. */
export async function leading(
  flags: LeaderElectionFlags,
  { client, logger, signal, metrics, component, health }: Leading,
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
      health.ended();
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
      onRenewed: () => health.renewed(),
      onNewLeader: (identity) => logger.info("the leader is", { identity }),
    },
    lead,
    signal,
  );
}
