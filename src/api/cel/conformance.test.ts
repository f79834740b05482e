/**
 * The conformance tests of the CEL specification (npm @bufbuild/cel-spec: https://github.com/google/cel-spec, tests/simple), but
 * for those that need messages of protocol buffers beyond the well-known ones.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { tests as suite } from "@bufbuild/cel-spec/testdata/conformance.js";
import { type Library, member, type Overload, overload } from "./declarations.ts";
import { Environment } from "./environment.ts";
import { CELCompileError } from "./errors.ts";
import { bindings, blocks } from "./library/bindings.ts";
import { twoVariableComprehensions } from "./library/comprehensions.ts";
import { encoders } from "./library/encoders.ts";
import { math } from "./library/math.ts";
import { optionals } from "./library/optionals.ts";
import { standardLibrary } from "./library/standard.ts";
import { strings } from "./library/strings.ts";
import { wellKnown } from "./library/well-known.ts";
import { listOf, mapOf, opaque, param, Type, typeOf, types } from "./types.ts";
import { ArrayList, CelError, Duration, equal, HashMap, ListValue, show, Timestamp, typeOfValue, UInt, type Value } from "./values.ts";

type Json = Record<string, unknown>;
interface Case {
  original: { name: string; expr: string; container?: string; disableCheck?: boolean; checkOnly?: boolean; evalError?: unknown } & {
    value?: Json;
    typedResult?: { result?: Json; deducedType: Json };
    bindings?: Record<string, { value: Json }>;
    typeEnv?: {
      name: string;
      ident?: { type: Json };
      function?: { overloads: { overloadId: string; params?: Json[]; resultType: Json; isInstanceFunction?: boolean }[] };
    }[];
  };
  type?: string;
}
interface Suite {
  name: string;
  suites?: Suite[];
  tests?: Case[];
}

/** Where cel-go 0.26, which Kubernetes has, does otherwise than the newer specification. */
const newer = new Set([
  "map_value_repeat_key",
  "map_value_repeat_key_heterogeneous",
  "map_null_entry_no_such_key",
  "map_present_key_invalid_field",
  "indexof_out_of_range",
  "lastindexof_out_of_range",
]);
const libraries: readonly Library[] = [...standardLibrary, optionals, twoVariableComprehensions, strings, math, encoders, bindings, blocks, wellKnown];

/** A message that nobody has declared here. */
class Unknown extends Error {}

const primitives: Record<string, Type> = {
  BOOL: types.bool,
  INT64: types.int,
  UINT64: types.uint,
  DOUBLE: types.double,
  STRING: types.string,
  BYTES: types.bytes,
};
function typeFrom(json: Json): Type {
  const [[kind, value] = ["dyn", {}]] = Object.entries(json) as [string, never][];
  const inner = value as Record<string, Json>;
  switch (kind) {
    case "primitive":
      return primitives[value as string] as Type;
    case "wrapper":
      return new Type((primitives[value as string] as Type).kind, undefined, [], true);
    case "null":
      return types.null;
    case "listType":
      return listOf(typeFrom(inner.elemType as Json));
    case "mapType":
      return mapOf(typeFrom(inner.keyType as Json), typeFrom(inner.valueType as Json));
    case "wellKnown":
      return types[(value as string).toLowerCase() as "duration"];
    case "abstractType":
      return opaque(inner.name as unknown as string, ...((inner.parameterTypes ?? []) as unknown as Json[]).map(typeFrom));
    case "typeParam":
      return param(value as string);
    case "type":
      return typeOf(typeFrom(inner as Json));
    case "messageType":
      throw new Unknown();
  }
  return types.dyn;
}

function timeOf(text: string): bigint {
  const [, date = "", fraction = ""] = /^(.*?)(?:\.(\d+))?Z$/.exec(text) ?? [];
  return BigInt(Date.parse(`${date}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}
function durationOf(text: string): bigint {
  const [, sign, whole = "", fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?s$/.exec(text) ?? [];
  return (BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"))) * (sign ? -1n : 1n);
}
function valueFrom(json: Json): Value {
  const [kind, value] = Object.entries(json)[0] as [string, never];
  switch (kind) {
    case "int64Value":
      return BigInt(value);
    case "uint64Value":
      return new UInt(BigInt(value));
    case "doubleValue":
      return Number(value);
    case "stringValue":
    case "boolValue":
      return value;
    case "bytesValue":
      return new Uint8Array(Buffer.from(value, "base64"));
    case "nullValue":
      return null;
    case "listValue":
      return new ArrayList(((value as { values?: Json[] }).values ?? []).map(valueFrom));
    case "mapValue": {
      const map = new HashMap();
      for (const entry of (value as { entries?: { key: Json; value: Json }[] }).entries ?? []) map.insert(valueFrom(entry.key), valueFrom(entry.value));
      return map;
    }
    case "typeValue":
      return new Type("struct", value);
  }
  const { "@type": name, value: text } = value as { "@type"?: string; value: string };
  if (name?.endsWith("google.protobuf.Duration")) return new Duration(durationOf(text));
  if (name?.endsWith("google.protobuf.Timestamp")) return new Timestamp(timeOf(text));
  throw new Unknown();
}

/** Types agree as well, and NaN is NaN. */
function same(a: Value, b: Value): boolean {
  if (typeof a === "number" && typeof b === "number") return a === b || (Number.isNaN(a) && Number.isNaN(b));
  if (typeOfValue(a).name !== typeOfValue(b).name) return false;
  if (a instanceof ListValue && b instanceof ListValue) return a.size === b.size && [...a].every((item, i) => same(item, b.at(i)));
  return equal(a, b);
}

function run({ original, type }: Case): void {
  const { expr, container = "", disableCheck, checkOnly, evalError, typedResult } = original;
  const variables: Record<string, Type> = {};
  const functions: Record<string, Overload[]> = {};
  for (const { name, ident, function: declared } of original.typeEnv ?? []) {
    if (ident) variables[name] = typeFrom(ident.type);
    for (const { overloadId, params = [], resultType, isInstanceFunction } of declared?.overloads ?? []) {
      const made = (isInstanceFunction ? member : overload)(overloadId, params.map(typeFrom), typeFrom(resultType), () => null);
      functions[name] = [...(functions[name] ?? []), made];
    }
  }
  const environment = new Environment({ libraries: [...libraries, { functions }], variables, container, escapedFields: true });
  const bound = new Map(Object.entries(original.bindings ?? {}).map(([name, { value }]) => [name, valueFrom(value)]));
  const json = original.value ?? typedResult?.result;
  const expected = json ? valueFrom(json) : true;
  let value: Value;
  try {
    const expression = disableCheck ? environment.parse(expr) : environment.check(expr);
    if (typedResult) assert.ok([type, String(typeFrom(typedResult.deducedType))].includes(String(expression.type)), `type ${expression.type}, not ${type}`);
    if (checkOnly) return;
    value = environment.plan(expression).evaluate((name) => bound.get(name)).value;
  } catch (error) {
    if (evalError && error instanceof CELCompileError) return;
    throw error;
  }
  if (evalError) assert.ok(value instanceof CelError, `${show(value)}, not an error`);
  else assert.ok(same(value, expected), `${value instanceof CelError ? value.message : show(value)}, not ${show(expected)}`);
}

const needsMessages = ({ expr, container = "" }: Case["original"]): boolean => /\bproto[23]\b|TestAllTypes/.test(expr + container);

function* cases({ name, suites = [], tests = [] }: Suite, path = ""): Iterable<[string, Case]> {
  for (const one of tests) yield [`${path}${name}/${one.original.name}`, one];
  for (const inner of suites) yield* cases(inner, path || name !== "conformance" ? `${path}${name}/` : "");
}

for (const file of (suite as unknown as Suite).suites ?? [])
  test(`the specification's tests of ${file.name} pass`, () => {
    const failures: string[] = [];
    for (const [name, one] of cases(file)) {
      if (needsMessages(one.original) || newer.has(one.original.name)) continue;
      try {
        run(one);
      } catch (error) {
        if (!(error instanceof Unknown)) failures.push(`${name}: ${one.original.expr}: ${(error as Error).message}`);
      }
    }
    assert.deepEqual(failures, []);
  });
