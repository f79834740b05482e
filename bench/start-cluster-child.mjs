/**
 * One round of start-cluster.ts, in a process of its own: the first cluster with the import, then more beside it. Writes
 * one line of JSON: milliseconds and MiB.
 *
 * Usage: node --expose-gc start-cluster-child.mjs BUNDLE CLUSTERS
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const [bundle, clusters] = process.argv.slice(2);
const resident = () => Number(/^Rss:\s+(\d+)/m.exec(readFileSync("/proc/self/smaps_rollup", "utf8"))[1]) / 1024;
const bare = resident();
const started = { at: performance.now(), cpu: process.cpuUsage() };
/** Since the last call. */
function lap() {
  const cpu = process.cpuUsage(started.cpu);
  const times = { ms: performance.now() - started.at, cpuMs: (cpu.user + cpu.system) / 1000 };
  Object.assign(started, { at: performance.now(), cpu: process.cpuUsage() });
  return times;
}
const { startCluster } = await import(resolve(bundle));
const running = [await startCluster()];
const first = lap();
const firstMiB = resident() - bare;
const further = [];
while (running.length < Number(clusters)) {
  lap();
  running.push(await startCluster());
  further.push(lap());
}
const furtherMiB = (resident() - bare - firstMiB) / further.length;
lap();
for (const cluster of running) await cluster[Symbol.asyncDispose]();
const disposed = lap();
process.stdout.write(`${JSON.stringify({ bare, first, firstMiB, further, furtherMiB, disposeMs: disposed.ms / running.length })}\n`);
