/**
 * API servers under load, peer and ours in turn (A B A B), each time from an empty store: requests and watch events per
 * second, memory after all pods exist, processor time per request. Everything is switched on for both: TLS and client
 * certificates, Node and RBAC, priority and fairness, default admission with a policy and webhooks that other resources have,
 * audit to a file, encryption of Secrets, a resource of a definition; see bench/servers.ts.
 *
 * Usage: node bench/apiserver.ts [--rounds N] [--scale X] [--only ours|peer] [--plain] [--profile DIR] [--json FILE] [--bin DIR] [--dir DIR] [--port N]
 *   --rounds   of each server @default 5; fewer establish nothing
 *   --scale    factor of the counts of measured steps @default 1: 5,000 pods
 *   --only     one of both, for profiles
 *   --plain    without policy, webhooks, definition and encryption: what these cost
 *   --profile  writes V8's CPU profile of our server there; `node bench/profile.ts FILE` sums it up
 *   --json     every round's numbers
 *   --bin      kube-apiserver and etcd, see conformance/build.ts @default /var/tmp/k8ts-judges/bin
 *   --dir      data directories, certificates and the load generator @default /var/tmp/k8ts-bench
 *   --port     the first of three ports @default 22200
 *   --workload @default bench/workloads/apiserver.json
 */
import type { StepResult } from "./load.ts";
import { sideBySide } from "./side-by-side.ts";
import { short } from "./statistics.ts";

await sideBySide(
  "apiserver.json",
  [
    { of: "perSecond", name: "", unit: "/s" },
    { of: "eventsPerSecond", name: ", watch events", unit: "/s" },
    { of: "p99", name: ", p99", unit: " ms" },
    { of: "serverCPU", name: ", server CPU", unit: " s" },
    { of: "pssMiB", name: "", unit: " MiB" },
  ],
  line,
);

function line({
  step,
  perSecond,
  eventsPerSecond,
  p50,
  p99,
  pssMiB,
  requests = 1,
  serverCPU = 0,
  clientCPU = 0,
  bytesEach,
  watchRestarts,
}: StepResult): string {
  if (pssMiB) return `${step}: ${short(pssMiB)} MiB`;
  const events = eventsPerSecond ? `, ${short(eventsPerSecond)} events/s${watchRestarts ? ` (${watchRestarts} watches cut)` : ""}` : "";
  const cpu = `server ${short((serverCPU / requests) * 1e6)} us, client ${short((clientCPU / requests) * 1e6)} us of CPU each`;
  return `${step}: ${short(perSecond ?? 0)}/s${events}, p50 ${short(p50 ?? 0)} ms, p99 ${short(p99 ?? 0)} ms, ${cpu}, ${bytesEach} bytes`;
}
