/** What kube-apiserver 1.36 says of values whose types only the evaluation knows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { kubernetesEnvironment as environment } from "./kubernetes.ts";
import { CelError, show } from "./values.ts";

const of = (expression: string): string => {
  const { value } = environment.plan(environment.check(expression)).evaluate(() => undefined);
  return value instanceof CelError ? value.message : show(value);
};
/** What is `null` in `expression` is no constant. */
const cases = (told: Readonly<Record<string, string>>): void => {
  for (const [expression, words] of Object.entries(told)) assert.equal(of(expression.replaceAll("null", "[dyn(null)][0]")), words, expression);
};

test("lists are of the type of their first element, and what follows says itself that it does not fit", () =>
  cases({
    "[null, dyn(1.5)].sum()": "no such overload: sum(list)",
    "[dyn(0.5), null].sum()": "no such overload",
    "[dyn(1), dyn(2.5)].sum()": "no such overload",
    "[dyn(1.5), dyn(2.0)].sum()": "3.5",
    "[dyn(1), null].max()": "no such overload",
    "[null, dyn(1)].max()": "no such overload: max(list)",
    "[dyn(1), dyn('a')].max()": "1",
    "[dyn(1), null].isSorted()": "no such overload",
    "[dyn(1), dyn(true)].isSorted()": "true",
    "[dyn('a'), null].join()": "join: invalid input: 0",
    "[null, dyn('a')].join(',')": "no such overload: join(list, string)",
    "[dyn(1), dyn(optional.of(1))].unwrapOpt()": "no such overload: unwrapOpt(list)",
  }));

test("some functions take lists whatever they hold", () =>
  cases({
    "[null, dyn(1)].sort()": "list elements must be comparable",
    "[dyn(1), null].sortBy(x, x)": "list elements must have the same type",
    "size([dyn(2), dyn([1])].flatten())": "2",
    "[null, dyn(1)].indexOf(null)": "0",
  }));

test("an operand that cannot be added, asked or taken apart is refused in the name of what was to be done", () =>
  cases({
    "null + 1": "no such overload: _+_",
    "1 + null": "no such overload",
    "dyn('a') - 1": "no such overload",
    "null - 1": "no such overload: _-_",
    "dyn(1.5) % 2": "no such overload: _%_",
    "-null": "no such overload: -_",
    "-dyn(true)": "no such overload",
    "size(null)": "no such overload: size",
    "null.startsWith('a')": "no such overload",
    "'a'.contains(null)": "no such overload",
    "null.matches('a')": "no such overload",
    "null.matches('a' + [dyn('b')][0])": "no such overload: matches",
    "'a'.matches(null)": "no such overload",
    "'a'.find(null)": "no such overload: find(string, null_type)",
    "{'a': 1}[null]": "invalid qualifier type: types.Null",
    "duration([1][0])": "type conversion error from 'int' to 'google.protobuf.Duration'",
    "cidr('1.2.3.0/24').containsIP('a')": "no such overload",
    "null.exists(x, true)": "got 'types.Null', expected iterable type",
    "null.exists(k, v, true)": "unsupported comprehension range type: types.Null",
    "null.or(optional.of(1))": "0",
    "dyn(double('NaN')) < null": "NaN values cannot be ordered",
    "dyn(quantity('1')) == [dyn(1)][0]": "no such overload",
    "dyn(quantity('1')) != [dyn(1)][0]": "true",
    "dyn(quantity('1')) == null": "false",
  }));

test("who counts in some functions panics over errors, and nothing else decides then", () =>
  cases({
    "[[1]][5].distinct()": "internal error: interface conversion: *types.Err is not traits.Lister: missing method Add",
    "[dyn('a')][0].distinct()": "internal error: interface conversion: types.String is not traits.Lister: missing method Contains",
    "[[1]][5].sort() == [1] || true": "internal error: interface conversion: *types.Err is not traits.Lister: missing method Add",
    "[[1]][0].flatten([1][5])": "internal error: interface conversion: ref.Val is *types.Err, not types.Int",
    "[[1]][5].reverse() == [1] || true": "true",
  }));

test("what is null in a map is there for two variables as well", () =>
  cases({
    "{'a': null}.exists(k, v, v == null)": "true",
    "size({'a': null}.transformMap(k, v, v))": "1",
  }));
