/**
 * Builds the judges and the images of their specs, offline but for the Go module proxy and the distribution's mirror.
 * 5 to 25 minutes on a cold machine; what is built already is kept.
 *
 * Usage: node conformance/build.ts [--dir DIR] [--only NAME,NAME] [--images]
 *   --dir     where everything goes @default /var/tmp/k8ts-judges: bin/ and images.tar
 *   --only    these judges alone
 *   --git     where repositories are cloned from @default https://github.com; a directory with OWNER+NAME/repo in it does as well
 *   --images  the images too (needs root for the root file systems)
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "../tools/command-line.ts";
import { go, moduleSources, ownCopy } from "./go.ts";
import { buildImages } from "./images.ts";
import { type Judge, judges, kubernetes, moduleNames, moduleSets, staging } from "./modules.ts";

const { values } = parseArgs({
  options: {
    dir: { type: "string", default: "/var/tmp/k8ts-judges" },
    only: { type: "string" },
    git: { type: "string", default: "https://github.com" },
    images: { type: "boolean", default: false },
  },
});
const { dir } = values;
const bin = join(dir, "bin");
mkdirSync(bin, { recursive: true });

/** k8s.io/kubernetes asks for v0.0.0 of its staging modules, so that each must be named. */
function prepareKubernetes(cwd: string): void {
  if (existsSync(join(cwd, "go.mod"))) return;
  mkdirSync(cwd, { recursive: true });
  const { GoMod } = JSON.parse(go(cwd, ["mod", "download", "-json", `k8s.io/kubernetes@${kubernetes}`])) as { GoMod: string };
  const modules = [...new Set([...readFileSync(GoMod, "utf8").matchAll(/^\s+(k8s\.io\/[a-z-]+) v0\.0\.0( |$)/gm)].map((m) => m[1]))];
  writeFileSync(
    join(cwd, "go.mod"),
    `module judges\n\ngo 1.26.0\n\nrequire (\n\tk8s.io/kubernetes ${kubernetes}\n${modules.map((m) => `\t${m} ${staging}`).join("\n")}\n)\n\nreplace (\n${modules.map((m) => `\t${m} => ${m} ${staging}`).join("\n")}\n)\n`,
  );
  writeFileSync(join(cwd, "judges.go"), "package judges\n");
}

function run(program: string, args: string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (error ?? status !== 0) throw new Error(`${program} ${args.join(" ")} failed:\n${error?.message ?? stderr}`);
}

function checkOut(repository: string, commit: string): string {
  const cwd = join(dir, "git", repository.replace("/", "+"));
  const from = values.git.includes("://") ? `${values.git}/${repository}` : join(values.git, repository.replace("/", "+"), "repo");
  if (!existsSync(cwd)) run("git", ["clone", "--quiet", from, cwd]);
  run("git", ["-C", cwd, "checkout", "--quiet", commit]);
  return cwd;
}

function prepare({ set, module = "", file, repository = "", commit = "" }: Judge): string {
  if (set === "git") return checkOut(repository, commit);
  if (set === "module") return ownCopy(module, join(dir, "mod", file));
  const cwd = join(dir, "mod", set);
  if (set === "kubernetes") prepareKubernetes(cwd);
  else if (!existsSync(join(cwd, "go.mod"))) {
    mkdirSync(cwd, { recursive: true });
    go(cwd, ["mod", "init", moduleNames[set] ?? "judges"]);
    go(cwd, ["get", ...moduleSets[set]]);
  }
  return cwd;
}

const version = "k8s.io/component-base/version";
const [, major, minor] = /^v(\d+)\.(\d+)/.exec(kubernetes) as unknown as [string, string, string];
const stamp = [
  `-X ${version}.gitVersion=${kubernetes}`,
  `-X ${version}.gitMajor=${major}`,
  `-X ${version}.gitMinor=${minor}`,
  `-X ${version}.gitTreeState=clean`,
  "-s -w",
].join(" ");

/** What is built in `cwd`. Programs of ours are copied there, so that upstream's modules stand for theirs. */
function packageOf({ own, package: path }: Judge, cwd: string): string {
  if (!own) return path;
  const [from, to] = [join(import.meta.dirname, path), join(cwd, basename(path))];
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from).filter((n) => n.endsWith(".go"))) copyFileSync(join(from, name), join(to, name));
  return `./${basename(path)}`;
}

const chosen = values.only ? judges.filter((j) => values.only?.split(",").includes(j.file)) : judges;
for (const judge of chosen) {
  const target = join(bin, judge.file);
  for (const module of judge.files ?? []) moduleSources(module);
  if (existsSync(target)) continue;
  const started = process.hrtime.bigint();
  const cwd = prepare(judge);
  go(
    cwd,
    [
      ...(judge.test ? ["test", "-c"] : ["build"]),
      "-ldflags",
      judge.set === "kubernetes" ? stamp : `-s -w -X main.version=${judge.commit ?? ""}`,
      "-o",
      target,
      packageOf(judge, cwd),
    ],
    { ...(judge.static ? { CGO_ENABLED: "0" } : {}), ...(judge.set === "git" ? { GOFLAGS: "-mod=vendor -buildvcs=false" } : {}) },
  );
  process.stdout.write(`${judge.file} (${Number((process.hrtime.bigint() - started) / 1_000_000_000n)} s)\n`);
}
if (values.images) {
  const kubernetesDir = go(prepare({ file: "", package: "", set: "kubernetes" }), ["list", "-m", "-f", "{{.Dir}}", "k8s.io/kubernetes"]).trim();
  await buildImages({ dir, bin, testImages: join(kubernetesDir, "test/images"), note: (text) => void process.stdout.write(`${text}\n`) });
}
