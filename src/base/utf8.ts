/** Text as Go reads it of bytes: U+FFFD for each one that belongs to no character. */
import { isUtf8 } from "node:buffer";

/** Bytes of a character that begins with this one; 0: none does. */
const lengthAfter = (byte: number): number => (byte < 0xc2 || byte > 0xf4 ? 0 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4);

export function textOf(bytes: Uint8Array, start = 0, end = bytes.length): string {
  const part = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  if (isUtf8(part)) return part.toString("utf8");
  let text = "";
  for (let at = 0; at < part.length; ) {
    const byte = part[at] as number;
    const next = at + (byte < 0x80 ? 1 : lengthAfter(byte));
    const whole = next > at && next <= part.length && (byte < 0x80 || isUtf8(part.subarray(at, next)));
    text += whole ? part.toString("utf8", at, next) : "\ufffd";
    at = whole ? next : at + 1;
  }
  return text;
}
