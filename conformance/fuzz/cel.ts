/** Expressions: parsed, checked, their cost estimated, and evaluated within the bounds that the server sets. */
import { CostLimitExceeded } from "../../src/api/cel/frame.ts";
import { CELCompileError } from "../../src/api/cel/errors.ts";
import { fromJSON } from "../../src/api/cel/json.ts";
import { kubernetesEnvironment } from "../../src/api/cel/kubernetes.ts";
import { estimateKubernetesCost } from "../../src/api/cel/kubernetes-estimate.ts";
import { PlanError } from "../../src/api/cel/plan-error.ts";
import cases from "../../src/api/cel/testdata/kubernetes.json" with { type: "json" };
import { types } from "../../src/api/cel/types.ts";
import { CelError, show, typeOfValue } from "../../src/api/cel/values.ts";
import { templates } from "./objects.ts";
import { bytesOf, Finding, kindOf, type MakeTarget, textOf } from "./target.ts";

/** Of one expression (k8s.io/apiserver/pkg/apis/cel PerCallLimit). */
const limit = 1_000_000;
const environment = kubernetesEnvironment.extend({
  variables: { object: types.dyn, oldObject: types.dyn, self: types.dyn, text: types.string, number: types.int },
});
const object = templates.find(({ kind }) => kind === "Deployment") ?? {};
const variables: Record<string, unknown> = {
  object,
  oldObject: null,
  self: { list: Array.from({ length: 50 }, (_, i) => i), text: "x".repeat(1000) },
  text: "a-b.c".repeat(100),
  number: 7,
};
const known = new Map(Object.entries(variables).map(([name, value]) => [name, fromJSON(value as never)]));

const more = [
  "object.spec.replicas <= 5 && object.metadata.name.matches('^[a-z]+$')",
  "self.list.map(x, self.list.map(y, self.list.map(z, x * y * z))).size() > 0",
  "text.replace('a', text).replace('b', text).size() > number",
  "self.list.all(x, self.list.exists(y, y == x)) ? [1, 2, 3] : [3]",
  "object.?spec.?replicas.orValue(1) == 3 || has(object.spec.template)",
  "'a'.charAt(0) + text.substring(2, 5) + string(number) + dyn(1)",
  "duration('1h') + timestamp('2020-01-01T00:00:00Z') > timestamp(0)",
  "text.matches('(a|a)*$') || text.find('[0-9]+') == '' || text.findAll('a+').size() > 1",
  "format.dns1123Label().validate('a').hasValue() || quantity('1Mi').add(3).isInteger()",
  "sets.contains([1], [2]) && cidr('10.0.0.0/8').containsIP('10.1.2.3') && isIP('::1')",
  "[[1, 2], [3]].flatten().sum() == '%s %d'.format(['a', 1]).size() && {'a': {1: 2u}}['a'][1] == 2u",
];

export const makeTarget: MakeTarget = () => ({
  seeds: [...more, ...(cases as { expr: string }[]).map(({ expr }) => expr)].map(bytesOf),
  words: [
    "object",
    "self.list",
    "text",
    "number",
    ".map(x, ",
    ".filter(x, ",
    ".all(x, ",
    ".exists_one(x, ",
    ".?a",
    "[?0]",
    "optional.of(",
    "dyn(",
    "int(",
    "string(",
    "type(",
    "has(",
    "cel.bind(x, ",
    "quantity('1')",
    "matches('",
    "(a+)+$",
    "\\u{10FFFF}",
    "b'\\xff'",
    "r'",
    "'''",
    '"""',
    "0x7fffffffffffffff",
    "-9223372036854775808",
    "18446744073709551615u",
    "1e308",
    "1.0/0.0",
    " in ",
    "==",
    "&&",
    "||",
    "?",
    ":",
    "((((((((",
    "[[[[[[[[",
    "{1:",
    "!!!!!!!!",
    "--------",
    ".size()",
    ".join()",
    ".split('')",
    ".replace('', text)",
    "timestamp(",
    "duration(",
    "google.protobuf.",
    "_==_",
    "__result__",
    "@",
    "`a-b`",
    ".format([",
    "lists.range(1000000)",
  ],
  longest: 100 << 10,
  run(input) {
    const source = textOf(input);
    let outcome = "";
    try {
      const checked = environment.check(source);
      const { min, max } = estimateKubernetesCost(checked);
      if (!(min <= max)) throw new Finding(`estimated from ${min} to ${max}`);
      const { value, cost } = environment.plan(checked).evaluate((name) => known.get(name), limit);
      if (value instanceof CelError) return `failed ${kindOf(value.message)}`;
      // What depends on a variable of any type may be as large as that variable.
      if (cost < 0 || !Number.isFinite(cost)) throw new Finding(`cost ${cost}`);
      show(value);
      outcome = `${typeOfValue(value)} ${Math.ceil(Math.log2(cost + 1))}`;
      return outcome.slice(0, 200);
    } catch (error) {
      if (error instanceof CELCompileError) return kindOf(error.message.split("\n")[0] as string);
      if (error instanceof CostLimitExceeded) return "too much";
      if (error instanceof PlanError) return `plan ${kindOf(error.message)}`;
      throw error;
    }
  },
});
