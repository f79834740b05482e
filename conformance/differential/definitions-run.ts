/** Random definitions and their objects, sent to both servers step by step. */
import { setTimeout as pause } from "node:timers/promises";
import { seededRandom } from "../../src/base/random.ts";
import type { Random } from "../../src/base/random.ts";
import { sortKeys } from "../../src/api/codec/json.ts";
import type { JSONObject, JSONValue } from "../../src/api/json.ts";
import { changed, type Definition, definitionOf, mistaken } from "./definitions-made.ts";
import { repaired } from "./definitions-repair.ts";
import type { Making } from "./definitions-schema.ts";
import { collectionOf, nextStep, type Step, type World } from "./definitions-steps.ts";
import { type Answer, differences, type Request, type Server, send, settled } from "./exchange.ts";
import { classify, Groups, opened } from "./groups.ts";
import { tables } from "./headers.ts";
import { chance } from "./mutate.ts";
import type { Pair } from "./servers.ts";

export interface DefinitionsOptions {
  requests: number;
  seed: number;
  /** Only these. */
  episodes?: readonly number[];
  seconds: number;
  verbose: boolean;
  write(line: string): void;
}

interface Side {
  server: Server;
  /** By name. */
  last: Map<string, JSONObject>;
  first: string;
}
type Sides = readonly [Side, Side];

const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

/** Types of schemas are numbered as they come. */
const unnumbered = (body: unknown): unknown =>
  JSON.stringify(body)?.includes("selfType") ? JSON.parse(JSON.stringify(body).replace(/selfType\d+/g, "selfType")) : body;

/** Without the prose of paths and of shared types, which is no part of the sources. */
function described(body: unknown): unknown {
  const without = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value ?? null, (key, item: unknown) => (key === "description" && typeof item === "string" ? undefined : item)));
  const { paths, components, ...rest } = body as { paths?: unknown; components?: { schemas?: Record<string, unknown> } };
  const schemas = Object.entries(components?.schemas ?? {}).map(([name, schema]) => [name, name.startsWith("io.k8s.") ? without(schema) : schema]);
  return { ...rest, paths: without(paths), schemas: Object.fromEntries(schemas) };
}

/** Upstream judges properties in the order of Go maps: several causes, and warnings, come in any order. */
function normal(answer: Answer): Answer {
  const body = unnumbered(opened(answer).body) as { message?: string; details?: { causes?: unknown[] } } | null;
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
function takenForList(peer: Answer, ours: Answer): boolean {
  const { message } = (peer.body ?? {}) as { message?: string };
  if (peer.code !== 500 || message !== "*unstructured.Unstructured is not a list: no Items field in this object") return false;
  const { kind, items } = (ours.body ?? {}) as { kind?: string; items?: unknown };
  return ours.code < 300 && (Array.isArray(items) || kind === "Table" || kind === "PartialObjectMetadata" || typeof ours.body === "string");
}

export async function runDefinitions(
  pair: Pair,
  options: DefinitionsOptions,
): Promise<{ requests: number; different: number; classes: number; definitions: number }> {
  const judge = new Judge(pair, options);
  const until = performance.now() + options.seconds * 1000;
  for (const server of [pair.peer, pair.ours])
    await send(server, { method: "POST", path: "/api/v1/namespaces/default/serviceaccounts", body: { metadata: { name: "default" } } });
  for (let i = 0; judge.requests < options.requests && performance.now() < until; i++) {
    const n = options.episodes ? options.episodes[i] : i;
    if (n === undefined) break;
    await judge.episode(n);
  }
  for (const line of judge.groups.lines()) options.write(`${line}\n`);
  for (const line of judge.panics) options.write(`upstream panics and hangs up: ${line}\n`);
  for (const line of judge.lists) options.write(`upstream takes an object for a list: ${line}\n`);
  return { requests: judge.requests, different: judge.different, classes: judge.groups.size, definitions: judge.definitions };
}

class Judge {
  readonly groups = new Groups();
  requests = 0;
  different = 0;
  /** That were accepted. */
  definitions = 0;
  /** Where upstream hangs up. */
  readonly panics: string[] = [];
  /** Where upstream takes an object for a list. */
  readonly lists: string[] = [];
  readonly #pair: Pair;
  readonly #options: DefinitionsOptions;

  constructor(pair: Pair, options: DefinitionsOptions) {
    this.#pair = pair;
    this.#options = options;
  }

  async #both(request: Request, sides: Sides): Promise<[Answer, Answer]> {
    this.requests++;
    return (await Promise.all(sides.map(({ server }) => send(server, request)))) as [Answer, Answer];
  }
  /** Whether the answers agree; what differs is noted. */
  #agree(n: number, title: string, request: Request, [a, b]: readonly [Answer, Answer]): boolean {
    const shown = typeof request.body === "string" ? request.body : JSON.stringify(request.body ?? "");
    const list = takenForList(a, b);
    const found = list || (a.code === 0 && b.code > 0 && b.code < 500) ? [] : classify(normal(a), normal(b));
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
  async #until(request: Request, sides: Sides, done: (answer: Answer) => boolean): Promise<[Answer, Answer]> {
    for (let attempt = 0; ; attempt++) {
      const answers = await this.#both(request, sides);
      if (answers.every(done) || attempt === 60) return answers;
      this.requests--;
      await pause(attempt < 10 ? 20 : 100);
    }
  }

  async episode(n: number): Promise<void> {
    const random = seededRandom((this.#options.seed * 1_000_003 + n) >>> 0);
    const making: Making = { random, wrong: chance(random, 0.7) ? 0.015 : 0.1 };
    const sides: Sides = [this.#pair.peer, this.#pair.ours].map((server) => ({ server, last: new Map(), first: "" })) as unknown as Sides;
    const made = definitionOf(making, n, this.#options.seed);
    for (let i = random.int(5); i > 0; i--) await this.#refused(n, mistaken(random, made), sides, random);
    let definition = await this.#accepted(n, made, sides, "POST", crds, random);
    if (!definition) return;
    this.definitions++;
    try {
      definition = probed(definition, 0);
      if (!(await this.#served(n, definition, sides, 0, random))) return;
      if (!(await this.#objects(n, random, definition, sides, 20 + random.int(25)))) return;
      for (let round = 1; round <= 2 && chance(random, 0.7); round++) {
        const next = chance(random, 0.15) ? mistaken(random, definition) : changed(making, definition);
        const taken = await this.#accepted(n, probed(next, round), sides, "PUT", `${crds}/${definition.metadata.name}`, random);
        if (!taken) continue;
        definition = taken;
        if (!(await this.#served(n, definition, sides, round, random))) return;
        if (!(await this.#objects(n, random, definition, sides, 12 + random.int(15)))) return;
      }
    } finally {
      await this.#remove(n, definition, sides, random);
    }
  }

  async #refused(n: number, definition: Definition, sides: Sides, random: Random): Promise<void> {
    const request: Request = { method: "POST", path: `${crds}?dryRun=All${chance(random, 0.3) ? "&fieldValidation=Strict" : ""}`, body: definition };
    this.#agree(n, "definition.mistake", request, await this.#both(request, sides));
  }

  /** Parts that are refused are taken out until the rest is accepted; undefined: nothing was. */
  async #accepted(n: number, first: Definition, sides: Sides, method: "POST" | "PUT", path: string, random: Random): Promise<Definition | undefined> {
    let definition = probed(first, 0, method === "POST");
    for (let attempt = 0; attempt < 14; attempt++) {
      let request: Request = { method, path, body: definition };
      if (method === "PUT") {
        const now = await Promise.all(sides.map(({ server }) => send(server, { method: "GET", path })));
        const versions = now.map(({ body }) => String(((body as JSONObject | null)?.metadata as JSONObject | undefined)?.resourceVersion ?? ""));
        const answers = (await Promise.all(
          sides.map(({ server }, i) =>
            send(server, { method, path, body: { ...definition, metadata: { ...definition.metadata, resourceVersion: versions[i] } } }),
          ),
        )) as [Answer, Answer];
        this.requests++;
        if (answers.some(({ code }) => code === 409)) continue;
        request = { method, path, body: definition };
        if (!this.#agree(n, "definition.update", request, answers)) return undefined;
        if (answers[0].code < 300) return definition;
        const next = repaired(definition, answers[0].body, random);
        if (!next) return undefined;
        definition = next;
        continue;
      }
      const answers = await this.#both(request, sides);
      const agreed = this.#agree(n, "definition.create", request, answers);
      if (!agreed && answers.some(({ code }) => code === 201)) {
        for (const { server } of sides) await send(server, { method: "DELETE", path: `${crds}/${definition.metadata.name}` });
        return undefined;
      }
      if (answers[0].code < 300) return definition;
      const next = repaired(definition, answers[0].body, random);
      if (!next) return undefined;
      definition = next;
    }
    return undefined;
  }

  /** Both serve the definition as it is now. */
  async #served(n: number, definition: Definition, sides: Sides, round: number, random: Random): Promise<boolean> {
    const path = `${crds}/${definition.metadata.name}`;
    const established: Request = { method: "GET", path };
    const text = ({ body }: Answer): string => JSON.stringify(body);
    let answers = await this.#until(established, sides, (answer) => text(answer).includes("InitialNamesAccepted"));
    // Names that were changed are accepted a while later.
    for (let again = 0; again < 20 && classify(normal(answers[0]), normal(answers[1])).length; again++) {
      await pause(100);
      answers = await this.#both(established, sides);
    }
    if (!this.#agree(n, "definition.established", established, answers)) return false;
    const { group } = definition.spec;
    const probe = `P${round}x`;
    for (const version of definition.spec.versions.filter((one) => one.served)) {
      const list: Request = { method: "GET", path: `${collectionOf(definition, version.name)}?limit=1`, headers: tables };
      await this.#until(list, sides, (answer) => text(answer).includes(probe));
    }
    const groups: Request = { method: "GET", path: `/apis/${group}` };
    const names = definition.spec.versions.filter((one) => one.served).map(({ name }) => `${group}/${name}"`);
    const found = await this.#until(groups, sides, (answer) => names.every((name) => text(answer).includes(name)));
    if (round === 0 && !this.#agree(n, "discovery.group", groups, found)) return false;
    const version = definition.spec.versions.find((one) => one.served);
    if (!version) return true;
    const resources: Request = { method: "GET", path: `/apis/${group}/${version.name}` };
    let last = await this.#until(resources, sides, (answer) => text(answer).includes('"things"'));
    for (let again = 0; again < 20 && classify(normal(last[0]), normal(last[1])).length; again++) {
      await pause(100);
      last = await this.#both(resources, sides);
    }
    if (!this.#agree(n, "discovery.resources", resources, last)) return false;
    if (!chance(random, 0.35)) return true;
    const document: Request = { method: "GET", path: `/openapi/v3/apis/${group}/${version.name}` };
    const own = (answer: Answer): Answer => ({ ...answer, body: described(answer.body) });
    let documents = await this.#until(document, sides, (answer) => text(answer).includes(`probe ${round}.`));
    for (let again = 0; again < 10 && differences(described(documents[0].body), described(documents[1].body)).length; again++) {
      await pause(200);
      documents = await this.#both(document, sides);
    }
    return this.#agree(n, "openapi", document, [own(documents[0]), own(documents[1])]);
  }

  async #objects(n: number, random: Random, definition: Definition, sides: Sides, count: number): Promise<boolean> {
    if (!definition.spec.versions.some((one) => one.served)) return true;
    const world: World = { random, definition, n, reseeded: seededRandom };
    for (let i = 0; i < count; i++) {
      const name = `e${n}${chance(random, 0.7) ? "a" : "b"}`;
      const step = nextStep(world, name, sides[0].last.has(name));
      const before = sides.map((side) => ({ last: side.last.get(name) ?? {}, first: side.first }));
      const ask = async (): Promise<[Answer, Answer]> => {
        this.requests++;
        return (await Promise.all(sides.map((side, k) => send(side.server, filled(step, before[k]?.last ?? {}, before[k]?.first ?? ""))))) as [Answer, Answer];
      };
      let answers = await ask();
      // A watch cache may be behind, and a stream may be cut short.
      for (let again = 0; again < 15 && step.method === "GET" && classify(normal(answers[0]), normal(answers[1])).length; again++) {
        await pause(50);
        answers = await ask();
      }
      for (const [k, answer] of answers.entries()) remember(step, answer, sides[k] as Side);
      if (step.verb === "deletecollection") for (const side of sides) side.last.clear();
      const request = { ...filled(step, before[0]?.last ?? {}, before[0]?.first ?? "") };
      // Upstream begins a new watch cache with each change of a definition, at the revision that etcd has by then.
      if (step.verb === "watch" && JSON.stringify(answers[0].body).includes('"code":410')) continue;
      if (!this.#agree(n, step.verb, request, answers) && step.method !== "GET") return false;
      // The peer's state is not known from its answer: what would follow is made of it.
      if (takenForList(...answers) && step.method !== "GET") return false;
    }
    return true;
  }

  async #remove(n: number, definition: Definition, sides: Sides, random: Random): Promise<void> {
    for (const version of definition.spec.versions.filter((one) => one.served).slice(0, 1))
      for (const name of new Set(sides.flatMap(({ last }) => [...last.keys()])))
        for (const { server } of sides)
          await send(server, {
            method: "PATCH",
            path: `${collectionOf(definition, version.name)}/${name}`,
            headers: { "content-type": "application/merge-patch+json" },
            body: { metadata: { finalizers: null } },
          });
    const request: Request = { method: "DELETE", path: `${crds}/${definition.metadata.name}` };
    const answers = await this.#both(request, sides);
    if (answers.every(({ code }) => code === 200)) this.#agree(n, "definition.delete", request, answers);
    if (!chance(random, 0.1)) return;
    const gone = await this.#until({ method: "GET", path: request.path }, sides, ({ code }) => code === 404);
    this.#agree(n, "definition.gone", request, gone);
  }
}

/** A mark in each version that tells which state of the definition a server has taken up. */
function probed(definition: Definition, round: number, first = true): Definition {
  const made = structuredClone(definition);
  for (const version of made.spec.versions ?? []) {
    if (typeof version !== "object" || version === null) continue;
    const columns = ((Array.isArray(version.additionalPrinterColumns) ? version.additionalPrinterColumns : []) as { name?: string }[]).filter(
      (one) => !/^P\d+x$/.test(String(one?.name)),
    );
    if (first || round > 0) version.additionalPrinterColumns = [...columns, { name: `P${round}x`, type: "string", jsonPath: ".metadata.name" }];
    const root = (version.schema as { openAPIV3Schema?: JSONObject } | undefined)?.openAPIV3Schema;
    if (root && typeof root === "object") root.description = `probe ${round}.`;
  }
  return made;
}

function filled({ name: _name, verb: _verb, from, ...step }: Step, last: JSONObject, first: string): Request {
  const version = String((last.metadata as JSONObject | undefined)?.resourceVersion ?? "1");
  const fill = (text: string): string => text.replaceAll("{rv}", version).replaceAll("{first}", first);
  // What the servers order differently is the same request.
  const body = from ? sortKeys(from(last) as JSONValue) : step.body;
  return { ...step, path: fill(step.path), ...(body === undefined ? {} : { body: fill(typeof body === "string" ? body : JSON.stringify(body)) }) };
}

function remember(step: Step, { code, body }: Answer, side: Side): void {
  if (step.method === "DELETE" && step.verb === "delete" && code === 200) side.last.delete(step.name);
  const object = body as JSONObject | null;
  const metadata = object?.metadata as JSONObject | undefined;
  if (
    code >= 300 ||
    !metadata?.resourceVersion ||
    metadata.name !== step.name ||
    object?.kind === "Scale" ||
    !String(object?.apiVersion).includes("judge.example.com")
  )
    return;
  if (step.path.includes("dryRun")) return;
  side.last.set(step.name, object as JSONObject);
  if (code === 201 && side.first === "") side.first = String(metadata.resourceVersion);
}
