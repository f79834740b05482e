/** PEM (RFC 7468) as Go's encoding/pem reads it: what is no block is passed over. */

export interface PemBlock {
  type: string;
  /** Whether lines `Name: value` stand before the bytes (RFC 1421). */
  headers: boolean;
  bytes: Uint8Array;
}

const begin = "-----BEGIN ";
const end = "-----END ";
const dashes = "-----";
const strict = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** One block between its first line and its last; `text` begins behind BEGIN. */
function read(text: string, after: string): PemBlock | undefined {
  const lines = text.split("\n");
  const first = (lines.shift() as string).trimEnd();
  if (!first.endsWith(dashes)) return undefined;
  const type = first.slice(0, -dashes.length);
  const [closing = ""] = after.split("\n");
  if (closing.trimEnd() !== `${type}${dashes}`) return undefined;
  let headers = 0;
  while (lines[headers]?.includes(":")) headers++;
  if (headers && headers === lines.length) return undefined;
  const body = lines
    .slice(headers)
    .join("")
    .replace(/[ \t\r]/g, "");
  return strict.test(body) ? { type, headers: headers > 0, bytes: Buffer.from(body, "base64") } : undefined;
}

/** The blocks of PEM text that is given in base64. */
export const pemBlocks = (base64: string): PemBlock[] => pemBlocksIn(Buffer.from(base64, "base64").toString("latin1"));

/** The blocks of text, one byte a character. */
export function pemBlocksIn(pem: string): PemBlock[] {
  const found: PemBlock[] = [];
  for (let from = 0; ; ) {
    const stop = pem.indexOf(end, from);
    if (stop < 0) return found;
    const start = pem.lastIndexOf(begin, stop);
    // A first line stands at the beginning of a line, as the last one does.
    if (start >= from && (start === 0 || pem[start - 1] === "\n") && pem[stop - 1] === "\n") {
      const block = read(pem.slice(start + begin.length, stop - 1), pem.slice(stop + end.length));
      if (block) found.push(block);
    }
    from = stop + end.length;
  }
}
