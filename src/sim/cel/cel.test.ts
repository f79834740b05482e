import assert from "node:assert/strict";
import { test } from "node:test";
import { CELSyntaxError, compileCEL } from "./cel.ts";

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

// What cel-go 0.26 gives for the same expression, with self of any type.
const cases: [expression: string, value: unknown][] = [
  ["self.status.phase == 'Running'", true],
  ["!(self.status.phase in [\"Bound\", 'Released'])", true],
  ["has(self.spec.nodeName) && !has(self.metadata.deletionTimestamp)", true],
  ["has(self.spec.x)", false],
  ["self.metadata.labels['a.b/c']", "x"],
  ["'a.b/c' in self.metadata.labels && !('q' in self.metadata.labels)", true],
  ["self.spec.containers[1].image", "redis"],
  ["self.spec.containers.exists(c, c.image == 'redis')", true],
  ["self.spec.containers.all(c, c.name.size() == 1)", true],
  ["self.spec.containers.exists_one(c, c.name < 'b')", true],
  ["self.spec.containers.map(c, c.name)", ["a", "b"]],
  ["self.spec.containers.map(c, c.name != 'a', c.image + '!')", ["redis!"]],
  ["self.spec.containers.filter(c, c.name == 'a').size()", 1],
  ["self.metadata.labels.all(k, k.contains('/'))", true],
  ["self.spec.containers.exists(c, self.spec.containers.exists(d, c.name + d.name == 'ba'))", true],
  ["size(self.spec.containers) == 2 ? 'two' : 'other'", "two"],
  ["self.metadata.generation + 2 * 3 - 7 / 2 - 7 % 4", 3],
  ["self.spec.ratio * 2.0 == 1.0", true],
  ["4.0 / 8.0", 0.5],
  ["-self.metadata.generation < 0 && self.spec.ratio < 1 && self.metadata.generation == 3.0", true],
  ["[1, 2] + [3] == [1, 2, 3] && {'a': 1} == {'a': 1} && {'a': 1} != {'b': 1}", true],
  ["'\\n\\x41\\u0042' == r'x' || \"it's\".startsWith(\"it\") && 'ab'.endsWith('b')", true],
  ["r'\\d'.size()", 2],
  ["'web-12'.matches('^web-[0-9]+$') && matches('a', 'A|a')", true],
  ["int('12') + int(3.9) == 15 && string(5) == '5' && double('1.5') == 1.5", true],
  ["'Ab'.lowerAscii() + 'Ab'.upperAscii() == 'abAB'", true],
  // A side that decides does so although the other fails.
  ["self.nothing.x == 1 || true", true],
  ["true || self.nothing.x == 1", true],
  ["self.nothing.x == 1 && false", false],
  ["null == null && (null in [null])", true],
];
for (const [expression, value] of cases) test(`${expression} is ${JSON.stringify(value)}`, () => assert.deepEqual(compileCEL(expression)(self), value));

test("an expression that fails on an object has no value", () => {
  for (const failing of [
    "self.spec.x",
    "self.spec.x == 1",
    "self.status.phase + 1",
    "1 + 1.5",
    "1 / 0",
    "self.spec.containers[2]",
    "self.status.phase && true",
    "has(self.status.phase.x)",
    "'a' < 1",
    "'a'.matches('(')",
    "1 in 2",
    "int('x')",
  ])
    assert.equal(compileCEL(failing)(self), undefined, failing);
});

const mistakes: [expression: string, offset: number, message: RegExp][] = [
  ["", 0, /ends too early/],
  ["self.a ==", 9, /ends too early/],
  ["self.a = 1", 7, /unexpected "="/],
  ["object.a", 0, /"object" is not known: the object is self/],
  ["self.a.exists(1, true)", 14, /exists takes a name first/],
  ["self.a.exists(x, y)", 17, /"y" is not known/],
  ["has(self)", 0, /has\(\) takes one field/],
  ["timestamp(self.a)", 0, /"timestamp" with 1 values is not known; these are: has, all/],
  ["startsWith('a', 'b')", 0, /startsWith follows a value: VALUE\.startsWith/],
  ["(self.a", 7, /expected "\)", found "the end"/],
  ["self.a ? 1", 10, /expected ":"/],
  ["'\\d'", 0, /the escape \\d is not known/],
  ["self.", 5, /expected a field or a function/],
];
for (const [expression, offset, message] of mistakes)
  test(`${JSON.stringify(expression)} is refused at character ${offset + 1}`, () => {
    assert.throws(
      () => compileCEL(expression),
      (error: unknown) => {
        assert.ok(error instanceof CELSyntaxError, String(error));
        assert.match(error.message, message);
        assert.equal(error.offset, offset);
        return true;
      },
    );
  });
