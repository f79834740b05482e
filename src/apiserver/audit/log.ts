/** The log backend: an event a line, in a file that rotates (`--audit-log-path` and its limits). */
import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import type { AuditEvent, AuditSink } from "./auditor.ts";

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

/** Only bodies can hold a bigint; a replacer makes JSON.stringify several times as slow. */
const encode = (event: AuditEvent): string =>
  event.requestObject || event.responseObject
    ? `${JSON.stringify(event, (_, value) => (typeof value === "bigint" ? String(value) : value))}\n`
    : `${JSON.stringify(event)}\n`;

/** Writes each event before write() returns; files are 0600. Throws when the file cannot be opened. */
export class AuditLog implements AuditSink, Disposable {
  readonly #options: AuditLogOptions;
  readonly #limit: number;
  #file: number;
  #size = 0;

  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#limit = (options.maxSize || 100) * 1024 * 1024;
    this.#file = options.path === "-" ? 1 : this.#open();
  }
  write(event: AuditEvent): void {
    const line = Buffer.from(encode(event));
    if (this.#options.path !== "-" && this.#size > 0 && this.#size + line.length > this.#limit) this.#rotate();
    let written = 0;
    while (written < line.length) written += writeSync(this.#file, line, written);
    this.#size += line.length;
  }
  [Symbol.dispose](): void {
    if (this.#options.path !== "-") closeSync(this.#file);
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
    closeSync(this.#file);
    const extension = extname(path);
    const stem = basename(path, extension);
    const stamp = new Date(clock.now()).toISOString().replaceAll(":", "-").replace("Z", "");
    renameSync(path, join(dirname(path), `${stem}-${stamp}${extension}`));
    this.#file = this.#open();
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
