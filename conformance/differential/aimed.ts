/** Requests that aim at single rules of validation (aimed.yaml and what follows it), sent to both servers and compared like the others. */
import { setTimeout as pause } from "node:timers/promises";
import { readFileSync } from "node:fs";
import { load } from "js-yaml";
import { seededRandom } from "../../src/base/random.ts";
import type { JSONObject, JSONValue } from "../../src/api/json.ts";
import { runJSONPatch } from "../../src/api/patch/json-patch.ts";
import { attended, type Side, settle } from "./attended.ts";
import { type GenStep, type Target, targetOf, templateOf } from "./episodes.ts";
import { type Answer, differences, send, settled } from "./exchange.ts";
import { classify, Groups } from "./groups.ts";
import { patchHeaders } from "./headers.ts";
import type { Pair } from "./servers.ts";

interface Aim {
  create: JSONObject;
  /** Merge patches; `to`: the subresource. */
  then?: JSONObject[];
  /** Each of the values in the place of what is there makes a request of its own. */
  at?: string;
  values?: JSONValue[];
}
export interface AimedOptions {
  only?: RegExp;
  verbose?: boolean;
  write(line: string): void;
  note?(answer: Answer): void;
  clear(target: Target, side: Side): Promise<void>;
}

const aims = (): Aim[] =>
  ["./aimed.yaml", "./aimed-more.yaml", "./aimed-found.yaml"]
    .flatMap((file) => load(readFileSync(new URL(file, import.meta.url), "utf8")) as Aim[])
    .flatMap((aim) => (aim.at === undefined ? [aim] : (aim.values ?? []).map((value) => placed(aim, aim.at as string, value))));

const placed = ({ create, then }: Aim, at: string, value: JSONValue): Aim => ({
  create: runJSONPatch(create, [{ op: "add", path: at, value }]) as JSONObject,
  ...(then ? { then } : {}),
});

function stepsOf(target: Target, { create, then = [] }: Aim, called: string): GenStep[] {
  const body = JSON.parse(JSON.stringify(create).replaceAll("NAME", called)) as JSONObject;
  const name = String((body.metadata as JSONObject).name);
  const patches = then.map(({ to, ...patch }): GenStep => {
    const text = JSON.stringify(patch).replaceAll("NAME", called);
    const path = `${target.collection}/${name}${to === undefined ? "" : `/${String(to)}`}`;
    return { verb: to === undefined ? "patch" : String(to), method: "PATCH", path, headers: patchHeaders.merge, body: text };
  });
  return [{ verb: "create", method: "POST", path: target.collection, body }, ...patches];
}

export async function runAimed(pair: Pair, options: AimedOptions): Promise<{ requests: number; different: number; classes: number }> {
  const groups = new Groups();
  let requests = 0;
  let different = 0;
  for (const [n, aim] of aims().entries()) {
    const template = templateOf(aim.create);
    if (options.only && !options.only.test(`${template.def.resource}.${template.def.group}`)) continue;
    const made = targetOf(seededRandom(n), template, n, pair.csr);
    const called = `a${n}x`;
    const name = String((aim.create.metadata as JSONObject).name).replaceAll("NAME", called);
    const target = { ...made, path: `${made.collection}/${name}` };
    const sides = [pair.peer, pair.ours].map((server): Side => ({ server, last: undefined, values: new Map() })) as [Side, Side];
    for (const step of stepsOf(made, aim, called)) {
      requests++;
      const [a, b] = (await Promise.all(sides.map(({ server }) => send(server, step)))) as [Answer, Answer];
      options.note?.(a);
      if (a.code < 300 && attended.has(target.def.resource)) await settle(target, sides);
      else if (a.code < 300) await pause(20);
      const found = classify(a, b);
      if (options.verbose) options.write(`${n} ${step.verb} ${a.code} ${b.code} ${JSON.stringify(a.body).slice(0, 3000)}\n`);
      if (!found.length) continue;
      if (a.code === 0) {
        options.write(`upstream panics and hangs up: ${n} ${step.verb}\n`);
        continue;
      }
      different++;
      for (const line of found)
        groups.add(`${template.def.resource} ${step.verb} ${line}`, {
          episode: n,
          method: step.method,
          path: step.path,
          body: typeof step.body === "string" ? step.body : JSON.stringify(step.body),
          found: differences(settled(a), settled(b)),
        });
    }
    for (const side of sides) await options.clear(target, side);
  }
  for (const line of groups.lines()) options.write(`${line}\n`);
  return { requests, different, classes: groups.size };
}
