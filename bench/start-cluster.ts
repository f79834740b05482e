/**
 * startCluster() from the released bundle, in fresh processes: the first cluster of a process with the import, each further
 * one beside it; time, processor time and memory above bare Node. Beside it what envtest starts for a test:
 * kube-apiserver and etcd, without controllers, until /readyz says 200.
 *
 * Usage: node bench/start-cluster.ts [--rounds N] [--clusters N] [--dist DIR] [--only ours] [--bin DIR] [--dir DIR] [--port N]
 *   --rounds    @default 5
 *   --clusters  in one process @default 5
 *   --dist      a release that is built already @default built from a copy of this tree
 *   --only      "ours": without the peer
 *   --bin       kube-apiserver and etcd, see conformance/build.ts @default /var/tmp/k8ts-judges/bin
 *   --dir       the copy, the peer's data @default /var/tmp/k8ts-bench
 *   --port      the first of three ports @default 22220
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "../tools/command-line.ts";
import { describeMachine, root } from "./machine.ts";
import { makePKI, startPeer } from "./servers.ts";
import { median, percent, short, spread, table } from "./statistics.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    clusters: { type: "string", default: "5" },
    dist: { type: "string" },
    only: { type: "string" },
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    dir: { type: "string", default: "/var/tmp/k8ts-bench" },
    port: { type: "string", default: "22220" },
  },
});
interface Times {
  ms: number;
  cpuMs: number;
}
interface Round {
  bare: number;
  first: Times;
  firstMiB: number;
  further: Times[];
  furtherMiB: number;
  disposeMs: number;
}

/** The release of a copy: what is being worked on here stays as it is. */
function buildRelease(): string {
  const copy = join(values.dir, "release");
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy, { recursive: true });
  for (const part of ["src", "tools", "package.json", "tsconfig.json"]) cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  execFileSync(process.execPath, ["tools/build.ts"], { cwd: copy, stdio: "ignore" });
  return join(copy, "dist");
}

process.stdout.write(`${describeMachine()}\n`);
const dist = values.dist ?? buildRelease();
const child = join(import.meta.dirname, "start-cluster-child.mjs");
const rounds: Round[] = [];
const peer: number[] = [];
for (let round = 1; round <= Number(values.rounds); round++) {
  rounds.push(JSON.parse(execFileSync(process.execPath, [child, join(dist, "index.js"), values.clusters], { encoding: "utf8" })) as Round);
  const { first, further } = rounds.at(-1) as Round;
  process.stderr.write(`round ${round}: first ${short(first.ms)} ms, further ${further.map(({ ms }) => short(ms)).join(", ")} ms\n`);
  if (values.only === "ours") continue;
  const options = { directory: join(values.dir, "peer"), pki: await makePKI(join(values.dir, "pki")), port: Number(values.port), bin: values.bin };
  await using server = await startPeer(options);
  peer.push(server.readyAfter);
  process.stderr.write(`round ${round}: kube-apiserver and etcd ${short(server.readyAfter)} ms\n`);
}
const cell = (series: number[], unit: string): string => `${short(median(series))} ${unit} (${percent(spread(series))})`;
const further = rounds.flatMap((round) => round.further);
const rows = [
  [
    "first cluster, with the import",
    "500 ms",
    cell(
      rounds.map((r) => r.first.ms),
      "ms",
    ),
    peer.length ? cell(peer, "ms") : "",
  ],
  [
    "its processor time",
    "",
    cell(
      rounds.map((r) => r.first.cpuMs),
      "ms",
    ),
    "",
  ],
  [
    `its memory above bare Node (${short(median(rounds.map((r) => r.bare)))} MiB)`,
    "100 MB",
    cell(
      rounds.map((r) => r.firstMiB),
      "MiB",
    ),
    "",
  ],
  [
    "each further one",
    "100 ms",
    cell(
      further.map((t) => t.ms),
      "ms",
    ),
    peer.length ? cell(peer, "ms") : "",
  ],
  [
    "its processor time",
    "",
    cell(
      further.map((t) => t.cpuMs),
      "ms",
    ),
    "",
  ],
  [
    "its memory",
    "15 MB",
    cell(
      rounds.map((r) => r.furtherMiB),
      "MiB",
    ),
    "",
  ],
  [
    "taking one away",
    "",
    cell(
      rounds.map((r) => r.disposeMs),
      "ms",
    ),
    "",
  ],
];
process.stdout.write(`${table(["", "goal", "startCluster", "kube-apiserver + etcd to /readyz"], rows)}\n`);
