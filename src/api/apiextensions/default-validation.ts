/** Defaults in a schema must be what the schema allows (apiextensions-apiserver/pkg/apiserver/schema/defaulting/validation.go). */
import { deepCopy, deepEqual } from "../copy.ts";
import { type FieldError, freeForm, invalidValue, Path } from "../field.ts";
import { isMap, type JSONObject, type JSONValue } from "../json.ts";
import { coerceEmbedded, validateEmbedded } from "./embedded.ts";
import { prune } from "./prune.ts";
import { objectBudget, RuleValidator } from "./rule-validation.ts";
import { asResource, hasDefault, isEmbedded, itemsOf, propertyOf, type Schema } from "./schema.ts";
import { validateDefaultValue } from "./validator.ts";

/** A value where it would stand in the resource around it. */
type Surround = (focus: JSONValue) => JSONObject;

const typed: Surround = (value) => {
  const object = isMap(value) ? value : {};
  object.kind ??= "Validation";
  object.apiVersion ??= "validation/v1";
  return object;
};

interface Walk {
  readonly pruned: boolean;
  budget: number;
  readonly errors: FieldError[];
}

/** `pruned`: unknown fields in them are mistakes. */
export function validateDefaults(schema: Schema, path: Path, pruned: boolean): FieldError[] {
  const walk: Walk = { pruned, budget: objectBudget, errors: [] };
  const root = asResource(schema);
  validate(root, path, root, typed, false, walk);
  return walk.errors;
}

function validate(schema: Schema, path: Path, resource: Schema, surround: Surround, inMeta: boolean, walk: Walk): void {
  let [root, around, meta] = [resource, surround, inMeta];
  if (isEmbedded(schema)) [root, around, meta] = [schema, typed, false];
  if (hasDefault(schema)) {
    const at = path.child("default");
    if (!meta && walk.pruned && !isPruned(schema)) walk.errors.push(invalidValue(at, freeForm(schema.default as JSONValue), "must not have unknown fields"));
    const errors = meta ? inMetadata(schema, at, root, around) : plain(schema, at);
    walk.errors.push(...errors);
    if (!errors.length) rules(schema, at, schema === root, walk);
    if (walk.budget < 0) return;
  }
  const items = itemsOf(schema);
  if (items) validate(items, path.child("items"), root, (focus) => around([focus]), meta, walk);
  for (const name of Object.keys(schema.properties ?? {})) {
    if (walk.budget < 0) return;
    const inside = meta || (isEmbedded(schema) && typeAndMeta.has(name));
    validate(propertyOf(schema, name) as Schema, path.child("properties").key(name), root, (focus) => around({ [name]: focus }), inside, walk);
  }
}

const aggregate = (errors: readonly FieldError[]): string => {
  const texts = [...new Set(errors.map(({ field, body }) => `${field}: ${body}`))];
  return texts.length === 1 ? (texts[0] as string) : `[${texts.join(", ")}]`;
};

function inMetadata(schema: Schema, at: Path, resource: Schema, surround: Surround): FieldError[] {
  const value = schema.default as JSONValue;
  const object = surround(deepCopy(value));
  const root = asResource(resource);
  const wrong = coerceEmbedded(object, root, { dropInvalid: false }, []);
  const errors = wrong ? [wrong] : validateEmbedded(object, root, new Path());
  if (errors.length) return [invalidValue(at, freeForm(value), `must result in valid metadata: ${aggregate(errors)}`)];
  return validateDefaultValue(schema, value, at);
}

function isPruned(schema: Schema): boolean {
  const copy = deepCopy(schema.default as JSONValue);
  prune(copy, schema, isEmbedded(schema));
  return deepEqual(copy, schema.default);
}

function plain(schema: Schema, at: Path): FieldError[] {
  const copy = deepCopy(schema.default as JSONValue);
  const wrong = coerceEmbedded(copy, schema, { dropInvalid: false }, [], at);
  if (wrong) return [wrong];
  const embedded = validateEmbedded(copy, schema, at, isEmbedded(schema));
  return embedded.length ? embedded : validateDefaultValue(schema, copy, at);
}

/** Of an update that leaves the default as it is, and of one that brings it. */
function rules(schema: Schema, at: Path, isResource: boolean, walk: Walk): void {
  const validator = RuleValidator.of(schema, isResource);
  if (!validator) return;
  const value = schema.default as JSONValue;
  const kept = validator.validate(value, value, at, { budget: walk.budget });
  walk.errors.push(...kept.errors);
  let { remaining } = kept;
  if (!kept.errors.length) {
    const brought = validator.validate(value, undefined, at, { budget: walk.budget });
    walk.errors.push(...brought.errors);
    remaining = Math.min(remaining, brought.remaining);
  }
  walk.budget = remaining;
}

const typeAndMeta = new Set(["metadata", "apiVersion", "kind"]);

/**
 * Brings the metadata of resources among valid defaults into its form: upstream does so where it judges them, and stores what that
 * leaves. Changes `schema`.
 */
export function settleDefaults(schema: Schema, inMeta = false): void {
  const embedded = isEmbedded(schema);
  const meta = inMeta && !embedded;
  if (!meta && hasDefault(schema)) coerceEmbedded(schema.default as JSONValue, schema, { dropInvalid: false }, []);
  const items = itemsOf(schema);
  if (items) settleDefaults(items, meta);
  for (const name of Object.keys(schema.properties ?? {})) settleDefaults(propertyOf(schema, name) as Schema, meta || (embedded && typeAndMeta.has(name)));
}

/** A default in the schema holds what the schema does not know. */
export function hasUnprunedDefaults(schema: Schema): boolean {
  if (hasDefault(schema) && !isPruned(schema)) return true;
  const items = itemsOf(schema);
  return (items !== undefined && hasUnprunedDefaults(items)) || Object.values(schema.properties ?? {}).some(hasUnprunedDefaults);
}
