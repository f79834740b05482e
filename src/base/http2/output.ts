/**
 * What connections send. All that a turn of the event loop has made for a connection leaves in one write, and so in as few
 * TLS records and system calls as can be.
 */

const slabBytes = 256 * 1024;
let slab = Buffer.allocUnsafeSlow(slabBytes);
let used = 0;

/** Bytes that wait for a socket, in order. */
export class Output {
  #done: Uint8Array[] = [];
  /** The part being filled: what other connections do not reserve in between lies side by side. */
  #slab = slab;
  #from = 0;
  #to = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }
  /** Room for `size` bytes, to be filled at `at` at once. */
  reserve(size: number): { bytes: Buffer; at: number } {
    this.#length += size;
    if (size > slabBytes / 4) {
      this.#close();
      const bytes = Buffer.allocUnsafeSlow(size);
      this.#done.push(bytes);
      return { bytes, at: 0 };
    }
    if (used + size > slabBytes) {
      slab = Buffer.allocUnsafeSlow(slabBytes);
      used = 0;
    }
    if (this.#slab !== slab || this.#to !== used) {
      this.#close();
      this.#slab = slab;
      this.#from = used;
    }
    const at = used;
    used += size;
    this.#to = used;
    return { bytes: slab, at };
  }
  /** Gives back the end of what was reserved last. */
  shrink(by: number): void {
    this.#length -= by;
    if (this.#to === this.#from) {
      const last = this.#done.pop() as Uint8Array;
      this.#done.push(last.subarray(0, last.length - by));
      return;
    }
    this.#to -= by;
    used -= by;
  }
  push(bytes: Uint8Array): void {
    const { bytes: out, at } = this.reserve(bytes.length);
    out.set(bytes, at);
  }
  take(): Uint8Array[] {
    this.#close();
    const taken = this.#done;
    this.#done = [];
    this.#length = 0;
    return taken;
  }
  #close(): void {
    if (this.#to > this.#from) this.#done.push(this.#slab.subarray(this.#from, this.#to));
    this.#from = this.#to = 0;
    this.#slab = empty;
  }
}
const empty = Buffer.allocUnsafeSlow(0);

interface Flushable {
  flush(): void;
}

/** Flushes connections at the end of the turn. */
export class Flusher {
  #waiting: Flushable[] = [];
  readonly #before: (() => void) | undefined;

  /** `before` runs before anything leaves. */
  constructor(before?: () => void) {
    this.#before = before;
  }
  /** Once for each connection and turn. */
  add(connection: Flushable): void {
    if (this.#waiting.push(connection) === 1) setImmediate(() => this.#run());
  }
  /** Without waiting. */
  now(connection: Flushable): void {
    this.#before?.();
    connection.flush();
  }
  #run(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#before?.();
    for (const connection of waiting) connection.flush();
  }
}
