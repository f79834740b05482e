/** Texts as Go shows them: strconv.Quote, and `%q` of fmt. */
import { isUtf8 } from "node:buffer";
import { table } from "../base/table.ts";

/** What Go writes for these characters within quotes. */
export const goEscapes = table<string>({
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
  '"': '\\"',
});
const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, "0");

/** A string in Go's quotes (strconv.Quote). */
export function goQuote(text: string): string {
  const quoted = text.replace(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (c) => {
    const code = c.codePointAt(0)!;
    return goEscapes[c] ?? (code < 0x80 ? `\\x${hex(code, 2)}` : code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`);
  });
  return `"${quoted}"`;
}

/** Bytes of UTF-8, one character for each. */
const sequence =
  /(?:[\0-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})+|([\x80-\xff])/g;

/** The same of bytes; each of those that are no UTF-8 is shown as a number. */
export function goQuoteBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(text)) return goQuote(text.toString());
  const quoted = text
    .toString("latin1")
    .replace(sequence, (good, bad: string | undefined) =>
      bad === undefined ? goQuote(Buffer.from(good, "latin1").toString()).slice(1, -1) : `\\x${hex(bad.charCodeAt(0), 2)}`,
    );
  return `"${quoted}"`;
}

/** A list of texts as Go's `%#v` shows it. */
export const goQuoteList = (values: readonly string[]): string => (values.length ? `[]string{${values.map(goQuote).join(", ")}}` : "[]string(nil)");
