/** Every pair and triple of what lists, and deletions of collections, may be asked with. */
import { at, one } from "../differential/custom-resource-made.ts";
import { anything, define, type Probe, post, type Row, type Sweep } from "./sweep.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const widgets = at("widgets");
const collections = [maps, widgets, "/api/v1/configmaps", "/apis/apps/v1/deployments", `${maps}/c0`, "/api/v1/namespaces"];

/** No revision to come: who asks for one waits. */
const asked: Readonly<Record<string, readonly string[]>> = {
  limit: ["", "0", "2", "-1", "x", "500"],
  continue: ["", "x", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJjMFx1MDAwMCJ9"],
  resourceVersion: ["", "0", "1", "x", "-1"],
  resourceVersionMatch: ["", "Exact", "NotOlderThan", "x"],
  watch: ["0", "false"],
  allowWatchBookmarks: ["1", "x"],
  sendInitialEvents: ["", "true", "false", "x"],
  timeoutSeconds: ["0", "x", "-1"],
  labelSelector: ["", "a=0", "a in (0,1)", "!a", "a,,b", "a=="],
  fieldSelector: ["", "metadata.name=c0", "metadata.name!=c0", "nope=x", "metadata.name", "metadata.namespace=x"],
  pretty: ["true"],
  includeObject: ["None", "x"],
};

function* queries(): Generator<string> {
  const names = Object.keys(asked);
  const of = (at: number): string[] => (asked[names[at] as string] ?? []).map((value) => `${names[at]}=${encodeURIComponent(value)}`);
  for (let i = 0; i < names.length; i++)
    for (let j = i + 1; j < names.length; j++)
      for (const a of of(i))
        for (const b of of(j)) {
          yield `${a}&${b}`;
          for (let k = j + 1; k < names.length; k++) for (const c of of(k)) yield `${a}&${b}&${c}`;
        }
}

function* probes(method: "GET" | "DELETE", path: string): Generator<Probe> {
  for (const query of queries()) {
    const trial = method === "DELETE" ? "&dryRun=All" : "";
    yield { title: query, request: { method, path: `${path}?${query}${trial}` } };
  }
}

export const options: Sweep = {
  async prepare(both) {
    await define(both, "widgets", { schema: anything });
    for (const i of [0, 1, 2, 3]) {
      const metadata = { name: `c${i}`, labels: { a: String(i % 2) } };
      await both(post(maps, { metadata }));
      await both(post(widgets, one("widgets", metadata.name, {}, { metadata })));
    }
  },
  *rows(): Generator<Row> {
    for (const path of collections) yield { name: `GET ${path}`, probes: probes("GET", path) };
    yield { name: `DELETE ${maps}`, probes: probes("DELETE", maps) };
  },
};
