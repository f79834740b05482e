/** Seeded episodes, sent to both servers step by step; each is independent of the others and leaves nothing behind. */
import { setTimeout as pause } from "node:timers/promises";
import { seededRandom } from "../../src/base/random.ts";
import type { JSONObject } from "../../src/api/json.ts";
import { type GenStep, nextStep, type Target, targetOf, templates, useRandom } from "./episodes.ts";
import { chance } from "./mutate.ts";
import { policyEpisode } from "./policies.ts";
import { grants } from "./who.ts";
import { type Answer, differences, type Request, send, settled } from "./exchange.ts";
import { classify, Groups, opened } from "./groups.ts";
import { patchHeaders } from "./headers.ts";
import { attended, type Side, settle, storeAnew, storedAnew } from "./attended.ts";
import type { Pair } from "./servers.ts";

export interface RunOptions {
  requests: number;
  seed: number;
  /** Only kinds whose resource.group matches. */
  only?: RegExp;
  /** Only these. */
  episodes?: readonly number[];
  /** Every request and its outcome is written. */
  verbose?: boolean;
  /** Gathers the kinds of mistakes that upstream has named, and how often. */
  seen?: Map<string, number>;
  seconds: number;
  write(line: string): void;
}

/** Upstream's admission knows of these from a watch of its own, some milliseconds after they are written. */
const remembered = new Set(["priorityclasses"]);

const fillable = /\{(rv|uid|continue|first|token)\}/g;
function filled(step: GenStep, side: Side): Request {
  const fill = (text: string): string => text.replace(fillable, (_, name: string) => side.values.get(name) ?? "");
  let body = step.from ? step.from(side.last ?? {}) : step.body;
  if (body !== undefined && !(body instanceof Uint8Array)) body = fill(typeof body === "string" ? body : JSON.stringify(body));
  const { verb: _verb, from: _from, body: _body, ...rest } = step;
  const headers =
    step.headers && Object.fromEntries(Object.entries(step.headers).map(([name, value]) => [name, typeof value === "string" ? fill(value) : value.map(fill)]));
  return { ...rest, path: fill(step.path), ...(body === undefined ? {} : { body }), ...(headers ? { headers } : {}) };
}

/** What cannot be answered in the form that is asked for has been written all the same. */
const written = ({ code }: Answer): boolean => code < 300 || code === 406;

const text = (body: unknown): string => (body instanceof Uint8Array ? "(protobuf)" : typeof body === "string" ? body : JSON.stringify(body ?? ""));

/** What upstream finds wrong, without what changes from one object to the next. */
export function note(seen: Map<string, number>, { body }: Answer): void {
  const { details } = (body ?? {}) as { details?: { causes?: { reason?: string; message?: string }[] } };
  for (const { reason = "", message = "" } of details?.causes ?? []) {
    const line = `${reason} ${message.replace(/^([A-Z][a-z]+ value): .*?: (?=[a-zA-Z'`])/, "$1: ").replace(/"[^"]*"/g, '"…"')}`;
    seen.set(line, (seen.get(line) ?? 0) + 1);
  }
}

function remember(target: Target, step: GenStep, answer: Answer, side: Side): void {
  const body = answer.body as (JSONObject & { metadata?: JSONObject }) | string | null;
  if (typeof body !== "object" || body === null || answer.code >= 300) return;
  const { metadata } = body;
  if (metadata?.continue) side.values.set("continue", String(metadata.continue));
  if (body.kind === "TokenRequest") side.values.set("token", String((body.status as JSONObject | undefined)?.token ?? ""));
  if (step.aside || body.kind !== target.def.kind || step.path.includes("dryRun") || !metadata?.resourceVersion) return;
  side.last = body;
  side.values.set("rv", String(metadata.resourceVersion));
  if (answer.code === 201) side.values.set("first", String(metadata.resourceVersion));
  side.values.set("uid", String(metadata.uid));
}

/** What a run relies on, the same on both servers. */
export async function prepare(pair: Pair): Promise<void> {
  for (const side of [pair.peer, pair.ours]) {
    for (const grant of grants) await send(side, grant);
    await send(side, { method: "POST", path: "/api/v1/namespaces/default/serviceaccounts", body: { metadata: { name: "default" } } });
  }
  // Upstream runs without the reconciler that publishes its own address; lists in pages tell whether something follows.
  const metadata = { name: "kubernetes" };
  await send(pair.peer, { method: "POST", path: "/api/v1/namespaces/default/endpoints", body: { metadata } });
  const slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
  await send(pair.peer, { method: "POST", path: slices, body: { metadata, addressType: "IPv4", endpoints: [] } });
  // Upstream's repair of addresses writes events when it finds time: something follows on both sides whether it did or not.
  const last = { metadata: { name: "zzz" }, involvedObject: { kind: "Namespace", name: "default", namespace: "default" } };
  for (const side of [pair.peer, pair.ours]) await send(side, { method: "POST", path: "/api/v1/namespaces/default/events", body: last });
  // Until upstream's authorizer has heard of the grants.
  await pause(1000);
}

export async function runGenerated(pair: Pair, options: RunOptions): Promise<{ requests: number; different: number; classes: number }> {
  useRandom(seededRandom);
  const all = templates().filter((one) => !options.only || options.only.test(`${one.def.resource}.${one.def.group}`));
  const groups = new Groups();
  let requests = 0;
  let different = 0;
  const broken: string[] = [];
  const both = async (target: Target, step: GenStep, sides: [Side, Side]): Promise<[Answer, Answer]> => {
    requests++;
    const answers = (await Promise.all(sides.map((side) => send(side.server, filled(step, side))))) as [Answer, Answer];
    for (const [i, answer] of answers.entries()) remember(target, step, answer, sides[i] as Side);
    return answers;
  };
  const spaces = all.find((one) => one.def.resource === "namespaces");
  await prepare(pair);
  const until = performance.now() + options.seconds * 1000;
  for (let i = 0; requests < options.requests && performance.now() < until; i++) {
    const n = options.episodes ? options.episodes[i] : i;
    if (n === undefined) break;
    const random = seededRandom((options.seed * 1_000_003 + n) >>> 0);
    const template = all[random.int(all.length)];
    if (!template) throw new Error("no kind matches");
    const policy = spaces !== undefined && (template.def.resource === "namespaces" ? chance(random, 0.5) : chance(random, 0.03));
    const target = targetOf(random, policy ? spaces : template, n, pair.csr);
    const script = policy ? policyEpisode(target) : undefined;
    const sides: [Side, Side] = [pair.peer, pair.ours].map((server) => ({ server, last: undefined, values: new Map() })) as unknown as [Side, Side];
    const length = script?.steps.length ?? 6 + random.int(10);
    for (let i = 0; i < length; i++) {
      const step = script?.steps[i] ?? nextStep(target, sides[0].last !== undefined);
      const before = sides.map((side) => structuredClone(side.last)) as [JSONObject | undefined, JSONObject | undefined];
      const values = sides.map((side) => new Map(side.values));
      const hidden = (answer: Answer): Answer => (step.hide ? (settled(opened(answer, true), step.hide) as Answer) : answer);
      let [a, b] = await both(target, step, sides);
      // Upstream answers these, pages that follow included, from a cache that may be behind its own writes.
      for (
        let again = 0;
        again < 20 &&
        (step.quiet !== undefined || (/(resourceVersion|continue)=/.test(step.path) && step.method === "GET")) &&
        classify(hidden(a), hidden(b)).length;
        again++
      ) {
        await pause(50);
        for (const [i, side] of sides.entries()) side.values = new Map(values[i]);
        [a, b] = await both(target, step, sides);
      }
      const [path] = step.path.split("?");
      if (a.code === 201 && !step.aside && path === target.collection && storedAnew.has(target.def.resource) && !step.path.includes("dryRun=All")) {
        const { metadata } = (a.body ?? {}) as { metadata?: { name?: string } };
        await storeAnew(target, sides[0], metadata?.name ?? target.name);
      }
      if (step.pause !== undefined) await pause(step.pause);
      else if (step.method !== "GET" && remembered.has(target.def.resource)) await pause(100);
      if (step.method === "DELETE" && !step.aside && a.code < 300 && !step.path.includes("dryRun")) {
        const left = await both(target, { verb: "get", method: "GET", path: target.path }, sides);
        if (left[0].code === 404) for (const side of sides) side.last = undefined;
      }
      if (attended.has(target.def.resource) && step.method !== "GET" && written(a) && written(b)) await settle(target, sides);
      const found = classify(hidden(a), hidden(b));
      const shown = text(step.from ? step.from(before[0] ?? {}) : step.body);
      if (options.seen) note(options.seen, a);
      if (options.verbose) options.write(`${n} ${step.verb} ${step.method} ${step.path} ${a.code} ${b.code} ${shown.slice(0, 3000)}\n`);
      if (!found.length) continue;
      if (a.code === 0) {
        broken.push(`${n} ${step.verb} ${step.method} ${step.path} ${shown.slice(0, 300)}`);
        break;
      }
      different++;
      const raw = differences(settled(a), settled(b)).filter((line) => !line.includes(".description: "));
      const [line = ""] = found;
      groups.add(`${target.def.resource}${target.def.group ? `.${target.def.group}` : ""} ${step.verb} ${line}`, {
        episode: n,
        method: step.method,
        path: step.path,
        body: step.headers ? `${shown}\n     ${JSON.stringify(step.headers)}` : shown,
        found: raw,
      });
      if (step.method !== "GET") break;
    }
    for (const side of sides) {
      for (const step of script?.clear ?? []) await send(side.server, step);
      await clear(target, side);
    }
  }
  for (const line of groups.lines()) options.write(`${line}\n`);
  for (const line of broken) options.write(`upstream panics and hangs up: ${line}\n`);
  return { requests, different, classes: groups.size };
}

/** Takes the episode's objects away, finalizers or not. */
export async function clear(target: Target, side: Side): Promise<void> {
  if (!target.def.verbs.includes("delete")) return;
  const name = String((side.last?.metadata as JSONObject | undefined)?.name ?? target.name);
  const paths = [...new Set([`${target.collection}/${name}`, target.path])];
  for (const path of paths) {
    let answer = await send(side.server, { method: "DELETE", path, body: { gracePeriodSeconds: 0, propagationPolicy: "Background" } });
    if (answer.code !== 200) continue;
    if (target.def.resource === "namespaces")
      answer = await send(side.server, {
        method: "PUT",
        path: `${path}/finalize`,
        body: { apiVersion: "v1", kind: "Namespace", metadata: { name: path.split("/").at(-1) } },
      });
    answer = await send(side.server, {
      method: "PATCH",
      path,
      headers: { "content-type": "application/merge-patch+json" },
      body: { metadata: { finalizers: null } },
    });
    if (answer.code === 200) await send(side.server, { method: "DELETE", path, body: { gracePeriodSeconds: 0 } });
  }
  const answer = await send(side.server, { method: "DELETE", path: `${target.collection}?labelSelector=ep%3D${target.name}`, body: { gracePeriodSeconds: 0 } });
  // What was named by the server sorts differently here and there, and so must not stay behind for the pages of others.
  const { items } = (answer.body ?? {}) as { items?: { metadata?: { name?: string; finalizers?: string[] } }[] };
  for (const { metadata } of items ?? [])
    if (metadata?.finalizers?.length)
      await send(side.server, {
        method: "PATCH",
        path: `${target.collection}/${metadata.name}`,
        headers: patchHeaders.merge,
        body: { metadata: { finalizers: null } },
      });
}
