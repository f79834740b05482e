/**
 * What kube-apiserver 1.36's environment says of expressions: those of the tests of its libraries
 * (k8s.io/apiserver/pkg/cel/library), and the costs of those of the specification's tests.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Expr } from "./ast.ts";
import { CELCompileError } from "./errors.ts";
import { kubernetesEnvironment as environment } from "./kubernetes.ts";
import { estimateKubernetesCost } from "./kubernetes-estimate.ts";
import costs from "./testdata/costs.json" with { type: "json" };
import cases from "./testdata/kubernetes.json" with { type: "json" };
import { CelError, ListValue, OptionalValue, show, typeOfValue, type Value } from "./values.ts";

interface Case {
  expr: string;
  error?: string;
  type?: string;
  min?: number;
  max?: number;
  cost?: number;
  value?: string;
  failed?: string;
}

function written(value: Value): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof ListValue) return `[${[...value].map(written).join(", ")}]`;
  if (value instanceof OptionalValue) return value.value === undefined ? "optional.none" : `optional(${written(value.value)})`;
  return `${typeOfValue(value).name}:${show(value)}`;
}

function outcome({ expr, value }: Case): Case {
  let checked: Expr;
  try {
    checked = environment.check(expr);
  } catch (error) {
    if (error instanceof CELCompileError) return { expr, error: error.message };
    throw error;
  }
  const { min, max } = estimateKubernetesCost(checked);
  const found = environment.plan(checked).evaluate(() => undefined);
  const common = { expr, type: String(checked.type), min, max, cost: found.cost };
  if (found.value instanceof CelError) return { ...common, failed: found.value.message };
  return value === undefined ? common : { ...common, value: written(found.value) };
}

for (const one of cases as Case[]) test(`${one.expr} is what upstream makes of it`, () => assert.deepEqual(outcome(one), one));

test("the specification's expressions cost what they cost upstream, before and while they are evaluated", () => {
  const different = (costs as [string, number, number, number][]).flatMap(([expr, ...expected]) => {
    const { min, max, cost } = outcome({ expr });
    return expected.join() === [min, max, cost].join() ? [] : [{ expr, expected, found: [min, max, cost] }];
  });
  assert.deepEqual(different, []);
});
