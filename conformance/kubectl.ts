/**
 * The same kubectl command lines to a real kube-apiserver and to ours: exit code, what is printed and what is complained of must
 * agree, save for what no two servers share (uids, times, ages, revisions, generated names).
 *
 *   node conformance/kubectl.ts [--only REGEXP] [--verbose] [--bin DIR] [--port 25810]
 *
 * Plays the sessions of conformance/kubectl/*.yaml, and one for each template of the differential judge: its object is created,
 * shown in every form, labelled, applied, edited, replaced, deleted. Exits 1 where anything differs.
 */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { load } from "js-yaml";
import { parseArgs } from "../tools/command-line.ts";
import { templates } from "./differential/episodes.ts";
import { settled } from "./differential/exchange.ts";
import { sessionOf } from "./kubectl/kinds.ts";
import type { Session, Step } from "./kubectl/session.ts";
import { startPair } from "./pair/start.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    verbose: { type: "boolean", default: false },
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    port: { type: "string", default: "25810" },
  },
});
const base = Number(values.port);
const temporary = new RegExp(`(${tmpdir()}|/tmp)/(kubectl-[\\w/.-]+|(LIVE|MERGED)-\\d+)`, "g");
const write = (line: string): void => void process.stdout.write(line);

interface Outcome {
  code: number;
  out: string;
  err: string;
}

const data = join(import.meta.dirname, "kubectl");
const written = readdirSync(data)
  .filter((file) => file.endsWith(".yaml"))
  .flatMap((file) => load(readFileSync(join(data, file), "utf8")) as Session[]);
const sessions = [...written, ...templates().map(sessionOf)].filter(({ name }) => new RegExp(values.only).test(name));

await using pair = await startPair({
  name: "kubectl",
  bin: values.bin,
  ports: { peer: base, ours: base + 1, etcd: base + 2, etcdPeer: base + 3 },
  flags: (path, side) => [
    "--authorization-mode=Node,RBAC",
    `--kubelet-certificate-authority=${path("ca.crt")}`,
    `--kubelet-client-certificate=${path("admin.crt")}`,
    `--kubelet-client-key=${path("admin.key")}`,
    ...(side === "ours" ? ["--network-policies-enforced"] : ["--enable-priority-and-fairness=true"]),
  ],
});
const { processes } = pair;
const sides = ["peer", "ours"] as const;
let steps = 0;
let different = 0;
for (const [at, session] of sessions.entries()) {
  const namespace = `session-${at}`;
  for (const side of sides) {
    await run(side, "default", { run: `create namespace ${namespace}` });
    await run(side, namespace, { run: "create serviceaccount default" });
  }
  for (const step of session.steps.map((one) => (typeof one === "string" ? { run: one } : one))) {
    steps++;
    const [peer, ours] = (await Promise.all(sides.map((side) => answer(side, namespace, step)))).map((outcome) => evened(outcome, step)) as [Outcome, Outcome];
    const same = JSON.stringify(peer) === JSON.stringify(ours);
    if (values.verbose || !same) write(`${same ? "ok  " : "DIFF"} ${session.name}: kubectl ${step.run}\n`);
    if (same) continue;
    different++;
    for (const key of ["code", "out", "err"] as const) if (peer[key] !== ours[key]) write(parting(key, String(peer[key]), String(ours[key])));
  }
  for (const side of sides) await run(side, "default", { run: `delete namespace ${namespace} --wait=false` });
}
write(`${sessions.length} sessions, ${steps} command lines, ${different} differ\n`);
process.exitCode = different ? 1 : 0;

async function answer(side: (typeof sides)[number], namespace: string, step: Step): Promise<Outcome> {
  for (let left = 20; ; left--) {
    const outcome = await run(side, namespace, step);
    if (step.until === undefined || left === 0 || outcome.out.includes(step.until)) return outcome;
    await pause(500);
  }
}

/** A minute at most. */
function run(side: (typeof sides)[number], namespace: string, { run: line, in: input, env = {} }: Step): Promise<Outcome> {
  const command = `exec ${join(values.bin, "kubectl")} --cache-dir ${processes.path(`cache-${side}`)} --namespace ${namespace} ${line}`;
  const child = spawn("timeout", ["60", "sh", "-c", command], {
    cwd: processes.directory,
    env: { PATH: process.env.PATH, HOME: processes.path(`home-${side}`), KUBECONFIG: processes.path(`${side}.conf`), TZ: "UTC", ...env },
  });
  const texts = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => (texts.out += chunk));
  child.stderr.on("data", (chunk: Buffer) => (texts.err += chunk));
  child.stdin.on("error", () => {});
  child.stdin.end(input ?? "");
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? -1, ...texts }));
  });
}

/** Without what no two servers share; lines in order where the step says that theirs is chance. */
function evened({ code, out, err }: Outcome, { unordered }: Step): Outcome {
  const even = (text: string): string => {
    const plain = (settled(text) as string)
      .replaceAll(/127\.0\.0\.1:\d+/g, "SERVER")
      .replaceAll(new RegExp(`(targetPort: )(${base}|${base + 1})$`, "gm"), "$1PORT")
      .replaceAll(temporary, "FILE")
      .replaceAll(/\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000/g, "TIME")
      .replaceAll(/(?<=\s)(\d+m)?\d+m?s(?=\s|$)|<invalid>|<unknown>/gm, "AGE")
      .replaceAll(/^(---|\+\+\+) FILE.*/gm, "$1 FILE")
      .replaceAll(/(resourceVersion|ResourceVersion|Resource Version)("?[:=] *)"?\d+"?/g, "$1$2RV")
      .replaceAll(/^[WEI]\d{4} [\d:.]+ +\d+ (?=\w+\.go)/gm, "")
      .replaceAll(/\b(debugger|node-debugger-\w+)-[a-z0-9]{5}\b/g, "$1-XXXXX")
      .replaceAll(/ {2,}/g, "  ")
      .replaceAll(/(NodePort: .*)\b3[0-3]\d{3}\b/g, "$1PORT")
      // What nothing acts on yet is said here and not upstream.
      .replaceAll(/^Warning: no .* is part of this cluster: .*\n/gm, "");
    return unordered ? plain.split("\n").sort().join("\n") : plain;
  };
  return { code, out: even(out), err: even(err) };
}

/** The lines in which they part, a few of them. */
function parting(what: string, peer: string, ours: string): string {
  const [a, b] = [peer.split("\n"), ours.split("\n")];
  const [only, other] = [a.filter((line) => !b.includes(line)), b.filter((line) => !a.includes(line))];
  if (only.length === 0 && other.length === 0) return `     ${what}: the same lines in another order or number (${a.length} and ${b.length})\n`;
  const some = (lines: string[], mark: string): string =>
    lines
      .slice(0, 6)
      .map((line) => `     ${what} ${mark} ${line.slice(0, 300)}\n`)
      .join("");
  return some(only, "peer") + some(other, "ours");
}
