/** What all kinds of tokens have in common. */
import { type KeyObject, sign } from "node:crypto";
import { jsonMutator } from "./mutate-json.ts";
import { bytesOf, type Mutator, textOf } from "./target.ts";

/** One of a token's parts as JSON, changed. */
export const partMutator: Mutator = (input, random) => {
  const parts = textOf(input).split(".");
  const at = random.int(parts.length);
  const next = jsonMutator(Buffer.from(parts[at] as string, "base64url"), random);
  if (!next) return undefined;
  parts[at] = Buffer.from(next).toString("base64url");
  return bytesOf(parts.join("."));
};

/** What a token is made of. */
export interface Parts {
  header: unknown;
  claims: unknown;
}

export const encodePart = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Signed with a key of an elliptic curve. */
export function signedToken({ header, claims }: Parts, key: KeyObject): string {
  const head = `${encodePart(header)}.${encodePart(claims)}`;
  return `${head}.${sign("sha256", Buffer.from(head), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

/** The token of an input: a JSON object is signed first (`made`), where it can be; another one is the token itself. */
export function tokenOf(input: Uint8Array, key: KeyObject): { token: string; made: boolean } {
  const text = textOf(input);
  if (!text.startsWith("{")) return { token: text, made: false };
  try {
    return { token: signedToken(JSON.parse(text) as Parts, key), made: true };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError) return { token: text, made: false };
    throw error;
  }
}
