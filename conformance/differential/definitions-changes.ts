/** Changes of definitions: the same data in another schema, stricter schemas, other versions, names and ways to convert. */
import { columns, conversionBy, type ConversionHook, type Definition, rootOf, selectable, subresources, versionOf } from "./definitions-made.ts";
import { changedSchema, type Making, propertiesOf, type Schema } from "./definitions-schema.ts";
import { chance, pick } from "./mutate.ts";

/** Every schema of a value at or below this one. */
function* within(schema: Schema, depth = 5): Generator<Schema> {
  yield schema;
  if (depth <= 0) return;
  for (const property of Object.values(propertiesOf(schema))) yield* within(property, depth - 1);
  for (const one of [schema.items, schema.additionalProperties])
    if (one && typeof one === "object" && !Array.isArray(one)) yield* within(one as Schema, depth - 1);
}

const stricter: Readonly<Record<string, readonly Schema[]>> = {
  string: [{ maxLength: 1 }, { minLength: 3 }, { pattern: "^z" }, { enum: ["z", "abc"] }, { format: "date" }, { anyOf: [{ minLength: 5 }, { maxLength: 0 }] }],
  integer: [{ minimum: 1000 }, { maximum: 0 }, { multipleOf: 7 }, { enum: [77, 1] }, { not: { minimum: 1 } }, { format: "int32" }],
  number: [{ minimum: 1000 }, { maximum: 0.25, exclusiveMaximum: true }, { multipleOf: 0.5 }],
  boolean: [{ enum: [true] }],
  array: [{ maxItems: 0 }, { maxItems: 1 }, { minItems: 4 }, { "x-kubernetes-list-type": "atomic" }, { allOf: [{ maxItems: 1 }] }],
  object: [
    { maxProperties: 1 },
    { minProperties: 5 },
    { required: ["must"] },
    { "x-kubernetes-map-type": "atomic" },
    { oneOf: [{ required: ["a"] }, { required: ["b"] }] },
  ],
};
const rules: readonly Schema[] = [
  { rule: "false" },
  { rule: "false", messageExpression: "'never right'", reason: "FieldValueForbidden" },
  { rule: "self == oldSelf" },
  { rule: "self == oldSelf", message: "it may not change", reason: "FieldValueInvalid" },
  { rule: "oldSelf.hasValue() && self == oldSelf.value()", optionalOldSelf: true },
  { rule: "!oldSelf.hasValue()", optionalOldSelf: true, messageExpression: "oldSelf.hasValue() ? 'it was there' : 'it was not'" },
  { rule: "oldSelf != self || true", optionalOldSelf: false },
  { rule: "type(self) == type(oldSelf) && self != oldSelf", messageExpression: "'as before'" },
];

/** Stricter here and there, so that what is stored is no longer right: what stays as it was is let be, for the most part. */
function tightened(making: Making, root: Schema): Schema {
  const { random } = making;
  const copy = structuredClone(root);
  const places = ["spec", "status", "data"].flatMap((name) => [...within(propertiesOf(copy)[name] ?? {})]).filter(({ type }) => typeof type === "string");
  for (let i = 1 + random.int(3); i > 0 && places.length; i--) {
    const place = pick(random, places);
    const roll = random.next();
    if (roll < 0.6) Object.assign(place, pick(random, stricter[String(place.type)] ?? [{}]));
    else if (roll < 0.85) place["x-kubernetes-validations"] = [...((place["x-kubernetes-validations"] as Schema[] | undefined) ?? []), pick(random, rules)];
    else if (roll < 0.93) delete place.nullable;
    else place.type = pick(random, ["string", "integer", "object", "array"]);
    // A default that is no longer right would only be refused.
    if (chance(random, 0.7)) delete place.default;
  }
  return copy;
}

/** A change that a definition may be given while it has objects. */
export function changed(making: Making, definition: Definition, hook: ConversionHook, n: number): Definition {
  const { random } = making;
  const made = structuredClone(definition);
  const { spec } = made;
  const version = pick(random, spec.versions);
  const root = rootOf(version);
  const roll = random.next();
  if (roll < 0.06) spec.conversion = chance(random, 0.5) ? { strategy: "None" } : conversionBy(making, hook, hook.urlOf(`e${n}`));
  else if (roll < 0.2) version.schema = { openAPIV3Schema: tightened(making, root) };
  else if (roll < 0.45) version.schema = { openAPIV3Schema: changedSchema(making, root) };
  else if (roll < 0.55) version.additionalPrinterColumns = columns(making, root);
  else if (roll < 0.62) version.subresources = subresources(making);
  else if (roll < 0.7 && spec.versions.length < 4)
    spec.versions.push({ ...versionOf(making, pick(random, ["v3", "v4alpha1"]), changedSchema(making, root)), served: true });
  else if (roll < 0.78) {
    for (const one of spec.versions) one.storage = false;
    pick(random, spec.versions).storage = true;
  } else if (roll < 0.84 && spec.versions.length > 1) spec.versions.splice(random.int(spec.versions.length), 1);
  else if (roll < 0.9) spec.names.shortNames = ["sh"];
  else if (roll < 0.93) spec.scope = spec.scope === "Cluster" ? "Namespaced" : "Cluster";
  else if (roll < 0.96) spec.names.kind = pick(random, ["Thing", "Other"]);
  else version.selectableFields = selectable(making, root);
  for (const one of spec.versions) for (const key of ["subresources", "selectableFields"]) if (one[key] === undefined) delete one[key];
  return made;
}
