import assert from "node:assert/strict";
import { test } from "node:test";
import { compileExpression, ExpressionError } from "./expression.ts";

const self = {
  metadata: { name: "p", labels: { "a.b/c": "x" }, generation: 3 },
  spec: {
    nodeName: "n",
    containers: [
      { name: "a", image: "nginx" },
      { name: "b", image: "redis" },
    ],
    ratio: 0.5,
  },
  status: { phase: "Running" },
};

const cases: [expression: string, value: unknown][] = [
  ["has(self.spec.nodeName) && !has(self.metadata.deletionTimestamp)", true],
  ["self.metadata.labels['a.b/c']", "x"],
  ["'a.b/c' in self.metadata.labels && !('q' in self.metadata.labels)", true],
  ["self.spec.containers.map(c, c.name)", ["a", "b"]],
  ["self.metadata.generation + 2 * 3 - 7 / 2 - 7 % 4", 3],
  ["self.spec.ratio * 2.0 == 1.0", true],
  ["-self.metadata.generation < 0 && self.spec.ratio < 1 && self.metadata.generation == 3.0", true],
  ["{'a': [1.5, null], 'b': duration('90s')}", { a: [1.5, null], b: "90s" }],
  // A side that decides does so although the other fails.
  ["self.nothing.x == 1 || true", true],
  ["true || self.nothing.x == 1", true],
];
for (const [expression, value] of cases) test(`${expression} is ${JSON.stringify(value)}`, () => assert.deepEqual(compileExpression(expression)(self), value));

test("an expression that fails on an object has no value", () => {
  for (const failing of ["self.spec.x", "self.status.phase + 1", "1 / 0", "self.spec.containers[2]", "self.status.phase && true", "'a'.matches('(')"])
    assert.equal(compileExpression(failing)(self), undefined, failing);
});

test("a mistake is told with its place", () => {
  const mistake = (expression: string): unknown => {
    try {
      compileExpression(expression);
    } catch (error) {
      if (error instanceof ExpressionError) return [error.offset, error.message];
    }
    return undefined;
  };
  assert.deepEqual(mistake("object.a"), [0, "undeclared reference to 'object' (in container '')"]);
  assert.deepEqual(mistake("(self.a"), [7, "Syntax error: missing ')' at '<EOF>'"]);
});
