/**
 * Random worlds decided by our scheduler and by upstream's own code, linked into a program (scheduler-judge): the same
 * feasible nodes, the same score of each, the same sentence where none is feasible, victims that upstream chose among those
 * that are best here, and the same events that would wake the pod. Prints what differs and exits 1 when anything does.
 *
 * Usage: node conformance/scheduler-plugins.ts [--worlds N] [--seed N] [--first N] [--judge FILE] [--show N]
 *   --worlds  @default 2000
 *   --seed    @default 1; with `--first` worlds are skipped, so that one alone can be looked at
 *   --judge   see conformance/build.ts @default /var/tmp/k8ts-judges/bin/scheduler-judge
 *   --show    differences printed in full @default 10
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { parseArgs } from "../tools/command-line.ts";
import type { Node, Pod } from "../src/api/types/core-v1.gen.ts";
import { systemClock } from "../src/base/clock.ts";
import { seededRandom } from "../src/base/random.ts";
import { nodeActions, podActions } from "../src/scheduler/changes.ts";
import { defaultConfig, parseSchedulerConfig, type SchedulerConfig, SchedulerConfigError } from "../src/scheduler/config.ts";
import { action, type ClusterEvent, type EventSource } from "../src/scheduler/framework/events.ts";
import { fitMessage } from "../src/scheduler/framework/message.ts";
import type { Nominations } from "../src/scheduler/framework/nominations.ts";
import type { Cycle } from "../src/scheduler/framework/plugin.ts";
import { podInfoOf } from "../src/scheduler/framework/pod-info.ts";
import { evaluate, type Profile } from "../src/scheduler/framework/schedule.ts";
import { postFilter } from "../src/scheduler/preemption.ts";
import { SchedulingQueue } from "../src/scheduler/queue.ts";
import type { Scheduler } from "../src/scheduler/scheduler.ts";
import { VictimMemory } from "../src/scheduler/victim-memory.ts";
import type { Change } from "./scheduler/changes.ts";
import { schedulerOf } from "./scheduler/static.ts";
import { randomWorld, type World } from "./scheduler/world.ts";

const { values } = parseArgs({
  options: {
    worlds: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    first: { type: "string", default: "0" },
    judge: { type: "string", default: "/var/tmp/k8ts-judges/bin/scheduler-judge" },
    show: { type: "string", default: "10" },
  },
});

/** What upstream says of one probe. */
interface Verdict {
  feasible: Record<string, { total: number; plugins: Record<string, number> }> | null;
  host?: string;
  message?: string;
  nominated: string | null;
  victims: string[] | null;
  plugins: string[] | null;
  wakes?: boolean[];
  error?: string;
}

let probes = 0;
const counts = { feasible: 0, refused: 0, preempting: 0, events: 0, waking: 0, beyond: 0, configs: 0, refusedConfigs: 0 };

/** What differs, in words; empty where all is the same. */
function compare({ view: { cluster, cache, nominations } }: Scheduler, profile: Profile, pod: Pod, events: readonly Change[], theirs: Verdict): string[] {
  const info = podInfoOf(pod);
  const snapshot = cache.snapshot();
  const cycle = { pod: info, snapshot, cluster };
  let ours: ReturnType<typeof evaluate>;
  try {
    ours = evaluate(profile, cycle, nominations);
  } catch (error) {
    const { message } = error as Error;
    return theirs.message === message || theirs.error === message ? [] : [`ours fails: ${message}; upstream: ${theirs.message ?? theirs.error ?? theirs.host}`];
  }
  const { feasible, diagnosis, prepared } = ours;
  if (theirs.error) return [`upstream fails: ${theirs.error}`];
  if (theirs.host !== undefined) {
    counts.feasible++;
    const mine = Object.fromEntries(feasible.map(({ row, score }) => [snapshot.rows[row]?.name, score]));
    const totals = Object.fromEntries(Object.entries(theirs.feasible ?? {}).map(([name, { total }]) => [name, total]));
    const names = [...new Set([...Object.keys(mine), ...Object.keys(totals)])].sort();
    return names
      .filter((name) => mine[name] !== totals[name])
      .map((name) => {
        const refusal = diagnosis.rejected.get(snapshot.byName.get(name) ?? -1);
        if (mine[name] === undefined) return `feasible: ${name}, which ours refuses: ${refusal?.reasons}`;
        if (totals[name] === undefined) return `feasible: ours finds ${name}, upstream does not`;
        return `score of ${name}: ours ${mine[name]} ${scoresByPlugin(profile, cycle, nominations, name)}, upstream ${totals[name]} ${JSON.stringify(theirs.feasible?.[name]?.plugins)}`;
      });
  }
  counts.refused++;
  if (feasible.length) return [`ours finds ${feasible.map(({ row }) => snapshot.rows[row]?.name)}, upstream refuses: ${theirs.message}`];
  const result = postFilter(profile, { ...cycle, nominations, diagnosis, prepared, random: seededRandom(1), memory: new VictimMemory() });
  const message = fitMessage(diagnosis, result.message);
  const differences: string[] = [];
  if (message !== theirs.message) differences.push(`ours: ${message}\n    upstream: ${theirs.message}`);
  const plugins = [...diagnosis.plugins].sort().join();
  if (plugins !== (theirs.plugins ?? []).join()) differences.push(`plugins: ours ${plugins}, upstream ${theirs.plugins}`);
  if (theirs.nominated || result.candidates?.length) {
    counts.preempting++;
    const going = (theirs.victims ?? []).join();
    const best = (result.candidates ?? []).map(({ node, victims }) => {
      // Those that are going already are not told again.
      const told = victims.filter(({ pod: victim }) => !victim.metadata.deletionTimestamp);
      return {
        node,
        going: told
          .map(({ key }) => key)
          .sort()
          .join(),
      };
    });
    if (!best.some((one) => one.node === theirs.nominated && one.going === going)) {
      differences.push(`upstream evicts ${going} on ${theirs.nominated}, ours ${best.map((one) => `${one.going} on ${one.node}`).join(" or ")}`);
    }
  } else if ((theirs.nominated ?? undefined) !== result.promise) {
    differences.push(`nominated node: ours ${JSON.stringify(result.promise)}, upstream ${JSON.stringify(theirs.nominated)}`);
  }
  for (const [i, change] of events.entries()) {
    const wakes = wakesPod(profile, pod, diagnosis.plugins, change, cluster);
    if (wakes === undefined) continue;
    counts.events++;
    if (wakes) counts.waking++;
    // Upstream's hints know neither labels of namespaces nor nodes that are left by those whom the pod must not meet.
    if (wakes && !theirs.wakes?.[i] && diagnosis.plugins.has("InterPodAffinity")) counts.beyond++;
    else if (wakes !== theirs.wakes?.[i])
      differences.push(`wakes on ${resourceAction(change)}: ours ${wakes}, upstream ${theirs.wakes?.[i]}, refused by ${plugins}: ${JSON.stringify(change)}`);
  }
  return differences;
}

const resourceAction = ({ resource, old, new: object }: Change): string => `${resource} ${!old ? "add" : object ? "update" : "delete"}`;

/** Each plugin's share of a node's score. */
function scoresByPlugin(profile: Profile, cycle: Cycle, nominations: Nominations, node: string): string {
  const shares = profile.plugins.flatMap(({ name, score }) => {
    if (!score) return [];
    const plugins = profile.plugins.map((plugin) => (plugin.name === name ? plugin : { ...plugin, score: undefined }));
    const found = evaluate({ ...profile, plugins }, cycle, nominations).feasible.find(({ row }) => cycle.snapshot.rows[row]?.name === node);
    return [[name, found?.score]];
  });
  return JSON.stringify(Object.fromEntries(shares));
}

/** Whether a pod that those plugins refused is tried again; undefined where the queue is not asked. */
function wakesPod(
  profile: Profile,
  pod: Pod,
  plugins: ReadonlySet<string>,
  { resource, old, new: object }: Change,
  cluster: Scheduler["view"]["cluster"],
): boolean | undefined {
  const queue = new SchedulingQueue({ clock: systemClock, cluster, plugins: () => profile.plugins });
  queue.add(pod);
  const queued = queue.take();
  if (!queued) return undefined;
  queue.unschedulable(queued, plugins);
  const { uid } = pod.metadata;
  const general = old ? (object ? action.updateOther : action.delete) : action.add;
  if (resource === "Pod") {
    const actions = old && object ? podActions(old as Pod, object as Pod) : general;
    const assigned = ((object ?? old) as Pod).spec.nodeName;
    if (!assigned && old?.metadata.uid !== uid) return undefined;
    if (assigned) queue.move({ source: "AssignedPod", actions, old, object });
    else queue.update(old as Pod, object as Pod, [{ source: "TargetPod", actions, old, object }]);
  } else {
    const actions = resource === "Node" && old && object ? nodeActions(old as Node, object as Node) : general;
    const event: ClusterEvent = { source: resource as EventSource, actions, old, object };
    if (actions) queue.move(event);
  }
  return queue.get(uid)?.place !== "unschedulable";
}

interface Difference {
  readonly where: string;
  readonly differences: readonly string[];
  readonly about: unknown;
}

/** What is wrong with the configuration, as upstream puts several errors together. */
function readConfig(config: object | undefined): SchedulerConfig | string {
  if (!config) return defaultConfig;
  try {
    return parseSchedulerConfig(config);
  } catch (error) {
    if (!(error instanceof SchedulerConfigError)) throw error;
    const texts = [...new Set(error.errors.map(({ field, body }) => `${field}: ${body}`))];
    return texts.length === 1 ? (texts[0] as string) : `[${texts.join(", ")}]`;
  }
}

function judged(world: World, verdicts: readonly Verdict[]): Difference[] {
  const config = readConfig(world.config);
  if (typeof config === "string" || (verdicts.length === 1 && world.probes.length > 1)) {
    counts.refusedConfigs++;
    const ours = typeof config === "string" ? config : "";
    const theirs = verdicts[0]?.error ?? "";
    return ours === theirs ? [] : [{ where: "configuration", differences: [`ours: ${ours}\n  upstream: ${theirs}`], about: world.config }];
  }
  if (world.config) counts.configs++;
  const scheduler = schedulerOf(world, config);
  const profile = config.profiles.get("default-scheduler") as Profile;
  return verdicts.flatMap((theirs, i) => {
    const { metadata, spec, status } = world.probes[i] as Pod;
    probes++;
    const differences = compare(scheduler, profile, world.probes[i] as Pod, world.events, theirs);
    return differences.length ? [{ where: metadata.name, differences, about: { metadata, spec, status } }] : [];
  });
}

const judge = spawn(values.judge, [], { stdio: ["pipe", "pipe", "inherit"] });
const random = seededRandom(Number(values.seed));
const first = Number(values.first);
const last = first + Number(values.worlds);
const waiting: World[] = [];
const differing: string[] = [];
/** Differences by what they begin with. */
const sorts = new Map<string, number>();

/** At most so many worlds are on their way. */
const window = 24;
let made = 0;
const feed = (): void => {
  while (made < last && waiting.length < window) {
    const world = randomWorld(random);
    if (made++ < first) continue;
    waiting.push(world);
    judge.stdin.write(`${JSON.stringify(world)}\n`);
  }
  if (made >= last) judge.stdin.end();
};
feed();
let number = first;
for await (const line of createInterface(judge.stdout)) {
  const world = waiting.shift() as World;
  feed();
  for (const { where, differences, about } of judged(world, JSON.parse(line) as Verdict[])) {
    for (const difference of differences) {
      const sort = difference.startsWith("wakes") ? difference.slice(0, difference.indexOf(": {")) : difference.slice(0, 20);
      sorts.set(sort, (sorts.get(sort) ?? 0) + 1);
    }
    const text = `world ${number} ${where}: ${differences.join("\n  ")}`;
    differing.push(text);
    if (differing.length <= Number(values.show)) process.stdout.write(`${text}\n  ${JSON.stringify(about)}\n  config: ${JSON.stringify(world.config)}\n`);
  }
  number++;
}
for (const [sort, n] of [...sorts].sort((a, b) => b[1] - a[1]).slice(0, 40)) process.stdout.write(`${n} ${sort}\n`);
process.stdout.write(
  `${number - first} worlds, seed ${values.seed}: ${probes} pods, ${counts.configs} configurations (and ${counts.refusedConfigs} refused), ${counts.feasible} feasible, ${counts.refused} refused, ${counts.preempting} preempting, ${counts.events} events of which ${counts.waking} wake, ${counts.beyond} of them beyond upstream: ${differing.length} differ\n`,
);
process.exit(differing.length || number < last ? 1 : 0);
