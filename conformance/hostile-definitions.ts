/**
 * Definitions and objects that are made to hurt: schemas as deep and as wide as a request holds, patterns that blow up where
 * a matcher goes back, expressions that cost too much, objects at the limits of size. Each is answered within a second of
 * processor time, never with 5xx but where upstream says so, and the server goes on.
 *
 * `node conformance/hostile-definitions.ts [--only SUBSTRING] OURS.conf [PEER.conf]`: with a peer, codes are compared. Exits 1 on a
 * failure. Times are of the wall clock: on a busy machine they say little.
 */
import { parseArgs } from "node:util";
import { closeServer, type Request, type Server, send, serverOf } from "./differential/exchange.ts";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { only: { type: "string", default: "" } } });
const [oursConfig, peerConfig] = positionals;
if (!oursConfig) {
  process.stderr.write("usage: node conformance/hostile-definitions.ts OURS.conf [PEER.conf]\n");
  process.exit(2);
}
const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const group = "hostile.example.com";
const limitMs = 1000;

type Schema = Record<string, unknown>;
const definition = (plural: string, spec: Schema): object => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `${plural}.${group}` },
  spec: {
    group,
    scope: "Cluster",
    names: { plural, kind: `${plural[0]?.toUpperCase()}${plural.slice(1)}` },
    versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object", properties: { spec } } } }],
  },
});
const nested = (depth: number, leaf: unknown, wrap: (inner: unknown) => unknown): unknown => {
  let made = leaf;
  for (let i = 0; i < depth; i++) made = wrap(made);
  return made;
};
/** What is deeper than JSON.stringify goes: the text of the leaf between as many heads and tails. */
const deep = (whole: object, depth: number, head: string, leaf: string, tail: string): string =>
  JSON.stringify(whole).replace('"LEAF"', () => head.repeat(depth) + leaf + tail.repeat(depth));
const object = (properties: Schema): Schema => ({ type: "object", properties });
const rule = (text: string, schema: Schema): Schema => ({ ...schema, "x-kubernetes-validations": [{ rule: text }] });
const list = (items: unknown, more: Schema = {}): Schema => ({ type: "array", items, ...more });
const text: Schema = { type: "string" };

const tried: [string, object | string][] = [
  ...[100, 1000, 4000, 9000].map((depth): [string, string] => [
    `objects ${depth} deep`,
    deep(definition("deep", object({ a: "LEAF" })), depth, '{"type":"object","properties":{"a":', '{"type":"string"}', "}}"),
  ]),
  ...[1000, 9000].map((depth): [string, string] => [
    `lists ${depth} deep`,
    deep(definition("deep", list("LEAF")), depth, '{"type":"array","items":', '{"type":"string"}', "}"),
  ]),
  ["not 5000 deep", deep(definition("deep", { ...text, not: "LEAF" }), 5000, '{"not":', '{"minLength":1}', "}")],
  ["allOf that doubles", definition("wide", { ...text, allOf: nested(12, [{ minLength: 1 }], (inner) => [{ allOf: inner }, { anyOf: inner }]) })],
  ["300,000 enum values", definition("wide", { ...text, enum: Array.from({ length: 300_000 }, (_, i) => `v${i}`) })],
  ["100,000 equal enum values", definition("wide", { ...text, enum: Array.from({ length: 100_000 }, () => "same") })],
  ["20,000 properties", definition("wide", object(Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`p${i}`, text]))))],
  ["20,000 required", definition("wide", { ...object({ a: text }), required: Array.from({ length: 20_000 }, (_, i) => `p${i}`) })],
  ["a default of 100,000 elements", definition("wide", list({ type: "integer" }, { default: Array.from({ length: 100_000 }, (_, i) => i) }))],
  ["a wrong default of 20,000 elements", definition("wide", list(text, { default: Array.from({ length: 20_000 }, (_, i) => i) }))],
  ["a set of 20,000 defaults", definition("wide", list(text, { "x-kubernetes-list-type": "set", default: Array.from({ length: 20_000 }, (_, i) => `v${i}`) }))],
  ["a pattern that is large", definition("wide", { ...text, pattern: "(a{1000}){1000}" })],
  ["a pattern that nests", definition("wide", { ...text, pattern: `${"(".repeat(5000)}a${")*".repeat(5000)}` })],
  [
    "2,000 rules",
    definition("wide", { ...text, maxLength: 5, "x-kubernetes-validations": Array.from({ length: 2000 }, (_, i) => ({ rule: `self != '${i}'` })) }),
  ],
  ["a rule 9,000 parentheses deep", definition("wide", rule(`${"(".repeat(9000)}true${")".repeat(9000)}`, text))],
  ["a rule of 20,000 terms", definition("wide", rule(Array.from({ length: 20_000 }, () => "true").join(" && "), text))],
  ["a rule of 200 kB of text", definition("wide", rule(`self != '${"x".repeat(200_000)}'`, text))],
  ["all within all within all", definition("wide", rule("self.all(a, self.all(b, self.all(c, self.all(d, a == b || c == d))))", list(text)))],
  ["a bomb of lists", definition("wide", rule(`${"[".repeat(200)}1${"]".repeat(200)} == []`, text))],
  ["a rule that doubles a text", definition("wide", rule(`${nested(40, "self", (inner) => `(${inner} + self)`)} == ''`, { ...text, maxLength: 1_000_000 }))],
  ["JSON 100,000 deep", `{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","spec":${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
  ["2.9 MB of description", definition("wide", { ...text, description: "x".repeat(2_900_000) })],
  ["3.2 MB of description", definition("wide", { ...text, description: "x".repeat(3_200_000) })],
];

const serving: [plural: string, schema: Schema][] = [
  [
    "patterns",
    object({
      a: { ...text, pattern: "^(a+)+$" },
      b: { ...text, pattern: "(x+x+)+y" },
      c: { ...text, pattern: "^(([a-z])+.)+[A-Z]([a-z])+$" },
      d: { ...text, format: "email" },
      e: { ...text, format: "hostname" },
      f: { ...text, format: "uri" },
    }),
  ],
  ["bombs", rule("self.all(x, self.all(y, x == y || self.size() > 0))", list({ type: "string", maxLength: 10 }, { maxItems: 100 }))],
  ["words", rule("self.matches('^(a+)+$') || self.contains('zzz') || self.split('').size() > 0", { ...text, maxLength: 200_000 })],
  [
    "lists",
    object({
      set: list(text, { "x-kubernetes-list-type": "set" }),
      map: list({ ...object({ k: text, v: text }), required: ["k"] }, { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"] }),
      numbers: list({ type: "integer" }),
    }),
  ],
  ["anything", { "x-kubernetes-preserve-unknown-fields": true }],
];
const a = (count: number): string => "a".repeat(count);
const objects: [plural: string, name: string, spec: unknown][] = [
  ["patterns", "(a+)+ goes back", { a: `${a(50_000)}b` }],
  ["patterns", "(x+x+)+y goes back", { b: "x".repeat(50_000) }],
  ["patterns", "words that end wrong", { c: `${a(50_000)}!` }],
  ["patterns", "an address without end", { d: `${a(900)}@${"b.".repeat(40_000)}` }],
  ["patterns", "a name without end", { e: `${"a-".repeat(50_000)}.` }],
  ["patterns", "a place without end", { f: `http://${"%41".repeat(50_000)}` }],
  ["bombs", "each beside each", Array.from({ length: 100 }, (_, i) => `v${i}`)],
  ["words", "a pattern in a rule", `${a(190_000)}b`],
  ["lists", "a set of 100,000", { set: Array.from({ length: 100_000 }, (_, i) => `v${i}`) }],
  ["lists", "a set of 50,000 equal ones", { set: Array.from({ length: 50_000 }, () => "v") }],
  ["lists", "a list of 20,000 equal keys", { map: Array.from({ length: 20_000 }, () => ({ k: "v" })) }],
  ["lists", "30,000 wrong numbers", { numbers: Array.from({ length: 30_000 }, (_, i) => `v${i}`) }],
  ["lists", "60,000 unknown fields", Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`u${i}`, i]))],
  ["anything", "9,000 deep", { deep: "LEAF" }],
  ["anything", "1.4 MB", { a: a(1_400_000) }],
  ["anything", "1.6 MB", { a: a(1_600_000) }],
  ["anything", "3.2 MB", { a: a(3_200_000) }],
  ["anything", "a million numbers", Array.from({ length: 700_000 }, () => 1)],
];

const ours = serverOf(oursConfig);
const peer = peerConfig ? serverOf(peerConfig) : undefined;
let failures = 0;

async function attempt(title: string, request: Request): Promise<void> {
  if (!title.includes(values.only)) return;
  const theirs = peer && (await send(peer, request));
  const began = performance.now();
  const answer = await send(ours, request);
  const took = performance.now() - began;
  const alive = performance.now();
  await send(ours, { method: "GET", path: "/version" });
  const after = performance.now() - alive;
  const wrong = [
    ...(took + after > limitMs ? ["slow"] : []),
    ...(answer.code === 0 || (answer.code >= 500 && answer.code !== theirs?.code) ? ["fails"] : []),
    ...(theirs && theirs.code !== 0 && theirs.code !== answer.code ? [`upstream says ${theirs.code}`] : []),
  ];
  if (wrong.length) failures++;
  process.stdout.write(
    `${wrong.length ? "FAIL" : "ok  "} ${answer.code} ${took.toFixed(0).padStart(5)} ms  ${title}${wrong.length ? `: ${wrong.join(", ")}: ${shown(answer.body)}${theirs ? ` | ${shown(theirs.body)}` : ""}` : ""}\n`,
  );
}
const shown = (body: unknown): string => String((body as { message?: string } | null)?.message ?? "an object").slice(0, 160);

async function served(server: Server, plural: string): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if ((await send(server, { method: "GET", path: `/apis/${group}/v1/${plural}` })).code === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

for (const [title, body] of tried) await attempt(title, { method: "POST", path: `${crds}?dryRun=All`, body });
for (const [plural, schema] of serving) {
  for (const server of peer ? [ours, peer] : [ours]) {
    const answer = await send(server, { method: "POST", path: crds, body: definition(plural, schema) });
    if (answer.code !== 201) process.stdout.write(`     ${plural}: ${answer.code} ${shown(answer.body)}\n`);
    else await served(server, plural);
  }
}
for (const [plural, title, spec] of objects)
  await attempt(title, {
    method: "POST",
    path: `/apis/${group}/v1/${plural}?dryRun=All`,
    body: deep({ apiVersion: `${group}/v1`, kind: `${plural[0]?.toUpperCase()}${plural.slice(1)}`, metadata: { name: "a" }, spec }, 9000, '{"a":', "1", "}"),
  });
for (const [plural] of serving) for (const server of peer ? [ours, peer] : [ours]) await send(server, { method: "DELETE", path: `${crds}/${plural}.${group}` });
for (const server of peer ? [ours, peer] : [ours]) closeServer(server);
process.stdout.write(`${tried.length + objects.length} inputs, ${failures} failures\n`);
process.exitCode = failures ? 1 : 0;
