/**
 * What is shown of a log's lines (CRI logging format, KEP-2527: `2026-11-21T10:00:00.123456789Z stdout F content`), from bytes
 * to bytes: a log of gigabytes passes through here, so no line becomes an object.
 */
import type { LogOptions } from "./log-options.ts";

const [newline, space, colon, letterZ, digit0, dot] = [10, 32, 58, 90, 48, 46];
const letter = { s: 115, o: 111, e: 101, P: 80 };
/** `stdout` and `stderr` are as long. */
const streamLength = 6;

export class LineFilter {
  readonly #options: LogOptions;
  readonly #since: number;
  /** The same as bytes, with nine digits of a second. */
  readonly #sinceText: Buffer;
  #left: number;
  #lines: number;
  #atLineStart = true;
  constructor(options: LogOptions, now: number) {
    this.#options = options;
    this.#since = options.sinceSeconds === undefined ? (options.sinceTime ?? 0) : now - options.sinceSeconds * 1000;
    this.#sinceText = Buffer.from(new Date(this.#since).toISOString().replace("Z", "000000"), "latin1");
    this.#left = options.limitBytes ?? Number.POSITIVE_INFINITY;
    // What is written while the last lines are read is none of them.
    this.#lines = options.follow ? Number.POSITIVE_INFINITY : (options.tailLines ?? Number.POSITIVE_INFINITY);
  }
  /** Nothing more will be shown. */
  get full(): boolean {
    return this.#left <= 0 || this.#lines <= 0;
  }
  /** Whole lines in, what is shown of them out. */
  take(text: Buffer): Buffer {
    const { stream, timestamps } = this.#options;
    const wanted = stream && (stream === "stderr" ? letter.e : letter.o);
    // A line without its stream and tag is shorter than it was, with its time too.
    const out = Buffer.allocUnsafe(text.length + 1);
    let length = 0;
    for (let at = 0; at < text.length && this.#lines > 0; ) {
      const found = text.indexOf(newline, at);
      const end = found < 0 ? text.length : found;
      const timeEnd = text.indexOf(space, at);
      const content = timeEnd < 0 || timeEnd >= end ? -1 : contentStart(text, timeEnd, end);
      const start = at;
      at = end + 1;
      if (content < 0) continue;
      this.#lines--;
      const startsLine = this.#atLineStart;
      const partial = text[timeEnd + streamLength + 2] === letter.P;
      this.#atLineStart = !partial || content === end;
      if (wanted && text[timeEnd + 4] !== wanted) continue;
      if (this.#since && this.#isBefore(text, start, timeEnd)) continue;
      if (timestamps && startsLine) length += text.copy(out, length, start, timeEnd + 1);
      length += text.copy(out, length, content, end);
      if (!partial) out[length++] = newline;
      if (length >= this.#left) break;
    }
    const shown = out.subarray(0, Math.min(length, this.#left));
    this.#left -= shown.length;
    return shown;
  }
  /** Whether a time is before the one that was asked for. */
  #isBefore(text: Buffer, start: number, end: number): boolean {
    if (text[end - 1] !== letterZ) return Date.parse(text.toString("latin1", start, end)) < this.#since;
    const since = this.#sinceText;
    for (let i = 0; i < since.length; i++) {
      const [own, wanted] = [text[start + i] as number, since[i] as number];
      if (own === wanted) continue;
      if (own !== letterZ) return own < wanted;
      // The rest of its digits are noughts, which Go leaves out.
      for (let rest = i; rest < since.length; rest++) if (since[rest] !== digit0 && since[rest] !== dot) return true;
      return false;
    }
    return false;
  }
}

/** Where the content of a line begins; -1 for what is no such line. `timeEnd` is the space behind the time. */
function contentStart(text: Buffer, timeEnd: number, end: number): number {
  const kind = text[timeEnd + 4];
  const isStream = text[timeEnd + 1] === letter.s && (kind === letter.o || kind === letter.e) && text[timeEnd + streamLength + 1] === space;
  if (!isStream) return -1;
  const tag = timeEnd + streamLength + 2;
  if (text[tag + 1] === space && tag + 1 < end) return tag + 2;
  // Further tags may follow the first.
  const tagsEnd = text[tag + 1] === colon ? text.indexOf(space, tag) : -1;
  return tagsEnd < 0 || tagsEnd >= end ? -1 : tagsEnd + 1;
}
