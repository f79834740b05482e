/**
 * Holds up the machine's shutdown through systemd-logind (https://systemd.io/INHIBITOR_LOCKS/), by systemd's own programs: the
 * lock is held by a child that ends with this process, signals are read from busctl.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { Clock } from "../base/clock.ts";

export interface ShutdownInhibitor {
  /** Makes sure that a shutdown may be held up for so many seconds. Rejects with why it cannot. */
  allow(seconds: number): Promise<void>;
  /** A shutdown waits until this is disposed of. Rejects with why it does not. */
  hold(): Promise<Disposable>;
  /** True: the machine is about to be shut down; false: it is not after all. Ends when nothing more is heard. */
  watch(signal: AbortSignal): AsyncIterable<boolean>;
}

export interface LogindOptions {
  clock: Clock;
  /** Is there while systemd runs the machine. */
  sign?: string;
  /** Drop-in of logind's configuration that is written when it allows too little. */
  dropIn?: string;
}

const run = promisify(execFile);
const manager = ["org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"] as const;
const match = "type='signal',interface='org.freedesktop.login1.Manager',member='PrepareForShutdown'";
const tries = 5;

export class Logind implements ShutdownInhibitor {
  readonly #clock: Clock;
  readonly #sign: string;
  readonly #dropIn: string;
  constructor({ clock, sign = "/run/systemd/system", dropIn = "/etc/systemd/logind.conf.d/99-kubelet.conf" }: LogindOptions) {
    this.#clock = clock;
    this.#sign = sign;
    this.#dropIn = dropIn;
  }
  async allow(seconds: number): Promise<void> {
    if (!existsSync(this.#sign)) throw new Error("systemd-logind does not run here: nothing can hold up the machine's shutdown");
    let allowed = await this.#allowed();
    if (allowed >= seconds) return;
    mkdirSync(dirname(this.#dropIn), { recursive: true });
    writeFileSync(this.#dropIn, `# Kubelet logind override\n[Login]\nInhibitDelayMaxSec=${Math.ceil(seconds)}\n`, { mode: 0o644 });
    await run("systemctl", ["kill", "--signal=HUP", "systemd-logind.service"]);
    for (let attempt = 0; attempt < tries; attempt++) {
      allowed = await this.#allowed();
      if (allowed >= seconds) return;
      await this.#clock.sleep(100 * 2 ** attempt);
    }
    throw new Error(`logind's InhibitDelayMaxSec did not become ${seconds}s (ShutdownGracePeriod), it is ${allowed}s`);
  }
  /** Seconds. */
  async #allowed(): Promise<number> {
    const { stdout } = await run("busctl", ["--system", "--json=short", "get-property", ...manager, "InhibitDelayMaxUSec"]);
    return (JSON.parse(stdout) as { data: number }).data / 1e6;
  }
  async hold(): Promise<Disposable> {
    const why = "Kubelet needs time to handle node shutdown";
    const held = ["sh", "-c", "echo held; exec cat >/dev/null"];
    const child = spawn("systemd-inhibit", ["--what=shutdown", "--who=kubelet", `--why=${why}`, "--mode=delay", ...held], { stdio: ["pipe", "pipe", "pipe"] });
    await new Promise<void>((resolve, reject) => {
      let said = "";
      child.stderr.on("data", (text: Buffer) => {
        said += text;
      });
      child.stdout.once("data", () => resolve());
      child.once("error", reject);
      child.once("close", () => reject(new Error(`the machine's shutdown cannot be held up: ${said.trim() || "systemd-inhibit ended"}`)));
    });
    child.unref();
    // The end of its input is the end of the lock.
    return { [Symbol.dispose]: () => child.stdin.end() };
  }
  async *watch(signal: AbortSignal): AsyncIterable<boolean> {
    signal.throwIfAborted();
    const child = spawn("busctl", ["--system", "--json=short", "monitor", `--match=${match}`], { stdio: ["ignore", "pipe", "ignore"] });
    const failed = new Promise<never>((_, reject) => child.once("error", reject));
    failed.catch(() => undefined);
    const stop = (): void => void child.kill();
    signal.addEventListener("abort", stop, { once: true });
    try {
      await Promise.race([failed, new Promise((resolve) => child.once("spawn", resolve))]);
      for await (const line of createInterface({ input: child.stdout as NonNullable<ChildProcess["stdout"]> })) {
        const { member, payload } = JSON.parse(line) as { member?: string; payload?: { data?: unknown[] } };
        if (member === "PrepareForShutdown") yield payload?.data?.[0] === true;
      }
    } finally {
      signal.removeEventListener("abort", stop);
      stop();
    }
  }
}
