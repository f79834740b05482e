/** The log backend: an event a line, in a file that rotates (`--audit-log-path` and its limits). */
import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import type { AuditEvent, AuditSink } from "./auditor.ts";
import { encodeEvent } from "./encode.ts";

export interface AuditLogOptions {
  /** `-` is standard output. */
  path: string;
  clock: Clock;
  /** Megabytes after which the file is rotated; 0: 100. */
  maxSize?: number;
  /** Days after which rotated files go; 0: never. */
  maxAge?: number;
  /** Rotated files that are kept; 0: all. */
  maxBackups?: number;
}

/**
 * Lines are written together at the end of the turn in which they came, or by flush(); files are 0600. The constructor throws
 * when the file cannot be opened. What could not be written is kept and tried again; until then write() throws.
 */
export class AuditLog implements AuditSink, Disposable {
  readonly #options: AuditLogOptions;
  readonly #limit: number;
  #file: number;
  #size = 0;
  #lines: string[] = [];
  /** What the file has not taken, and what comes behind it. */
  #rest: Buffer = Buffer.alloc(0);
  #held = "";
  #failure?: Error;

  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#limit = (options.maxSize || 100) * 1024 * 1024;
    this.#file = options.path === "-" ? 1 : this.#open();
  }
  write(event: AuditEvent): void {
    if (this.#failure) {
      this.flush();
      if (this.#failure) throw this.#failure;
    }
    if (this.#lines.push(encodeEvent(event)) === 1) setImmediate(() => this.flush());
  }
  flush(): void {
    if (this.#lines.length === 0 && !this.#failure) return;
    const lines = this.#lines;
    this.#lines = [];
    this.#failure = undefined;
    for (const line of lines) {
      const size = this.#size + this.#held.length;
      if (this.#options.path !== "-" && size > 0 && size + line.length > this.#limit) this.#try(() => this.#rotate());
      this.#held += line;
    }
    this.#try(() => this.#append());
  }
  [Symbol.dispose](): void {
    this.flush();
    if (this.#options.path !== "-") closeSync(this.#file);
  }
  #try(act: () => void): void {
    try {
      if (!this.#failure) act();
    } catch (error) {
      this.#failure = error as Error;
    }
  }
  #append(): void {
    const bytes = this.#rest.length ? Buffer.concat([this.#rest, Buffer.from(this.#held)]) : Buffer.from(this.#held);
    this.#held = "";
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#file, bytes, written);
    } finally {
      this.#rest = bytes.subarray(written);
      this.#size += written;
    }
  }
  #open(): number {
    mkdirSync(dirname(this.#options.path), { recursive: true, mode: 0o700 });
    const file = openSync(this.#options.path, "a", 0o600);
    this.#size = fstatSync(file).size;
    return file;
  }
  /** `audit.log` becomes `audit-2026-11-21T10-00-00.000.log`. */
  #rotate(): void {
    const { path, clock } = this.#options;
    this.#append();
    const extension = extname(path);
    const stem = basename(path, extension);
    const stamp = new Date(clock.now()).toISOString().replaceAll(":", "-").replace("Z", "");
    renameSync(path, join(dirname(path), `${stem}-${stamp}${extension}`));
    const full = this.#file;
    this.#file = this.#open();
    closeSync(full);
    this.#clean(stem, extension);
  }
  #clean(stem: string, extension: string): void {
    const { path, clock, maxAge = 0, maxBackups = 0 } = this.#options;
    const form = /^(\d{4}-\d\d-\d\dT)(\d\d)-(\d\d)-(\d\d\.\d{3})$/;
    const backups = readdirSync(dirname(path))
      .filter((name) => name.startsWith(`${stem}-`) && name.endsWith(extension))
      .map((name) => ({ name, stamp: name.slice(stem.length + 1, name.length - extension.length) }))
      .filter(({ stamp }) => form.test(stamp))
      .sort((a, b) => (a.stamp < b.stamp ? 1 : -1));
    const oldest = clock.now() - maxAge * 86_400_000;
    for (const [i, { name, stamp }] of backups.entries()) {
      const at = Date.parse(stamp.replace(form, "$1$2:$3:$4Z"));
      if ((maxBackups && i >= maxBackups) || (maxAge && at < oldest)) unlinkSync(join(dirname(path), name));
    }
  }
}
