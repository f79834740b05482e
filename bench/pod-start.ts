/**
 * From the creation of a pod to Ready as a watcher sees it, its image present: one after the other, and many at once.
 * Without --kubeconfig on a cluster of ours that is made for it (root); with it on any cluster, for a peer's numbers.
 *
 * Usage: node bench/pod-start.ts [--kubeconfig FILE] [--singles N] [--burst N] [--rounds N] [--images TAR] [--dir DIR] [--port N] [--wait SECONDS]
 *   --singles  pods one by one @default 20
 *   --burst    pods at once @default 50
 *   --rounds   of both @default 2
 */
import { parseArgs } from "node:util";
import type { Pod } from "../src/api/types/core-v1.gen.ts";
import { systemClock } from "../src/base/clock.ts";
import type { Client } from "../src/client/client.ts";
import { pods } from "../src/client/resources.gen.ts";
import { readAdminClient } from "../src/distro/admin-client.ts";
import { cluster, image, machineFree } from "./cluster.ts";
import { describeMachine } from "./machine.ts";
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
const namespace = "default";
const limit = 240_000;
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
  const api = client.resource(pods);
  const seen = { ready: new Map<string, number>(), gone: new Map<string, number>() };
  let look = (): void => {};
  const stop = new AbortController();
  const { metadata } = await api.list({ namespace });
  const watching = (async () => {
    for await (const event of api.watch({ namespace, resourceVersion: metadata.resourceVersion, signal: stop.signal })) {
      const pod = event.object as Pod;
      const { name } = pod.metadata;
      if (event.type === "DELETED") seen.gone.set(name, clock.monotonic());
      else if (pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") && !seen.ready.has(name))
        seen.ready.set(name, clock.monotonic());
      look();
    }
  })();
  const until = async (map: Map<string, number>, names: readonly string[]): Promise<void> => {
    const all = new Promise<void>((resolve) => {
      look = () => {
        if (names.every((name) => map.has(name))) resolve();
      };
      look();
    });
    const late = clock.after(limit, () => stop.abort(new Error(`not all of ${names.join(" ")} within ${limit / 1000} s`)));
    await Promise.race([all, watching]);
    late.cancel();
  };
  const create = async (name: string): Promise<number> => {
    const began = clock.monotonic();
    const containers = [{ name: "c", image, args: ["pause"], imagePullPolicy: "IfNotPresent" as const }];
    await api.create(namespace, { metadata: { name }, spec: { terminationGracePeriodSeconds: 0, containers } });
    return began;
  };
  const remove = async (names: readonly string[]): Promise<void> => {
    for (const name of names) await api.delete(namespace, name);
    await until(seen.gone, names);
  };
  const singles: number[][] = [];
  const lasts: number[] = [];
  await create("first");
  await until(seen.ready, ["first"]);
  await remove(["first"]);
  for (let round = 1; round <= Number(values.rounds); round++) {
    const times: number[] = [];
    for (let i = 0; i < Number(values.singles); i++) {
      const name = `single-${round}-${i}`;
      const began = await create(name);
      await until(seen.ready, [name]);
      times.push(((seen.ready.get(name) as number) - began) / 1000);
      await remove([name]);
    }
    singles.push(times);
    const names = Array.from({ length: Number(values.burst) }, (_, i) => `burst-${round}-${i}`);
    const began = clock.monotonic();
    await Promise.all(names.map(create));
    await until(seen.ready, names);
    lasts.push((Math.max(...names.map((name) => seen.ready.get(name) as number)) - began) / 1000);
    await remove(names);
    process.stderr.write(
      `round ${round}: one by one p50 ${median(times).toFixed(3)} s, p99 ${quantile(times, 0.99).toFixed(3)} s; last of ${names.length} ${lasts.at(-1)?.toFixed(2)} s\n`,
    );
  }
  stop.abort();
  await watching.catch(() => undefined);
  await client.transport[Symbol.asyncDispose]();
  const medians = singles.map(median);
  const rows = [
    [`one by one (${values.singles}), p50`, `${median(medians).toFixed(3)} s (${percent(spread(medians))})`],
    ["one by one, p99 of all", `${quantile(singles.flat(), 0.99).toFixed(3)} s`],
    [`${values.burst} at once, last`, `${median(lasts).toFixed(2)} s (${percent(spread(lasts))})`],
  ];
  process.stdout.write(`${table(["pod created to Ready", "median (spread)"], rows)}\n`);
}
