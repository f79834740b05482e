/** `k8ts status`: the processes, the API server's and the node's health, and the kinds that nothing acts on yet. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { kinds } from "../apiserver/kinds.gen.ts";
import { systemClock } from "../base/clock.ts";
import { nodes } from "../client/resources.gen.ts";
import { identify } from "../linux/process.ts";
import { readAdminClient } from "./admin-client.ts";
import { UsageError } from "./commands/options.ts";
import { daemonPids, findDaemon } from "./daemon.ts";
import { readJsonFile } from "./files.ts";
import { kubeconfigPath, pathsOf } from "./paths.ts";
import type { Settings } from "./settings.ts";

interface Status {
  healthy: boolean;
  dataDir: string;
  processes: { name: string; pids: number[]; memoryMB: number }[];
  apiServer: string;
  nodes: { name: string; ready: boolean; message: string }[];
  /** Kinds whose writes answer with a warning, and those whose writes are refused. */
  inert: { resource: string; why: string }[];
  refused: { resource: string; why: string }[];
}

export async function readStatus(dataDir: string): Promise<Status> {
  const paths = pathsOf(dataDir);
  const settings = readJsonFile<Settings & { simulate: boolean }>(join(paths.data, "settings.json"));
  if (!settings) throw new UsageError(`no cluster in ${dataDir}: start one with \`k8ts up\``);
  const names = settings.simulate ? ["server"] : ["server", "agent"];
  const processes = names.map((name) => {
    const daemon = findDaemon(paths, name);
    const pids = daemon ? daemonPids(daemon) : [];
    return { name, pids, memoryMB: Math.round(pids.reduce((sum, pid) => sum + proportionalKB(pid), 0) / 1024) };
  });
  const { apiServer, found } = await askServer(kubeconfigPath(paths, "admin"));
  const healthy = apiServer === "ok" && processes.every((p) => p.pids.length > 0) && found.length > 0 && found.every((n) => n.ready);
  const inert = kinds.flatMap((k) => (k.inert ? [{ resource: k.resource, why: k.inert }] : []));
  const refused = kinds.flatMap((k) => (k.refused ? [{ resource: k.resource, why: k.refused }] : []));
  return { healthy, dataDir, processes, apiServer, nodes: found, inert, refused };
}

async function askServer(kubeconfig: string): Promise<{ apiServer: string; found: Status["nodes"] }> {
  const client = readAdminClient(kubeconfig, systemClock);
  try {
    const ready = await client.transport.stream({ method: "GET", path: "/readyz" });
    const { items } = await client.resource(nodes).list();
    const found = items.map((node) => {
      const condition = node.status.conditions?.find((c) => c.type === "Ready");
      return { name: node.metadata.name, ready: condition?.status === "True", message: condition?.message ?? "never reported" };
    });
    return { apiServer: ready.status === 200 ? "ok" : `answers ${ready.status}`, found };
  } catch (error) {
    return { apiServer: (error as Error).message, found: [] };
  } finally {
    await client.transport[Symbol.asyncDispose]();
  }
}

/** Proportional set size: shared pages count in parts. */
function proportionalKB(pid: number): number {
  if (!identify(pid)) return 0;
  try {
    return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
  } catch {
    // The process ended in between, or belongs to somebody else.
    return 0;
  }
}

export function formatStatus(status: Status): string {
  const lines = [`data        ${status.dataDir}`];
  for (const { name, pids, memoryMB } of status.processes)
    lines.push(`${name.padEnd(12)}${pids.length ? `running, pid ${pids.join(", ")}, ${memoryMB} MB` : "not running: start it with `k8ts up`"}`);
  lines.push(`API server  ${status.apiServer}`);
  for (const node of status.nodes) lines.push(`node        ${node.name} ${node.ready ? "Ready" : `not ready: ${node.message}`}`);
  for (const { resource, why } of status.inert) lines.push(`no effect   ${resource}: ${why}`);
  for (const { resource, why } of status.refused) lines.push(`refused     ${resource}: ${why}`);
  return `${lines.join("\n")}\n`;
}
