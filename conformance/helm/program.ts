/** A Helm program with a home and a namespace of its own, as its user has it on a command line. */
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Result, type RunOptions, run } from "../cluster/cluster.ts";
import { expect } from "../cluster/checks.ts";
import type { Cluster } from "../cluster/cluster.ts";

export interface Release {
  name: string;
  revision: string;
  status: string;
  chart: string;
}
export interface Revision {
  revision: number;
  status: string;
  description: string;
}

export class Helm {
  readonly major: 3 | 4;
  readonly namespace: string;
  readonly cluster: Cluster;
  /** Charts that may be changed. */
  readonly charts: string;
  readonly #program: string;
  readonly #home: string;

  constructor(options: { major: 3 | 4; program: string; namespace: string; home: string; cluster: Cluster }) {
    this.major = options.major;
    this.namespace = options.namespace;
    this.cluster = options.cluster;
    this.#program = options.program;
    this.#home = options.home;
    this.charts = join(options.home, "charts");
    mkdirSync(options.home, { recursive: true });
    cpSync(join(import.meta.dirname, "charts"), this.charts, { recursive: true });
  }

  result(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    const homes = Object.fromEntries(["CACHE", "CONFIG", "DATA"].map((name) => [`HELM_${name}_HOME`, join(this.#home, name)]));
    const env = { ...this.cluster.environment, ...homes, HELM_NAMESPACE: this.namespace, ...options.env };
    return run(this.#program, [...args], { cwd: this.charts, ...options, env });
  }
  /** What it printed; throws Failed where it ends with another status than 0. */
  async run(...args: string[]): Promise<string> {
    const result = await this.result(args);
    expect(result.status === 0, `helm ${args.join(" ")} ended with ${result.status}: ${result.text.trim().slice(0, 1000)}`);
    return result.stdout;
  }
  /** What it complained of; throws Failed where it succeeds. */
  async refused(...args: string[]): Promise<string> {
    const result = await this.result(args);
    expect(result.status !== 0, `helm ${args.join(" ")} succeeded: ${result.text.trim().slice(0, 1000)}`);
    return result.text;
  }
  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.run(...args, "-o", "json")) as T;
  }
  history(name: string): Promise<Revision[]> {
    return this.json<Revision[]>("history", name);
  }
  async lastRevision(name: string): Promise<Revision> {
    return (await this.history(name)).at(-1) as Revision;
  }
  kubectl(args: string): Promise<string> {
    return this.cluster.kubectl(`--namespace ${this.namespace} ${args}`);
  }
  get<T>(what: string): Promise<T> {
    return this.cluster.json<T>(`--namespace ${this.namespace} get ${what}`);
  }
  /** Names of kind/name that are there, sorted. */
  async names(kinds: string): Promise<string[]> {
    return (await this.kubectl(`get ${kinds} -o name`)).split("\n").filter(Boolean).sort();
  }
}
