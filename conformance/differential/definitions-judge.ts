/** Both servers asked the same, and what of their answers is not the same: for the judge of definitions. */
import { setTimeout as pause } from "node:timers/promises";
import type { JSONObject } from "../../src/api/json.ts";
import { type Answer, differences, type Request, type Server, send, settled } from "./exchange.ts";
import { classify, Groups, opened } from "./groups.ts";

export interface Side {
  server: Server;
  /** By name. */
  last: Map<string, JSONObject>;
  first: string;
}
export type Sides = readonly [Side, Side];
export type Answers = [Answer, Answer];

export const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

/** Types of schemas are numbered as they come. */
const unnumbered = (body: unknown): unknown =>
  JSON.stringify(body)?.includes("selfType") ? JSON.parse(JSON.stringify(body).replace(/selfType\d+/g, "selfType")) : body;

/**
 * Objects that hold what their schema does not name are compared key by key, in the order of a Go map: a key that differs says that the rule
 * failed, one without a schema that it cannot be judged, whichever comes first (apiserver/pkg/cel/common/valuesunstructured.go). Only beside
 * an optional old value, which has lost its schema.
 */
const eitherFailure =
  /Invalid value: (?:"object": 'no such overload': call arguments did not match a supported operator, function or macro signature for|failed) rule: (?=[^:]*self == oldSelf\.value\(\))/g;
const evenly = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value ?? null), (key, item: unknown) =>
    key === "message" && typeof item === "string" ? item.replaceAll(eitherFailure, "Invalid value: ANY rule: ") : item,
  );
const hasOptionalOld = (body: unknown): boolean => JSON.stringify(body)?.includes("self == oldSelf.value()") ?? false;

/**
 * An apply looks at the object in each version that has owners, in the order of a Go map, and tells of the first in which it cannot be
 * seen (structured-merge-diff's merge.Updater: update, and addBackOwnedItems of what is left where fields are taken away).
 */
const firstVersion = /^(failed to prune fields: failed add back owned items: |failed to convert (?:old|new) object: ).*/s;
function inAnyVersion(body: unknown): unknown {
  const { message } = (body ?? {}) as { message?: unknown };
  return typeof message === "string" && firstVersion.test(message) ? { ...(body as object), message: message.replace(firstVersion, "$1ANY") } : body;
}

interface Listed {
  resources?: { name?: string }[];
  columnDefinitions?: { name?: string }[];
  rows?: { cells?: unknown[] }[];
  events?: { object?: Listed }[];
}
/**
 * Discovery tells the resources of several definitions in the order of a Go map, and paths with wildcards or descents find what they find
 * in that order too: cells of such columns are whatever is there (the generator calls them R and a number).
 */
function unordered(body: unknown): unknown {
  if (typeof body !== "object" || body === null) return body;
  const listed = body as Listed;
  if (Array.isArray(listed.resources)) return { ...listed, resources: listed.resources.toSorted((a, b) => (String(a.name) < String(b.name) ? -1 : 1)) };
  if (Array.isArray(listed.events)) {
    // The columns come with the first event alone.
    const columns = listed.events.find(({ object }) => object?.columnDefinitions?.length)?.object?.columnDefinitions;
    return { ...listed, events: listed.events.map((event) => ({ ...event, object: hidden(event.object, columns) })) };
  }
  return hidden(listed, listed.columnDefinitions);
}
function hidden(table: Listed | undefined, columns: Listed["columnDefinitions"]): Listed | undefined {
  if (!table?.rows || !columns?.some(({ name }) => /^R\d$/.test(String(name)))) return table;
  const cells = (list: unknown[]): unknown[] => list.map((cell, i) => (/^R\d$/.test(String(columns[i]?.name)) ? "ANY" : cell));
  return { ...table, rows: table.rows.map((row) => ({ ...row, ...(row.cells ? { cells: cells(row.cells) } : {}) })) };
}

/** Upstream judges properties in the order of Go maps: several causes, and warnings, come in any order. */
export function normal(answer: Answer): Answer {
  const given = inAnyVersion(unnumbered(opened(answer).body));
  const body = unordered(answer.code === 422 && hasOptionalOld(given) ? evenly(given) : given) as { message?: string; details?: { causes?: unknown[] } } | null;
  const warnings = answer.warnings.toSorted();
  if (!body?.details?.causes || body.details.causes.length < 2) return { ...answer, warnings, body };
  const { details, message = "" } = body;
  return { ...answer, warnings, body: { ...body, message: `${message.length} characters`, details: { ...details, causes: details.causes?.toSorted(byText) } } };
}

/**
 * Upstream takes an object with a list `items` at its top for a list, after whatever was asked is done: it counts the elements of
 * a Go field `Items` that unstructured objects do not have, finds none, and fails to set it (apiserver,
 * endpoints/handlers/response.go, transformResponseObject). Each answer that is one such object is a 500 (reads, tables, and
 * writes that were stored); lists and watches show it. Ours answers with the object: no client can depend on a 500 that says
 * nothing of what was done, and who sent an object may read it.
 */
export function takenForList(peer: Answer, ours: Answer): boolean {
  const { message } = (peer.body ?? {}) as { message?: string };
  if (peer.code !== 500 || message !== "*unstructured.Unstructured is not a list: no Items field in this object") return false;
  const { kind, items } = (ours.body ?? {}) as { kind?: string; items?: unknown };
  return ours.code < 300 && (Array.isArray(items) || kind === "Table" || kind === "PartialObjectMetadata" || typeof ours.body === "string");
}

const conversion = /unable to convert |conversion webhook for |Object 'Kind' is missing in |json: cannot unmarshal|unexpected end of JSON input/;
const failed = ({ code, body }: Answer): boolean => code === 500 && conversion.test(String((body as { message?: string } | null)?.message));

/**
 * While nothing can be converted, a write fails on both. Which conversion fails first is not the same: upstream begins with what its
 * cache has converted before, fails on the way to the store, and reads the store where the write is refused for another reason.
 */
export function unconvertible(peer: Answer, ours: Answer, method: string): boolean {
  if (method === "GET" || !failed(peer)) return false;
  return failed(ours) || ours.code >= 400;
}

/** Whether two answers say the same. */
export const same = ([a, b]: readonly [Answer, Answer]): boolean => classify(normal(a), normal(b)).length === 0;

export interface JudgeOptions {
  verbose: boolean;
  write(line: string): void;
}

export class Judge {
  readonly groups = new Groups();
  requests = 0;
  different = 0;
  /** Writes that fail on both for want of a conversion, with other words. */
  otherwise = 0;
  /** Where upstream hangs up. */
  readonly panics: string[] = [];
  /** Where upstream takes an object for a list. */
  readonly lists: string[] = [];
  readonly #options: JudgeOptions;

  constructor(options: JudgeOptions) {
    this.#options = options;
  }

  async both(request: Request, sides: Sides): Promise<Answers> {
    this.requests++;
    return (await Promise.all(sides.map(({ server }) => send(server, request)))) as Answers;
  }
  /** Whether the answers agree; what differs is noted. */
  agree(n: number, title: string, request: Request, [a, b]: readonly [Answer, Answer]): boolean {
    const broken = title.startsWith("broken.") && unconvertible(a, b, request.method);
    const shown = typeof request.body === "string" ? request.body : JSON.stringify(request.body ?? "");
    const list = takenForList(a, b);
    const found = list || broken || (a.code === 0 && b.code > 0 && b.code < 500) ? [] : classify(normal(a), normal(b));
    if (broken && !same([a, b])) this.otherwise++;
    if (list) this.lists.push(`${n} ${title} ${request.method} ${request.path} ours ${b.code}`);
    if (a.code === 0) this.panics.push(`${n} ${title} ${request.method} ${request.path} ours ${b.code}`);
    if (this.#options.verbose)
      this.#options.write(`${n} ${title} ${request.method} ${request.path} ${a.code} ${b.code} ${found.length ? "DIFF " : ""}${shown.slice(0, 2000)}\n`);
    if (!found.length) return true;
    this.different++;
    if (this.#options.verbose) this.#options.write(`${JSON.stringify([a, b])}\n`);
    const raw = differences(settled(normal(a)), settled(normal(b))).filter((line) => !line.startsWith("body.message") || line.length < 400);
    this.groups.add(`${title} ${found[0] ?? ""}`, { episode: n, method: request.method, path: request.path, body: shown, found: raw });
    return false;
  }
  /** Asked again until both say what is asked for, five seconds at most. */
  async until(request: Request, sides: Sides, done: (answer: Answer) => boolean): Promise<Answers> {
    for (let attempt = 0; ; attempt++) {
      const answers = await this.both(request, sides);
      if (answers.every(done) || attempt === 60) return answers;
      this.requests--;
      await pause(attempt < 10 ? 20 : 100);
    }
  }
  /** Asked again, `times` at most, until both say the same of what is not at once everywhere; counted once. */
  async settled(request: Request, sides: Sides, first: Answers, times = 20, seen: (answer: Answer) => Answer = (answer) => answer): Promise<Answers> {
    let answers = first;
    for (let again = 0; again < times && !same([seen(answers[0]), seen(answers[1])]); again++) {
      await pause(100);
      answers = await this.both(request, sides);
      this.requests--;
    }
    return [seen(answers[0]), seen(answers[1])];
  }
}
