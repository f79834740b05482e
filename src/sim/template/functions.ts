/**
 * Functions of stage templates: those of text/template, those that kwok adds, and a few of sprig's that stages use. What a
 * node is asked (addresses, names) is passed in as an environment.
 */
import { isMap } from "../../api/json.ts";
import { encodeYAMLString } from "../../api/codec/yaml-write.ts";
import { sprig } from "./sprig.ts";
import { FunctionError, order, same, type TemplateFunction, toText, truthy } from "./values.ts";
import { table } from "../../base/table.ts";

/** What a stage's template may ask about the node it acts for, and the time. */
export interface TemplateEnvironment {
  /** RFC 3339. */
  now(): string;
  /** When the simulation started, RFC 3339. */
  readonly startTime: string;
  /** Of this program. */
  readonly version: string;
  /** All that follow: of the node with that name, or of the object's own node where the name is absent. */
  nodeName(): string;
  nodeIPs(name?: string): string[];
  /** 0: nothing listens. */
  nodePort(): number;
  podIPs(node: string, hostNetwork: boolean, uid: string, name: string, namespace: string): string[];
}

const nodeConditions = [
  { type: "Ready", status: "True", reason: "KubeletReady", message: "kubelet is posting ready status" },
  { type: "MemoryPressure", status: "False", reason: "KubeletHasSufficientMemory", message: "kubelet has sufficient memory available" },
  { type: "DiskPressure", status: "False", reason: "KubeletHasNoDiskPressure", message: "kubelet has no disk pressure" },
  { type: "PIDPressure", status: "False", reason: "KubeletHasSufficientPID", message: "kubelet has sufficient PID available" },
  { type: "NetworkUnavailable", status: "False", reason: "RouteCreated", message: "RouteController created a route" },
];

const text = toText;

function quote(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : JSON.stringify(JSON.stringify(value ?? null));
}

function indexOf(value: unknown, ...keys: unknown[]): unknown {
  let at = value;
  for (const key of keys) {
    if (Array.isArray(at)) {
      const i = Number(key);
      if (!Number.isInteger(i) || i < 0 || i >= at.length) throw new FunctionError(`index out of range: ${text(key)}`);
      at = at[i];
    } else if (isMap(at)) at = Object.hasOwn(at, String(key)) ? at[String(key)] : undefined;
    // As kwok's stages rely on: an index of what is not there is nothing.
    else if (at === undefined || at === null) return undefined;
    else throw new FunctionError(`cannot index ${text(at)}`);
  }
  return at;
}

function format(pattern: unknown, ...values: unknown[]): string {
  let next = 0;
  return text(pattern).replaceAll(/%(%|[-+ 0#]*\d*(?:\.\d+)?[a-zA-Z])/g, (whole, verb: string) => {
    if (verb === "%") return "%";
    if (next >= values.length) return `%!${verb}(MISSING)`;
    const value = values[next++];
    const [width] = /\d+/.exec(verb) ?? [""];
    const pad = (s: string): string => (verb.startsWith("-") ? s.padEnd(Number(width)) : s.padStart(Number(width), verb.startsWith("0") ? "0" : " "));
    if (value === undefined || value === null) return pad(verb.endsWith("v") ? "<nil>" : `%!${verb.at(-1)}(<nil>)`);
    if (/[svd]$/.test(verb)) return pad(text(value));
    if (verb.endsWith("q")) return pad(quote(value));
    throw new FunctionError(`printf: ${whole} is not supported: use %s, %d, %v or %q`);
  });
}

const compared =
  (name: string, holds: (n: number) => boolean): TemplateFunction =>
  (a, b) => {
    const n = order(a, b);
    if (n === null) throw new FunctionError(`${name}: ${text(a)} and ${text(b)} cannot be ordered`);
    return holds(n);
  };

function equal(first: unknown, ...others: unknown[]): boolean {
  if (others.length === 0) throw new FunctionError("eq: a second value is missing");
  return others.some((other) => {
    const result = same(first, other);
    if (result === null) throw new FunctionError("eq: lists and maps cannot be compared");
    return result;
  });
}

const general = table<TemplateFunction>({
  ...sprig,
  eq: equal,
  ne: (a, b) => !equal(a, b),
  lt: compared("lt", (n) => n < 0),
  le: compared("le", (n) => n <= 0),
  gt: compared("gt", (n) => n > 0),
  ge: compared("ge", (n) => n >= 0),
  not: (value) => !truthy(value),
  index: indexOf,
  len: (value) => {
    if (typeof value === "string") return Buffer.byteLength(value);
    if (typeof value === "object" && value !== null) return Object.keys(value).length;
    throw new FunctionError(`len of ${text(value)}`);
  },
  print: (...values) => values.map(text).join(""),
  println: (...values) => `${values.map(text).join(" ")}\n`,
  printf: format,
  Quote: quote,
  YAML: (value, indent) => {
    const lines = encodeYAMLString(value);
    const pad = " ".repeat(2 * Number(indent ?? 0));
    return pad ? `\n${lines}`.replaceAll("\n", `\n${pad}`) : lines;
  },
  NodeConditions: () => nodeConditions,
});

const fromEnvironment = (env: TemplateEnvironment): Record<string, TemplateFunction> => ({
  Now: () => env.now(),
  StartTime: () => env.startTime,
  Version: () => env.version,
  NodeName: () => env.nodeName(),
  NodeIP: () => env.nodeIPs()[0] ?? "",
  NodeIPs: () => env.nodeIPs(),
  NodeIPWith: (name) => env.nodeIPs(text(name))[0] ?? "",
  NodeIPsWith: (name) => env.nodeIPs(text(name)),
  NodePort: () => env.nodePort(),
  PodIPWith: (...values) => podIPs(env, values)[0] ?? "",
  PodIPsWith: (...values) => podIPs(env, values),
});

function podIPs(env: TemplateEnvironment, [node, hostNetwork, uid, name, namespace]: unknown[]): string[] {
  return env.podIPs(text(node), truthy(hostNetwork), text(uid), text(name), text(namespace));
}

/** `and` and `or` are part of the language here: they do not evaluate what they do not need. */
export const lazyFunctions: readonly string[] = ["and", "or"];

const environmentNames = Object.keys(fromEnvironment({} as TemplateEnvironment));
export const isFunction = (name: string): boolean => Object.hasOwn(general, name) || environmentNames.includes(name) || lazyFunctions.includes(name);
export const functionNames = (): string[] => [...Object.keys(general), ...environmentNames, ...lazyFunctions].sort();

/** Function by name for one environment; the names are those of isFunction, without the lazy ones. */
export function functionsFor(env: TemplateEnvironment): Record<string, TemplateFunction> {
  return { ...general, ...fromEnvironment(env) };
}
