/**
 * What containerd forgets of its shims when one of both is killed. A shim removes its socket when it ends; of one that was
 * killed it stays in /run/containerd/s, which all containerds of a machine share (containerd, runtime/v2/shim/util_unix.go).
 * A shim whose containerd is killed before it has the shim's address goes on for nobody.
 */
import { readFileSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { unmountBelow } from "../linux/mounts.ts";
import { allPids, commandLine, identify, type ProcessIdentity, withDescendants } from "../linux/process.ts";
import { namesIn } from "./files.ts";

/** Milliseconds after which what nobody looks after belongs to no shim that is just starting. */
export const minimumAge = 30_000;

export interface ShimsOptions {
  /** containerd's state directory: a directory for each task has the address of its shim. */
  state: string;
  /** Where that containerd listens; its shims have it on their command lines. */
  containerd: string;
  /** @default /run/containerd/s */
  directory?: string;
  clock: Clock;
}

export class Shims {
  readonly #tasks: string;
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #containerd: string;
  /** Sockets of other containerds. */
  #answering = new Set<string>();

  constructor({ state, containerd, directory, clock }: ShimsOptions) {
    this.#tasks = join(state, "io.containerd.runtime.v2.task", "k8s.io");
    this.#directory = directory ?? "/run/containerd/s";
    this.#clock = clock;
    this.#containerd = containerd;
  }

  /** Removes sockets that belong to no task, are old enough to be judged, and have nobody who listens. */
  async sweepSockets(): Promise<void> {
    const tasks = new Set(namesIn(this.#tasks).flatMap((task) => addressIn(join(this.#tasks, task, "address")) ?? []));
    const present = namesIn(this.#directory).map((name) => join(this.#directory, name));
    this.#answering = this.#answering.intersection(new Set(present));
    for (const socket of present) {
      const since = statSync(socket, { throwIfNoEntry: false })?.mtimeMs;
      if (since === undefined || this.#clock.now() - since < minimumAge || tasks.has(socket) || this.#answering.has(socket)) continue;
      if (await refuses(socket)) rmSync(socket, { force: true });
      else this.#answering.add(socket);
    }
  }

  /**
   * Ends shims of an earlier containerd that this one, which serves since `started`, does not know, with what they run, and
   * removes the directories of tasks that it does not know and no shim looks after. `known`: ids of its sandboxes and containers.
   */
  endForgotten({ started }: ProcessIdentity, known: ReadonlySet<string>): void {
    const served = new Set<string>();
    for (const pid of allPids()) {
      const task = shimOf(commandLine(pid), this.#containerd);
      if (task === undefined) continue;
      if (known.has(task) || Number(identify(pid)?.started ?? Number.POSITIVE_INFINITY) >= Number(started)) served.add(task);
      else for (const one of withDescendants([pid])) endAtOnce(one);
    }
    for (const task of namesIn(this.#tasks)) {
      const bundle = join(this.#tasks, task);
      const since = statSync(bundle, { throwIfNoEntry: false })?.mtimeMs;
      if (known.has(task) || served.has(task) || since === undefined || this.#clock.now() - since < minimumAge) continue;
      unmountBelow(bundle);
      rmSync(bundle, { recursive: true, force: true });
    }
  }
}

/** The task of a shim of this containerd. */
function shimOf(words: readonly string[], containerd: string): string | undefined {
  if (!words[0]?.includes("containerd-shim") || words[words.indexOf("-address") + 1] !== containerd) return undefined;
  return words[words.indexOf("-id") + 1];
}

function endAtOnce(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
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
