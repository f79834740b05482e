/**
 * Our kubelet beside upstream's on the same control plane (ours) and the same containerd, in turns: pods from their creation
 * to Ready, one after the other and many at once, and whose processor time the many are. Root, on a machine of its own:
 *
 *   sh conformance/own-machine.sh node bench/kubelets.ts [--singles N] [--burst N] [--rounds N] [--images TAR] [--dir DIR] [--bin DIR]
 *
 *   --singles  pods one by one @default 20
 *   --burst    pods at once @default 50
 *   --rounds   of each kubelet @default 5
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "../tools/command-line.ts";
import { NodeOfParts } from "../conformance/node/node.ts";
import { cpuSecondsWithEnded, describeMachine } from "./machine.ts";
import { type PodStarts, podStarts } from "./pod-starts.ts";
import { median, percent, quantile, spread, table } from "./statistics.ts";

const { values } = parseArgs({
  options: {
    singles: { type: "string", default: "20" },
    burst: { type: "string", default: "50" },
    rounds: { type: "string", default: "5" },
    images: { type: "string", default: "/var/tmp/k8ts-judges/images.tar" },
    dir: { type: "string", default: "/var/tmp/k8ts-bench/kubelets" },
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
  },
});
process.stdout.write(`${describeMachine()}\n`);
rmSync(values.dir, { recursive: true, force: true });
const sides = ["upstream", "ours"] as const;
const runs: Record<(typeof sides)[number], PodStarts[]> = { upstream: [], ours: [] };
{
  await using node = await NodeOfParts.start({
    ...{ server: "ours", kubelet: "upstream", proxy: "ours", dns: "ours", directory: join(values.dir, "node") },
    ...{ bin: values.bin, images: values.images },
  });
  for (let round = 1; round <= Number(values.rounds); round++)
    for (const side of sides) {
      await node.useKubelet(side);
      const starts = await podStarts(node.client, Number(values.singles), Number(values.burst), () => processorTime(node));
      runs[side].push(starts);
      process.stderr.write(
        `round ${round}, ${side}: one by one p50 ${median(starts.singles).toFixed(3)} s, p99 ${quantile(starts.singles, 0.99).toFixed(3)} s; of ${values.burst} half ${starts.half.toFixed(2)} s, last ${starts.last.toFixed(2)} s\n`,
      );
    }
}

/** Seconds so far. The machine of its own is a group of its own: what is nobody else's is the runtime's and the containers'. */
function processorTime({ kubelet, programs }: NodeOfParts): Record<string, number> {
  const [v1, v2] = ["/sys/fs/cgroup/cpuacct/cpuacct.usage", "/sys/fs/cgroup/cpu.stat"] as const;
  const whole = existsSync(v1) ? Number(readFileSync(v1, "utf8")) / 1e9 : Number(/usage_usec (\d+)/.exec(readFileSync(v2, "utf8"))?.[1]) / 1e6;
  const bench = process.cpuUsage();
  const of = (...names: string[]): number =>
    programs.filter((program) => program.running && names.includes(program.name)).reduce((sum, { pid }) => sum + cpuSecondsWithEnded(pid), 0);
  const own = cpuSecondsWithEnded(kubelet.pid);
  const plane = of("apiserver", "scheduler", "controller-manager");
  const node = own + of("proxy", "dns");
  return { kubelet: own, plane, runtime: whole - plane - node - (bench.user + bench.system) / 1e6, whole: whole - (bench.user + bench.system) / 1e6 };
}

const row = (name: string, figure: (starts: PodStarts) => number, digits = 3, unit = "s"): string[] => {
  const [theirs, ours] = sides.map((side) => runs[side].map(figure)) as [number[], number[]];
  const ratios = ours.map((one, i) => one / (theirs[i] as number));
  const one = (list: number[]): string => `${median(list).toFixed(digits)} ${unit} (${percent(spread(list))})`;
  const ratio = median(ours) / median(theirs);
  return [name, one(theirs), one(ours), spread(ratios) > 0.3 ? `${ratio.toFixed(2)}x, not established` : `${ratio.toFixed(2)}x (${percent(spread(ratios))})`];
};
const rows = [
  row(`one by one (${values.singles}), p50`, ({ singles }) => median(singles)),
  row("one by one, p99", ({ singles }) => quantile(singles, 0.99)),
  row(`${values.burst} at once, half of them`, ({ half }) => half),
  row(`${values.burst} at once, last`, ({ last }) => last),
  ...(
    [
      ["the kubelet", "kubelet"],
      ["API server, scheduler, controllers", "plane"],
      ["containerd, runc, network plugins, containers", "runtime"],
      ["all", "whole"],
    ] as const
  ).map(([who, part]) => row(`processor time a pod of these: ${who}`, ({ spent }) => ((spent[part] as number) * 1000) / Number(values.burst), 0, "ms")),
];
process.stdout.write(`${table(["pod created to Ready", "upstream's kubelet", "ours", "ratio"], rows)}\n`);
