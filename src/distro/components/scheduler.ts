/** `k8ts scheduler`: the scheduler alone, against any API server. */
import { hostname } from "node:os";
import { systemClock } from "../../base/clock.ts";
import { systemRandom } from "../../base/random.ts";
import { createInformerFactory, withoutManagedFields } from "../../client/factory.ts";
import { createScheduler } from "../../scheduler/scheduler.ts";
import { foreground } from "../foreground.ts";
import {
  clientRefusals,
  commonRefusals,
  kubeconfigFlags,
  leaderElectionFlags,
  profilingFlag,
  servingFlags,
  servingRefusals,
  verbosity,
} from "./common-flags.ts";
import { clientFrom, connection } from "./connect.ts";
import { file } from "./flag-types.ts";
import { defineComponent, type FlagValues, type Refusals } from "./flags.ts";
import { checkLeaderElection, LeaderHealth, leading } from "./leader.ts";
import { readSchedulerConfig } from "./scheduler-config.ts";
import type { HealthCheck } from "../../api/health-checks.ts";
import { showBuild } from "../../api/version.ts";
import { Metrics } from "../../base/metrics.ts";
import { ClientMetrics } from "./client-metrics.ts";
import { addProcessMetrics } from "./process-metrics.ts";
import { flagTexts } from "./flag-texts.ts";
import { startSecureHealthServer } from "./secure-health.ts";

const flags = {
  ...verbosity,
  ...kubeconfigFlags,
  ...servingFlags(10259),
  ...leaderElectionFlags("kube-scheduler"),
  config: file("KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1); what it says replaces the flags"),
  profiling: profilingFlag,
} as const;

const refused: Refusals = [
  ...commonRefusals,
  ...clientRefusals,
  ...servingRefusals,
  ["configuration is not written anywhere", "write-config-to"],
  ["pods that wait are looked at again after five minutes", "pod-max-in-unschedulable-pods-duration"],
];

export const component = defineComponent({
  name: "scheduler",
  summary: "the scheduler alone",
  description: "The scheduler against any Kubernetes v1.36 API server. Flags are kube-scheduler's.",
  examples: ["k8ts scheduler --kubeconfig=scheduler.conf", "k8ts scheduler --config=scheduler.yaml --leader-elect=false"],
  flags,
  refused,
  run,
});

async function run(given: FlagValues<typeof flags>): Promise<void> {
  const read = given.config ? readSchedulerConfig(given.config) : undefined;
  const settings = { ...given, ...read?.leaderElection };
  checkLeaderElection(settings);
  const server = connection(read?.kubeconfig ?? given.kubeconfig);
  const metrics = new Metrics();
  addProcessMetrics(metrics, systemClock);
  showBuild(metrics);
  const client = clientFrom(server, "kube-scheduler", new ClientMetrics(metrics, systemClock));
  const { logger, signal } = foreground("scheduler", given.v);
  const informers = createInformerFactory({
    client,
    clock: systemClock,
    logger: logger.child("informers"),
    random: systemRandom,
    project: withoutManagedFields,
  });
  const scheduler = createScheduler({
    client,
    informers,
    clock: systemClock,
    random: systemRandom,
    logger,
    hostname: hostname(),
    ...(read ? { config: read.config } : {}),
  });
  metrics.include(scheduler.metrics);
  const election = new LeaderHealth(settings, systemClock);
  const shutdown: HealthCheck = { name: "shutdown", check: () => (signal.aborted ? "process is shutting down" : undefined) };
  let synced = false;
  const handlers: HealthCheck = { name: "sched-handler-sync", check: () => (synced ? undefined : "handlers are not fully synchronized") };
  await using _health = await startSecureHealthServer(settings, {
    name: "kube-scheduler",
    flags: flagTexts(flags, given),
    client,
    metrics,
    logger,
    checks: (root) => (root === "livez" ? [] : root === "healthz" ? election.checks : [...election.checks, shutdown, handlers]),
  });
  logger.info("starting", { server: server.server });
  informers.start(signal);
  informers.synced(signal).then(
    () => (synced = true),
    () => {},
  );
  await leading(
    settings,
    { client, logger, signal, metrics, health: election, component: read?.config.profiles.keys().next().value ?? "default-scheduler" },
    (term) => scheduler.run(term),
  );
  await client.transport[Symbol.asyncDispose]();
}
