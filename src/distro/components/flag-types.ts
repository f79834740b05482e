/** Types of flags, with pflag's and component-base's syntax. */
import { parseGoBool } from "../../api/go-bool.ts";
import { isIP } from "node:net";
import type { Flag } from "./flags.ts";

/** Milliseconds of a Go duration (`1m30s`, `100ms`, `0`). Throws one that cannot be read. */
export function parseDuration(text: string): number {
  const units: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  if (text === "0") return 0;
  const match = /^([+-]?)((?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/.exec(text);
  if (!match) throw new Error("a duration is a number with a unit such as 30s, 5m or 1h30m");
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/g)) total += Number(number) * (units[unit as string] as number);
  return match[1] === "-" ? -total : total;
}

export function parseBool(text: string): boolean {
  const value = parseGoBool(text);
  if (value === undefined) throw new Error("it must be true or false");
  return value;
}

function parseInteger(text: string, least: number, most: number): number {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) throw new Error(`it must be a whole number from ${least} to ${most}`);
  return value;
}

/** `10.0.0.0/8`; throws what is none. */
export function parseNetwork(text: string): string {
  const [address = "", bits = "", more] = text.split("/");
  const family = isIP(address);
  if (!family || more !== undefined || !/^\d+$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128))
    throw new Error(`${JSON.stringify(text)} is not a network such as 10.0.0.0/8`);
  return text;
}

const items = (text: string): string[] =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter(Boolean);

export const text = (help: string, fallback = ""): Flag<string> => ({
  type: "string",
  help,
  fallback,
  ...(fallback ? { shown: JSON.stringify(fallback) } : {}),
  parse: (value) => value,
});
/** A path; completion offers files. */
export const file = (help: string, fallback = ""): Flag<string> => ({ ...text(help, fallback), type: "file" });
export const bool = (help: string, fallback = false): Flag<boolean> => ({
  type: "bool",
  help,
  fallback,
  shown: String(fallback),
  bare: "true",
  choices: ["true", "false"],
  parse: parseBool,
});
export const integer = (help: string, fallback: number, least = 0, most = 2 ** 31 - 1): Flag<number> => ({
  type: "int",
  help,
  fallback,
  shown: String(fallback),
  parse: (value) => parseInteger(value, least, most),
});
export const number = (help: string, fallback: number): Flag<number> => ({
  type: "float",
  help,
  fallback,
  shown: String(fallback),
  parse(value) {
    const parsed = Number(value);
    if (value.trim() === "" || !Number.isFinite(parsed) || parsed < 0) throw new Error("it must be a number, 0 or more");
    return parsed;
  },
});
/** Milliseconds. `fallback` is written as a Go duration. */
export const duration = (help: string, fallback: string, least = 0): Flag<number> => ({
  type: "duration",
  help,
  fallback: parseDuration(fallback),
  shown: fallback,
  parse(value) {
    const ms = parseDuration(value);
    if (ms < least) throw new Error(`it must be at least ${least / 1000}s`);
    return ms;
  },
});
export const port = (help: string, fallback: number): Flag<number> => integer(help, fallback, 1, 65535);
/** 0 switches it off. */
export const optionalPort = (help: string, fallback: number): Flag<number> => integer(`${help}; 0: none`, fallback, 0, 65535);
export const ip = (help: string, fallback = ""): Flag<string> => ({
  ...text(help, fallback),
  type: "ip",
  parse(value) {
    if (!isIP(value)) throw new Error("it must be an IP address");
    return value;
  },
});
/** Commas and repetition both add. */
export const list = (help: string, fallback: readonly string[] = []): Flag<readonly string[]> => ({
  type: "strings",
  help,
  fallback,
  ...(fallback.length ? { shown: `[${fallback.join(",")}]` } : {}),
  parse: (value, before) => [...(before ?? []), ...items(value)],
});
/** Only repetition adds. */
export const repeated = (help: string): Flag<readonly string[]> => ({
  type: "stringArray",
  help,
  fallback: [],
  parse: (value, before) => [...(before ?? []), value],
});
export const networks = (help: string, fallback: readonly string[] = []): Flag<readonly string[]> => ({
  ...list(help, fallback),
  parse: (value, before) => [...(before ?? []), ...items(value).map(parseNetwork)],
});
/** `a=b,c=d`. */
export const pairs = (help: string): Flag<Readonly<Record<string, string>>> => ({
  type: "mapStringString",
  help,
  fallback: {},
  parse: (value, before) => ({
    ...before,
    ...Object.fromEntries(
      items(value).map((item) => {
        const equals = item.indexOf("=");
        if (equals < 1) throw new Error(`${JSON.stringify(item)} is not KEY=VALUE`);
        return [item.slice(0, equals), item.slice(equals + 1)];
      }),
    ),
  }),
});
/** `HOST:PORT`; the port alone keeps the host. */
export const endpoint = (help: string, host: string, at: number): Flag<{ host: string; port: number }> => ({
  type: "ipport",
  help,
  fallback: { host, port: at },
  shown: `${host}:${at}`,
  parse(value) {
    const match = /^(?:(\[[0-9a-fA-F:]+\]|[0-9.]+):)?(\d+)$/.exec(value);
    const address = match?.[1]?.replace(/[[\]]/g, "") ?? host;
    const number = Number(match?.[2]);
    if (!match || !isIP(address) || number > 65535) throw new Error("it must be IP:PORT such as 127.0.0.1:10249");
    return { host: address, port: number };
  },
  write: (address) => `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`,
});
/**
 * For what upstream lets one choose and we do not: `allowed` are the values that say what is done anyway; every other is
 * refused with `why`, which begins a sentence after "only X is supported: ".
 */
export const fixed = (type: string, help: string, allowed: readonly string[], why: string): Flag<string> => ({
  type,
  help,
  fallback: allowed[0] as string,
  shown: JSON.stringify(allowed[0]),
  choices: allowed,
  ...(type === "bool" ? { bare: "true", shown: allowed[0] as string } : {}),
  parse(value) {
    if (!allowed.includes(value)) throw new Error(`only ${allowed.map((one) => JSON.stringify(one)).join(" or ")} is supported: ${why}`);
    return value;
  },
});
