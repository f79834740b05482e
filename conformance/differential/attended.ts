/** Kinds whose objects the API server itself goes on writing after the answer: both servers are let come to rest. */
import { setTimeout as pause } from "node:timers/promises";
import type { JSONObject } from "../../src/api/json.ts";
import type { Target } from "./episodes.ts";
import { type Server, send } from "./exchange.ts";
import { classify, isEnding } from "./groups.ts";
import { patchHeaders } from "./headers.ts";

export const attended = new Set(["customresourcedefinitions", "apiservices", "flowschemas", "prioritylevelconfigurations"]);

/**
 * Upstream stores these without a part that it makes up for whenever it reads them, and so writes them once more at the first
 * occasion that changes nothing (the phase of a new claim). Ours stores what it shows. Upstream is given that occasion at once.
 */
export const storedAnew = new Set(["persistentvolumeclaims"]);

/** After a creation, of which `name` is answered. */
export async function storeAnew(target: Target, peer: Side, name: string): Promise<void> {
  const answer = await send(peer.server, { method: "PATCH", path: `${target.collection}/${name}`, headers: patchHeaders.merge, body: {} });
  // What was answered in another form is not known to either side.
  if (answer.code !== 200 || !peer.last) return;
  peer.last = answer.body as JSONObject;
  for (const value of ["rv", "first"]) if (peer.values.has(value)) peer.values.set(value, revision(answer.body));
}

/** One of the two servers, and what it last said. */
export interface Side {
  server: Server;
  last: JSONObject | undefined;
  values: Map<string, string>;
}
const revision = (object: unknown): string => String((object as { metadata?: { resourceVersion?: string } }).metadata?.resourceVersion ?? "");

/** Returns when both objects agree and stand still, after three seconds at the latest; what is there then is the last that is known. */
export async function settle(target: Target, sides: readonly [Side, Side]): Promise<void> {
  let before = "";
  for (let i = 0; i < 60; i++) {
    await pause(i < 10 ? 20 : 60);
    const answers = await Promise.all(sides.map(({ server }) => send(server, { method: "GET", path: target.path })));
    const [a, b] = answers as [(typeof answers)[0], (typeof answers)[0]];
    for (const [n, { code, body }] of answers.entries()) {
      const side = sides[n] as Side;
      if (code === 404) side.last = undefined;
      if (code !== 200) continue;
      side.last = body as JSONObject;
      side.values.set("rv", revision(body));
    }
    const now = answers.map(({ code, body }) => `${code} ${revision(body)}`).join();
    if (now === before && classify(a, b).length === 0 && !isEnding(a.body)) return;
    before = now;
  }
}
