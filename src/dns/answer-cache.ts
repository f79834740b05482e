/**
 * Answers that were given before, as bytes: a question that comes again is answered by copying them. The key is the question
 * as it came, all but its id. What the zone says holds until the zone changes.
 */
import { type RR, types } from "./wire.ts";

interface Entry {
  bytes: Buffer;
  /** Addresses of equal size that stand side by side, which each asker gets in another order; count 0: none. */
  start: number;
  size: number;
  count: number;
}

const mostEntries = 20_000;
/** Longer questions have options that are new each time. */
const longestKey = 300;
/** Class, life and length of the data, after name and type. */
const recordFixed = 8;

export class AnswerCache {
  #entries = new Map<string, Entry>();
  #generation = -1;
  #turn = 0;
  hits = 0;
  misses = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** A copy with the question's id; undefined where there is none of this generation. */
  get(message: Buffer, tcp: boolean, generation: number): Buffer | undefined {
    if (generation !== this.#generation) {
      this.#entries.clear();
      this.#generation = generation;
    }
    if (message.length > longestKey) return undefined;
    const entry = this.#entries.get(keyOf(message, tcp));
    if (!entry) {
      this.misses++;
      return undefined;
    }
    this.hits++;
    return copy(entry, message, this.#turn++);
  }

  /** `answers` are those that stand in `bytes`, first after the question, which ends at `end`. */
  set(message: Buffer, tcp: boolean, bytes: Buffer, end: number, answers: readonly RR[]): void {
    if (message.length > longestKey) return;
    if (this.#entries.size >= mostEntries) this.#entries.clear();
    this.#entries.set(keyOf(message, tcp), { bytes: Buffer.from(bytes), start: end, ...alike(bytes, end, answers) });
  }
}

const keyOf = (message: Buffer, tcp: boolean): string => (tcp ? "t" : "u") + message.toString("latin1", 2, message.length);

/** Records can change places when each is a pointer to the question's name and an address. */
function alike(bytes: Buffer, start: number, answers: readonly RR[]): { size: number; count: number } {
  const none = { size: 0, count: 0 };
  const count = bytes.readUInt16BE(6);
  const type = answers[0]?.type;
  if (count < 2 || (type !== "A" && type !== "AAAA")) return none;
  const size = 2 + 2 + recordFixed + (type === "A" ? 4 : 16);
  for (let i = 0; i < count; i++) {
    const at = start + i * size;
    if (bytes.readUInt16BE(at) !== 0xc00c || bytes.readUInt16BE(at + 2) !== types[type]) return none;
  }
  return { size, count };
}

function copy({ bytes, start, size, count }: Entry, message: Buffer, turn: number): Buffer {
  const out = Buffer.allocUnsafe(bytes.length);
  bytes.copy(out);
  out[0] = message[0] as number;
  out[1] = message[1] as number;
  if (count === 0) return out;
  const first = (turn % count) * size;
  const all = count * size;
  bytes.copy(out, start, start + first, start + all);
  bytes.copy(out, start + all - first, start, start + first);
  return out;
}
