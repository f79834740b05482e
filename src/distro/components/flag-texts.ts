/** What a component's flags are, as its /flagz tells it: by name, as the command line would say them. */
import { formatDuration } from "../../api/time.ts";
import type { Flag, FlagTable, FlagValues } from "./flags.ts";

/** `name=value`, sorted. */
export const pairs = (entries: Iterable<readonly [string, unknown]>): string =>
  [...entries]
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(",");

function textOf(flag: Flag<unknown>, value: unknown): string {
  const many = flag.type.startsWith("string") && flag.type !== "string";
  if (value === undefined) return flag.shown?.replace(/^"(.*)"$/, "$1") ?? (many ? "[]" : "");
  if (flag.write) return flag.write(value);
  if (flag.type === "duration") return formatDuration(value as number);
  if (Array.isArray(value)) return `[${value.join(",")}]`;
  if (value instanceof Map) return pairs(value);
  if (typeof value === "object" && value !== null) return pairs(Object.entries(value));
  return many ? `[${value}]` : String(value);
}

/** Of all that the component takes; nothing in it is secret: what is, stands in files. */
export const flagTexts = <F extends FlagTable>(flags: F, values: FlagValues<F>): Record<string, string> =>
  Object.fromEntries(Object.entries(flags).map(([name, flag]) => [name, textOf(flag, values[name])]));
