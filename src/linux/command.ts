/** Runs a program of the machine. */
import { execFile } from "node:child_process";

export interface CommandOptions {
  /** Written to its standard input. */
  input?: string | Uint8Array;
  signal?: AbortSignal;
  env?: Record<string, string | undefined>;
}

/** It could not be started, or ended with a status other than 0. */
export class CommandError extends Error {
  override name = "CommandError";
  readonly stderr: string;
  /** Exit status; undefined when it was not started or was killed. */
  readonly status?: number;
  constructor(command: string, stderr: string, status?: number) {
    super(`${command}: ${stderr.trim() || (status === undefined ? "did not run" : `exit status ${status}`)}`);
    this.stderr = stderr;
    this.status = status;
  }
}

const maxOutput = 64 << 20;

/** Its standard output. Rejects with CommandError. */
export function run(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      {
        maxBuffer: maxOutput,
        encoding: "utf8",
        ...(options.signal ? { signal: options.signal } : {}),
        ...(options.env ? { env: { ...process.env, ...options.env } } : {}),
      },
      (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        if (options.signal?.aborted) return reject(options.signal.reason);
        const status = typeof error.code === "number" ? error.code : undefined;
        reject(new CommandError([program, ...args.slice(0, 2)].join(" "), stderr || (status === undefined ? error.message : ""), status));
      },
    );
    if (options.input !== undefined) {
      // A program that exits before it has read its input closes the pipe; its exit status tells more.
      child.stdin?.on("error", () => {});
      child.stdin?.end(options.input);
    }
  });
}
