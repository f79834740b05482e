/** Every pair of faults that a request can have, for each kind of request. */
import type { Request } from "../differential/exchange.ts";
import { type Draft, endpoints, foos, type Home, homesOf } from "./endpoints.ts";
import { type Both, define, type Probe, post, type Row, type Sweep } from "./sweep.ts";

type Fault = (draft: Draft) => void;
const query =
  (text: string): Fault =>
  (draft) =>
    void draft.query.push(text);
const header =
  (name: string, value: string): Fault =>
  (draft) => {
    draft.headers[name] = value;
  };
/** The body as another text. */
const text =
  (body: string): Fault =>
  (draft) => {
    if (draft.body !== undefined) draft.body = body;
  };
/** The body as another object; what has become text stays so. */
const changed =
  (change: (body: Record<string, unknown>) => object): Fault =>
  (draft) => {
    if (typeof draft.body === "object") draft.body = change(draft.body as Record<string, unknown>);
  };
const metadata = (more: object): Fault => changed((body) => ({ ...body, metadata: { ...(body.metadata as object | undefined), ...more } }));
const path =
  (from: string, to: string): Fault =>
  (draft) => {
    draft.path = draft.path.replace(from, to);
  };
const client =
  (name: string): Fault =>
  (draft) => {
    draft.client = name;
  };

const faultsByName: Readonly<Record<string, Fault>> = {
  ...Object.fromEntries(
    [
      ...["fieldValidation=strict", "fieldValidation=Strict", "dryRun=some", "dryRun=All", "fieldManager=%01", "fieldManager=m", "force=true", "pretty=nope"],
      ...["limit=x", "resourceVersion=x", "resourceVersionMatch=x", "labelSelector=a,,b%3D%3D%3D", "fieldSelector=nope%3Dx", "timeoutSeconds=x", "timeout=x"],
      ...["gracePeriodSeconds=x", "propagationPolicy=x", "orphanDependents=true&propagationPolicy=Orphan", "continue=x", "sendInitialEvents=true"],
    ].map((one) => [one, query(one)]),
  ),
  ...Object.fromEntries(
    ["*/*", "text/plain", "application/yaml", "application/vnd.kubernetes.protobuf"].map((type) => [`as ${type}`, header("content-type", type)]),
  ),
  ...Object.fromEntries(
    [
      "text/html",
      "application/json;as=Table;v=v1;g=meta.k8s.io",
      "application/json;as=Table;v=v9;g=meta.k8s.io",
      "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    ].map((type) => [`accepts ${type}`, header("accept", type)]),
  ),
  ...Object.fromEntries(["{", "", "null", "[]"].map((body) => [`body ${body}`, text(body)])),
  "another kind": changed((body) => ({ ...body, kind: "Nope" })),
  "another version": changed((body) => ({ ...body, apiVersion: "v9" })),
  "no version": changed((body) => ({ ...body, apiVersion: "a/b/c" })),
  "unknown field": changed((body) => ({ ...body, nope: 1 })),
  "metadata that is a number": changed((body) => ({ ...body, metadata: 3 })),
  "another name": metadata({ name: "other" }),
  "no name": metadata({ name: undefined }),
  "another namespace": metadata({ namespace: "other" }),
  "another uid": metadata({ uid: "u" }),
  "an old revision": metadata({ resourceVersion: "1" }),
  "no revision": metadata({ resourceVersion: "x" }),
  "bad labels": metadata({ labels: { "-": "-" } }),
  "bad managers": metadata({ managedFields: [{}] }),
  "not there": path("/x", "/nope"),
  "no such namespace": path("namespaces/default", "namespaces/nope"),
  nobody: client("bare"),
  "may not": client("proxy"),
  "as bob": header("impersonate-user", "bob"),
  "as a group": header("impersonate-group", "g"),
};

function requestOf(draft: Draft): Request {
  const { method, path: to, query: asked, headers, body, client: by } = draft;
  const given = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
  const path = asked.length ? `${to}?${asked.join("&")}` : to;
  return { method, path, headers, ...given, ...(by ? { client: by } : {}) };
}

function* probes(make: () => Draft): Generator<Probe> {
  const names = Object.keys(faultsByName);
  for (const [i, first] of names.entries())
    for (const second of names.slice(i)) {
      const draft = make();
      faultsByName[first]?.(draft);
      if (second !== first) faultsByName[second]?.(draft);
      // Upstream panics where protobuf is to be made of what has no type.
      if (/example\.com\/v1/.test(draft.path) && draft.headers["content-type"]?.endsWith("protobuf")) continue;
      yield { title: second === first ? first : `${first}, ${second}`, request: requestOf(draft) };
    }
}

/** What was made or changed is as it was. */
const restoring =
  (homes: readonly Home[]) =>
  async ({ method, path: to }: Request, done: boolean, both: Both): Promise<void> => {
    const home = done && method !== "GET" && homes.find(([place]) => to.startsWith(place));
    if (!home) return;
    const [place, object] = home;
    for (const name of ["x", "new"]) await both({ method: "DELETE", path: `${place}/${name}?gracePeriodSeconds=0` });
    await both(post(place, object));
  };

export const faults: Sweep = {
  async prepare(both, { csr }) {
    await define(both, "foos", foos);
    for (const [place, object] of homesOf(csr)) await both(post(place, object));
  },
  *rows({ csr }): Generator<Row> {
    const homes = homesOf(csr);
    for (const [name, make] of endpoints(homes)) yield { name, probes: probes(make), after: restoring(homes) };
  },
};
