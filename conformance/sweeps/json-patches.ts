/** JSON patches of one operation: every operation with every odd path, place that it is from, and value. */
import { at, one } from "../differential/custom-resource-made.ts";
import { patchHeaders } from "../differential/headers.ts";
import { anything, define, type Probe, post, type Row, type Sweep } from "./sweep.ts";

const targets = ["/api/v1/namespaces/default/configmaps", at("things")] as const;
const levels = ["", "Strict", "Ignore"];

/** JSON as it is sent; what is undefined is left out. */
const ops = ['"add"', '"remove"', '"replace"', '"move"', '"copy"', '"test"', '""', '"nope"', "null", "1", undefined];
const paths = [
  ...['"/metadata/labels/a"', '"/metadata/labels"', '"/metadata/labels/c~1d"', '"/metadata"', '"/metadata/~2"', '"/kind"', '"/apiVersion"', '"/data"'],
  ...["0", "-", "-1", "01", "9", "x"].map((index) => `"/metadata/finalizers/${index}"`),
  ...['"/data/b~0c"', '"/data/a/b"', '"/data/list/2/x"', '"/data/n"', '"x"', '"/nope/a"', '""', '"/"', '"\\ud800"', "null", "1", "1e400", undefined],
];
const froms = ['"/metadata/labels/a"', '"/metadata/finalizers/0"', '"/data"', '""', '"/nope"', "null", undefined];
const values = ['"x"', "null", "1", "1.0", "1e400", "{}", "[]", '"é\\u003c"', '{"a":1,"a":2}', "true", "-0", "1e3", undefined];
const fewValues = ['"x"', "1e400", '{"a":1,"a":2}', undefined];

function patch(members: Readonly<Record<string, string | undefined>>): string {
  const written = Object.entries(members).flatMap(([name, value]) => (value === undefined ? [] : [`"${name}":${value}`]));
  return `[{${written.join(",")}}]`;
}

function* patches(level: string): Generator<string> {
  for (const op of ops)
    for (const path of paths) {
      const moves = op === '"move"' || op === '"copy"';
      if (moves) for (const from of froms) for (const value of ['"x"', undefined]) yield patch({ op, path, from, value });
      else for (const value of level ? fewValues : values) yield patch({ op, path, value });
      if (!moves) yield patch({ op, path, from: '""', value: '"x"', unknown: "1e400" });
    }
}

function* probes(target: string, level: string): Generator<Probe> {
  const query = level ? `&fieldValidation=${level}` : "";
  for (const body of patches(level))
    yield {
      title: body,
      request: { method: "PATCH", path: `${target}/x?dryRun=All${query}`, headers: patchHeaders.json, body },
    };
}

export const jsonPatches: Sweep = {
  async prepare(both) {
    await define(both, "things", { schema: anything });
    const metadata = { name: "x", labels: { a: "b", "c/d": "e" }, finalizers: ["x.io/a", "x.io/b"] };
    await both(post(targets[0], { metadata, data: { a: "1", "b~c": "2" } }));
    await both(post(targets[1], one("things", "x", {}, { metadata, data: { a: "1", list: [1, 2, { x: null }], n: null } })));
  },
  *rows(): Generator<Row> {
    for (const target of targets) for (const level of levels) yield { name: `${target} ${level || "Warn"}`, probes: probes(target, level) };
  },
};
