/** What all kinds of tokens have in common. */
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
