/** `k8ts testserver`: startCluster() for programs in other languages, tied to the life of the program that started it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseYAML } from "../api/codec/yaml.ts";
import { systemClock } from "../base/clock.ts";
import { createLogger } from "../base/logger.ts";
import type { Kubeconfig } from "../client/kubeconfig.ts";
import { readStageFile } from "./simulated-nodes.ts";
import { type Cluster, startCluster } from "./start-cluster.ts";

export interface TestServerOptions {
  nodes: number;
  /** Paths of stage files. */
  stages: readonly string[];
  /** 0: any free one. */
  port: number;
  seed?: number;
  virtual: boolean;
}

/** Resolves when standard input has ended, or a signal has come, and everything is taken away again. */
export async function runTestServer(options: TestServerOptions): Promise<void> {
  const sources = options.stages.map((file) => ({ file, text: readStageFile(file) }));
  const logger = createLogger({ name: "testserver", clock: systemClock, level: "warn", write: (line) => void process.stderr.write(line) });
  await using cluster = await startCluster({
    nodes: options.nodes,
    port: options.port,
    clock: options.virtual ? "virtual" : "real",
    logger,
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    stages: sources,
  });
  const config = parseYAML(await cluster.kubeconfig()).value as unknown as Kubeconfig;
  const directory = mkdtempSync(join(tmpdir(), "k8ts-"));
  try {
    const kubeconfig = join(directory, "kubeconfig");
    // JSON is YAML: tests need no YAML library to read it.
    writeFileSync(kubeconfig, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
    print({ kubeconfig, server: config.clusters?.[0]?.cluster.server });
    await obey(cluster, options.virtual);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const print = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

/** Carries out the lines of standard input until it ends or a signal comes. */
async function obey(cluster: Cluster, virtual: boolean): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => lines.close());
  for await (const line of lines) {
    const [command, amount, ...rest] = line.trim().split(/\s+/);
    if (!command) continue;
    const ms = Number(amount);
    if (command !== "advance" || !virtual || !(ms >= 0) || rest.length) {
      print({ error: `${JSON.stringify(line)} is not understood: write \`advance MILLISECONDS\`${virtual ? "" : ", with the flag --virtual-clock"}` });
      continue;
    }
    await cluster.advance(ms);
    print({ now: new Date(cluster.clock.now()).toISOString() });
  }
}
