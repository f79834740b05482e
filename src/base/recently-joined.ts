/**
 * Runs of pieces that many send one after the other, as watchers of the same objects do: each joined once, and sent by all. Of
 * pieces that stay apart a TLS socket makes a copy of its own, each time.
 */
interface Run {
  readonly pieces: readonly Uint8Array[];
  readonly bytes: Uint8Array;
}

/** One for each form of watch that may be emptied in the same turn. */
const kept = 4;
/** Runs beyond so many bytes are not kept. */
const largest = 512 * 1024;

export class RecentlyJoined {
  readonly #runs: Run[] = [];
  #next = 0;

  /** The pieces one after the other, `length` bytes in all. Nobody may change them, or what is given. */
  join(pieces: readonly Uint8Array[], length: number): Uint8Array {
    for (const run of this.#runs) if (isSame(run.pieces, pieces)) return run.bytes;
    const bytes = Buffer.concat(pieces, length);
    if (length > largest) return bytes;
    this.#runs[this.#next] = { pieces, bytes };
    this.#next = (this.#next + 1) % kept;
    return bytes;
  }
}

function isSame(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
