/** What a sweep consists of. */
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
