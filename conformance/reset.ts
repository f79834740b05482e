/**
 * `reset` gives the machine back: its snapshot (machine-snapshot.ts) from before `up` is the snapshot after `reset` - after a
 * plain `up`, after a second `up`, after `kill -9` in the middle of `up` at several moments, after `down`, with pods running,
 * after `kill -9` of all of the cluster's processes, and after a `reset` that was itself killed.
 *
 * Usage (root): sh conformance/own-machine.sh node conformance/reset.ts
 *   --interrupted N   how many times `up` is killed half-way (4)
 *   --archives DIR, --only REGEX, --kubectl FILE, --data-dir DIR, --port PORT: as in web-application.ts
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "../tools/command-line.ts";
import { Checks, expect, expectText } from "./cluster/checks.ts";
import { Background, Cluster, clusterFlags, launcher } from "./cluster/cluster.ts";

const { values } = parseArgs({ options: { ...clusterFlags, interrupted: { type: "string", default: "4" } } });
const cluster = new Cluster(values);
const checks = new Checks("reset", values.only);
const manifest = join(import.meta.dirname, "../examples/web-application/web-application.yaml");

/** What the portmap plugin does for ports of the host is in tables that the whole machine shares. */
const door = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "door", namespace: "shop" },
  spec: { containers: [{ name: "door", image: "example/web:1", ports: [{ containerPort: 80, hostPort: 18_080 }] }] },
};

const snapshot = (): string[] =>
  execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", join(import.meta.dirname, "machine-snapshot.ts")], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  }).split("\n");

/** A scenario between two snapshots; `reset` is what ends it. */
function scenario(name: string, work: () => Promise<unknown>): Promise<boolean> {
  return checks.check(name, async () => {
    const before = snapshot();
    await work();
    await cluster.reset();
    expect(!existsSync(cluster.dataDir), `${cluster.dataDir} is still there`);
    const after = snapshot();
    const [had, has] = [new Set(before), new Set(after)];
    const difference = [...before.filter((l) => !has.has(l)).map((l) => `-${l}`), ...after.filter((l) => !had.has(l)).map((l) => `+${l}`)];
    expect(difference.length === 0, `the machine changed:\n     ${difference.slice(0, 30).join("\n     ")}`);
  });
}

/** SIGKILL to all processes that carry the data directory in their command line. */
function killAll(): number {
  const victims = readdirSync("/proc").filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) &&
        Number(pid) !== process.pid &&
        readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(1).join(" ").includes(`${cluster.dataDir}/`)
      );
    } catch {
      return false;
    }
  });
  for (const pid of victims) process.kill(Number(pid), "SIGKILL");
  return victims.length;
}

async function application(): Promise<void> {
  await cluster.exampleImages(values.archives, ["web"]);
  await cluster.kubectl(`apply -f ${manifest}`);
  await cluster.kubectl("--namespace shop rollout status deployment/web --timeout 90s");
  await cluster.kubectl("apply -f -", { input: JSON.stringify(door) });
  await cluster.kubectl("--namespace shop wait --for condition=Ready pod/door --timeout 60s");
}

/** Starts the command, kills it after a while, and what it had started goes on. */
async function interrupted(command: string[], milliseconds: number): Promise<void> {
  await using _running = new Background(launcher, [...command, "--data-dir", cluster.dataDir]);
  await sleep(milliseconds);
}

try {
  await scenario("nothing but up", () => cluster.up());
  await scenario("up, up again", async () => {
    await cluster.up();
    expectText((await cluster.up()).stdout, "was running", "is Ready");
  });
  for (let n = 0; n < Number(values.interrupted); n++) {
    const milliseconds = 350 + n * 450;
    await scenario(`kill -9 of up after ${milliseconds} ms`, () => interrupted(["up", "--port", values.port], milliseconds));
    await scenario(`kill -9 of up after ${milliseconds} ms, then up`, async () => {
      await interrupted(["up", "--port", values.port], milliseconds);
      await cluster.up();
    });
  }
  await scenario("up, down", async () => {
    await cluster.up();
    expectText((await cluster.k8ts(["down"])).stdout, "stopped");
  });
  await scenario("pods running", async () => {
    await cluster.up();
    await application();
  });
  await scenario("pods running, all processes killed", async () => {
    await cluster.up();
    await application();
    expect(killAll() >= 5, "too few processes were found");
  });
  await scenario("pods running, reset killed half-way", async () => {
    await cluster.up();
    await application();
    await interrupted(["reset"], 1200);
  });
  await checks.check("reset of nothing", async () => expectText((await cluster.reset()).stdout, "nothing to reset"));
} finally {
  await cluster.k8ts(["reset"]);
  checks.finish();
}
