/** base64 (cel-go's ext.Encoders). */
import { type Library, overload } from "../declarations.ts";
import { types } from "../types.ts";
import { CelError } from "../values.ts";

const alphabet = /^[A-Za-z0-9+/]*={0,2}$/;

export const encoders: Library = {
  functions: {
    "base64.encode": [overload("base64_encode_bytes", [types.bytes], types.string, (bytes: Uint8Array) => Buffer.from(bytes).toString("base64"))],
    "base64.decode": [
      overload("base64_decode_string", [types.string], types.bytes, (text: string) => {
        const mistake = /[^A-Za-z0-9+/]/.exec(text);
        const padded = text.endsWith("=") ? text.length % 4 === 0 : text.length % 4 !== 1;
        return alphabet.test(text) && padded
          ? new Uint8Array(Buffer.from(text, "base64"))
          : new CelError(`illegal base64 data at input byte ${mistake?.index ?? text.length}`);
      }),
    ],
  },
};
