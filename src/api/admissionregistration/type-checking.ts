/**
 * What the expressions of a policy would meet in the types that it matches: told to its author, and without effect on
 * requests (k8s.io/apiserver/pkg/admission/plugin/policy/validating/typechecking.go).
 */
import { escapeName } from "../apiextensions/decl-name.ts";
import type { Struct } from "../cel/declarations.ts";
import type { Environment } from "../cel/environment.ts";
import { CELCompileError } from "../cel/errors.ts";
import { listOf, mapOf, struct, type Type, types } from "../cel/types.ts";
import { path } from "../field.ts";
import { hasType, type TypeDef, typeByName } from "../schema/schema.ts";
import type { ExpressionWarning, ValidatingAdmissionPolicy } from "../types/admissionregistration-v1.gen.ts";
import { admissionEnvironment } from "./environments.ts";
import { declaredVariable } from "./expressions.ts";
import { table } from "../../base/table.ts";

export interface KnownKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Types of its objects; adds what they are made of to `structs`. */
  type(structs: Record<string, Struct>): Type | undefined;
}
/** Kinds of a resource in a version, and a kind by its name. */
export interface KnownKinds {
  ofResource(group: string, version: string, resource: string): readonly KnownKind[];
  ofKind(apiVersion: string, kind: string): KnownKind | undefined;
}

const maxKinds = 10;
const scalarTypes = table<Type>({
  string: types.string,
  bool: types.bool,
  int32: types.int,
  int64: types.int,
  float64: types.double,
  bytes: types.bytes,
  Time: types.timestamp,
  MicroTime: types.timestamp,
  Duration: types.string,
  Quantity: types.string,
});

function fieldType(written: string, structs: Record<string, Struct>): Type {
  const name = written.replace(/^\*/, "");
  if (name.startsWith("[]")) return name === "[]byte" ? types.bytes : listOf(fieldType(name.slice(2), structs));
  if (name.startsWith("map[")) return mapOf(types.string, fieldType(name.slice(name.indexOf("]") + 1), structs));
  const scalar = scalarTypes[name];
  if (scalar) return scalar;
  return hasType(name) ? structType(typeByName(name), structs) : types.dyn;
}

/** Of a built-in kind, whose types may contain themselves. */
export function structType({ name, flat }: TypeDef, structs: Record<string, Struct>): Type {
  const known = structs[name];
  if (known) return known.type;
  const type = struct(name);
  const fields = new Map<string, Type>();
  structs[name] = { type, field: (field) => fields.get(field) };
  for (const field of flat) {
    const escaped = escapeName(field.name);
    if (escaped !== undefined) fields.set(escaped, fieldType(field.type, structs));
  }
  return type;
}

function kindsOf({ spec }: ValidatingAdmissionPolicy, known: KnownKinds): KnownKind[] {
  const found = new Map<string, KnownKind>();
  for (const { apiGroups = [], apiVersions = [], resources = [] } of spec.matchConstraints?.resourceRules ?? []) {
    if ([...apiGroups, ...apiVersions].some((one) => one.includes("*"))) continue;
    const plain = resources.filter((one) => !/[*/]/.test(one));
    let count = 0;
    for (const group of [...apiGroups].sort())
      for (const version of [...apiVersions].sort())
        for (const resource of [...plain].sort())
          for (const kind of known.ofResource(group, version, resource)) {
            found.set(kindText(kind), kind);
            count++;
            if (count === maxKinds) return sorted(found);
          }
  }
  return sorted(found);
}
const kindText = ({ group, version, kind }: KnownKind): string => `${group}/${version}, Kind=${kind}`;
const sorted = (kinds: ReadonlyMap<string, KnownKind>): KnownKind[] => {
  const text = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return [...kinds.values()].sort((a, b) => text(a.group, b.group) || text(a.version, b.version) || text(a.kind, b.kind));
};

const variables = struct("kubernetes.variables");

function environmentOf(policy: ValidatingAdmissionPolicy, kind: KnownKind, known: KnownKinds): Environment {
  const structs: Record<string, Struct> = {};
  const { paramKind } = policy.spec;
  const params = paramKind && known.ofKind(paramKind.apiVersion ?? "", paramKind.kind ?? "");
  const objectTypes = { object: kind.type(structs) ?? types.dyn, params: params?.type(structs) ?? types.dyn, structs };
  const fields = new Map<string, Type>();
  const base = admissionEnvironment({ params: paramKind !== undefined, authorizer: true }, objectTypes);
  const environment = base.extend({
    libraries: [{ structs: { [variables.name]: { type: variables, field: (name) => fields.get(name) } } }],
    variables: { variables },
  });
  for (const { name, expression } of policy.spec.variables ?? []) fields.set(name, declaredVariable(typeOf(environment, expression)));
  return environment;
}

function typeOf(environment: Environment, expression: string): Type | undefined {
  try {
    return environment.check(expression).type;
  } catch (error) {
    if (error instanceof CELCompileError) return undefined;
    throw error;
  }
}

function mistake(environment: Environment, expression: string): string | undefined {
  try {
    environment.check(expression);
    return undefined;
  } catch (error) {
    if (error instanceof CELCompileError) return error.message;
    throw error;
  }
}

/** In the order of the validations. */
export function checkTypes(policy: ValidatingAdmissionPolicy, known: KnownKinds): ExpressionWarning[] {
  const checked = kindsOf(policy, known).map((kind) => ({ kind, environment: environmentOf(policy, kind, known) }));
  const at = path("spec", "validations");
  const warningOf = (expression: string, fieldRef: string): ExpressionWarning[] => {
    const texts = checked.flatMap(({ kind, environment }) => {
      const why = mistake(environment, expression);
      return why === undefined ? [] : [`${kindText(kind)}: ${why}\n`];
    });
    return texts.length ? [{ fieldRef, warning: texts.join("\n") }] : [];
  };
  return (policy.spec.validations ?? []).flatMap(({ expression, messageExpression }, i) => [
    ...warningOf(expression, String(at.index(i).child("expression"))),
    ...(messageExpression ? warningOf(messageExpression, String(at.index(i).child("messageExpression"))) : []),
  ]);
}
