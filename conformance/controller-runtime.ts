/**
 * controller-runtime's own test suite with examples/envtest, our API server, in the place of envtest's kube-apiserver and etcd: every
 * package whose tests start one. The tests are built from the published module and run package after package.
 *
 * Usage: node conformance/controller-runtime.ts [--dir DIR] [--assets DIR] [--only REGEX] [--logs DIR] [--build-only]
 *   --dir         where the module and its test programs are kept @default /var/tmp/k8ts-judges
 *   --assets      envtest's binaries @default examples/envtest of this clone; upstream's own for a comparison
 *   --only        packages below pkg/ that match
 *   --logs        where the output of each package is kept @default DIR/logs/controller-runtime
 *   --build-only  builds the test programs, which takes minutes, and runs none
 * Prints a line for each package; exits 1 where a spec failed. No root, no containers, Go 1.26.
 */
import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "../tools/command-line.ts";
import { go, ownCopy } from "./go.ts";
import { controllerRuntime } from "./modules.ts";

const { values } = parseArgs({
  options: {
    dir: { type: "string", default: "/var/tmp/k8ts-judges" },
    assets: { type: "string", default: join(import.meta.dirname, "../examples/envtest") },
    only: { type: "string", default: "" },
    logs: { type: "string" },
    "build-only": { type: "boolean", default: false },
  },
});
const dir = resolve(values.dir);
const logs = resolve(values.logs ?? join(dir, "logs/controller-runtime"));
const scratch = mkdtempSync(join(tmpdir(), "k8ts-controller-runtime-"));

/**
 * Tests that download another API server, whose answer is the proof that they cannot run without that network. They ask for one
 * of v1.28 with `AggregatedDiscoveryEndpoint=false`, a gate that no server of today has.
 */
const downloads = { tests: "aggregatedDiscovery=false", proof: /(unable to|failed to) .*(download|fetch|index)|controller-tools.*envtest-releases|dial tcp/i };

interface Outcome {
  name: string;
  state: "passed" | "failed" | "pending" | "skipped" | "elsewhere";
  message: string;
}
interface GinkgoSuite {
  SpecReports:
    | {
        ContainerHierarchyTexts: string[] | null;
        LeafNodeText: string;
        LeafNodeType: string;
        State: string;
        Failure?: { Message?: string };
      }[]
    | null;
}

const sources = ownCopy(controllerRuntime, join(dir, "mod/controller-runtime"));
const packages = [
  ...new Set(
    globSync("pkg/**/*_test.go", { cwd: sources })
      .filter((file) => /"sigs\.k8s\.io\/controller-runtime\/pkg\/(envtest|internal\/testing\/controlplane)"/.test(readFileSync(join(sources, file), "utf8")))
      .map((file) => relative("pkg", dirname(file))),
  ),
  // Its own tests are in the package that they are of.
  "envtest",
]
  .filter((name, i, all) => all.indexOf(name) === i && new RegExp(values.only).test(name))
  .sort();

function build(name: string): string {
  const program = join(dir, "bin/controller-runtime", `${name.replaceAll("/", "_")}.test`);
  if (!existsSync(program)) {
    mkdirSync(dirname(program), { recursive: true });
    go(sources, ["test", "-c", "-ldflags", "-s -w", "-o", program, `./pkg/${name}`], { GOFLAGS: "-mod=mod -buildvcs=false -p=2" });
  }
  return program;
}

/** Each test of `go test -v`, those within others included, and each spec of Ginkgo in the place of the test that starts the suite. */
function run(name: string, program: string, ...flags: string[]): { outcomes: Outcome[]; text: string } {
  const report = join(scratch, "report.json");
  rmSync(report, { force: true });
  const suites = globSync("*_test.go", { cwd: join(sources, "pkg", name) }).some((file) =>
    readFileSync(join(sources, "pkg", name, file), "utf8").includes("RunSpecs("),
  );
  const { status, stdout, stderr } = spawnSync(
    program,
    ["-test.v", "-test.timeout=280s", ...flags, ...(suites ? ["--ginkgo.no-color", "--ginkgo.v", `--ginkgo.json-report=${report}`] : [])],
    {
      cwd: join(sources, "pkg", name),
      encoding: "utf8",
      maxBuffer: 1 << 28,
      timeout: 300_000,
      env: { ...process.env, KUBEBUILDER_ASSETS: resolve(values.assets), XDG_DATA_HOME: scratch, TMPDIR: scratch },
    },
  );
  endLeftovers();
  const text = `${stdout}${stderr}`;
  const specs = existsSync(report)
    ? (JSON.parse(readFileSync(report, "utf8")) as GinkgoSuite[]).flatMap(({ SpecReports }) =>
        (SpecReports ?? []).filter(({ LeafNodeType, State }) => LeafNodeType === "It" || State === "failed" || State === "panicked"),
      )
    : [];
  const tests = [...text.matchAll(/^ *--- (PASS|FAIL|SKIP): (\S+)/gm)].map(([, state = "", test = ""]) => ({ state, test }));
  const leaves = tests.filter(({ test }) => !tests.some((other) => other.test.startsWith(`${test}/`)));
  const outcomes: Outcome[] = [
    ...specs.map((spec): Outcome => {
      const state = { passed: "passed", pending: "pending", skipped: "skipped" }[spec.State] ?? "failed";
      return {
        name: [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText || spec.LeafNodeType].join(" "),
        state: state as Outcome["state"],
        message: spec.Failure?.Message?.trim().split("\n")[0] ?? "",
      };
    }),
    ...leaves
      .filter(({ test, state }) => !(specs.length > 0 && startsSuite(name, test) && (state === "PASS" || specs.some((s) => s.State === "failed"))))
      .map(({ state, test }): Outcome => ({ name: test, state: state === "PASS" ? "passed" : state === "FAIL" ? "failed" : "skipped", message: "" })),
  ];
  if (outcomes.length === 0 || (status !== 0 && !outcomes.some(({ state }) => state === "failed")))
    outcomes.push({ name: "the test program", state: "failed", message: `ended with ${status}` });
  return { outcomes, text };
}

/** Some of the tests stop neither their server nor their etcd, both of which are told of a directory below the scratch one. */
function endLeftovers(): void {
  for (const file of globSync("/proc/[0-9]*/cmdline")) {
    try {
      if (readFileSync(file, "utf8").includes(`=${scratch}/`)) process.kill(Number(file.split("/")[2]), "SIGKILL");
    } catch (error) {
      // It has ended meanwhile.
      if (!["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
}

function startsSuite(name: string, test: string): boolean {
  return globSync("*_test.go", { cwd: join(sources, "pkg", name) }).some((file) => {
    const source = readFileSync(join(sources, "pkg", name, file), "utf8");
    const body = source.slice(source.indexOf(`func ${test}(`));
    return source.includes(`func ${test}(`) && body.slice(0, body.indexOf("\n}")).includes("RunSpecs(");
  });
}

const all: Outcome[] = [];
mkdirSync(logs, { recursive: true });
for (const name of packages) {
  const program = build(name);
  if (values["build-only"]) continue;
  const started = process.hrtime.bigint();
  const { outcomes, text } = run(name, program, `-test.skip=/${downloads.tests}`);
  let log = text;
  if (
    globSync("*_test.go", { cwd: join(sources, "pkg", name) }).some((file) =>
      readFileSync(join(sources, "pkg", name, file), "utf8").includes("aggregatedDiscovery="),
    )
  ) {
    const elsewhere = run(name, program, `-test.run=/${downloads.tests}`);
    log += elsewhere.text;
    const proof = elsewhere.text.split("\n").find((line) => downloads.proof.test(line));
    for (const outcome of elsewhere.outcomes.filter((o) => o.name.includes(downloads.tests)))
      outcomes.push(outcome.state === "failed" && proof ? { ...outcome, state: "elsewhere", message: proof.trim().slice(0, 300) } : outcome);
  }
  writeFileSync(join(logs, `${name.replaceAll("/", "_")}.log`), log);
  const count = (state: Outcome["state"]): number => outcomes.filter((o) => o.state === state).length;
  const seconds = Number((process.hrtime.bigint() - started) / 1_000_000_000n);
  const beside = [
    count("pending") && `${count("pending")} pending in upstream`,
    count("skipped") && `${count("skipped")} skipped by themselves`,
    count("elsewhere") && `${count("elsewhere")} cannot run here`,
  ];
  process.stdout.write(
    `${count("failed") ? "FAIL" : "ok  "} ${name}: ${[`${count("passed")} passed`, `${count("failed")} failed`, ...beside.filter(Boolean)].join(", ")} (${seconds} s)\n`,
  );
  for (const { name: spec, state, message } of outcomes)
    if (state !== "passed")
      process.stdout.write(`     ${state === "elsewhere" ? "cannot run here" : state}: ${spec}${message ? `: ${message.slice(0, 300)}` : ""}\n`);
  all.push(...outcomes);
}
rmSync(scratch, { recursive: true, force: true });
const total = (state: Outcome["state"]): number => all.filter((o) => o.state === state).length;
process.stdout.write(
  `controller-runtime: ${total("passed")} passed, ${total("failed")} failed, ${total("pending")} pending in upstream, ${total("skipped")} skipped by themselves, ${total("elsewhere")} cannot run here\n`,
);
process.exitCode = total("failed") ? 1 : 0;
