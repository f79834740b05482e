/** Programs of a run, each with a log in one temporary directory; they end together, the last one first. */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Server, send } from "../differential/exchange.ts";
import { etcdFlags, unsafe } from "./etcd-flags.ts";

/** Milliseconds that a program gets to end when it is asked to. */
const patience = 5000;

export class Processes implements AsyncDisposable {
  readonly directory: string;
  readonly #children: ChildProcess[] = [];

  /** `name`: how the directory begins. */
  constructor(name: string) {
    this.directory = mkdtempSync(join(tmpdir(), `${name}-`));
  }
  path(file: string): string {
    return join(this.directory, file);
  }
  /** `command` is a path; throws where there is no program, so that those already started can be ended. */
  start(name: string, command: string, args: readonly string[]): ChildProcess {
    accessSync(command, constants.X_OK);
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    const log = createWriteStream(this.path(`${name}.log`));
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    this.#children.push(child);
    return child;
  }
  /** Asks it to end, and ends it where it does not. */
  async stop(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await Promise.race([ended, pause(patience, undefined, { ref: false })]);
    if (child.exitCode === null) child.kill("SIGKILL");
  }
  /** An etcd of one member; its URL. */
  etcd(bin: string, port: number, peerPort: number): string {
    this.start("etcd", join(bin, "etcd"), [...etcdFlags(this.directory, port, peerPort), unsafe]);
    return `http://127.0.0.1:${port}`;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children.reverse()) await this.stop(child);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Waits at most a minute; `make` may throw until its files are there. */
export async function ready(make: () => Server): Promise<Server> {
  let last: unknown;
  for (let i = 0; i < 300; i++) {
    try {
      const server = make();
      const answer = await send(server, { method: "GET", path: "/readyz" });
      if (answer.code === 200) return server;
      last = answer.body;
    } catch (error) {
      last = error;
    }
    await pause(200);
  }
  throw new Error(`not ready within a minute: ${String(last)}`);
}
