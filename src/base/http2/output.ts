/**
 * What connections send. All that a turn of the event loop has made for a connection leaves in one write, and so in as few
 * TLS records and system calls as can be. Blocks that a socket has taken serve again: memory outside of V8's heap that is
 * allocated for each write makes it collect garbage far too often.
 */

const sizes = [4096, 16_896, 73_728];
const largest = sizes.at(-1) as number;
const free: Buffer[][] = sizes.map(() => []);
let freeBytes = 0;
const keptAtMost = 4 << 20;

function takeBlock(size: number): Buffer {
  for (const [i, offered] of sizes.entries()) {
    if (offered < size) continue;
    const block = free[i]?.pop();
    if (!block) return Buffer.allocUnsafeSlow(offered);
    freeBytes -= offered;
    return block;
  }
  return Buffer.allocUnsafeSlow(size);
}
function giveBack(block: Buffer): void {
  const kept = free[sizes.indexOf(block.length)];
  if (!kept || freeBytes + block.length > keptAtMost) return;
  kept.push(block);
  freeBytes += block.length;
}

interface Part {
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
      const more = this.#length > 0;
      this.#close();
      this.#block = takeBlock(more ? Math.max(size, largest) : size);
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
    this.#done.push({ bytes });
    this.#length += bytes.length;
  }
  take(): Part[] {
    this.#close();
    const taken = this.#done;
    this.#done = [];
    this.#length = 0;
    return taken;
  }
  #cut(): void {
    if (this.#block && this.#to > this.#from) this.#done.push({ bytes: this.#block.subarray(this.#from, this.#to) });
    this.#from = this.#to;
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
