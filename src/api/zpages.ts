/**
 * /statusz and /flagz, which every component has (KEP-4827 and KEP-4828, k8s.io/apiserver/pkg/server/statusz and flagz): text
 * for people, an object of config.k8s.io for who asks for one by its kind, nothing else. Whether the asker may read is the
 * caller's to decide.
 */
import type { Random } from "../base/random.ts";
import { clausesOf, wantsIndented } from "./accept.ts";
import { encodeCBOR } from "./codec/cbor-write.ts";
import { encodeYAML } from "./codec/yaml-write.ts";
import { versionInfo } from "./version.ts";

export interface ZPage {
  readonly kind: "Statusz" | "Flagz";
  readonly component: string;
  /** What the object says besides its name. */
  fields(): object;
  text(): string;
}

export interface ZRequest {
  accept?: string | undefined;
  userAgent?: string | undefined;
  /** The query's `pretty`. */
  pretty: string | null;
  /** Feature gate CBORServingAndStorage. */
  cbor: boolean;
}

export interface ZAnswer {
  status: number;
  headers: Record<string, string>;
  body: Uint8Array;
  warnings: string[];
  /** Of config.k8s.io, where an object was asked for. */
  version?: "v1alpha1" | "v1beta1";
}

/** Header lines of an answer whose warnings travel in them. */
export const zpageHeaders = ({ headers, warnings }: ZAnswer): Record<string, string> =>
  warnings.length ? { ...headers, warning: warnings.map((text) => `299 - "${text}"`).join(", ") } : headers;

type Media = "json" | "yaml" | "text" | "cbor";
const types: readonly (readonly [type: string, media: Media])[] = [
  ["application/json", "json"],
  ["application/yaml", "yaml"],
  ["text/plain", "text"],
  ["application/cbor", "cbor"],
];
const separators = [":", ": ", "=", " "] as const;
const warning = "Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.";

/** Which page it is stands in the first line; how names and values are separated is not to be relied on, so it varies. */
const head = (component: string, page: string): string => `\n${component} ${page}\n${warning}\n`;
const anyOf = (random: Random): string => separators[random.int(separators.length)] as string;

/** Not for debugging: what the API server serves otherwise. */
const elsewhere = new Set(["/apis", "/api", "/openid", "/openapi", "/.well-known"]);

const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (n: number): string => String(n).padStart(2, "0");
/** As `date` writes it, in UTC. */
function unixDate(time: Date): string {
  const day = `${days[time.getUTCDay()]} ${months[time.getUTCMonth()]} ${String(time.getUTCDate()).padStart(2)}`;
  return `${day} ${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())} UTC ${time.getUTCFullYear()}`;
}

export interface StatuszOptions {
  component: string;
  /** When the process began, and what time it is; milliseconds. */
  started: number;
  now(): number;
  /** All that are served; the first part of each is told, where it is for debugging. */
  paths(): readonly string[];
  random: Random;
}

export function statusz({ component, started, now, paths, random }: StatuszOptions): ZPage {
  const begun = new Date(Math.floor(started / 1000) * 1000);
  const up = (): number => Math.max(0, Math.floor((now() - begun.getTime()) / 1000));
  const binary = versionInfo.gitVersion.slice(1);
  const emulated = `${versionInfo.emulationMajor}.${versionInfo.emulationMinor}`;
  const folders = (): string[] =>
    [...new Set(paths().map((path) => `/${path.split("/")[1] ?? ""}`))].filter((path) => path !== "/" && !elsewhere.has(path)).sort();
  return {
    kind: "Statusz",
    component,
    fields: () => ({
      startTime: begun.toISOString().replace(".000Z", "Z"),
      uptimeSeconds: up(),
      goVersion: versionInfo.goVersion,
      binaryVersion: binary,
      emulationVersion: emulated,
      paths: folders(),
    }),
    text() {
      const seconds = up();
      const is = anyOf(random);
      const lines = [
        `Started${is} ${unixDate(begun)}`,
        `Up${is} ${Math.floor(seconds / 3600)} hr ${two(Math.floor(seconds / 60) % 60)} min ${two(seconds % 60)} sec`,
        `Go version${is} ${versionInfo.goVersion}`,
        `Binary version${is} ${binary}`,
        `Emulation version${is} ${emulated}`,
        `Paths${is} ${folders().join(" ")}`,
      ];
      return `${head(component, "statusz")}\n${lines.join("\n")}\n`;
    },
  };
}

/** `flags` by name, as the command line would say them; what is secret must not be among the values. */
export function flagz(component: string, flags: Readonly<Record<string, string>>, random: Random): ZPage {
  const sorted = Object.keys(flags)
    .sort()
    .map((name) => [name, flags[name] as string] as const);
  let text: string | undefined;
  return {
    kind: "Flagz",
    component,
    fields: () => ({ flags: Object.fromEntries(sorted) }),
    text() {
      if (text === undefined) {
        const is = anyOf(random);
        text = `${head(component, "flagz")}${sorted.map(([name, value]) => `${name}${is}${value}\n`).join("")}`;
      }
      return text;
    },
  };
}

interface Choice {
  media: Media;
  version?: "v1alpha1" | "v1beta1";
  indented: boolean;
}

/** Text for whom a text will do, an object only by its kind. */
function wanted(params: Readonly<Record<string, string>>, media: Media, kind: string): Omit<Choice, "indented"> | undefined {
  const { as, g, v, stream, sv } = params;
  if (stream !== undefined || sv !== undefined) return undefined;
  if (media === "text") return as === undefined && g === undefined && v === undefined ? { media } : undefined;
  return as === kind && g === "config.k8s.io" && (v === "v1alpha1" || v === "v1beta1") ? { media, version: v } : undefined;
}

const matches = (clause: string, type: string): boolean => clause === type || clause === "*/*" || clause === `${type.split("/")[0]}/*`;

function choose(
  request: ZRequest,
  offered: typeof types,
  accept: (params: Readonly<Record<string, string>>, media: Media) => Omit<Choice, "indented"> | undefined,
) {
  const indented = wantsIndented(request.pretty, request.userAgent);
  for (const { type, params } of clausesOf(request.accept ?? ""))
    for (const [name, media] of offered) {
      const choice = matches(type, name) ? accept(params, media) : undefined;
      if (choice) return { ...choice, indented: indented || params.pretty === "1" };
    }
  return undefined;
}

function encode(value: object, { media, indented }: Choice): Uint8Array {
  if (media === "yaml") return encodeYAML(value);
  if (media === "cbor") return encodeCBOR(value);
  return Buffer.from(indented ? JSON.stringify(value, null, 2) : `${JSON.stringify(value)}\n`);
}

const typeOf = (media: Media): string => types.find(([, one]) => one === media)?.[0] as string;
const plain = { "cache-control": "no-cache, private" };

/** The page as the asker takes it, 406 where that is none of its forms. */
export function answerZPage(page: ZPage, request: ZRequest): ZAnswer {
  const offered = request.cbor ? types : types.filter(([, media]) => media !== "cbor");
  const { kind, component } = page;
  const choice: Choice | undefined = request.accept?.trim()
    ? choose(request, offered, (params, media) => wanted(params, media, kind))
    : { media: "text", indented: false };
  if (!choice) return refusal(request, offered);
  const { media, version } = choice;
  if (version === undefined)
    return { status: 200, headers: { ...plain, "content-type": "text/plain; charset=utf-8" }, body: Buffer.from(page.text()), warnings: [] };
  const value = { kind, apiVersion: `config.k8s.io/${version}`, metadata: { name: component }, ...page.fields() };
  return {
    status: 200,
    headers: { ...plain, "content-type": `${typeOf(media)};g=config.k8s.io;v=${version};as=${kind}` },
    body: encode(value, choice),
    warnings: version === "v1alpha1" ? [`This version of the ${kind.toLowerCase()} endpoint is deprecated. Please use a newer version.`] : [],
    version,
  };
}

/** In the form that was asked for where there is one without a kind, otherwise as JSON that can be read. */
function refusal(request: ZRequest, offered: typeof types): ZAnswer {
  const message = `only the following media types are accepted: ${offered.map(([type]) => type).join(", ")}`;
  const status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason: "NotAcceptable", code: 406 };
  const form = choose(request, offered, ({ as, g, v, stream, sv }, media) =>
    media === "text" || (as ?? g ?? v ?? stream ?? sv) !== undefined ? undefined : { media },
  );
  const choice = form ?? { media: "json", indented: true };
  return { status: 406, headers: { ...plain, "content-type": typeOf(choice.media) }, body: encode(status, choice), warnings: [] };
}
