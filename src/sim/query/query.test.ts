import assert from "node:assert/strict";
import { test } from "node:test";
import { compileQuery, QueryError } from "./query.ts";

const pod = {
  metadata: { labels: { "a.b/c": "x" }, ownerReferences: [{ kind: "Job" }, { kind: "Other" }], empty: "", annotations: { after: "5s" } },
  spec: {
    containers: [
      { name: "a", image: "nginx:1", command: ["/bin/sh", "-c"], args: ["exit 3"] },
      { name: "b", image: "registry.invalid/x", command: ["sleep", "30"] },
    ],
  },
  status: {
    phase: "Running",
    restarts: 2,
    conditions: [
      { type: "Ready", status: "True" },
      { type: "Initialized", status: "False" },
    ],
  },
};
const run = (text: string): unknown => compileQuery(text)(pod);

// What gojq 0.12.19, which kwok uses, gives for the same query and object; null results are left out, as kwok does.
const cases: [query: string, results: unknown[]][] = [
  [".status.phase", ["Running"]],
  [".metadata.deletionTimestamp", []],
  [".metadata.ownerReferences.[].kind", ["Job", "Other"]],
  ['.status.conditions.[] | select( .type == "Ready" ) | .status', ["True"]],
  ['.metadata.labels["a.b/c"]', ["x"]],
  ['.metadata.labels."a.b/c"', ["x"]],
  [".status.conditions[1].type", ["Initialized"]],
  [".status.conditions[-1].type", ["Initialized"]],
  ['.status.phase == "Running" and (.metadata.x // "d") == "d"', [true]],
  [".status.conditions | length", [2]],
  ['.status.conditions | any(.status == "False")', [true]],
  [".metadata.nothing.[]?", []],
  [".spec.containers | map(.name)", [["a", "b"]]],
  ['[.spec.containers[] | (.command + .args)[]] | join(" ")', ["/bin/sh -c exit 3 sleep 30"]],
  ['.spec.containers[].image | test("\\\\.invalid/")', [false, true]],
  ['.spec.containers[].image | test("^NGINX"; "i")', [true, false]],
  ['.spec.containers[] | (.command // []) + (.args // []) | join(" ") | capture("exit (?<code>[0-9]+)").code | tonumber', [3]],
  ['"\\(.status.restarts * 10 + 5)s"', ["25s"]],
  ['"a\\("b" + "\\(1 + 1)")c\\u0041\\n"', ["ab2cA\n"]],
  ["[.status.restarts - 1, 7 % 4, 7 / 2, -3, 2 * 3 - 4 / 2]", [[1, 3, 3.5, -3, 4]]],
  ["if .status.restarts > 5 then 1 elif .status.restarts > 1 then 2 else 3 end", [2]],
  ["if .x then 1 end | .status.phase", ["Running"]],
  ["{a: .status.phase, (.status.phase): 1, status: {b: 1, c: [1, 2]}} | .Running + .status.c[1]", [3]],
  ["{status} | .status.restarts", [2]],
  ["[3, 1, 2] | [min, max, add, first, last, (sort | reverse)]", [[1, 3, 6, 3, 2, [3, 2, 1]]]],
  ["first(.spec.containers[].name), last(.spec.containers[].name)", ["a", "b"]],
  ["[.spec.containers[].restarts] | add", []],
  ['.metadata.labels | has("a.b/c"), has("q")', [true, false]],
  ['.status | type, (.restarts | type), (.phase | startswith("Run")), (.phase | endswith("Run"))', ["object", "number", true, false]],
  ['.metadata.annotations.after | ltrimstr("5"), rtrimstr("s"), split("s")', ["s", "5", ["5", ""]]],
  ['any(.spec.containers[]; .name == "b"), all(.spec.containers[]; .name == "b")', [true, false]],
  ['["a", null, 1, true] | join("-")', ["a--1-true"]],
  ['[[2, 1], [1, 3], null, {a: 1}, "x", false, 1] | sort', [[null, false, 1, "x", [1, 3], [2, 1], { a: 1 }]]],
  [
    '{"b": 1, "a": 2} | keys, (to_entries | map(.value))',
    [
      ["a", "b"],
      [2, 1],
    ],
  ],
  ['["x", "y"] | contains(["x"])', [true]],
  ["[1, 2, 2] - [2]", [[1]]],
  ["1, 2 | . + 1", [2, 3]],
  ["(1, 2) + (10, 20)", [11, 12, 21, 22]],
  [".spec.containers[0].command[.status.restarts - 1], 1", ["-c", 1]],
  ["null // false // 5", [5]],
  ["[.[]?] | length", [3]],
];
for (const [query, results] of cases) test(`${query} finds what jq finds`, () => assert.deepEqual(run(query), results));

test("the whole object is a result, too", () => assert.deepEqual(run("."), [pod]));

test("a query that fails on an object gives nothing at all", () => {
  for (const failing of [
    ".metadata.nothing.[].kind",
    ".status.phase.x",
    ".status.phase + 1",
    '.status.restarts | test("a")',
    ".status.phase | tonumber",
    "1 / 0",
    '"a" | test(.metadata)',
    '.metadata.annotations.after | test("(" + .)',
  ])
    assert.equal(run(failing), undefined, failing);
});

const mistakes: [query: string, offset: number, message: RegExp][] = [
  [".a | group_by(.b)", 5, /"group_by" is not known; these are: add, all, .*tostring.*, if/],
  [".a | legnth", 5, /"legnth" is not known; did you mean "length"\?/],
  [".a | map", 5, /map takes 1 arguments, not 0/],
  [".a |", 4, /ends too early/],
  [".a ] ", 3, /unexpected "\]"/],
  [".a[", 3, /ends too early/],
  [".a[1:2]", 4, /slices are not supported/],
  ['.a == "b', 6, /the string is not closed/],
  ['.a | test("(")', 9, /Invalid regular expression/],
  ['.a | test("\\d")', 11, /the escape \\d is not known: double the backslash/],
  ["if .a then 1", 12, /expected "end", found "the end"/],
  ["{a: 1", 5, /expected ",", found "the end"/],
  ["{1: 1}", 1, /expected a key/],
  [".a as $x | $x", 3, /unexpected "as"/],
  [". & .", 2, /unexpected "&"/],
];
for (const [query, offset, message] of mistakes)
  test(`${query} is refused at character ${offset + 1}`, () => {
    assert.throws(
      () => compileQuery(query),
      (error: unknown) => {
        assert.ok(error instanceof QueryError, String(error));
        assert.match(error.message, message);
        assert.equal(error.offset, offset);
        return true;
      },
    );
  });
