/** The object that an answer holds, read as client-go reads it: JSON or YAML, unknown fields left out. */
import { DecodeError } from "../../api/codec/decode-error.ts";
import { decodeObject, sniffJSON } from "../../api/codec/decode.ts";
import type { TypeDef } from "../../api/schema/schema.ts";

/** It could not be read. */
export class UnreadableAnswer extends Error {}

const openBrace = 0x7b;

/** `choose` may throw a DecodeError for what is not wanted. Throws UnreadableAnswer. */
export function decodeAnswer<T extends object>(bytes: Uint8Array, choose: (apiVersion: string, kind: string) => TypeDef): T {
  if (bytes.length === 0) throw new UnreadableAnswer("0-length response with status code: 200 and content type: application/json");
  try {
    const isJSON = bytes[0] === openBrace;
    if (isJSON) sniffJSON(bytes);
    return decodeObject(bytes, isJSON ? "application/json" : "application/yaml", choose).object as unknown as T;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const nameless = /^json: cannot unmarshal \w+ into Go value of type struct \{ APIVersion/.test(error.message);
    throw new UnreadableAnswer(nameless ? `couldn't get version/kind; json parse error: ${error.message}` : error.message);
  }
}
