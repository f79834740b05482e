/**
 * The gate: every rule of the house as a check, one command. `npm run gate`.
 * Layers and cycles, file length, generated files, types (tsc), lint and format (biome), dead code (knip).
 */
import { spawnSync } from "node:child_process";
import { checkHouse } from "./house.ts";

const steps: [string, () => string[]][] = [
  ["house", () => checkHouse()],
  [
    "generated",
    () => [
      ...run("node", ["tools/schema/typescript.ts", "--check"]),
      ...run("node", ["tools/kinds.ts", "--check"]),
      ...run("node", ["tools/flags.ts", "--check"]),
    ],
  ],
  ["types", () => run("tsc", ["--project", "tsconfig.json"])],
  ["lint", () => run("biome", ["check", "--error-on-warnings", "--max-diagnostics=50", "."])],
  ["dead code", () => run("knip", ["--no-progress"])],
];

let failed = 0;
for (const [name, step] of steps) {
  const started = process.hrtime.bigint();
  const problems = step();
  const seconds = Number((process.hrtime.bigint() - started) / 1_000_000n) / 1000;
  process.stdout.write(`${problems.length ? "FAIL" : "ok  "} ${name} (${seconds.toFixed(1)} s)\n`);
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  failed += problems.length ? 1 : 0;
}
process.exitCode = failed ? 1 : 0;

function run(command: string, args: string[]): string[] {
  const result = spawnSync(`node_modules/.bin/${command}`, args, { encoding: "utf8" });
  if (result.error) return [`${command}: ${result.error.message}`];
  return result.status === 0 ? [] : [`${result.stdout}${result.stderr}`.trimEnd()];
}
