import { textOf } from "../../base/utf8.ts";

/** The first 30 characters, as upstream's message shows what it could not read. */
export function summary(bytes: Uint8Array): string {
  if (bytes.length === 0) return "<empty>";
  const first = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 30));
  const text = bytes[0] === 0x7b ? textOf(first) : first.toString("hex");
  return bytes.length > 30 ? `${text} ...` : text;
}
