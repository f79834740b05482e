/**
 * Rounds in which pods of every shape are created, deleted, evicted, killed, and in which agent, containerd, or the node itself
 * end. After each tenth round all pods are deleted: links, mounts, cgroups, addresses, files, containers, rules and processes
 * must be what they were before the first.
 *
 * Usage (root): sh conformance/own-machine.sh node conformance/leaks.ts
 *   --rounds N (200)   --seed N (1)   --every N (10)   rounds between two comparisons
 *   --action NAME      the last of them is always this one, such as "lose power"
 *   --images TAR: an archive of the images of the specs;   --kubectl FILE, --data-dir DIR, --port PORT: as in web-application.ts
 */
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "../tools/command-line.ts";
import { seededRandom } from "../src/base/random.ts";
import { childrenOf } from "../src/linux/process.ts";
import { Checks, expect } from "./cluster/checks.ts";
import { Cluster, clusterFlags, until } from "./cluster/cluster.ts";
import { differences, inventory } from "./leaks/inventory.ts";
import { companions, pod, shapeNames } from "./leaks/pods.ts";

const { values } = parseArgs({
  options: {
    ...clusterFlags,
    rounds: { type: "string", default: "200" },
    action: { type: "string" },
    seed: { type: "string", default: "1" },
    every: { type: "string", default: "10" },
    images: { type: "string", default: "/var/tmp/k8ts-judges/images.tar" },
  },
});
const cluster = new Cluster(values);
const checks = new Checks("leaks");
const random = seededRandom(Number(values.seed));
const pick = <T>(list: readonly T[]): T => list[random.int(list.length)] as T;
const tally = new Map<string, number>();
const done = (what: string, count = 1): void => void tally.set(what, (tally.get(what) ?? 0) + count);

interface PodList {
  items: { metadata: { name: string } }[];
}
const podNames = async (): Promise<string[]> => (await cluster.json<PodList>("get pods")).items.map((item) => item.metadata.name);
const some = (names: readonly string[]): string[] => names.filter(() => random.int(3) === 0);

let created = 0;
async function create(): Promise<void> {
  const items = Array.from({ length: 3 + random.int(4) }, () => pod(`pod-${created++}`, pick(shapeNames), random));
  await cluster.kubectl("create -f -", { input: JSON.stringify({ apiVersion: "v1", kind: "List", items }) });
  done("created", items.length);
}
async function remove(flags: string, names: readonly string[]): Promise<void> {
  if (names.length) await cluster.kubectl(`delete pod ${flags} --wait=false --ignore-not-found ${names.join(" ")}`);
  done(flags ? "deleted by force" : "deleted", names.length);
}
async function evict(names: readonly string[]): Promise<void> {
  for (const name of names) {
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace: "default" } };
    const result = await cluster.kubectlResult(["create", "--raw", `/api/v1/namespaces/default/pods/${name}/eviction`, "-f", "-"], {
      input: JSON.stringify(eviction),
    });
    expect(result.status === 0 || /not found/.test(result.text), `the eviction of ${name}: ${result.text}`);
  }
  done("evicted", names.length);
}

/** Ids of processes that `wanted` takes, by their words and their cgroups. */
const processes = (wanted: (command: string[], groups: string) => boolean): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return wanted(readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0"), readFileSync(`/proc/${pid}/cgroup`, "utf8"));
      } catch {
        return false;
      }
    });
function kill(what: string, pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
  done(`killed ${what}`, pids.length);
}
const inPods = (): number[] => processes((command, groups) => groups.includes("/kubepods") && !command[0]?.includes("shim"));
const shims = (): number[] => processes((command) => command[0]?.includes("containerd-shim") === true && command.join(" ").includes(cluster.dataDir));
/** Under the loop that starts it again. */
const agent = (): number[] => childrenOf(cluster.pid("agent"));

const actions: Record<string, () => Promise<void>> = {
  create,
  delete: async () => remove("", some(await podNames())),
  "delete by force": async () => remove("--force --grace-period=0", some(await podNames())),
  evict: async () => evict(some(await podNames())),
  "kill containers": async () =>
    kill(
      "processes of containers",
      inPods().filter(() => random.int(3) === 0),
    ),
  "kill shims": async () =>
    kill(
      "shims",
      shims().filter(() => random.int(4) === 0),
    ),
  "kill the agent": async () => kill("the agent", agent()),
  "kill containerd": async () => kill("containerd", [cluster.pid("containerd")]),
  "kill agent and containerd": async () => kill("agent and containerd", [...agent(), cluster.pid("containerd")]),
  "restart the node": async () => {
    const result = await cluster.k8ts(["down"]);
    expect(result.status === 0, `down ended with ${result.status}: ${result.text}`);
    await cluster.up();
    done("restarted the node");
  },
  "lose power": losePower,
};
/** As after a loss of power: no process, no mount and no link of the node is left, only what lies on disk. */
async function losePower(): Promise<void> {
  const ours = (command: string[]): boolean => command.some((word) => word.includes(cluster.dataDir));
  const judge = (command: string[]): boolean => command.some((word) => /(leaks\.ts|own-machine\.sh)$/.test(word));
  kill(
    "everything",
    processes((command, groups) => !judge(command) && (groups.includes("/kubepods") || ours(command) || /containerd/.test(command[0] ?? ""))),
  );
  await until("nothing runs any more", 20, () => inPods().length + shims().length === 0);
  const points = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((point) => point.startsWith(`${cluster.dataDir}/`));
  for (const point of points.reverse()) execFileSync("umount", ["--lazy", point]);
  for (const line of execFileSync("ip", ["-o", "link", "show"], { encoding: "utf8" }).split("\n")) {
    const name = line.split(": ")[1]?.replace(/@.*/, "");
    // Some go by themselves, with the namespaces of processes that were killed.
    if (name && /^(veth|k8ts)/.test(name)) spawnSync("ip", ["link", "delete", name]);
  }
  execFileSync("nft", ["flush", "ruleset"]);
  for (const directory of ["/run", "/tmp"]) for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true, force: true });
  await cluster.up();
  // The chains that all ports of the host share come back with the first of them.
  await cluster.kubectl("create -f -", { input: JSON.stringify(pod("door", "ports of the host", random)) });
  await cluster.kubectl("wait --for condition=Ready pod/door --timeout 60s");
  await cluster.kubectl("delete pod door");
  done("lost power");
}

/** Of what is named more often more is done. */
const names = Object.keys(actions);
const seldom = ["restart the node", "lose power"];
const often = [...names, ...names.filter((name) => !seldom.includes(name)), ...Array.from({ length: 6 }, () => "create"), "delete", "kill containers"];

async function compare(before: readonly string[]): Promise<void> {
  await cluster.kubectl("delete pods --all --wait=false");
  await until("no pods", 120, async () => (await podNames()).length === 0).catch(async (error: unknown) => {
    const { stdout } = await cluster.kubectlResult(["get", "pods", "-o", "yaml"]);
    throw new Error(`${(error as Error).message}:\n${stdout}`, { cause: error });
  });
  let left: string[] = [];
  // Removal goes on for a moment after the API object has gone; what was killed is taken up by the next look.
  for (let tries = 0; tries < 150; tries++) {
    left = differences(before, inventory(cluster.dataDir));
    if (!left.length) return;
    await sleep(1000);
  }
  expect(false, `${left.length} things are not as before:\n     ${left.slice(0, 40).join("\n     ")}`);
}

await cluster.up();
try {
  const imported = await cluster.k8ts(["image", "import"], [values.images], { limit: 600 });
  expect(imported.status === 0, `images: ${imported.text}`);
  await cluster.kubectl("create -f -", { input: JSON.stringify({ apiVersion: "v1", kind: "List", items: companions }) });
  // Once each shape: directories and rules that stay for the next pod are there from now on, the claim is bound.
  const all = shapeNames.map((shape, i) => pod(`warm-${i}`, shape, random));
  await cluster.kubectl("create -f -", { input: JSON.stringify({ apiVersion: "v1", kind: "List", items: all }) });
  await until("the claim bound", 60, async () => (await cluster.kubectl("get pvc disk -o jsonpath={.status.phase}")) === "Bound");
  await sleep(5000);
  await cluster.kubectl("delete pods --all");
  await sleep(10_000);
  const before = inventory(cluster.dataDir);
  process.stdout.write(`before: ${before.length} lines\n`);
  const rounds = Number(values.rounds);
  const every = Number(values.every);
  for (let round = 1; round <= rounds; round += every) {
    const last = Math.min(round + every - 1, rounds);
    await checks.check(`rounds ${round} to ${last} leave nothing`, async () => {
      const taken: string[] = [];
      for (let i = round; i <= last; i++) {
        const name = values.action && i === last ? values.action : pick(often);
        taken.push(name);
        try {
          await actions[name]?.();
        } catch (error) {
          throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
        }
        await sleep(random.int(2500));
      }
      await compare(before);
      return taken.join(", ");
    });
  }
  process.stdout.write(`${[...tally].map(([what, count]) => `${what}: ${count}`).join(", ")}\n`);
} finally {
  await cluster.reset();
}
checks.finish();
