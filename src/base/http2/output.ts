/**
 * What connections send. All that a turn of the event loop has made for a connection leaves in one write, and so in as few
 * TLS records and system calls as can be. Blocks that a socket has taken serve again: memory outside of V8's heap that is
 * allocated for each write makes it collect garbage far too often.
 */
import { IdleTurns } from "../idle-turns.ts";

const sizes = [4096, 16_896, 73_728, 294_912];
const largest = sizes.at(-1) as number;
const free: Buffer[][] = sizes.map(() => []);
let freeBytes = 0;
const keptAtMost = 4 << 20;

function takeBlock(size: number): Buffer {
  const i = sizes.findIndex((offered) => offered >= size);
  const block = free[i]?.pop();
  if (!block) return Buffer.allocUnsafeSlow(sizes[i] ?? size);
  freeBytes -= block.length;
  return block;
}
function giveBack(block: Buffer): void {
  const kept = free[sizes.indexOf(block.length)];
  if (!kept || freeBytes + block.length > keptAtMost) return;
  kept.push(block);
  freeBytes += block.length;
}

export interface Part {
  bytes: Uint8Array;
  /** To be called when nobody reads the bytes any more, nor those of the parts before. */
  release?: () => void;
}

/** Bytes that wait for a socket, in order. */
export class Output {
  #done: Part[] = [];
  #block?: Buffer;
  /** What of the block is in no part yet. */
  #from = 0;
  #to = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }
  /** Room for `size` bytes, to be filled at `at` at once. */
  reserve(size: number): { bytes: Buffer; at: number } {
    if (!this.#block || this.#to + size > this.#block.length) {
      if (!this.#block || !this.#grow(size)) {
        const more = this.#length > 0;
        this.#close();
        this.#block = takeBlock(more ? Math.max(size, largest) : size);
      }
    }
    const at = this.#to;
    this.#to += size;
    this.#length += size;
    return { bytes: this.#block, at };
  }
  /** Gives back the end of what was reserved last. */
  shrink(by: number): void {
    this.#to -= by;
    this.#length -= by;
  }
  push(bytes: Uint8Array): void {
    const { bytes: out, at } = this.reserve(bytes.length);
    out.set(bytes, at);
  }
  /** Without a copy: nobody may change the bytes any more. */
  share(bytes: Uint8Array): void {
    this.#cut();
    this.#add({ bytes });
    this.#length += bytes.length;
  }
  take(): Part[] {
    this.#close();
    const taken = this.#done;
    this.#done = [];
    this.#length = 0;
    return taken;
  }
  /**
   * What is in the block moves to a larger one: of several parts the socket would make one of its own, in memory that it
   * allocates for each write.
   */
  #grow(size: number): boolean {
    const old = this.#block as Buffer;
    if (this.#from > 0 || this.#to + size > largest) return false;
    this.#block = takeBlock(this.#to + size);
    old.copy(this.#block, 0, 0, this.#to);
    giveBack(old);
    return true;
  }
  #cut(): void {
    if (this.#block && this.#to > this.#from) this.#add({ bytes: this.#block.subarray(this.#from, this.#to) });
    this.#from = this.#to;
  }
  #add(part: Part): void {
    // Most leave alone; the first push makes room for seventeen.
    if (this.#done.length === 0) this.#done = [part];
    else this.#done.push(part);
  }
  #close(): void {
    const block = this.#block;
    if (!block) return;
    this.#cut();
    const last = this.#done.at(-1) as Part;
    const before = last.release;
    last.release = () => {
      before?.();
      giveBack(block);
    };
    this.#block = undefined;
    this.#from = this.#to = 0;
  }
}

interface Flushable {
  flush(): void;
}

/** What nobody waits for leaves after so many milliseconds of others' work at the latest, unless it rests. */
const patienceMs = 5;
/** Sending it takes a tenth of the time where it comes without end: it rests so many times as long as the last sending took. */
const restTimes = 9;
const longestRestMs = 20;

export interface Turns {
  now(): number;
  /** Calls back in the next turn of the event loop. */
  soon(fn: () => void): void;
  /** Calls back after `ms`, in a process that lives so long. */
  after(ms: number, fn: () => void): void;
}

const eventLoop: Turns = { now: () => performance.now(), soon: setImmediate, after: (ms, fn) => void setTimeout(fn, ms).unref() };

/**
 * Flushes connections: at the end of the turn where an answer is to leave, and where there is only more of an answer that goes
 * on, as soon as a turn went by in which nothing else was to be done. So a busy server sends many events to a watcher at once,
 * and one that is not sends each at once. Each sending to a watcher costs both sides much the same, however much it is: where many
 * watch what changes often, most of the time would go into it.
 */
export class Flusher {
  #urgent: Flushable[] = [];
  #patient: Flushable[] = [];
  #running = false;
  /** The patient ones wait for `#restsUntil`. */
  #resting = false;
  #restsUntil = 0;
  /** Since the first of the patient ones came. */
  readonly #idle = new IdleTurns(patienceMs);
  readonly #before: (() => void) | undefined;
  readonly #turns: Turns;

  /** `before` runs before anything leaves. */
  constructor(before?: () => void, turns = eventLoop) {
    this.#before = before;
    this.#turns = turns;
  }
  /** At the end of the turn. */
  add(connection: Flushable): void {
    this.#urgent.push(connection);
    this.#begin();
  }
  /** When nothing else is to be done. */
  addPatiently(connection: Flushable): void {
    if (this.#patient.push(connection) === 1) this.#await();
  }
  /** Without waiting. */
  now(connection: Flushable): void {
    this.#before?.();
    connection.flush();
  }
  /** The first of the patient ones has come. */
  #await(): void {
    const now = this.#turns.now();
    this.#resting = now < this.#restsUntil;
    if (this.#resting) {
      this.#turns.after(this.#restsUntil - now, this.#rested);
      return;
    }
    this.#idle.begin(now);
    this.#begin();
  }
  readonly #rested = (): void => this.#await();
  #begin(): void {
    if (this.#running) return;
    this.#running = true;
    this.#turns.soon(this.#run);
  }
  readonly #run = (): void => {
    this.#running = false;
    const urgent = this.#urgent;
    const patient = this.#patient.length > 0 && !this.#resting && this.#idle.isDue(this.#turns.now()) ? this.#patient : [];
    if (urgent.length) this.#urgent = [];
    if (patient.length) this.#patient = [];
    if (urgent.length || patient.length) this.#before?.();
    for (const connection of urgent) connection.flush();
    const began = this.#turns.now();
    for (const connection of patient) connection.flush();
    if (patient.length) {
      const ended = this.#turns.now();
      this.#restsUntil = ended + Math.min(longestRestMs, restTimes * (ended - began));
      if (this.#patient.length > 0) this.#await();
    } else if (this.#patient.length > 0 && !this.#resting) {
      this.#idle.worked(began);
      this.#begin();
    }
  };
}
