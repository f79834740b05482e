/** Programs in the background, each with a log file of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** Milliseconds from SIGTERM to SIGKILL. */
const patience = 20_000;

/** Those that run are taken along when this process is ended. */
const running = new Set<ChildProcess>();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class Program {
  readonly name: string;
  readonly logFile: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(directory: string, name: string, command: string, args: readonly string[]) {
    this.name = name;
    this.logFile = join(directory, `${name}.log`);
    const log = openSync(this.logFile, "a");
    this.#child = spawn(command, args, { stdio: ["ignore", log, log] });
    closeSync(log);
    running.add(this.#child);
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once("exit", () => {
        running.delete(this.#child);
        resolve();
      });
      this.#child.once("error", reject);
    });
  }
  get pid(): number {
    return this.#child.pid ?? 0;
  }
  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }
  log(): string {
    return readFileSync(this.logFile, "utf8");
  }
  async stop(): Promise<void> {
    if (!this.running) return;
    this.#child.kill("SIGTERM");
    await Promise.race([this.#ended, pause(patience, undefined, { ref: false })]);
    if (this.running) this.#child.kill("SIGKILL");
    await this.#ended;
  }
}
