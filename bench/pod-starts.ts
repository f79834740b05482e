/** Pods from their creation to Ready, as a watcher sees them, on any cluster that has their image. */
import type { Pod } from "../src/api/types/core-v1.gen.ts";
import { systemClock } from "../src/base/clock.ts";
import type { Client } from "../src/client/client.ts";
import { pods } from "../src/client/resources.gen.ts";
import { image } from "./cluster.ts";
import { median } from "./statistics.ts";

const clock = systemClock;
const namespace = "default";
const limit = 240_000;

/** Seconds. */
export interface PodStarts {
  /** Of each pod that was created alone. */
  singles: number[];
  /** From the first creation to the Ready of half of those that were created at once. */
  half: number;
  /** The same to the last Ready. */
  last: number;
  /** By what the meter counted meanwhile. */
  spent: Record<string, number>;
}

/**
 * Leaves no pod behind. Rejects when some are not Ready, or not gone, within four minutes. `meter`: readings that only grow, by
 * name.
 */
export async function podStarts(client: Client, singles: number, burst: number, meter: () => Record<string, number> = () => ({})): Promise<PodStarts> {
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
  await create("first");
  await until(seen.ready, ["first"]);
  await remove(["first"]);
  const times: number[] = [];
  for (let i = 0; i < singles; i++) {
    const name = `single-${i}`;
    const began = await create(name);
    await until(seen.ready, [name]);
    times.push(((seen.ready.get(name) as number) - began) / 1000);
    await remove([name]);
    seen.ready.delete(name);
    seen.gone.delete(name);
  }
  const names = Array.from({ length: burst }, (_, i) => `burst-${i}`);
  const before = meter();
  const began = clock.monotonic();
  await Promise.all(names.map(create));
  await until(seen.ready, names);
  const spent = Object.fromEntries(Object.entries(meter()).map(([name, reading]) => [name, reading - (before[name] ?? 0)]));
  const readyAfter = names.map((name) => ((seen.ready.get(name) as number) - began) / 1000);
  await remove(names);
  stop.abort();
  await watching.catch(() => undefined);
  return { singles: times, half: median(readyAfter), last: Math.max(...readyAfter), spent };
}
