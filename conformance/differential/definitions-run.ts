/** Random definitions and their objects, sent to both servers step by step. */
import { setTimeout as pause } from "node:timers/promises";
import { seededRandom } from "../../src/base/random.ts";
import type { Random } from "../../src/base/random.ts";
import { sortKeys } from "../../src/api/codec/json.ts";
import type { JSONObject, JSONValue } from "../../src/api/json.ts";
import { ended } from "./definitions-ending.ts";
import { type Hook, right, type Told, wrong } from "./definitions-hook.ts";
import { type Answers, crds, Judge, same, type Side, type Sides, takenForList } from "./definitions-judge.ts";
import { changed } from "./definitions-changes.ts";
import { type Definition, definitionOf } from "./definitions-made.ts";
import { mistaken } from "./definitions-mistakes.ts";
import { rivalry } from "./definitions-names.ts";
import { repaired } from "./definitions-repair.ts";
import type { Making } from "./definitions-schema.ts";
import { probed, recovered, served } from "./definitions-served.ts";
import { nextStep, type Step, type World } from "./definitions-steps.ts";
import { type Answer, type Request, send } from "./exchange.ts";
import { patchHeaders } from "./headers.ts";
import { chance, pick } from "./mutate.ts";
import type { Pair } from "./servers.ts";

export interface DefinitionsOptions {
  requests: number;
  seed: number;
  /** Only these. */
  episodes?: readonly number[];
  seconds: number;
  verbose: boolean;
  /** The webhook of all definitions that convert by one. */
  hook: Hook;
  write(line: string): void;
}

export async function runDefinitions(
  pair: Pair,
  options: DefinitionsOptions,
): Promise<{ requests: number; different: number; classes: number; definitions: number }> {
  const judge = new Judge(options);
  const run = new Run(pair, judge, options);
  const until = performance.now() + options.seconds * 1000;
  for (const server of [pair.peer, pair.ours])
    await send(server, { method: "POST", path: "/api/v1/namespaces/default/serviceaccounts", body: { metadata: { name: "default" } } });
  for (let i = 0; judge.requests < options.requests && performance.now() < until; i++) {
    const n = options.episodes ? options.episodes[i] : i;
    if (n === undefined) break;
    await run.episode(n);
  }
  for (const line of judge.groups.lines()) options.write(`${line}\n`);
  options.write(`${judge.otherwise} writes failed on both in other words while a webhook was broken\n`);
  for (const line of judge.panics) options.write(`upstream panics and hangs up: ${line}\n`);
  for (const line of judge.lists) options.write(`upstream takes an object for a list: ${line}\n`);
  return { requests: judge.requests, different: judge.different, classes: judge.groups.size, definitions: run.definitions };
}

/** One definition and what goes on with it. */
interface Episode {
  n: number;
  random: Random;
  making: Making;
  sides: Sides;
  /** How the webhook converts when it is not broken: upstream keeps some of what was converted. */
  told: Told;
}

class Run {
  /** That were accepted. */
  definitions = 0;
  readonly #pair: Pair;
  readonly #judge: Judge;
  readonly #options: DefinitionsOptions;

  constructor(pair: Pair, judge: Judge, options: DefinitionsOptions) {
    this.#pair = pair;
    this.#judge = judge;
    this.#options = options;
  }

  async episode(n: number): Promise<void> {
    const { seed, hook } = this.#options;
    const random = seededRandom((seed * 1_000_003 + n) >>> 0);
    const making: Making = { random, wrong: chance(random, 0.7) ? 0.015 : 0.1 };
    const sides: Sides = [this.#pair.peer, this.#pair.ours].map((server) => ({ server, last: new Map(), first: "" })) as unknown as Sides;
    const made = definitionOf(making, n, seed, hook);
    const told: Told = { how: pick(random, Object.keys(right)), ...(chance(random, 0.1) ? { slow: 30 } : {}) };
    hook.tell(`e${n}`, told);
    const episode: Episode = { n, random, making, sides, told };
    for (let i = random.int(5); i > 0; i--) await this.#refused(episode, mistaken(random, made));
    let definition = await this.#accepted(episode, made, "POST");
    if (!definition) return;
    this.definitions++;
    try {
      definition = probed(definition, 0);
      if (!(await served(this.#judge, n, definition, sides, 0, random))) return;
      if (!(await this.#objects(episode, definition, 20 + random.int(25)))) return;
      for (let round = 1; round <= 2 && chance(random, 0.7); round++) {
        const next = chance(random, 0.15) ? mistaken(random, definition) : changed(making, definition, hook, n);
        const taken = await this.#accepted(episode, probed(next, round), "PUT");
        if (!taken) continue;
        // A merge patch keeps what it does not name.
        const { conversion: _conversion, ...before }: Definition["spec"] = definition.spec;
        definition = { ...taken, spec: { ...before, ...taken.spec } };
        if (!(await served(this.#judge, n, definition, sides, round, random))) return;
        if (!(await this.#objects(episode, definition, 12 + random.int(15)))) return;
      }
      if (chance(random, 0.15)) await rivalry(this.#judge, n, definition, sides, random);
    } finally {
      await ended(this.#judge, n, definition, sides, random);
    }
  }

  async #refused({ n, random, sides }: Episode, definition: Definition): Promise<void> {
    const request: Request = { method: "POST", path: `${crds}?dryRun=All${chance(random, 0.3) ? "&fieldValidation=Strict" : ""}`, body: definition };
    this.#judge.agree(n, "definition.mistake", request, await this.#judge.both(request, sides));
  }

  /** Parts that are refused are taken out until the rest is accepted; undefined: nothing was. */
  async #accepted(episode: Episode, first: Definition, method: "POST" | "PUT"): Promise<Definition | undefined> {
    const { n, sides, random } = episode;
    let definition = probed(first, 0, method === "POST");
    for (let attempt = 0; attempt < 14; attempt++) {
      const title = method === "PUT" ? "definition.update" : "definition.create";
      const request: Request = method === "PUT" ? changing(random, definition) : { method, path: crds, body: definition };
      const answers = method === "PUT" ? await this.#put(request, sides) : await this.#judge.both(request, sides);
      if (method === "PUT" && answers.some(({ code }) => code === 409)) continue;
      if (!this.#judge.agree(n, title, request, answers)) {
        if (method === "POST" && answers.some(({ code }) => code === 201))
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
  /** With the version that each side has. */
  async #put(request: Request, sides: Sides): Promise<Answers> {
    if (request.method !== "PUT") return this.#judge.both(request, sides);
    this.#judge.requests++;
    const now = await Promise.all(sides.map(({ server }) => send(server, { method: "GET", path: request.path })));
    const versions = now.map(({ body }) => String(((body as JSONObject | null)?.metadata as JSONObject | undefined)?.resourceVersion ?? ""));
    const definition = request.body as Definition;
    const of = (i: number): Request => ({ ...request, body: { ...definition, metadata: { ...definition.metadata, resourceVersion: versions[i] } } });
    return (await Promise.all(sides.map(({ server }, i) => send(server, of(i))))) as Answers;
  }

  async #objects(episode: Episode, definition: Definition, count: number): Promise<boolean> {
    const { n, random, sides, told } = episode;
    const { hook } = this.#options;
    if (!definition.spec.versions.some((one) => one.served)) return true;
    const world: World = { random, definition, n, reseeded: seededRandom, broken: false };
    const converts = (definition.spec.conversion as { strategy?: string } | undefined)?.strategy === "Webhook";
    for (let i = 0; i < count; i++) {
      if (converts && chance(random, 0.07)) {
        hook.tell(`e${n}`, { how: pick(random, Object.keys(wrong)), ...(chance(random, 0.3) ? { only: { end: "b", otherwise: told.how } } : {}) });
        for (let k = 2 + random.int(4); k > 0; k--) if (!(await this.#step(episode, { ...world, broken: true }))) return false;
        hook.tell(`e${n}`, told);
        if (!(await recovered(this.#judge, definition, sides))) return false;
      }
      if (!(await this.#step(episode, world))) return false;
    }
    return true;
  }

  async #step({ n, random, sides }: Episode, world: World): Promise<boolean> {
    const judge = this.#judge;
    const name = `e${n}${chance(random, 0.7) ? "a" : "b"}`;
    const step = nextStep(world, name, sides[0].last.has(name));
    const before = sides.map((side) => ({ last: side.last.get(name) ?? {}, first: side.first }));
    const ask = async (): Promise<Answers> => {
      judge.requests++;
      return (await Promise.all(sides.map((side, k) => send(side.server, filled(step, before[k]?.last ?? {}, before[k]?.first ?? ""))))) as Answers;
    };
    let answers = await ask();
    // A watch cache may be behind, and a stream may be cut short.
    for (let again = 0; again < 15 && step.method === "GET" && !same(answers); again++) {
      await pause(50);
      answers = await ask();
      judge.requests--;
    }
    for (const [k, answer] of answers.entries()) remember(step, answer, sides[k] as Side);
    if (step.verb === "deletecollection") for (const side of sides) side.last.clear();
    const request = { ...filled(step, before[0]?.last ?? {}, before[0]?.first ?? "") };
    // Upstream begins a new watch cache with each change of a definition, at the revision that etcd has by then.
    if (step.verb === "watch" && JSON.stringify(answers[0].body).includes('"code":410')) return true;
    if (!judge.agree(n, world.broken ? `broken.${step.verb}` : step.verb, request, answers) && step.method !== "GET") return false;
    // The peer's state is not known from its answer: what would follow is made of it.
    return !takenForList(...answers) || step.method === "GET";
  }
}

/** One of the ways to change a definition. */
function changing(random: Random, definition: Definition): Request {
  const path = `${crds}/${definition.metadata.name}`;
  const { spec } = definition;
  return pick<() => Request>(random, [
    () => ({ method: "PUT", path, body: definition }),
    () => ({ method: "PUT", path, body: definition }),
    () => ({ method: "PATCH", path, headers: patchHeaders.merge, body: { spec: { conversion: null, ...spec } } }),
    () => ({ method: "PATCH", path, headers: patchHeaders.json, body: [{ op: "replace", path: "/spec", value: spec }] }),
    () => ({ method: "PATCH", path: `${path}?fieldManager=applied&force=true`, headers: patchHeaders.apply, body: definition }),
  ])();
}

function filled({ name: _name, verb: _verb, from, ...step }: Step, last: JSONObject, first: string): Request {
  const version = String((last.metadata as JSONObject | undefined)?.resourceVersion ?? "1");
  const fill = (text: string): string => text.replaceAll("{rv}", version).replaceAll("{first}", first);
  // What the servers order differently is the same request.
  const body = from ? sortKeys(from(last) as JSONValue) : step.body;
  return { ...step, path: fill(step.path), ...(body === undefined ? {} : { body: fill(typeof body === "string" ? body : JSON.stringify(body)) }) };
}

function remember(step: Step, { code, body }: Answer, side: Side): void {
  const object = body as JSONObject | null;
  const metadata = object?.metadata as JSONObject | undefined;
  // Finalizers keep an object; it is answered as it is then.
  if (step.verb === "delete" && code === 200 && !step.path.includes("dryRun") && !metadata?.deletionTimestamp) side.last.delete(step.name);
  if (
    code >= 300 ||
    !metadata?.resourceVersion ||
    metadata.name !== step.name ||
    object?.kind === "Scale" ||
    !String(object?.apiVersion).includes("judge.example.com")
  )
    return;
  if (step.path.includes("dryRun")) return;
  if (step.verb === "delete" && !metadata.deletionTimestamp) return;
  // Where an edit is made is drawn among the keys in their order, and each server has an order of its own for what no schema names.
  side.last.set(step.name, sortKeys(object as JSONValue) as JSONObject);
  if (code === 201 && side.first === "") side.first = String(metadata.resourceVersion);
}
