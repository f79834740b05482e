/**
 * Controllers and scheduler change places with upstream's while a workload of every kind is running: nothing may be
 * recreated, leak or be written again and again, and what is changed afterwards must come to its end under the new ones.
 *
 *   node conformance/interchange.ts [--course ours,upstream,reference] [--directory DIR] [--port 23000] [--bin DIR]
 *
 * Two courses, with our API server and with upstream's (kube-apiserver over etcd): ours lead, then upstream's, then ours
 * again. A third, the reference, is upstream's alone: each part of the others must end in the state in which it ends there.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "../tools/command-line.ts";
import { Checks, expect } from "./cluster/checks.ts";
import { changes } from "./interchange/changes.ts";
import { complaints } from "./interchange/logs.ts";
import { type NormalState, normalState, stateDifferences } from "./interchange/normal.ts";
import { changedPaths, difference, observe, type Snapshot } from "./interchange/observe.ts";
import { misnamed, unsteady } from "./interchange/steady.ts";
import { attachVolumes, makeWorkload, settled } from "./interchange/workload.ts";
import { type Party, type Side, sideName, World } from "./interchange/world.ts";

const { values: flags } = parseArgs({
  options: {
    course: { type: "string", default: "all" },
    directory: { type: "string", default: "/var/tmp/k8ts-interchange" },
    port: { type: "string", default: "23000" },
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
  },
});

/** Seconds in which new controllers look at everything, and in which nothing may be written any more. */
const settling = 45;
const still = 25;
/** Seconds after the last change, in which statuses follow. */
const calm = 3;
const checks = new Checks("interchange");

/** Who leads at first, after the first hand-over, after the second. */
interface Course {
  server: Side;
  sides: readonly [Side, Side, Side];
}
const courses: Record<string, Course> = {
  ours: { server: "ours", sides: ["ours", "upstream", "ours"] },
  upstream: { server: "upstream", sides: ["ours", "upstream", "ours"] },
  reference: { server: "upstream", sides: ["upstream", "upstream", "upstream"] },
};
const asked = Object.entries(courses).filter(([name]) => flags.course === "all" || flags.course.split(",").includes(name));
const ends = new Map(await Promise.all(asked.map(async ([name, course], i) => [name, await follow(name, course, Number(flags.port) + 10 * i)] as const)));
compareEnds(ends);
checks.finish();
process.exit();

/** Gives the state at the end of each part. */
async function follow(name: string, { server, sides }: Course, port: number): Promise<NormalState[]> {
  const directory = join(flags.directory, name);
  rmSync(directory, { recursive: true, force: true });
  const states: NormalState[] = [];
  await using world = await World.start({ server, directory, port, bin: flags.bin });
  const { client } = world;
  const key = world.pki.keyPath("admin");
  await using _driver = attachVolumes(client);
  let party: Party | undefined;
  for (const [round, side] of sides.entries()) {
    const at = (text: string): string => `${name}, ${sideName[side]} lead: ${text}`;
    const handedOver = party && party.side !== side;
    const before = await observe(client);
    if (handedOver) await party?.stop();
    if (party?.side !== side) party = await world.party(side);
    if (round === 0) {
      if (!(await checks.check(at("the workload comes to rest"), () => makeWorkload(client, key)))) return states;
    } else {
      if (handedOver) await takenOver(world, party, before, at);
      await Promise.all(changes(client, round as 1 | 2, key).map((change) => checks.check(at(change.name), change.run)));
      await checks.check(at("everything comes to rest"), () => settled(client));
    }
    await checks.check(at("no minute without its job"), async () => expectEveryMinute(await observe(client)));
    await pause(calm * 1000);
    const end = await observe(client);
    states.push(normalState(end));
    // Upstream's loses the name when it meets a conflict as it tells of the new one.
    if (side === "ours")
      await checks.check(at("each rollout that is done names its ReplicaSet"), () => expect(!misnamed(end).length, misnamed(end).join("; ")));
    judgeLogs(party, at);
  }
  return states;
}

/** Their names end in the minute they were due, so that none can be there twice. */
function expectEveryMinute(snapshot: Snapshot): string {
  const minutes = [...snapshot.keys()]
    .flatMap((key) => /^jobs\.batch main\/every-minute-(\d+)$/.exec(key)?.[1] ?? [])
    .map(Number)
    .sort();
  const missing = minutes.flatMap((minute, i) => (i > 0 && minute !== (minutes[i - 1] as number) + 1 ? [minute - 1] : []));
  expect(!missing.length, `none in ${missing.join(", ")}`);
  return `${minutes.length} jobs`;
}

function compareEnds(ends: ReadonlyMap<string, readonly NormalState[]>): void {
  const reference = ends.get("reference") ?? ends.get("upstream");
  for (const [name, states] of ends) {
    if (!reference || states === reference) continue;
    for (const [i, state] of states.entries())
      void checks.check(`${name}: the end state of part ${i + 1} is that of upstream's alone`, () => {
        const lines = stateDifferences(reference[i] as NormalState, state);
        expect(!lines.length, `${lines.length} differences:\n     ${lines.join("\n     ")}`);
      });
  }
}

async function takenOver(world: World, party: Party, before: Snapshot, at: (text: string) => string): Promise<void> {
  await pause(settling * 1000);
  const middle = await observe(world.client);
  await pause(still * 1000);
  const after = await observe(world.client);
  await checks.check(at("nothing is added, removed or made anew"), () => {
    const { added: all, removed, written } = difference(before, after);
    // Each controller acts as an account of its own, and upstream has controllers that we have not.
    const added = all.filter((key) => !key.startsWith("serviceaccounts. kube-system/"));
    expect(!added.length && !removed.length, `added: ${added.join(", ")}; removed: ${removed.join(", ")}`);
    return `${after.size} objects, ${written.length} written: ${written.map((one) => `${one} ${changedPaths(before.get(one), after.get(one)).join(" ").slice(0, 300)}`).join("\n     ")}`;
  });
  await checks.check(at("nothing is written any more"), () => {
    const { written } = difference(middle, after);
    expect(!written.length, written.map((one) => `${one}: ${changedPaths(middle.get(one), after.get(one)).join(" ").slice(0, 300)}`).join("; "));
  });
  await checks.check(at("everything is as specified"), () => {
    const lines = unsteady(after);
    expect(!lines.length, lines.join("; "));
  });
  await checks.check(at("both still run"), () =>
    expect(
      party.programs.every((program) => program.running),
      "one has ended",
    ),
  );
}

function judgeLogs(party: Party, at: (text: string) => string): void {
  for (const program of party.programs)
    void checks.check(at(`no unexplained complaint in the log of its ${program.name}`), () => {
      const { unknown, known } = complaints(program.log());
      expect(
        !unknown.length,
        `${unknown.length} lines in ${program.logFile}: ${unknown
          .slice(0, 10)
          .map((line) => line.slice(0, 300))
          .join("\n    ")}`,
      );
      return [...known].map(([why, count]) => `${count} times ${why}`).join("; ");
    });
}
