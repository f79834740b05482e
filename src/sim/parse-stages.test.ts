import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../api/object.ts";
import { seededRandom } from "../base/random.ts";
import { builtInStages, withStages } from "./built-in-stages.ts";
import { parseStages } from "./parse-stages.ts";
import { nextStage, type Stage } from "./stage.ts";
import { StageFileError } from "./stage-source.ts";

const stage = (spec: string, name = "s"): string => `apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata:
  name: ${name}
spec:
  resourceRef:
    apiGroup: v1
    kind: Pod
${spec.replace(/^/gm, "  ")}`;
const always = "selector:\n  matchExpressions: []\n";
const object = (fields: object): KubeObject =>
  ({ apiVersion: "v1", kind: "Pod", metadata: { name: "p", uid: "u", resourceVersion: "1" }, ...fields }) as unknown as KubeObject;
const random = seededRandom(1);

test("the built-in stages can be read, and a file replaces those of its resource only", () => {
  assert.deepEqual(
    builtInStages()
      .map((s) => s.name)
      .sort(),
    [
      "node-ready",
      "pod-complete",
      "pod-delete",
      "pod-image-back-off",
      "pod-image-missing",
      "pod-readiness",
      "pod-ready",
      "pod-restart",
      "pod-terminate",
      "pod-update",
    ],
  );
  const own = parseStages(stage(`${always}next: {delete: true}`, "own"), "f.yaml");
  assert.deepEqual(
    withStages(own).map((s) => s.name),
    ["node-ready", "own"],
  );
});

test("two stages of one name are refused, wherever they come from", () => {
  const one = (file: string): Stage[] => parseStages(stage(`${always}next: {delete: true}`, "own"), file);
  assert.throws(() => withStages([...one("a.yaml"), ...one("b.yaml")]), {
    name: "StageFileError",
    message: 'b.yaml:1: metadata.name: "own" is the name of the stage at a.yaml:1, too: give it another one',
  });
});

test("selectors are labels, annotations and queries, all of them", () => {
  const [s] = parseStages(
    stage(`selector:
  matchLabels: {app: web}
  matchAnnotations: {a: b}
  matchExpressions:
  - {key: .status.phase, operator: NotIn, values: [Failed]}
  - jq: {key: .spec.nodeName, operator: Exists}
next: {delete: true}`),
    "f.yaml",
  );
  const good = { metadata: { name: "p", labels: { app: "web" }, annotations: { a: "b" } }, spec: { nodeName: "n" }, status: { phase: "Running" } };
  const matches = (fields: object): boolean | undefined => s?.matches(object({ ...good, ...fields }));
  assert.equal(matches({}), true);
  assert.equal(matches({ status: { phase: "Failed" } }), false);
  assert.equal(matches({ spec: {} }), false);
  assert.equal(matches({ metadata: { name: "p", labels: { app: "web" } } }), false);
});

test("delays come from numbers, durations and times, and the jitter is their other bound", () => {
  const now = Date.UTC(2026, 0, 1);
  const delay = (text: string, annotations: Record<string, string> = {}): number | undefined =>
    parseStages(stage(`${always}delay: ${text}\nnext: {delete: true}`), "f")[0]?.delay(object({ metadata: { name: "p", annotations } }), now, random);
  const from = "{durationMilliseconds: 1000, durationFrom: {expressionFrom: '.metadata.annotations[\"d\"]'}}";
  assert.equal(delay(from), 1000);
  assert.equal(delay(from, { d: "1m1.5s" }), 61_500);
  assert.equal(delay(from, { d: "2026-01-01T00:00:05Z" }), 5000);
  assert.equal(delay(from, { d: "2025-01-01T00:00:05Z" }), 0);
  assert.equal(delay(from, { d: "soon" }), 1000);
  assert.equal(delay("{durationMilliseconds: 1000, jitterDurationMilliseconds: 300}"), 300);
  for (let i = 0; i < 20; i++) {
    const jittered = delay("{durationMilliseconds: 1000, jitterDurationMilliseconds: 5000}") ?? 0;
    assert.ok(jittered >= 1000 && jittered < 5000);
  }
});

test("CEL selects, and gives delays and weights", () => {
  const [s] = parseStages(
    stage(`selector:
  matchExpressions:
  - cel: {expression: "self.spec.nodeName.startsWith('n') && !has(self.metadata.deletionTimestamp)"}
delay: {durationMilliseconds: 7, durationFrom: {cel: {expression: "self.metadata.annotations['d']"}}}
weightFrom: {cel: {expression: size(self.metadata.name) * 2}}
next: {delete: true}`),
    "f.yaml",
  );
  const [bound, unbound] = [object({ spec: { nodeName: "n" }, metadata: { name: "abc", annotations: { d: "2s" } } }), object({ spec: {} })];
  assert.deepEqual([s?.matches(bound), s?.matches(unbound)], [true, false]);
  assert.deepEqual([s?.delay(bound, 0, random), s?.delay(unbound, 0, random)], [2000, 7]);
  assert.equal(s?.weight(bound), 6);
  const [plain] = parseStages(
    stage(`${always}delay: {durationFrom: {cel: {expression: '5 * 1000000'}}}\nweightFrom: {cel: {expression: has(self.spec.nodeName)}}\nnext: {delete: true}`),
    "f",
  );
  assert.deepEqual([plain?.delay(bound, 0, random), plain?.weight(bound), plain?.weight(unbound)], [5, 1, 0]);
});

test("one of several stages is chosen as its weight says; the one that waits stays", () => {
  const stages = [
    ...parseStages(stage(`${always}weight: 1\nnext: {delete: true}`, "one"), "f"),
    ...parseStages(stage(`${always}weightFrom: {expressionFrom: .metadata.annotations.w}\nweight: 3\nnext: {delete: true}`, "three"), "f"),
    ...parseStages(stage(`${always}next: {delete: true}`, "none"), "f"),
  ];
  const pick = (annotations: Record<string, string>): Record<string, number> => {
    const counts: Record<string, number> = { one: 0, three: 0, none: 0 };
    for (let i = 0; i < 400; i++) {
      const name = nextStage(stages, object({ metadata: { name: "p", annotations } }), undefined, random)?.name ?? "";
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  };
  const usual = pick({});
  assert.equal(usual.none, 0);
  assert.ok((usual.three ?? 0) > 250 && (usual.one ?? 0) > 50, JSON.stringify(usual));
  assert.equal(pick({ w: "0" }).one, 400);
  assert.equal(nextStage(stages, object({}), stages[2], random), stages[2]);
});

const mistakes: [what: string, source: string, complaint: RegExp][] = [
  ["no YAML", "a: [", /^f\.yaml:1: not YAML: /],
  ["an empty file", "", /^f\.yaml: holds no Stage; write one with/],
  ["another kind", "apiVersion: v1\nkind: Pod\nmetadata: {name: x}", /f\.yaml:1: apiVersion: must have apiVersion: kwok/],
  ["an unknown field", stage(`${always}nxt: {}\nnext: {delete: true}`), /^f\.yaml:11: spec\.nxt: is not a field of a Stage here; did you mean "next"\?/],
  [
    "a field that is nothing like another",
    stage(`${always}whatever: {}\nnext: {delete: true}`),
    /^f\.yaml:11: spec\.whatever: is not a field .* these are: resourceRef, selector/,
  ],
  ["no selector", stage("next: {delete: true}"), /spec: selector is missing/],
  ["no next", stage(always), /spec: next is missing: it holds statusTemplate/],
  ["a next that does nothing", stage(`${always}next: {}`), /spec\.next: does nothing: give it/],
  [
    "a query that is not supported",
    stage("selector:\n  matchExpressions:\n  - {key: '.a | group', operator: Exists}\nnext: {delete: true}"),
    /^f\.yaml:11: spec\.selector\.matchExpressions\[0\]\.key: ".a \| group", character 6: the function "group" is not known/,
  ],
  [
    "an operator that does not exist",
    stage("selector:\n  matchExpressions:\n  - {key: .a, operator: Has}\nnext: {delete: true}"),
    /:11: .*operator: must be one of In, NotIn/,
  ],
  ["In without values", stage("selector:\n  matchExpressions:\n  - {key: .a, operator: In}\nnext: {delete: true}"), /In needs at least one of values/],
  [
    "Exists with values",
    stage("selector:\n  matchExpressions:\n  - {key: .a, operator: Exists, values: [a]}\nnext: {delete: true}"),
    /takes no values: remove them/,
  ],
  [
    "values that are no strings",
    stage("selector:\n  matchExpressions:\n  - {key: .a, operator: In, values: [1]}\nnext: {delete: true}"),
    /must be a list of strings; write each in quotes; it is \[1\]/,
  ],
  [
    "CEL that is not supported",
    stage("selector:\n  matchExpressions:\n  - cel: {expression: 'self.metadata.creationTimestamp > Now()'}\nnext: {delete: true}"),
    /^f\.yaml:11: .*cel\.expression: ".*Now\(\)", character 38: undeclared reference to 'Now' \(in container ''\)/,
  ],
  [
    "CEL without an expression",
    stage("selector:\n  matchExpressions:\n  - cel: {}\nnext: {delete: true}"),
    /:11: .*cel: expression is missing: CEL such as has/,
  ],
  [
    "CEL and jq in one",
    stage("selector:\n  matchExpressions:\n  - {key: .a, operator: Exists, cel: {expression: 'true'}}\nnext: {delete: true}"),
    /:11: .*cel and jq are both given: write two items/,
  ],
  [
    "a delay that is no number",
    stage(`${always}delay: {durationMilliseconds: 1s}\nnext: {delete: true}`),
    /durationMilliseconds: must be a whole number from 0; it is "1s"/,
  ],
  [
    "a mistake in a template",
    stage(`${always}next:\n  statusTemplate: |\n    phase: {{ .a }}\n    x: {{ nope }}`),
    /^f\.yaml:14: spec\.next\.statusTemplate: the function "nope" is not known/,
  ],
  [
    "impersonation for a pod",
    stage(`${always}next:\n  statusTemplate: 'phase: Running'\n  statusPatchAs: {username: a}`),
    /^f\.yaml:13: spec\.next\.statusPatchAs: impersonation is for other kinds than Pod and Node: .*remove it/,
  ],
  [
    "impersonation of nobody",
    stage(`${always}next:\n  statusTemplate: 'phase: Running'\n  statusPatchAs: {}`).replace("kind: Pod", "kind: Namespace"),
    /^f\.yaml:13: spec\.next\.statusPatchAs: username is missing: the user to impersonate/,
  ],
  [
    "a group without its version",
    stage(`${always}next: {delete: true}`).replace("apiGroup: v1", "apiGroup: apps"),
    /^f\.yaml:7: spec\.resourceRef\.apiGroup: is a group with its version, such as apps\/v1/,
  ],
  [
    "no kind",
    stage(`${always}next: {delete: true}`).replace("    kind: Pod\n", ""),
    /^f\.yaml:6: spec\.resourceRef: kind is missing in resourceRef: such as Pod or Node/,
  ],
  [
    "an apply step without a template",
    stage(`${always}steps:\n- apply: {type: merge}`),
    /^f\.yaml:12: spec\.steps\[0\]\.apply: template is missing: the whole object, with apiVersion and kind/,
  ],
  [
    "an apply step that hides its kind",
    stage(`${always}steps:\n- apply:\n    template: |\n      apiVersion: v1\n      kind: {{ .kind }}`),
    /^f\.yaml:13: spec\.steps\[0\]\.apply\.template: needs lines with apiVersion and kind, written out/,
  ],
  [
    "an apply step of an unknown type",
    stage(`${always}steps:\n- apply: {type: json, template: a}`),
    /^f\.yaml:12: .*apply\.type: must be one of apply, merge, strategic; it is "json"/,
  ],
  ["a step that does nothing", stage(`${always}steps:\n- {}`), /^f\.yaml:12: spec\.steps\[0\]: does nothing: give it patch, apply, event/],
  [
    "steps and next",
    stage(`${always}next: {delete: true}\nsteps: [{delete: true}]`),
    /^f\.yaml:11: spec\.next: steps is given as well and next would be ignored/,
  ],
  ["a repeated field", stage(`${always}next: {delete: true, delete: true}`), /already set in map; keep one of them/],
];
for (const [what, source, complaint] of mistakes)
  test(`${what} is refused with line, field and remedy`, () => {
    assert.throws(
      () => parseStages(source, "f.yaml"),
      (error: Error) => {
        assert.ok(error instanceof StageFileError, String(error));
        assert.match(error.message, complaint);
        return true;
      },
    );
  });

test("all mistakes of a file are reported at once", () => {
  assert.throws(
    () => parseStages(stage("weight: -1\nnext: {delete: 1}"), "f.yaml"),
    (error: Error) => error.message.split("\n").length >= 3,
  );
});
