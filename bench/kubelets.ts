/**
 * Our kubelet beside upstream's on the same control plane (ours) and the same containerd, in turns: pods from their creation
 * to Ready, one after the other and many at once. Root, on a machine of its own:
 *
 *   sh conformance/own-machine.sh node bench/kubelets.ts [--singles N] [--burst N] [--rounds N] [--images TAR] [--dir DIR] [--bin DIR]
 *
 *   --singles  pods one by one @default 20
 *   --burst    pods at once @default 50
 *   --rounds   of each kubelet @default 5
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { NodeOfParts } from "../conformance/node/node.ts";
import { describeMachine } from "./machine.ts";
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
      const starts = await podStarts(node.client, Number(values.singles), Number(values.burst));
      runs[side].push(starts);
      process.stderr.write(
        `round ${round}, ${side}: one by one p50 ${median(starts.singles).toFixed(3)} s, p99 ${quantile(starts.singles, 0.99).toFixed(3)} s; last of ${values.burst} ${starts.last.toFixed(2)} s\n`,
      );
    }
}

const row = (name: string, figure: (starts: PodStarts) => number): string[] => {
  const [theirs, ours] = sides.map((side) => runs[side].map(figure)) as [number[], number[]];
  const ratios = ours.map((one, i) => one / (theirs[i] as number));
  const one = (list: number[]): string => `${median(list).toFixed(3)} s (${percent(spread(list))})`;
  const ratio = median(ours) / median(theirs);
  return [name, one(theirs), one(ours), spread(ratios) > 0.3 ? `${ratio.toFixed(2)}x, not established` : `${ratio.toFixed(2)}x (${percent(spread(ratios))})`];
};
const rows = [
  row(`one by one (${values.singles}), p50`, ({ singles }) => median(singles)),
  row("one by one, p99", ({ singles }) => quantile(singles, 0.99)),
  row(`${values.burst} at once, last`, ({ last }) => last),
];
process.stdout.write(`${table(["pod created to Ready", "upstream's kubelet", "ours", "ratio"], rows)}\n`);
