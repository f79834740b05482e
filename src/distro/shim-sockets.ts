/**
 * The sockets of containerd's shims. A shim removes its own when it ends; of one that was killed it stays in
 * /run/containerd/s, which all containerds of a machine share (containerd, runtime/v2/shim/util_unix.go).
 */
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";

/** Milliseconds after which a socket that nobody listens on belongs to no shim that is just starting. */
export const minimumAge = 30_000;

export interface ShimSocketsOptions {
  /** containerd's state directory: a directory for each task has the address of its shim. */
  state: string;
  /** @default /run/containerd/s */
  directory?: string;
  clock: Clock;
}

export class ShimSockets {
  readonly #tasks: string;
  readonly #directory: string;
  readonly #clock: Clock;
  #known = new Set<string>();

  constructor({ state, directory, clock }: ShimSocketsOptions) {
    this.#tasks = join(state, "io.containerd.runtime.v2.task", "k8s.io");
    this.#directory = directory ?? "/run/containerd/s";
    this.#clock = clock;
  }

  /** Removes those of our shims whose tasks have gone since the last time. */
  sweep(): void {
    const now = new Set<string>();
    for (const task of names(this.#tasks)) {
      const socket = addressIn(join(this.#tasks, task, "address"));
      if (socket) now.add(socket);
    }
    for (const socket of this.#known) if (!now.has(socket)) rmSync(socket, { force: true });
    this.#known = now;
  }

  /** Removes those that nobody listens on: of before this process, whose tasks nobody remembers. */
  async sweepForgotten(): Promise<void> {
    for (const name of names(this.#directory)) {
      const socket = join(this.#directory, name);
      const since = statSync(socket, { throwIfNoEntry: false })?.mtimeMs;
      if (since !== undefined && this.#clock.now() - since > minimumAge && (await refuses(socket))) rmSync(socket, { force: true });
    }
  }
}

function names(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function addressIn(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").replace(/^unix:\/\//, "");
  } catch (error) {
    // The task has ended since, or its shim has not said yet where it listens.
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || (error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    throw error;
  }
}

const refuses = (socket: string): Promise<boolean> =>
  new Promise((resolve) => {
    const connection = connect(socket);
    connection.on("connect", () => {
      connection.destroy();
      resolve(false);
    });
    connection.on("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"));
  });
