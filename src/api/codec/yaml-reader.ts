/** Bytes of YAML as characters, and where they are none, as go-yaml v2 finds it (readerc.go). */

export interface Unreadable {
  /** From this character on nothing can be had: what is read together with a mistake is lost with it. */
  from: number;
  problem: string;
}

/** What no YAML has; half a character does not come of UTF-8. */
const forbidden = /[^\t\n\r\x20-\x7e\x85\xa0-\ufffd]/;
/** Bytes that are read at once. */
const portion = 512;

export function readText(given: Uint8Array | string): { text: string; unreadable?: Unreadable } {
  const text = typeof given === "string" ? given : new TextDecoder().decode(given);
  const first = text.search(/\ufffd/) < 0 ? -1 : firstMistake(given);
  const control = text.search(forbidden);
  const at = control < 0 ? Number.POSITIVE_INFINITY : Buffer.byteLength(text.slice(0, control));
  if (first !== -1 && first.at < at)
    return { text, unreadable: { from: first.cut ? charactersTo(given, first.at) : portionOf(given, first.at), problem: first.problem } };
  return control < 0 ? { text } : { text, unreadable: { from: portionOf(given, at), problem: "control characters are not allowed" } };
}

const charactersTo = (given: Uint8Array | string, at: number): number =>
  new TextDecoder().decode((typeof given === "string" ? Buffer.from(given) : given).subarray(0, at)).length;
/** Where the portion begins that has this byte, in characters. */
const portionOf = (given: Uint8Array | string, at: number): number => charactersTo(given, at - (at % portion));

/** Of bytes that are no UTF-8; -1 where all are. `cut`: more might have come, and what is before it is had. */
function firstMistake(given: Uint8Array | string): { at: number; problem: string; cut?: boolean } | -1 {
  if (typeof given === "string") return -1;
  for (let at = 0; at < given.length; ) {
    const octet = given[at] as number;
    const width = octet < 0x80 ? 1 : octet >> 5 === 6 ? 2 : octet >> 4 === 14 ? 3 : octet >> 3 === 30 ? 4 : 0;
    if (width === 0) return { at, problem: "invalid leading UTF-8 octet" };
    if (at + width > given.length) return { at, problem: "incomplete UTF-8 octet sequence", cut: true };
    let value = width === 1 ? octet : octet & (0x7f >> width);
    for (let i = 1; i < width; i++) {
      const next = given[at + i] as number;
      if (next >> 6 !== 2) return { at, problem: "invalid trailing UTF-8 octet" };
      value = (value << 6) | (next & 0x3f);
    }
    if (value < ([0, 0, 0x80, 0x800, 0x10000][width] as number)) return { at, problem: "invalid length of a UTF-8 sequence" };
    if ((value >= 0xd800 && value <= 0xdfff) || value > 0x10ffff) return { at, problem: "invalid Unicode character" };
    at += width;
  }
  return -1;
}
