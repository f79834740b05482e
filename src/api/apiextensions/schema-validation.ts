/** What a definition's schema may hold (ValidateCustomResourceDefinitionOpenAPISchema of apis/apiextensions/validation/validation.go). */
import {
  type FieldError,
  forbiddenField,
  internalFieldError,
  invalidNamed,
  invalidValue,
  notSupported,
  notSupportedText,
  type Path,
  required,
} from "../field.ts";
import { costMessage, expressionCostLimit, multiplied, type RuleContext } from "./cel-cost.ts";
import { validFieldPath } from "./field-path.ts";
import { compileRules } from "./rules.ts";
import { hasDefault, isEmbedded, itemsAreNone, propertyOf, rulesOf, type Schema } from "./schema.ts";
import { shownItems } from "./shown-schema.ts";
import { notStructural } from "./structural.ts";

export interface SchemaOptions {
  allowDefaults: boolean;
  requireValidPropertyType: boolean;
  requireAtomicSetType: boolean;
  requireMapListKeysMapSetValidation: boolean;
  suppressPerExpressionCost: boolean;
}

/** Schema errors come before those of rules, which are looked at only where there are none. */
export interface SchemaErrors {
  schema: FieldError[];
  rules: FieldError[];
}

/** What is forbidden where the walk is. */
export interface Place {
  readonly allowDefaults: boolean;
  readonly whyNoDefaults: string;
  readonly inMeta: boolean;
  /** The first ancestor whose values cannot be paired with old ones. */
  readonly uncorrelatable: Path | undefined;
}

const types = ["array", "boolean", "integer", "number", "object", "string"];
const metaFields = new Set(["metadata", "kind", "apiVersion"]);
const filled = (value: object | undefined): boolean => value !== undefined && Object.keys(value).length > 0;

function standard(schema: Schema, path: Path, place: Place, options: SchemaOptions, errors: FieldError[]): void {
  const forbid = (name: string, detail = `${name} is not supported`): void => void errors.push(forbiddenField(path.child(name), detail));
  if (options.requireValidPropertyType && schema.type && !types.includes(schema.type)) errors.push(notSupportedText(path.child("type"), schema.type, types));
  if (hasDefault(schema) && !place.allowDefaults) forbid("default", `must not be set${place.whyNoDefaults ? ` ${place.whyNoDefaults}` : ""}`);
  if (schema.id) forbid("id");
  if (schema.additionalItems !== undefined) forbid("additionalItems");
  if (filled(schema.patternProperties)) forbid("patternProperties");
  if (filled(schema.definitions)) forbid("definitions");
  if (schema.dependencies !== undefined) forbid("dependencies");
  if (schema.$ref !== undefined) forbid("$ref");
  if (schema.type === "null") forbid("type", "type cannot be set to null, use nullable as an alternative");
  if (Array.isArray(schema.items) && schema.items.length) forbid("items", "items must be a schema object and not an array");
  if (place.inMeta && isEmbedded(schema)) forbid("x-kubernetes-embedded-resource", "must not be used inside of resource meta");
}

export function validateSchema(schema: Schema, path: Path, place: Place, options: SchemaOptions, context: RuleContext | undefined): SchemaErrors {
  const errors: SchemaErrors = { schema: [], rules: [] };
  validate(schema, path, place, true, options, context, errors);
  return errors;
}

function validate(
  schema: Schema,
  path: Path,
  place: Place,
  isRoot: boolean,
  options: SchemaOptions,
  context: RuleContext | undefined,
  errors: SchemaErrors,
): void {
  const before = errors.schema.length;
  standard(schema, path, place, options, errors.schema);
  const walk = (inner: Schema, at: Path, where = place, within?: RuleContext): void => validate(inner, at, where, false, options, within, errors);
  if (schema.uniqueItems)
    errors.schema.push(forbiddenField(path.child("uniqueItems"), "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"));
  const { additionalProperties: values, properties = {}, items } = schema;
  if (values !== undefined) {
    if (filled(properties) && values !== true)
      errors.schema.push(forbiddenField(path.child("additionalProperties"), "additionalProperties and properties are mutual exclusive"));
    const where = place.inMeta ? { ...place, allowDefaults: false, whyNoDefaults: "inside additionalProperties applying to object metadata" } : place;
    if (typeof values === "object") walk(values, path.child("additionalProperties"), where, context?.child(values));
  }
  for (const [name, property] of Object.entries(properties)) {
    let where = correlatable(schema) ? place : { ...place, uncorrelatable: place.uncorrelatable ?? path };
    if ((isRoot || isEmbedded(schema)) && metaFields.has(name)) {
      where = { ...where, inMeta: true };
      if (isRoot) where = { ...where, allowDefaults: false, whyNoDefaults: `in top-level ${name}` };
    }
    walk(property, path.child("properties").key(name), where, context?.child(property, name));
  }
  if (schema.not) walk(schema.not, path.child("not"));
  for (const name of ["allOf", "oneOf", "anyOf"] as const) for (const [i, one] of (schema[name] ?? []).entries()) walk(one, path.child(name).index(i));
  for (const [name, one] of Object.entries(schema.definitions ?? {})) walk(one, path.child("definitions").key(name));
  if (items) {
    const where = schema["x-kubernetes-list-type"] === "map" ? place : { ...place, uncorrelatable: place.uncorrelatable ?? path };
    if (!Array.isArray(items)) walk(items, path.child("items"), where, context?.child(items));
    else for (const [i, one] of items.entries()) walk(one, path.child("items").index(i), where, context?.child(one));
  }
  for (const [name, one] of Object.entries(schema.dependencies ?? {})) if (one && !Array.isArray(one)) walk(one, path.child("dependencies").key(name));
  if (schema["x-kubernetes-preserve-unknown-fields"] === false)
    errors.schema.push(invalidValue(path.child("x-kubernetes-preserve-unknown-fields"), false, "must be true or undefined"));
  listAndMapTypes(schema, path, options, errors.schema);
  if (options.requireMapListKeysMapSetValidation) errors.schema.push(...validateMapKeys(schema, path));
  const rules = rulesOf(schema);
  if (rules.length) {
    ruleFields(schema, path, errors.schema);
    if (errors.schema.length === before && context) validateRules(schema, path, place, options, context, errors.rules);
  }
}

const correlatable = ({ "x-kubernetes-map-type": type }: Schema): boolean => type === undefined || type === "granular" || type === "atomic";

function listAndMapTypes(schema: Schema, path: Path, options: SchemaOptions, errors: FieldError[]): void {
  const mapType = schema["x-kubernetes-map-type"];
  const listType = schema["x-kubernetes-list-type"];
  const { type = "" } = schema;
  const needs = (expected: string, why: string): void => {
    if (type !== expected) errors.push(type ? invalidValue(path.child("type"), type, why) : required(path.child("type"), why));
  };
  if (mapType !== undefined) {
    needs("object", "must be object if x-kubernetes-map-type is specified");
    if (mapType !== "atomic" && mapType !== "granular") errors.push(notSupportedText(path.child("x-kubernetes-map-type"), mapType, ["atomic", "granular"]));
  }
  const items = Array.isArray(schema.items) ? undefined : schema.items;
  if (listType !== undefined) {
    if (type !== "array") needs("array", "must be array if x-kubernetes-list-type is specified");
    else if (options.requireAtomicSetType && listType === "set" && items) {
      const why = "must be atomic as item of a list with x-kubernetes-list-type=set";
      const own = items["x-kubernetes-list-type"];
      if (items.type === "array" && own !== undefined && own !== "atomic") errors.push(invalidNamed(path.child("items", "x-kubernetes-list-type"), own, why));
      if (items.type === "object" && items["x-kubernetes-map-type"] !== "atomic")
        errors.push(invalidNamed(path.child("items", "x-kubernetes-map-type"), own, why));
    }
    if (!["atomic", "set", "map"].includes(listType)) errors.push(notSupportedText(path.child("x-kubernetes-list-type"), listType, ["atomic", "set", "map"]));
  }
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  if (keys.length && listType !== "map") {
    const why = "must be map if x-kubernetes-list-map-keys is non-empty";
    const at = path.child("x-kubernetes-list-type");
    errors.push(listType === undefined ? required(at, why) : invalidValue(at, listType, why));
  }
  if (listType !== "map") return;
  const keysPath = path.child("x-kubernetes-list-map-keys");
  if (!keys.length) errors.push(required(keysPath, "must not be empty if x-kubernetes-list-type is map"));
  if (schema.items === undefined) errors.push(required(path.child("items"), "must have a schema if x-kubernetes-list-type is map"));
  if (Array.isArray(schema.items) || itemsAreNone(schema))
    errors.push(invalidValue(path.child("items"), shownItems(schema.items), "must only have a single schema if x-kubernetes-list-type is map"));
  if (items && items.type !== "object")
    errors.push(invalidValue(path.child("items", "type"), items.type ?? "", "must be object if parent array's x-kubernetes-list-type is map"));
  if (items?.type !== "object") return;
  const seen = new Set<string>();
  // Each shows all keys.
  const [unknown, repeated] = ["entries must all be names of item properties", "must not contain duplicate entries"].map((why) => {
    let made: FieldError | undefined;
    return (): FieldError => (made ??= invalidValue(keysPath, keys, why));
  }) as [() => FieldError, () => FieldError];
  for (const key of keys) {
    const property = propertyOf(items, key);
    if (!property) errors.push(unknown());
    else if (property.type === "array" || property.type === "object")
      errors.push(
        invalidValue(
          path.child("items", "properties").key(key).child("type"),
          items.type,
          "must be a scalar type if parent array's x-kubernetes-list-type is map",
        ),
      );
    if (seen.has(key)) errors.push(repeated());
    seen.add(key);
  }
}

/** Keys of maps must always be there, elements of sets and maps never null. */
export function validateMapKeys(schema: Schema, path: Path): FieldError[] {
  const listType = schema["x-kubernetes-list-type"];
  const { items } = schema;
  if (!items || Array.isArray(items) || (listType !== "set" && listType !== "map")) return [];
  const errors: FieldError[] = [];
  if (items.nullable) errors.push(forbiddenField(path.child("items", "nullable"), `cannot be nullable when x-kubernetes-list-type is ${listType}`));
  if (listType === "set") return errors;
  const needed = new Set(items.required);
  for (const key of schema["x-kubernetes-list-map-keys"] ?? []) {
    const property = propertyOf(items, key);
    if (!property) continue;
    const at = path.child("items", "properties").key(key);
    if (!needed.has(key) && !hasDefault(property))
      errors.push(required(at.child("default"), "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"));
    if (property.nullable) errors.push(forbiddenField(at.child("nullable"), "this property is in x-kubernetes-list-map-keys, so it cannot be nullable"));
  }
  return errors;
}

const reasons = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
const hasNewlines = (text: string): boolean => /[\n\r]/.test(text);

function ruleFields(schema: Schema, path: Path, errors: FieldError[]): void {
  let unfit: boolean | undefined;
  for (const [i, one] of rulesOf(schema).entries()) {
    const at = path.child("x-kubernetes-validations").index(i);
    const { rule = "", message = "", messageExpression = "", reason, fieldPath = "" } = one;
    if (!rule.trim()) errors.push(required(at.child("rule"), "rule is not specified"));
    else if (message && !message.trim()) errors.push(invalidValue(at.child("message"), message, "must be non-empty if specified"));
    else if (hasNewlines(message.trim())) errors.push(invalidValue(at.child("message"), message, "must not contain line breaks"));
    else if (hasNewlines(rule.trim()) && !message.trim()) errors.push(required(at.child("message"), "message must be specified if rule contains line breaks"));
    if (messageExpression && !messageExpression.trim())
      errors.push(required(at.child("messageExpression"), "messageExpression must be non-empty if specified"));
    if (reason !== undefined && !reasons.includes(reason)) errors.push(notSupported(at.child("reason"), reason, reasons));
    if (fieldPath && !fieldPath.trim()) errors.push(invalidValue(at.child("fieldPath"), fieldPath, "must be non-empty if specified"));
    if (hasNewlines(fieldPath)) errors.push(invalidValue(at.child("fieldPath"), fieldPath, "must not contain line breaks"));
    if (fieldPath) unfit ??= notStructural(schema) !== undefined;
    if (fieldPath && !unfit && typeof validFieldPath(fieldPath, schema) === "string")
      errors.push(invalidValue(at.child("fieldPath"), fieldPath, "must be a valid path"));
  }
}

/** As Go shows one. */
const shownRule = (rule: ReturnType<typeof rulesOf>[number]) => ({
  Rule: rule.rule ?? "",
  Message: rule.message ?? "",
  MessageExpression: rule.messageExpression ?? "",
  Reason: rule.reason ?? null,
  FieldPath: rule.fieldPath ?? "",
  OptionalOldSelf: rule.optionalOldSelf ?? null,
});

function validateRules(schema: Schema, path: Path, place: Place, options: SchemaOptions, context: RuleContext, errors: FieldError[]): void {
  const rulesPath = path.child("x-kubernetes-validations");
  const { declared, total } = context;
  if (!declared) {
    errors.push(internalFieldError(rulesPath, context.whyUndeclared));
    return;
  }
  for (const [i, compiled] of compileRules(schema, declared, context.structs).entries()) {
    const at = rulesPath.index(i);
    const given = compiled.rule;
    const observe = (name: string, what: string, cost: number): void => {
      if (!options.suppressPerExpressionCost && cost > expressionCostLimit)
        errors.push(forbiddenField(at.child(name), costMessage(what, cost, expressionCostLimit)));
      total.observe(at.child(name).text, cost);
    };
    observe("rule", "estimated rule cost", multiplied(compiled.maxCost, context.maxCardinality ?? compiled.maxCardinality));
    if (compiled.mistake !== undefined) errors.push(invalidValue(at.child("rule"), shownRule(given), compiled.mistake));
    if (compiled.messageMistake !== undefined) errors.push(invalidValue(at.child("messageExpression"), shownRule(given), compiled.messageMistake));
    else if (compiled.message) observe("messageExpression", "estimated messageExpression cost", compiled.messageMaxCost);
    if (compiled.usesOldSelf) {
      if (place.uncorrelatable)
        errors.push(
          invalidValue(at.child("rule"), given.rule, `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelatable}`),
        );
    } else if (given.optionalOldSelf !== undefined)
      errors.push(invalidValue(at.child("optionalOldSelf"), given.optionalOldSelf, "may not be set if oldSelf is not used in rule"));
  }
}
