/** The Huffman code of header strings (RFC 7541, appendix B). It is canonical, so the lengths of its codes say it all. */

/** Bits of the code of each octet, and of the end of string. */
const lengths = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11,
  10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7,
  8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23,
  23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26,
  27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27,
  27, 27, 26, 30,
];
const endOfString = 256;

/**
 * By state and the next four bits: the state after them shifted by nine, plus one more than the octet that they complete
 * (no code is shorter than five bits, so there is one at most). A state is an inner node of the code's tree; -1 is an error.
 */
const transitions = new Int32Array(256 * 16).fill(-1);
/** States in which a string may end: after less than eight bits of the code of the end of string. */
const mayEnd = new Uint8Array(256);

function build(): void {
  // Children of inner nodes: other inner nodes, or leaves as -1 - symbol.
  const children: number[][] = [[]];
  const symbols = lengths.map((_, symbol) => symbol).sort((a, b) => (lengths[a] as number) - (lengths[b] as number) || a - b);
  let code = 0;
  let length = 0;
  for (const symbol of symbols) {
    const bits = lengths[symbol] as number;
    code *= 2 ** (bits - length);
    length = bits;
    let node = 0;
    for (let bit = bits - 1; bit >= 0; bit--) {
      const branch = Math.floor(code / 2 ** bit) % 2;
      const known = children[node] as number[];
      if (bit === 0) known[branch] = -1 - symbol;
      else {
        known[branch] ??= children.push([]) - 1;
        node = known[branch] as number;
      }
    }
    code++;
  }
  for (let state = 0; state < children.length; state++)
    for (let nibble = 0; nibble < 16; nibble++) {
      let node = state;
      let emitted = 0;
      for (let bit = 3; bit >= 0; bit--) {
        const next = (children[node] as number[])[(nibble >> bit) & 1] as number;
        if (next < 0) emitted = -next;
        node = Math.max(next, 0);
      }
      if (emitted !== endOfString + 1) transitions[state * 16 + nibble] = (node << 9) | emitted;
    }
  for (let node = 0, bits = 0; bits < 8; bits++) {
    mayEnd[node] = 1;
    node = (children[node] as number[])[1] as number;
  }
}
build();

/** Writes the octets that `from` to `to` stand for into `out`, which must have room for 8/5 of them; gives their number, -1 for what is no such code. */
export function decodeHuffman(bytes: Uint8Array, from: number, to: number, out: Uint8Array): number {
  let state = 0;
  let length = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number;
    let next = transitions[state * 16 + (byte >> 4)] as number;
    if (next < 0) return -1;
    if (next & 511) out[length++] = (next & 511) - 1;
    next = transitions[(next >> 9) * 16 + (byte & 15)] as number;
    if (next < 0) return -1;
    if (next & 511) out[length++] = (next & 511) - 1;
    state = next >> 9;
  }
  return mayEnd[state] ? length : -1;
}
