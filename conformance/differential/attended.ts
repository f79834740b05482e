/** Kinds whose objects the API server itself goes on writing after the answer: both servers are let come to rest. */
import { setTimeout as pause } from "node:timers/promises";
import type { JSONObject } from "../../src/api/json.ts";
import type { Target } from "./episodes.ts";
import { type Server, send } from "./exchange.ts";
import { classify } from "./groups.ts";

export const attended = new Set(["customresourcedefinitions", "apiservices", "flowschemas", "prioritylevelconfigurations"]);

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
    if (now === before && classify(a, b).length === 0) return;
    before = now;
  }
}
