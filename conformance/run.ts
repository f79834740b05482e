/**
 * Runs a list of upstream's end-to-end specs against a cluster: those that may run beside others in parallel, the [Serial]
 * ones after them, default settings, no retries. Writes a report in Markdown.
 *
 * Usage: node conformance/run.ts LIST [--kubeconfig FILE] [--procs N] [--report FILE] [--judges DIR] [--focus REGEX]
 *   LIST        a file with the name of a spec on each line, such as conformance/lists/first-cluster.txt
 *   --judges    where conformance/build.ts put e2e.test, ginkgo and kubectl
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { misused, parseArgs } from "../tools/command-line.ts";

interface SpecReport {
  ContainerHierarchyTexts: string[] | null;
  LeafNodeText: string;
  LeafNodeType: string;
  State: string;
  RunTime: number;
  Failure?: { Message?: string };
}
interface Outcome {
  name: string;
  state: string;
  seconds: number;
  message: string;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kubeconfig: { type: "string", default: "/var/lib/k8ts/kubeconfig/admin.conf" },
    procs: { type: "string", default: "6" },
    report: { type: "string" },
    judges: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    focus: { type: "string" },
  },
});
const [list] = positionals;
if (!list) misused("LIST is needed");
const wanted = readFileSync(list, "utf8").split("\n").filter(Boolean);
const names = values.focus ? wanted.filter((n) => new RegExp(values.focus as string).test(n)) : wanted;
const isSerial = (name: string): boolean => name.includes("[Serial]");
const scratch = mkdtempSync(join(tmpdir(), "k8ts-conformance-"));
const judges = resolve(values.judges);

function run(title: string, specs: string[], procs: number): Outcome[] {
  if (specs.length === 0) return [];
  process.stderr.write(`${title}: ${specs.length} specs, ${procs} processes\n`);
  const json = join(scratch, `${title}.json`);
  const focus = specs.map((s) => s.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  const ginkgo = [
    "--procs",
    String(procs),
    "--timeout=24h",
    "--no-color",
    "--silence-skips",
    `--json-report=${basename(json)}`,
    `--output-dir=${scratch}`,
    "--focus",
    `(${focus})$`,
    join(judges, "e2e.test"),
  ];
  const e2e = ["--kubeconfig", resolve(values.kubeconfig), "--provider=skeleton", `--kubectl-path=${join(judges, "kubectl")}`, `--report-dir=${scratch}`];
  const log = join(scratch, `${title}.log`);
  const result = spawnSync(join(judges, "ginkgo"), [...ginkgo, "--", ...e2e], {
    encoding: "utf8",
    maxBuffer: 1 << 30,
    env: { ...process.env, PATH: `${judges}:${process.env.PATH ?? ""}` },
  });
  if (result.error) throw result.error;
  writeFileSync(log, `${result.stdout}${result.stderr}`);
  process.stderr.write(`  log: ${log}\n`);
  const [suite] = JSON.parse(readFileSync(json, "utf8")) as [{ SpecReports: SpecReport[] }];
  return suite.SpecReports.filter((s) => s.LeafNodeType === "It" && s.State !== "skipped").map((s) => ({
    name: [...(s.ContainerHierarchyTexts ?? []), s.LeafNodeText].join(" "),
    state: s.State,
    seconds: s.RunTime / 1e9,
    message: s.Failure?.Message ?? "",
  }));
}

const started = process.hrtime.bigint();
const outcomes = [
  ...run(
    "parallel",
    names.filter((n) => !isSerial(n)),
    Number(values.procs),
  ),
  ...run("serial", names.filter(isSerial), 1),
];
const minutes = Number((process.hrtime.bigint() - started) / 1_000_000_000n) / 60;
const passed = outcomes.filter((o) => o.state === "passed");
const failed = outcomes.filter((o) => o.state !== "passed");
const missing = names.filter((n) => !outcomes.some((o) => o.name === n));
const git = (...args: string[]): string => spawnSync("git", args, { encoding: "utf8" }).stdout.trim();
const report = [
  `# ${basename(list)}: ${passed.length} of ${names.length} passed`,
  "",
  `Commit ${git("rev-parse", "--short", "HEAD")}, ${git("log", "-1", "--format=%cs")}; ${values.procs} processes, ${minutes.toFixed(1)} minutes, default settings, no retries.`,
  `Command: node conformance/run.ts ${process.argv.slice(2).join(" ")}`,
  "",
  ...(failed.length ? ["## Failed", "", ...failed.map((o) => `- ${o.name} (${o.seconds.toFixed(0)} s): ${o.message.split("\n")[0]?.slice(0, 300)}`), ""] : []),
  ...(missing.length ? ["## Not run", "", ...missing.map((n) => `- ${n}`), ""] : []),
  "## Passed",
  "",
  ...passed.map((o) => `- ${o.name} (${o.seconds.toFixed(0)} s)`),
  "",
].join("\n");
if (values.report) {
  mkdirSync(dirname(values.report), { recursive: true });
  writeFileSync(values.report, report);
}
process.stdout.write(values.report ? `${report.split("\n")[0]}; report: ${values.report}\n` : report);
for (const o of failed) process.stdout.write(`FAIL ${o.name}\n     ${o.message.split("\n").slice(0, 3).join("\n     ")}\n`);
if (failed.length === 0 && missing.length === 0) rmSync(scratch, { recursive: true });
process.stdout.write(`${passed.length} passed, ${failed.length + missing.length} failed\n`);
process.exitCode = failed.length || missing.length ? 1 : 0;
