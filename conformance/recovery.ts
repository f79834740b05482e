/**
 * `kill -9` of server, agent, both, containerd, everything, and of the loops that stand over them, at random moments while
 * an application serves: containers go on (same ids, same restart counts), the Service answers throughout, DNS answers again
 * within 2 s, the node is Ready again. At the end a shim is killed: its container, and only that, is started again.
 *
 * Usage (root): sh conformance/own-machine.sh node conformance/recovery.ts
 *   --rounds N   (12)   --seed N (1)   --kind NAME   only this one of the kinds below
 *   --archives DIR, --kubectl FILE, --data-dir DIR, --port PORT: as in web-application.ts
 */
import { Resolver } from "node:dns/promises";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "../tools/command-line.ts";
import { seededRandom } from "../src/base/random.ts";
import { Checks, expect } from "./cluster/checks.ts";
import { Cluster, clusterFlags, until } from "./cluster/cluster.ts";
import { Load } from "./cluster/http.ts";

const { values } = parseArgs({
  options: { ...clusterFlags, rounds: { type: "string", default: "12" }, seed: { type: "string", default: "1" }, kind: { type: "string" } },
});
const cluster = new Cluster(values);
const checks = new Checks("recovery", values.only);
const random = seededRandom(Number(values.seed));
const manifest = join(import.meta.dirname, "../examples/web-application/web-application.yaml");

const childrenOf = (parent: number): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === parent;
      } catch {
        return false;
      }
    })
    .map(Number);
const loopAndProcess = (name: "server" | "agent"): number[] => [cluster.pid(name), ...childrenOf(cluster.pid(name))];
/** What is killed, and whether `k8ts up` has to be said again. */
const kinds: Record<string, { victims(): number[]; again?: boolean }> = {
  server: { victims: () => childrenOf(cluster.pid("server")) },
  agent: { victims: () => childrenOf(cluster.pid("agent")) },
  both: { victims: () => [...childrenOf(cluster.pid("server")), ...childrenOf(cluster.pid("agent"))] },
  containerd: { victims: () => [cluster.pid("containerd")] },
  everything: { victims: () => [...childrenOf(cluster.pid("server")), ...childrenOf(cluster.pid("agent")), cluster.pid("containerd")] },
  "agent and containerd": { victims: () => [...childrenOf(cluster.pid("agent")), cluster.pid("containerd")] },
  "the loops too": { victims: () => [...loopAndProcess("server"), ...loopAndProcess("agent"), cluster.pid("containerd")], again: true },
};

interface Pods {
  items: {
    metadata: { name: string };
    status: { podIP: string; containerStatuses?: { name: string; containerID: string; restartCount: number; ready: boolean }[] };
  }[];
}
const containers = async (): Promise<Map<string, string>> => {
  const { items } = await cluster.json<Pods>("--namespace shop get pods -l app");
  return new Map(
    items.flatMap((pod) =>
      (pod.status.containerStatuses ?? []).map((c) => [
        `${pod.metadata.name}/${c.name}`,
        `${c.containerID} restarts=${c.restartCount} ready=${c.ready} ip=${pod.status.podIP}`,
      ]),
    ),
  );
};
const leaseRenewed = async (): Promise<number> => {
  const { items } = await cluster.json<{ items: { spec: { renewTime: string } }[] }>("--namespace kube-node-lease get leases");
  return Date.parse(items[0]?.spec.renewTime ?? "");
};

/** Asks the cluster's DNS every 20 ms; knows the longest time between two answers. */
class NameWatch implements AsyncDisposable {
  longest = 0;
  #stopped = false;
  #answered = performance.now();
  readonly #work: Promise<void>;
  constructor() {
    this.#work = this.#run();
  }
  async #run(): Promise<void> {
    while (!this.#stopped) {
      const resolver = new Resolver({ timeout: 100, tries: 1 });
      resolver.setServers(["10.96.0.10"]);
      await resolver.resolve4("web.shop.svc.cluster.local").then(
        () => {
          const now = performance.now();
          this.longest = Math.max(this.longest, now - this.#answered);
          this.#answered = now;
        },
        () => {},
      );
      await sleep(20);
    }
    this.longest = Math.max(this.longest, performance.now() - this.#answered);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await this.#work;
  }
}

async function round(kind: string): Promise<string> {
  const before = await containers();
  const { victims, again } = kinds[kind] as (typeof kinds)[string];
  const names = new NameWatch();
  const load = new Load(["http://10.244.0.1:30080/", `http://${await webAddress()}/`], 4, 20);
  let recovered = 0;
  try {
    await sleep(500 + random.int(3000));
    const killed = Date.now();
    const pids = victims();
    for (const pid of pids) process.kill(pid, "SIGKILL");
    if (again) await cluster.up();
    await until("the node Ready, its lease renewed since", 60, async () => {
      const conditions = await cluster.kubectl("get node -o jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}");
      return conditions === "True" && (await leaseRenewed()) > killed;
    });
    recovered = Date.now() - killed;
    // Long enough for a mistaken restart to show.
    await sleep(3000);
    await until("all containers ready", 30, async () => [...(await containers()).values()].every((c) => c.includes("ready=true")));
  } finally {
    await Promise.all([load[Symbol.asyncDispose](), names[Symbol.asyncDispose]()]);
  }
  const after = await containers();
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter((name) => before.get(name) !== after.get(name));
  expect(changed.length === 0, changed.map((name) => `${name}: before ${before.get(name) ?? "absent"}, after ${after.get(name) ?? "absent"}`).join("; "));
  const figures = `node Ready with a new lease after ${recovered} ms, longest silence of DNS ${Math.round(names.longest)} ms, ${load.failures.length} of ${load.sent} requests failed`;
  expect(load.failures.length === 0, `${figures}: ${load.summary()}`);
  expect(names.longest < 2000, figures);
  return figures;
}

const webAddress = async (): Promise<string> => cluster.kubectl("--namespace shop get service web -o jsonpath={.spec.clusterIP}");

/** The last lines of the logs, for a round that failed. */
function showLogs(): void {
  for (const name of ["server", "agent", "containerd"]) {
    const lines = readFileSync(join(cluster.dataDir, "logs", `${name}.log`), "utf8")
      .trim()
      .split("\n");
    process.stdout.write(
      `     ${name}.log ends with:\n${lines
        .slice(-8)
        .map((line) => `       ${line.slice(0, 300)}\n`)
        .join("")}`,
    );
  }
}

async function killShim(): Promise<string> {
  const before = await containers();
  const shims = readdirSync("/proc").filter((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      return command.includes("containerd-shim-runc-v2") && command.includes(cluster.dataDir);
    } catch {
      return false;
    }
  });
  const victim = Number(shims[random.int(shims.length)]);
  process.kill(victim, "SIGKILL");
  let changed: string[] = [];
  await until("one pod's containers started again, all ready", 60, async () => {
    const now = await containers();
    changed = [...now.keys()].filter((name) => before.get(name) !== now.get(name));
    return changed.length > 0 && [...now.values()].every((c) => c.includes("ready=true"));
  });
  expect(changed.length === 1, `changed: ${changed.join(", ")}`);
  return `of ${shims.length} shims; ${changed.join(", ")} was started again`;
}

try {
  await cluster.up();
  await cluster.exampleImages(values.archives);
  await cluster.kubectl(`apply -f ${manifest}`);
  for (const name of ["store", "api", "web"]) await cluster.kubectl(`--namespace shop rollout status deployment/${name} --timeout 90s`);
  await cluster.kubectl("--namespace shop wait --for=condition=complete job/seed --timeout 60s");
  const order = values.kind ? [values.kind] : Object.keys(kinds);
  for (let n = 0; n < Number(values.rounds); n++) {
    const kind = order[n % order.length] as string;
    if (!(await checks.check(`round ${n + 1}: kill -9 of ${kind}`, () => round(kind)))) showLogs();
  }
  await checks.check("kill -9 of a shim", killShim);
  await checks.check("new pods start as before", async () => {
    await cluster.kubectl("--namespace shop rollout restart deployment/web");
    await cluster.kubectl("--namespace shop rollout status deployment/web --timeout 90s");
  });
} finally {
  await checks.check("reset", () => cluster.reset().then(() => {}));
  checks.finish();
}
