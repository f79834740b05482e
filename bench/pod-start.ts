/**
 * From the creation of a pod to Ready as a watcher sees it, its image present: one after the other, and many at once.
 * Without --kubeconfig on a cluster of ours that is made for it (root); with it on any cluster, for a peer's numbers.
 *
 * Usage: node bench/pod-start.ts [--kubeconfig FILE] [--singles N] [--burst N] [--rounds N] [--images TAR] [--dir DIR] [--port N] [--wait SECONDS]
 *   --singles  pods one by one @default 20
 *   --burst    pods at once @default 50
 *   --rounds   of both @default 2
 */
import { parseArgs } from "../tools/command-line.ts";
import { systemClock } from "../src/base/clock.ts";
import type { Client } from "../src/client/client.ts";
import { readAdminClient } from "../src/distro/admin-client.ts";
import { cluster, machineFree } from "./cluster.ts";
import { describeMachine } from "./machine.ts";
import { podStarts } from "./pod-starts.ts";
import { median, percent, quantile, spread, table } from "./statistics.ts";

const { values } = parseArgs({
  options: {
    kubeconfig: { type: "string" },
    singles: { type: "string", default: "20" },
    burst: { type: "string", default: "50" },
    rounds: { type: "string", default: "2" },
    images: { type: "string", default: "/var/tmp/k8ts-judges/images.tar" },
    dir: { type: "string", default: "/var/tmp/k8ts-bench/pod-start" },
    port: { type: "string", default: "22211" },
    wait: { type: "string", default: "0" },
  },
});
const clock = systemClock;
process.stdout.write(`${describeMachine()}\n`);

if (values.kubeconfig) await measure(readAdminClient(values.kubeconfig, clock));
else {
  await machineFree(Number(values.wait));
  await using ours = cluster(values.dir, values.port);
  await ours.k8ts("up");
  await ours.k8ts("image import", values.images);
  await measure(ours.client());
}

async function measure(client: Client): Promise<void> {
  const singles: number[][] = [];
  const lasts: number[] = [];
  for (let round = 1; round <= Number(values.rounds); round++) {
    const starts = await podStarts(client, Number(values.singles), Number(values.burst));
    singles.push(starts.singles);
    lasts.push(starts.last);
    process.stderr.write(
      `round ${round}: one by one p50 ${median(starts.singles).toFixed(3)} s, p99 ${quantile(starts.singles, 0.99).toFixed(3)} s; last of ${values.burst} ${starts.last.toFixed(2)} s\n`,
    );
  }
  await client.transport[Symbol.asyncDispose]();
  const medians = singles.map(median);
  const rows = [
    [`one by one (${values.singles}), p50`, `${median(medians).toFixed(3)} s (${percent(spread(medians))})`],
    ["one by one, p99 of all", `${quantile(singles.flat(), 0.99).toFixed(3)} s`],
    [`${values.burst} at once, last`, `${median(lasts).toFixed(2)} s (${percent(spread(lasts))})`],
  ];
  process.stdout.write(`${table(["pod created to Ready", "median (spread)"], rows)}\n`);
}
