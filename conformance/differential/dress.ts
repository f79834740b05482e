/** The same request in another dress: other user agents, deadlines, spellings of types, queries and ways, other encodings. */
import type { JSONObject } from "../../src/api/json.ts";
import { contentTypes, inProtobuf } from "./encodings.ts";
import type { GenStep, Target } from "./episodes.ts";
import { chance, pick } from "./mutate.ts";

/** Who manages fields that nobody claims is what comes before the slash. */
const agents = [
  "",
  "kubectl/v1.36.3 (linux/amd64) kubernetes/0123456",
  "kubectl",
  "/x",
  "a b/c",
  `${"x".repeat(140)}/1`,
  "x".repeat(128),
  "\u00e9t\u00e9/1",
  "a\tb/1",
  " lead/1",
];
const deadlines = ["5s", "1m", "0s", "x", "-1s", "2h", "10", "", "1m30s", "1e3s"];
const queries = [
  "nope=1",
  "fieldValidation=Ignore&fieldValidation=Strict",
  "dryRun=All&dryRun=All",
  "dryRun=All&dryRun=x",
  "DryRun=All",
  "fieldManager=",
  "fieldManager=a%00b",
  "fieldManager=a%0Ab",
  "fieldManager=%C3%A9",
  "fieldManager=a&fieldManager=b",
  "fieldValidation=",
  "force=",
  "pretty=0",
  "pretty=false",
  "pretty=x",
  "a=%zz",
  "a;b=c",
  "kind=Pod",
  "resourceVersion=1",
  "gracePeriodSeconds=1",
  "labelSelector=a",
];
const types: Readonly<Record<string, readonly string[]>> = {
  "": [
    "application/json;charset=utf-8",
    "Application/JSON",
    "application/json; x",
    "application/json, text/plain",
    "application/json ",
    "application/yaml",
    "text/json",
    "application/json;charset=utf-16",
    "*/*",
    "application/vnd.kubernetes.protobuf",
    ";",
  ],
  "application/merge-patch+json": ["application/merge-patch+json; charset=utf-8", "Application/Merge-Patch+JSON", "application/merge-patch+json,x"],
  "application/json-patch+json": ["application/json-patch+json;q=1", "application/json-patch+yaml"],
  "application/strategic-merge-patch+json": ["application/strategic-merge-patch+json; x=y", " application/strategic-merge-patch+json"],
  "application/apply-patch+yaml": [
    "application/apply-patch+yaml; charset=utf-8",
    "application/apply-patch+json",
    "application/apply-patch",
    "application/apply-patch+cbor",
  ],
};

const joined = (path: string, query: string): string => `${path}${path.includes("?") ? "&" : "?"}${query}`;

/** Another spelling of the way, of which some lead there. */
function respelled(t: Target, path: string): string {
  const [way = "", ...query] = path.split("?");
  const rest = query.length ? `?${query.join("?")}` : "";
  const { resource } = t.def;
  return (
    pick(t.random, [
      `${way}/`,
      `/${way}`,
      way.replace(/(\d)(?=[^/]*$)/, (digit) => `%3${digit}`),
      way.replace(`/${resource}`, `/${resource.toUpperCase()}`),
      way.replace(`/${resource}`, `/${resource.slice(0, -1)}`),
      way.replace(`/${resource}`, `/x/../${resource}`),
      way.replace(/^\/apis?/, (start) => start.toUpperCase()),
      `${way}%2Fstatus`,
      `${way}%20`,
      `${way};a=b`,
      way.replace(`/${resource}`, `/./${resource}`),
      way.replace(`/${resource}/`, `/${resource}/./`),
      way.replace("/namespaces/default/", "/namespaces//"),
      way.replace(`/${resource}/`, `/${resource}//`),
      way.replace(`/${resource}/${t.name}/`, `/${resource}//`),
      way.replace("/namespaces/default/", "/namespaces/default/namespaces/"),
      way.replace("/namespaces/default/", pick(t.random, ["/namespaces/./", "/namespaces/../", "/namespaces/%2e/", "/namespaces/a%25b/"])),
      way.replace(new RegExp(`/${t.name}(?=/|$)`), pick(t.random, ["/.", "/..", "/a%25", "/%2E%2e"])),
    ]) + rest
  );
}

/** One in ten. Watches stay as they are: what they are asked for is drawn elsewhere. */
export function dressed(t: Target, step: GenStep): GenStep {
  const { random } = t;
  // What cannot be understood is said with the query as it came.
  if (step.quiet !== undefined || step.path.endsWith("/watch") || !chance(random, 0.1)) return step;
  const given = step.headers?.["content-type"];
  return pick<() => GenStep>(random, [
    () => ({ ...step, headers: { ...step.headers, "user-agent": pick(random, agents) } }),
    () => ({ ...step, headers: { ...step.headers, "user-agent": pick(random, agents) } }),
    () => ({ ...step, path: joined(step.path, `timeout=${pick(random, deadlines)}`) }),
    () => ({ ...step, path: joined(step.path, pick(random, queries)) }),
    () => ({ ...step, path: joined(step.path, pick(random, queries)) }),
    () => {
      const other = step.method === "GET" || Array.isArray(given) ? undefined : types[given ?? ""];
      return other ? { ...step, headers: { ...step.headers, "content-type": pick(random, other) } } : step;
    },
    () => {
      const { body } = step;
      if (typeof body !== "object" || body === null || body instanceof Uint8Array || given !== undefined) return step;
      const encoded = inProtobuf(body as JSONObject);
      return encoded ? { ...step, body: encoded, headers: { ...step.headers, "content-type": contentTypes.protobuf } } : step;
    },
    () => {
      const upgrade = pick(random, ["websocket", "SPDY/3.1", "h2c", "x"]);
      const asked = { connection: "Upgrade", upgrade, "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" };
      return { ...step, headers: { ...step.headers, ...asked } };
    },
    () => ({ ...step, verb: `${step.verb} astray`, path: respelled(t, step.path), aside: true }),
  ])();
}
