/** `k8ts up`: from nothing, or from any half-finished state, to a Ready node. Every step may be repeated. */
import { existsSync, mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Lease } from "../api/types/coordination-v1.gen.ts";
import type { Node } from "../api/types/core-v1.gen.ts";
import { systemClock } from "../base/clock.ts";
import type { Client } from "../client/client.ts";
import { leases, nodes } from "../client/resources.gen.ts";
import { readAdminClient } from "./admin-client.ts";
import { servingFlags, settingsFlags, simulateFlags, UsageError } from "./commands/options.ts";
import { type Daemon, findDaemon, lastError, logFile, startDaemon } from "./daemon.ts";
import { stopAll } from "./down.ts";
import { readJsonFile, writeFileAtomic } from "./files.ts";
import { ensureIdentities } from "./identities.ts";
import { readRegistries } from "./images/registries.ts";
import { registriesFile } from "./images/remote.ts";
import { Journal, journalFile } from "./journal.ts";
import { lockCluster } from "./lock.ts";
import { assertBridgeIsOurs, ensureCgroupRoots, prepareMachine } from "./machine.ts";
import { installPackages, missingPackages } from "./packages.ts";
import { kubeconfigPath, type Paths, pathsOf } from "./paths.ts";
import { Progress } from "./progress.ts";
import type { SimulateOptions } from "./server.ts";
import { cgroupRoot, nodeAddress, type ServingFlags, type Settings, settingsProblems } from "./settings.ts";
import { loadStages, simulatedNodeNames } from "./simulated-nodes.ts";

const clock = systemClock;
const startLimit = 60_000;

/** The agent makes little garbage at a time: a smaller young generation saves it about 10 MB with 110 pods, and costs nothing that shows. */
const agentFlags = ["--max-semi-space-size=2"];

export async function up(settings: Settings, options: { simulate?: SimulateOptions; serving?: ServingFlags }): Promise<void> {
  const progress = new Progress(process.stdout, clock);
  const started = clock.monotonic();
  const paths = pathsOf(settings.dataDir);
  // Everything that can be refused is, before anything is made. Mistakes in stage files are shown here, not in the server's log.
  const problems = settingsProblems(settings);
  if (problems.length) throw new UsageError(problems.join("; "));
  const serving = servingFlags(options.serving ?? {});
  if (options.serving && serving.length) await checkServing(options.serving);
  if (options.simulate) loadStages(options.simulate.stages);
  assertSameSettings(paths, settings, options.simulate);
  if (!findDaemon(paths, "server")) await assertPortFree(settings.port, "--port");
  if (settings.registry !== undefined && options.simulate)
    throw new UsageError("--registry is for a node with containers: leave it out, or start `k8ts registry` beside");
  if (settings.registry !== undefined && !findDaemon(paths, "agent")) await assertPortFree(settings.registry, "--registry");
  readRegistries(registriesFile(paths.data));
  if (!options.simulate) assertBridgeIsOurs(settings, paths);

  mkdirSync(paths.data, { recursive: true, mode: 0o711 });
  rememberSettings(paths, settings, options.simulate);
  using _lock = lockCluster(paths, "up");
  const wasRunning = findDaemon(paths, "server") !== undefined;
  const agentWasRunning = findDaemon(paths, "agent") !== undefined;
  const journal = new Journal(journalFile(paths));

  if (!options.simulate) {
    await progress.step("packages", async (note) => {
      const missing = missingPackages();
      if (missing.length) await installPackages(missing, note);
      for (const name of missing) journal.add("packages", name);
      const still = missingPackages();
      if (still.length) throw new Error(`${still.join(", ")}: installed, but its programs are not on PATH (${process.env.PATH ?? ""})`);
      note(journal.record.packages.length ? `installed: ${journal.record.packages.join(", ")}` : "all present");
    });
    await progress.step("machine", async (note) => {
      await prepareMachine(settings, journal);
      ensureCgroupRoots(cgroupRoot, journal);
      note(`bridge ${settings.bridge}, node address ${nodeAddress(settings)}`);
    });
  }
  await progress.step("certificates", (note) => {
    note(paths.pki);
    return ensureIdentities(settings, paths, clock);
  });

  const flags = [...settingsFlags(settings), ...(options.simulate ? simulateFlags(options.simulate) : [])];
  const wallStarted = clock.now();
  const server = findDaemon(paths, "server") ?? startDaemon(paths, "server", ["server", ...flags, ...serving]);
  const agent = options.simulate ? undefined : (findDaemon(paths, "agent") ?? startDaemon(paths, "agent", ["agent", ...flags], agentFlags));

  const client = readAdminClient(kubeconfigPath(paths, "admin"), clock);
  try {
    await progress.step("server", async (note) => {
      await until(paths, [server], () => isReady(client));
      const later = serving.length ? "; --runtime-config and --feature-gates count when it is started next (k8ts down, then k8ts up)" : "";
      note(wasRunning ? `was running${later}` : `https://127.0.0.1:${settings.port}`);
    });
    await progress.step("node", async (note) => {
      const names = options.simulate ? simulatedNodeNames(settings.nodeName, options.simulate.nodes) : [settings.nodeName];
      const since = (options.simulate ? wasRunning : agentWasRunning) ? 0 : wallStarted;
      for (const name of names) await until(paths, agent ? [server, agent] : [server], () => nodeReady(client, name, since));
      note(names.length === 1 ? `${settings.nodeName} is Ready` : `${names.length} nodes are Ready`);
    });
  } catch (error) {
    // What a failed start leaves running would start again and fail again; what ran before goes on.
    if (!wasRunning && !agentWasRunning) await stopAll(paths, progress);
    throw error;
  } finally {
    await client.transport[Symbol.asyncDispose]();
  }
  progress.line(`\nThe cluster is up (${((clock.monotonic() - started) / 1000).toFixed(2)} s). Kubernetes v1.36 at https://127.0.0.1:${settings.port}`);
  progress.line(`  k8ts kubectl get nodes\n  export KUBECONFIG=${kubeconfigPath(paths, "admin")}`);
}

/** The mistakes in these flags are shown here as well; what knows of all APIs is loaded for it. */
async function checkServing(flags: ServingFlags): Promise<void> {
  const { servingFrom } = await import("./serving.ts");
  try {
    servingFrom(flags);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** A cluster keeps the settings it was made with: certificates, addresses and stored objects depend on them. */
function assertSameSettings(paths: Paths, settings: Settings, simulate: SimulateOptions | undefined): void {
  const held = readJsonFile<Record<string, unknown>>(join(paths.data, "settings.json"));
  if (!held) return;
  const changed = Object.entries(asRemembered(settings, simulate)).filter(([key, value]) => held[key] !== undefined && held[key] !== value);
  if (changed.length) {
    const words = changed.map(([key, value]) => `${key} ${String(held[key])} (asked: ${String(value)})`).join(", ");
    throw new UsageError(`the cluster in ${settings.dataDir} was made with ${words}: use the same, another --data-dir, or \`k8ts reset\` first`);
  }
}

function rememberSettings(paths: Paths, settings: Settings, simulate: SimulateOptions | undefined): void {
  const file = join(paths.data, "settings.json");
  if (!existsSync(file)) writeFileAtomic(file, `${JSON.stringify(asRemembered(settings, simulate), null, 2)}\n`, 0o600);
}

/** Which parts other programs take the place of is chosen anew at each start. */
const asRemembered = ({ disabled: _, ...settings }: Settings, simulate: SimulateOptions | undefined): Record<string, unknown> => ({
  ...settings,
  simulate: simulate !== undefined,
  ...(simulate ? { nodes: simulate.nodes } : {}),
});

async function assertPortFree(port: number, flag: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.on("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "EADDRINUSE" ? new UsageError(`port ${port} of 127.0.0.1 is in use: stop what listens there, or choose another with ${flag}`) : error,
      ),
    );
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve()));
  });
}

/** Asks every 20 ms; fails as soon as one of the daemons has given up, or after a minute. */
async function until(paths: Paths, daemons: Daemon[], done: () => Promise<boolean>): Promise<void> {
  const deadline = clock.monotonic() + startLimit;
  while (!(await done())) {
    const dead = daemons.find((d) => findDaemon(paths, d.name) === undefined);
    if (dead) throw new Error(`the ${dead.name} does not start: ${lastError(paths, dead.name)} (all of it: ${logFile(paths, dead.name)})`);
    if (clock.monotonic() > deadline) {
      throw new Error(
        `not ready after ${startLimit / 1000} s: ${daemons.map((d) => `${d.name}: ${lastError(paths, d.name)}`).join("; ")} (logs: ${paths.logs})`,
      );
    }
    await clock.sleep(20);
  }
}

async function isReady(client: Client): Promise<boolean> {
  try {
    return (await client.transport.stream({ method: "GET", path: "/readyz" })).status === 200;
  } catch {
    // Not listening yet, or not ready: until() bounds how long that may last.
    return false;
  }
}

/** Ready, and said so by a kubelet that renewed its lease after `since`: what an earlier one said does not count. */
async function nodeReady(client: Client, name: string, since: number): Promise<boolean> {
  try {
    const lease: Lease = await client.resource(leases).get("kube-node-lease", name);
    if (Date.parse(lease.spec.renewTime ?? "") < since) return false;
    const node: Node = await client.resource(nodes).get("", name);
    return node.status.conditions?.some((c) => c.type === "Ready" && c.status === "True") ?? false;
  } catch {
    return false;
  }
}
