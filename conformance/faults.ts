/**
 * What controllers make of faults: each scenario is run once without any, counting the requests of each of its controllers,
 * and then once for every request and every kind of fault. The end must be the same, and at no moment may there have been a
 * pod too many (faults/invariants.ts has all that must hold).
 *
 * Usage: node conformance/faults.ts [--scenario REGEX] [--controller NAME] [--seed N]
 *   --kinds REGEX    only these kinds of faults
 *   --every N        only one of N points
 *   --chaos N        instead, N runs with several faults at random in each
 *   --point KIND@N   one run, with the log of the cluster; needs --scenario and --controller
 *   --seconds N      stops after so many, and says what --first goes on from there
 *   --first N        leaves out the first N points
 * Each finding ends with the line that repeats it alone.
 */
import { parseArgs } from "../tools/command-line.ts";
import { systemClock } from "../src/base/clock.ts";
import { explore, type Finding } from "./faults/explore.ts";
import { parsePoint } from "./faults/kinds.ts";
import { run } from "./faults/run.ts";
import { loadScenarios } from "./faults/scenario.ts";

const { values } = parseArgs({
  options: {
    scenario: { type: "string" },
    controller: { type: "string" },
    seed: { type: "string", default: "1" },
    kinds: { type: "string" },
    chaos: { type: "string" },
    every: { type: "string", default: "1" },
    point: { type: "string" },
    seconds: { type: "string" },
    first: { type: "string", default: "0" },
  },
});
const seed = Number(values.seed);
const scenarios = loadScenarios(values.scenario === undefined ? undefined : new RegExp(`^(${values.scenario})$`));
if (scenarios.length === 0)
  throw new Error(
    `no scenario matches ${values.scenario}; there are ${loadScenarios()
      .map((s) => s.name)
      .join(", ")}`,
  );
const started = systemClock.monotonic();
const seconds = (): number => (systemClock.monotonic() - started) / 1000;

function report({ scenario, controller, seed: of, point, problems }: Finding): void {
  console.log(`\n${scenario}, ${controller}, ${point ?? "no fault"}:`);
  for (const problem of problems.slice(0, 6)) console.log(`  ${problem.length > 600 ? `${problem.slice(0, 600)}...` : problem}`);
  if (problems.length > 6) console.log(`  and ${problems.length - 6} more`);
  console.log(`  node conformance/faults.ts --scenario ${scenario} --controller ${controller} --seed ${of}${point ? ` --point ${point}` : ""}`);
}

if (values.point !== undefined) {
  const [scenario] = scenarios;
  if (!scenario || scenarios.length > 1 || !values.controller) throw new Error("--point needs one --scenario and --controller");
  const common = { scenario, seed, controller: values.controller };
  const base = await run(common);
  const { problems } = await run({ ...common, point: parsePoint(values.point), expected: base.state, log: (line) => process.stdout.write(line) });
  report({ scenario: scenario.name, controller: values.controller, seed, point: values.point, problems });
  process.exit(problems.length ? 1 : 0);
}

let [points, writes, findings] = [0, 0, 0];
let complete = true;
const skip = { left: Number(values.first) };
for (const scenario of scenarios) {
  for (const controller of scenario.faulted) {
    if (values.controller !== undefined && values.controller !== controller) continue;
    const explored = await explore({
      scenario,
      controller,
      seed,
      every: Number(values.every),
      skip,
      ...(values.chaos === undefined ? {} : { chaos: Number(values.chaos) }),
      ...(values.kinds === undefined ? {} : { kinds: new RegExp(`^(${values.kinds})$`) }),
      goOn: () => (complete &&= values.seconds === undefined || seconds() < Number(values.seconds)),
    });
    for (const finding of explored.findings) report(finding);
    points += explored.points;
    writes += explored.writes;
    findings += explored.findings.length;
    console.log(
      `${scenario.name}, ${controller}: ${explored.writes} writes, ${explored.points} fault points, ${explored.findings.length} failures (${seconds().toFixed(0)} s)`,
    );
  }
}
console.log(
  `${scenarios.length} scenarios, ${writes} writes, ${points} fault points, ${findings} failures${complete ? "" : `, ended by --seconds, goes on with --first ${Number(values.first) + points}`}`,
);
process.exit(findings || !complete ? 1 : 0);
