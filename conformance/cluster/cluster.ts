/** A real cluster of this clone for the judges in this folder's parent: `k8ts` and kubectl as programs, nothing imported. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, Failed } from "./checks.ts";

export interface Result {
  status: number | null;
  stdout: string;
  stderr: string;
  /** Both, for looking through. */
  text: string;
}

export interface RunOptions {
  input?: string;
  env?: NodeJS.ProcessEnv;
  /** Seconds after which it is killed; 60 by default. */
  limit?: number;
  cwd?: string;
}

const root = resolve(import.meta.dirname, "../..");
export const launcher = join(root, "k8ts");

export function run(program: string, args: string[], { input, env, limit = 60, cwd }: RunOptions = {}): Promise<Result> {
  return new Promise((resolveResult, reject) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], timeout: limit * 1000, ...(env ? { env } : {}), ...(cwd ? { cwd } : {}) });
    const output = { stdout: "", stderr: "", text: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (chunk: string) => {
        output[stream] += chunk;
        output.text += chunk;
      });
    }
    child.on("error", reject);
    child.on("close", (status) => resolveResult({ status, ...output }));
    child.stdin.on("error", () => {});
    child.stdin.end(input ?? "");
  });
}

/** A program in the background, with what it has written so far. */
export class Background implements AsyncDisposable {
  readonly child: ChildProcess;
  text = "";
  constructor(program: string, args: string[], env?: NodeJS.ProcessEnv) {
    this.child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], ...(env ? { env } : {}) });
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.setEncoding("utf8").on("data", (chunk: string) => (this.text += chunk));
  }
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((done) => this.child.once("exit", done));
    this.child.kill("SIGKILL");
    await ended;
  }
}

/** Asks every 50 ms; gives what `ask` gave when it was not undefined or false. Errors count as "not yet". */
export async function until<T>(what: string, seconds: number, ask: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = process.hrtime.bigint() + BigInt(Math.round(seconds * 1e9));
  let last = "";
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== null && answer !== false) return answer as NonNullable<T>;
    } catch (error) {
      last = `: ${(error as Error).message}`;
    }
    if (process.hrtime.bigint() > deadline) throw new Failed(`${what} not within ${seconds} s${last}`);
    await sleep(50);
  }
}

/** Options of every judge that starts a cluster. */
export const clusterFlags = {
  "data-dir": { type: "string", default: "/var/tmp/k8ts-acceptance" },
  port: { type: "string", default: "22300" },
  kubectl: { type: "string", default: "/var/tmp/k8ts-judges/bin/kubectl" },
  archives: { type: "string" },
  only: { type: "string" },
} as const;

export class Cluster {
  readonly dataDir: string;
  readonly port: string;
  readonly #kubectl: string;
  constructor(options: { "data-dir": string; port: string; kubectl: string }) {
    this.dataDir = resolve(options["data-dir"]);
    this.port = options.port;
    this.#kubectl = options.kubectl;
  }

  get kubeconfig(): string {
    return join(this.dataDir, "kubeconfig", "admin.conf");
  }
  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, KUBECONFIG: this.kubeconfig };
  }

  /** `k8ts COMMAND --data-dir ... ARGS`, whatever its status. */
  k8ts(command: string[], args: string[] = [], options: RunOptions = {}): Promise<Result> {
    return run(launcher, [...command, "--data-dir", this.dataDir, ...args], { limit: 180, ...options });
  }
  async up(...args: string[]): Promise<Result> {
    const result = await this.k8ts(["up"], ["--port", this.port, ...args]);
    expect(result.status === 0, `up ended with ${result.status}: ${result.text}`);
    return result;
  }
  async reset(): Promise<Result> {
    const result = await this.k8ts(["reset"]);
    expect(result.status === 0, `reset ended with ${result.status}: ${result.text}`);
    return result;
  }

  kubectlResult(args: string[], options: RunOptions = {}): Promise<Result> {
    return run(this.#kubectl, args, { ...options, env: { ...this.environment, ...options.env } });
  }
  /** Standard output; throws Failed when kubectl ends with another status than 0. */
  async kubectl(args: string, options: RunOptions = {}): Promise<string> {
    const result = await this.kubectlResult(words(args), options);
    expect(result.status === 0, `kubectl ${args} ended with ${result.status}: ${result.text.trim().slice(-1000)}`);
    return result.stdout;
  }
  /** In the background. */
  kubectlBackground(args: string): Background {
    return new Background(this.#kubectl, words(args), this.environment);
  }
  /** On a terminal of its own, as a person at one sees it; `input` is typed in. */
  kubectlOnTerminal(args: string, input: string): Promise<Result> {
    return run("script", ["-qec", `${this.#kubectl} ${args}`, "/dev/null"], { input, env: this.environment, limit: 30 });
  }
  async json<T>(args: string): Promise<T> {
    return JSON.parse(await this.kubectl(`${args} -o json`)) as T;
  }

  /** The example's images: from archives where a directory with web.tar, api.tar and store.tar is given, else built. */
  async exampleImages(archives: string | undefined, names = ["web", "api", "store"]): Promise<void> {
    for (const name of names) {
      const archive = archives && join(archives, `${name}.tar`);
      const result =
        archive && existsSync(archive)
          ? await this.k8ts(["image", "import"], [archive])
          : await this.k8ts(["image", "build"], [join(root, "examples/web-application", name)], { limit: 600 });
      expect(result.status === 0 && result.stdout.includes(`docker.io/example/${name}:1`), `the image ${name}: ${result.text}`);
    }
  }

  /** Process ids that a pid file of the cluster leads to: the loops over server and agent, containerd. */
  pid(name: "server" | "agent" | "containerd"): number {
    return (JSON.parse(readFileSync(join(this.dataDir, "run", `${name}.json`), "utf8")) as { pid: number }).pid;
  }
}

/** Splits at spaces; '...' keeps them. */
function words(text: string): string[] {
  return [...text.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? (match[2] as string));
}
