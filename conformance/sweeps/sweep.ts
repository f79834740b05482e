/** What a sweep consists of. */
import { setTimeout as pause } from "node:timers/promises";
import { at, crds, definition } from "../differential/custom-resource-made.ts";
import type { Answer, Request } from "../differential/exchange.ts";
import type { Pair } from "../differential/servers.ts";

/** The same request to both. */
export type Both = (request: Request) => Promise<{ peer: Answer; ours: Answer }>;

export interface Probe {
  /** What is odd about it. */
  title: string;
  request: Request;
}
export interface Row {
  name: string;
  probes: Iterable<Probe>;
  /** Makes what the row's requests are about. */
  begin?(both: Both): Promise<void>;
  /** `done`: one of the two may have carried it out. */
  after?(request: Request, done: boolean, both: Both): Promise<void>;
}
export interface Sweep {
  prepare?(both: Both, pair: Pair): Promise<void>;
  rows(pair: Pair): Iterable<Row>;
}

export const asJSON = { "content-type": "application/json" };
export const post = (path: string, body: unknown): Request => ({ method: "POST", path, body, headers: asJSON });

/** A schema in which all may be. */
export const anything = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };

/** Returns when both serve the new kind. `version` is what its version says. Throws after ten seconds. */
export async function define(both: Both, plural: string, version: object): Promise<void> {
  await both(post(crds, definition(plural, version)));
  for (let left = 100; ; left--) {
    const { peer, ours } = await both({ method: "GET", path: at(plural) });
    if (peer.code === 200 && ours.code === 200) return;
    if (left === 0) throw new Error(`${plural} is not served: ${peer.code} and ${ours.code}`);
    await pause(100);
  }
}
