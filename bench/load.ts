/** The load generator: a Go program, built when its sources are newer than what was built. */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { PKI } from "../src/distro/pki.ts";
import type { Server } from "./servers.ts";

/** One step of a workload; rates are per second, latencies milliseconds. */
export interface StepResult {
  step: string;
  requests?: number;
  seconds?: number;
  perSecond?: number;
  p50?: number;
  p99?: number;
  bytesEach?: number;
  events?: number;
  eventsPerSecond?: number;
  watchRestarts?: number;
  serverCPU?: number;
  clientCPU?: number;
  pssMiB?: number;
  schedulerCPU?: number;
  schedulerPSSMiB?: number;
  /** How fast the pods came that a scheduler was to place. */
  createdPerSecond?: number;
  /** Of a server's memory, for each of the first watches and of as many more. */
  kibEach?: number;
  kibFurther?: number;
  /** Milliseconds that small requests took: the longest before, and of so many while something large was read. */
  othersBefore?: number;
  othersMedian?: number;
  othersP99?: number;
  othersMax?: number;
  others?: number;
  /** By which the program that sends them came late at most. */
  othersLate?: number;
}

/** Gives the path of the program. */
export function buildLoad(directory: string): string {
  const source = join(import.meta.dirname, "load");
  const target = join(directory, "load");
  mkdirSync(directory, { recursive: true });
  const changed = Math.max(...readdirSync(source).map((file) => statSync(join(source, file)).mtimeMs));
  if ((statSync(target, { throwIfNoEntry: false })?.mtimeMs ?? 0) > changed) return target;
  const built = spawnSync("go", ["build", "-o", target, "."], { cwd: source, encoding: "utf8" });
  if (built.error) throw new Error(`go: ${built.error.message}: the load generator is a Go program; install Go 1.26`);
  if (built.status !== 0) throw new Error(`go build failed:\n${built.stderr}`);
  return target;
}

/** Runs the workload as the user "bench"; `seen` gets each step's result as soon as it is there. */
export async function runLoad(
  program: string,
  server: Server,
  pki: PKI,
  options: { workload: string; scale: number; scheduler?: number; seen?: (result: StepResult) => void },
): Promise<StepResult[]> {
  const args = ["-server", server.url, "-ca", pki.certificatePath("ca"), "-cert", pki.certificatePath("bench"), "-key", pki.keyPath("bench")];
  if (options.scheduler !== undefined) args.push("-scheduler", String(options.scheduler));
  const child = spawn(program, [...args, "-pids", server.pids.join(","), "-workload", options.workload, "-scale", String(options.scale)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<number | null>((resolve, reject) => child.on("close", resolve).on("error", reject));
  const results: StepResult[] = [];
  for await (const line of createInterface(child.stdout)) {
    const result = JSON.parse(line) as StepResult;
    results.push(result);
    options.seen?.(result);
  }
  const status = await ended;
  if (status !== 0) throw new Error(`the load generator ended with ${status} on ${server.name}`);
  return results;
}
