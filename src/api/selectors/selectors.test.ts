import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import { parseFieldSelector } from "./fields.ts";
import { formatLabelSelector, parseLabelSelector, type Requirement, SelectorError, selectorOf } from "./labels.ts";

test("label selectors match as they read", () => {
  const labels = { app: "web", tier: "1", empty: "" };
  const cases: [string, boolean][] = [
    ["", true],
    ["app=web", true],
    ["app==web,tier!=2", true],
    ["app in (web,api)", true],
    ["app notin (web)", false],
    ["missing notin (web)", true],
    ["missing!=x", true],
    ["app", true],
    ["!app", false],
    ["!missing", true],
    ["tier>0", true],
    ["tier<1", false],
    ["app>0", false],
    ["empty=", true],
    ["empty in ()", true],
    ["constructor", false],
    ["!constructor", true],
  ];
  for (const [text, expected] of cases) assert.equal(parseLabelSelector(text).matches(labels), expected, text);
  assert.equal(parseLabelSelector("!a").matches(undefined), true);
});

test("label selectors that do not read get upstream's message", () => {
  const messages: Record<string, string> = {
    "a b": "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
    "=a": "found '=', expected: !, identifier, or 'end of string'",
    "a,": "found '', expected: identifier after ','",
    "a in x": "unable to parse requirement: found 'x' expected: '('",
    "a in (x": "unable to parse requirement: found '', expected: ',' or ')'",
    "a=b=c": "found '=', expected: ',' or 'end of string'",
    "a<x": `unable to parse requirement: values[0]: Invalid value: "x": for 'Gt', 'Lt' operators, the value must be an integer`,
  };
  for (const [text, message] of Object.entries(messages)) assert.throws(() => parseLabelSelector(text), { message }, text);
  assert.throws(() => parseLabelSelector("a%=b"), /^SelectorError|Error: unable to parse requirement: <nil>: Invalid value: "a%": name part must consist/);
  assert.throws(() => parseLabelSelector("a=$"), /unable to parse requirement: values\[0\]\[a\]: Invalid value: "\$"/);
});

test("a selector's text reads back as the same selector", () => {
  const random = seededRandom(3);
  const word = (): string => "abcdef"[random.int(6)] as string;
  const operators: Requirement["operator"][] = ["in", "notin", "=", "==", "!=", "exists", "!", "gt", "lt"];
  for (let i = 0; i < 500; i++) {
    const text = Array.from({ length: 1 + random.int(3) }, () => {
      const operator = operators[random.int(operators.length)] as Requirement["operator"];
      if (operator === "exists") return word();
      if (operator === "!") return `!${word()}`;
      if (operator === "in" || operator === "notin") return `${word()} ${operator} (${word()}, ${word()})`;
      if (operator === "gt" || operator === "lt") return `${word()}${operator === "gt" ? ">" : "<"}${random.int(100)}`;
      return `${word()}${operator}${word()}`;
    }).join(" , ");
    const selector = parseLabelSelector(text);
    assert.deepEqual(parseLabelSelector(selector.toString()).requirements, selector.requirements, text);
  }
});

test("a LabelSelector selects nothing when absent and everything when empty", () => {
  assert.equal(selectorOf(undefined).matches({ a: "b" }), false);
  assert.equal(selectorOf({}).matches(undefined), true);
  const spec = { matchLabels: { b: "1" }, matchExpressions: [{ key: "a", operator: "In", values: ["z", "y"] }] };
  assert.equal(formatLabelSelector(spec), "a in (y,z),b=1");
  assert.equal(formatLabelSelector({}), "<none>");
  assert.throws(() => selectorOf({ matchExpressions: [{ key: "a", operator: "Like" }] }), { message: '"Like" is not a valid label selector operator' });
  assert.equal(selectorOf(spec).exactMatch("b"), "1");
});

test("field selectors split, unescape and match", () => {
  const selector = parseFieldSelector("metadata.name=a\\,b,spec.nodeName!=n1");
  assert.ok(selector.matches({ "metadata.name": "a,b", "spec.nodeName": "" }));
  assert.ok(!selector.matches({ "metadata.name": "a,b", "spec.nodeName": "n1" }));
  assert.equal(selector.exactMatch("metadata.name"), "a,b");
  assert.equal(parseFieldSelector(selector.toString()).toString(), selector.toString());
  assert.ok(parseFieldSelector(",").empty);
  assert.throws(() => parseFieldSelector("metadata.name"), { message: "invalid selector: 'metadata.name'; can't understand 'metadata.name'" });
  assert.throws(() => parseFieldSelector("a=b=c"), { message: "invalid field selector: unescaped character in value: 61" });
  assert.throws(() => parseFieldSelector("a=\\x"), { message: "invalid field selector: invalid escape sequence: \\x" });
});

test("an operator of the name of a member of Object is no operator", () => {
  for (const operator of ["hasOwnProperty", "constructor", "__proto__"])
    assert.throws(() => selectorOf({ matchExpressions: [{ key: "a", operator }] }), new SelectorError(`"${operator}" is not a valid label selector operator`));
});
