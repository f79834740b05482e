/**
 * Logs of containers as `kubectl logs` wants them, read from the runtime's files (k8s.io/cri-client/pkg/logs). Lines are
 * those of the file: what the runtime broke in two counts as two.
 */
import { watch } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { dirname } from "node:path";
import type { ContainerStatus, PodStatus } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import { parseLogLine } from "./log-line.ts";

export interface LogOptions {
  /** Go on with what is written from now on, until the container ends. */
  follow?: boolean;
  /** Only the last lines. */
  tailLines?: number;
  /** Only what was written at or after this time, milliseconds since the epoch. */
  since?: number;
  /** Put the time before each line. */
  timestamps?: boolean;
  /** Stop after so many bytes. */
  limitBytes?: number;
  /** @default "All" */
  stream?: "All" | "Stdout" | "Stderr";
  signal?: AbortSignal;
}

export interface LogSource {
  path: string;
  /** Whether more may be written. */
  running(): Promise<boolean>;
  clock: Clock;
}

/** There is nothing to read: the text is upstream's. */
export class LogsUnavailable extends Error {
  override name = "LogsUnavailable";
}

/** The id of the container whose log is meant, without the runtime's prefix. Throws LogsUnavailable. */
export function containerForLogs(podName: string, status: PodStatus, containerName: string, previous: boolean): string {
  const all = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? []), ...(status.ephemeralContainerStatuses ?? [])];
  const found = all.find((s) => s.name === containerName);
  const where = `container ${JSON.stringify(containerName)} in pod ${JSON.stringify(podName)}`;
  if (!found) throw new LogsUnavailable(`${where} is not available`);
  return idFor(found, where, previous).split("://")[1] ?? "";
}

function idFor(status: ContainerStatus, where: string, previous: boolean): string {
  const last = status.lastState?.terminated;
  const { running, terminated, waiting } = status.state ?? {};
  if (previous) {
    if (!last?.containerID) throw new LogsUnavailable(`previous terminated ${where} not found`);
    return last.containerID;
  }
  if (running) return status.containerID ?? "";
  if (terminated?.containerID) return terminated.containerID;
  if (terminated || last) {
    if (!last?.containerID) throw new LogsUnavailable(`${where} is terminated`);
    return last.containerID;
  }
  if (!waiting) throw new LogsUnavailable(`${where} is waiting to start - no logs yet`);
  const why = { ErrImagePull: "image can't be pulled", ImagePullBackOff: "trying and failing to pull image" }[waiting.reason ?? ""] ?? waiting.reason ?? "";
  throw new LogsUnavailable(`${where} is waiting to start: ${why}`);
}

const newline = 10;
const chunkSize = 64 * 1024;

/** Where the last `lines` lines begin. */
async function tailStart(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines <= 0) return size;
  let left = lines;
  let end = size;
  const buffer = Buffer.alloc(chunkSize);
  let last = true;
  while (end > 0) {
    const start = Math.max(0, end - chunkSize);
    const { bytesRead } = await file.read(buffer, 0, end - start, start);
    for (let at = bytesRead - 1; at >= 0; at--) {
      if (buffer[at] !== newline) {
        last = false;
        continue;
      }
      // The newline at the very end closes the last line; it begins none.
      if (last && start + at === size - 1) {
        last = false;
        continue;
      }
      if (--left === 0) return start + at + 1;
    }
    end = start;
  }
  return 0;
}

/** Wakes whoever waits when something in the directory changes; also now and then, as no event is certain. */
class Changes {
  readonly #clock: Clock;
  readonly #watcher: ReturnType<typeof watch>;
  #wake: (() => void) | undefined;
  #changed = false;
  constructor(directory: string, clock: Clock) {
    this.#clock = clock;
    this.#watcher = watch(directory, { persistent: false }, () => this.#notify());
    // The directory may go while it is watched; the reader notices by itself.
    this.#watcher.on("error", () => this.#notify());
  }
  #notify(): void {
    this.#changed = true;
    this.#wake?.();
  }
  async next(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (!this.#changed)
      await new Promise<void>((resolve) => {
        const timer = this.#clock.after(1000, () => done());
        const done = (): void => {
          timer.cancel();
          signal?.removeEventListener("abort", done);
          this.#wake = undefined;
          resolve();
        };
        this.#wake = done;
        signal?.addEventListener("abort", done, { once: true });
      });
    this.#changed = false;
    signal?.throwIfAborted();
  }
  close(): void {
    this.#watcher.close();
  }
}

interface Emitter {
  /** Bytes to write for a line of the file, or undefined. */
  line(raw: Buffer): Buffer | undefined;
  readonly full: boolean;
}

function emitter(options: LogOptions): Emitter {
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  let atLineStart = true;
  const stream = options.stream && options.stream !== "All" ? options.stream.toLowerCase() : undefined;
  return {
    get full() {
      return left <= 0;
    },
    line(raw) {
      const parsed = parseLogLine(raw);
      if (!parsed) return undefined;
      if (options.since !== undefined && Date.parse(parsed.time) < options.since) return undefined;
      if (stream && parsed.stream !== stream) return undefined;
      const prefix = options.timestamps && atLineStart ? [Buffer.from(`${parsed.time} `)] : [];
      atLineStart = !parsed.partial;
      const all = Buffer.concat(parsed.partial ? [...prefix, parsed.content] : [...prefix, parsed.content, Buffer.from("\n")]);
      const bytes = all.subarray(0, left);
      left -= bytes.length;
      return bytes;
    },
  };
}

/** Whole lines of a file from a position on; what is not yet ended by a newline stays for the next read. */
class LineReader {
  readonly file: FileHandle;
  #position: number;
  #rest: Buffer = Buffer.alloc(0);
  constructor(file: FileHandle, position: number) {
    this.file = file;
    this.#position = position;
  }
  /** Undefined at the end. */
  async next(): Promise<Buffer[] | undefined> {
    const buffer = Buffer.allocUnsafe(chunkSize);
    const { bytesRead } = await this.file.read(buffer, 0, chunkSize, this.#position);
    if (!bytesRead) return undefined;
    this.#position += bytesRead;
    const data = this.#rest.length ? Buffer.concat([this.#rest, buffer.subarray(0, bytesRead)]) : buffer.subarray(0, bytesRead);
    const lines: Buffer[] = [];
    let at = 0;
    for (let end = data.indexOf(newline); end >= 0; end = data.indexOf(newline, at)) {
      lines.push(data.subarray(at, end));
      at = end + 1;
    }
    this.#rest = data.subarray(at);
    return lines;
  }
}

/** Rejects with LogsUnavailable when there is no file, and with the signal's reason. */
export async function* readLogs(source: LogSource, options: LogOptions = {}): AsyncGenerator<Buffer> {
  let path: string;
  let file: FileHandle;
  try {
    path = await realpath(source.path);
    file = await open(path, "r");
  } catch (error) {
    throw new LogsUnavailable(`failed to try resolving symlinks in path ${JSON.stringify(source.path)}: ${(error as Error).message}`);
  }
  const changes = options.follow ? new Changes(dirname(path), source.clock) : undefined;
  const out = emitter(options);
  // What is written while the last lines are read is none of them.
  let left = options.follow ? Number.POSITIVE_INFINITY : (options.tailLines ?? Number.POSITIVE_INFINITY);
  try {
    let reader = new LineReader(file, options.tailLines === undefined ? 0 : await tailStart(file, options.tailLines));
    for (let last = false; ; ) {
      options.signal?.throwIfAborted();
      const lines = await reader.next();
      if (lines) {
        const wanted = lines.slice(0, left);
        left -= wanted.length;
        const bytes = wanted.map((line) => out.line(line)).filter((b) => b !== undefined);
        if (bytes.length) yield Buffer.concat(bytes);
        if (out.full || left === 0) return;
        continue;
      }
      if (!changes) return;
      const next = await rotated(path, file);
      if (next) {
        await file.close();
        file = next;
        reader = new LineReader(file, 0);
        continue;
      }
      if (last) return;
      // What is written between the last read and the container's end is read once more.
      if (await source.running()) await changes.next(options.signal);
      else last = true;
    }
  } finally {
    changes?.close();
    await file.close();
  }
}

/** The new file when the old one was moved away. */
async function rotated(path: string, file: FileHandle): Promise<FileHandle | undefined> {
  let fresh: FileHandle;
  try {
    fresh = await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const [a, b] = await Promise.all([fresh.stat(), file.stat()]);
  if (a.ino !== b.ino) return fresh;
  await fresh.close();
  return undefined;
}
