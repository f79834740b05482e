import { badRequest, type StatusError } from "../../api/status.ts";
import { textOf } from "../../base/utf8.ts";

/** The first 30 characters, as upstream's message shows what it could not read. */
function summary(bytes: Uint8Array): string {
  if (bytes.length === 0) return "<empty>";
  const first = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 30));
  const text = bytes[0] === 0x7b ? textOf(first) : first.toString("hex");
  return bytes.length > 30 ? `${text} ...` : text;
}

/** 400 for a body of which nobody can say what it is. */
export const unrecognized = (kind: string, why: string, bytes: Uint8Array = new Uint8Array(0)): StatusError =>
  badRequest(`the object provided is unrecognized (must be of type ${kind}): ${why} (${summary(bytes)})`);
