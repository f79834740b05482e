/** The behaviour of a custom resource in one version (apiextensions-apiserver/pkg/registry/customresource: strategy.go, status_strategy.go, validator.go). */
import { deepCopy, deepEqual } from "../copy.ts";
import { type FieldError, invalidValue, path } from "../field.ts";
import { goQuote } from "../go-quote.ts";
import type { JSONObject, JSONValue } from "../json.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { validateObjectMeta, validateObjectMetaUpdate } from "../meta/validation.ts";
import { isQualifiedName } from "../names.ts";
import type { KubeObject } from "../object.ts";
import { Correlation } from "./correlation.ts";
import type { CustomVersion } from "./custom-version.ts";
import { validateEmbedded } from "./embedded.ts";
import { validateLists } from "./list-types.ts";
import { nodeOf } from "./node.ts";
import { printerCells, printerReads } from "./printer-columns.ts";
import { type RuleTimes, Stopwatch } from "./rule-times.ts";
import { RuleValidator } from "./rule-validation.ts";
import { validateScaleSpec, validateScaleStatus } from "./scale-paths.ts";
import { propertyOf } from "./schema.ts";
import { validateValue } from "./validator.ts";

const json = (object: KubeObject): JSONObject => object as unknown as JSONObject;
const metadata = path("metadata");
/** What stands in the way of judging by rules. */
const blocking = new Set(["FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid"]);
const notChecked = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";

function* wholeEntries(object: JSONObject): Generator<[string, JSONValue]> {
  for (const key of Object.keys(object)) if (key !== "metadata" && object[key] !== undefined) yield [key, object[key] as JSONValue];
}
const withoutMetadata = (object: KubeObject): JSONObject => Object.fromEntries(wholeEntries(json(object)));

const plainFinalizers = new Set(["orphan", "foregroundDeletion", "kubernetes"]);
function finalizerWarnings(object: KubeObject, old?: KubeObject): string[] {
  const before = new Set(old?.metadata.finalizers ?? []);
  const added = [...new Set(object.metadata.finalizers ?? [])].filter((name) => !before.has(name)).sort();
  return added.flatMap((name) => {
    const say = (text: string): string => `metadata.finalizers: ${goQuote(name)}: ${text}`;
    const warnings = isQualifiedName(name).map(say);
    if (name.includes("/") || plainFinalizers.has(name)) return warnings;
    const how = name.includes(".")
      ? "prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers"
      : "prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers";
    return [...warnings, say(how)];
  });
}

/** `times` is told what judging costs. */
export function customResourceKind(resource: string, version: CustomVersion, times?: RuleTimes): Kind {
  const { schema, apiVersion, namespaced, scale } = version;
  const statusSchema = schema && propertyOf(schema, "status");
  const selectable = (version.definition.selectableFields ?? []).map(({ jsonPath }) => jsonPath.replace(/^\./, ""));
  let rules: RuleValidator | undefined | null = null;
  const rulesNow = (): RuleValidator | undefined => {
    if (rules === null) rules = schema && RuleValidator.of(schema, true, times);
    return rules;
  };
  /** Of unchanged parts, said whether the update is accepted or not. */
  const ratcheted = new WeakMap<KubeObject, string[]>();

  const validationWarnings = (object: KubeObject): string[] => ratcheted.get(object) ?? [];

  const typeErrors = (object: KubeObject): FieldError[] => [
    ...(object.kind === version.kind ? [] : [invalidValue("kind", object.kind ?? "", `must be ${version.kind}`)]),
    ...(object.apiVersion === apiVersion ? [] : [invalidValue("apiVersion", object.apiVersion ?? "", `must be ${apiVersion}`)]),
  ];
  const byRules = (errors: FieldError[], object: KubeObject, old?: KubeObject, correlation?: Correlation): FieldError[] => {
    const validator = rulesNow();
    if (!validator) return errors;
    if (errors.some(({ type }) => blocking.has(type))) return [...errors, invalidValue("", null, notChecked)];
    const found = validator.validate(json(object), old && json(old), path(), correlation ? { correlation } : {});
    if (found.warnings.length) ratcheted.set(object, found.warnings);
    return [...errors, ...found.errors];
  };
  const listErrors = (object: KubeObject, old: KubeObject): FieldError[] => {
    const errors = validateLists(json(object), schema);
    return errors.length && validateLists(json(old), schema).length ? [] : errors;
  };
  /** What was not there counts as null: a null is no change. */
  const newStatus = (status: JSONValue, old: KubeObject, watch?: Stopwatch): Correlation | undefined =>
    statusSchema && new Correlation(nodeOf(statusSchema), status, json(old).status ?? null, watch);
  const correlated = (object: KubeObject, old: KubeObject, watch?: Stopwatch): Correlation | undefined =>
    schema && new Correlation(nodeOf(schema), json(object), json(old), watch);
  /** An update's mistakes, and how long it took to see what it leaves as it was. */
  const updated = (judge: (watch?: Stopwatch) => FieldError[]): FieldError[] => {
    if (!times) return judge();
    const watch = new Stopwatch(times);
    const errors = judge(watch);
    times.ratcheted(watch.total);
    return errors;
  };

  return {
    resource,
    allowUnconditionalUpdate: false,
    prepareForCreate(object) {
      object.metadata.generation = 1;
    },
    validate(object) {
      const wrong = typeErrors(object);
      const errors = wrong.length
        ? wrong
        : [
            ...validateObjectMeta(object.metadata, { namespaced, validateName: nameIsDNSSubdomain }, metadata),
            ...validateValue(schema, json(object)),
            ...validateScaleSpec(json(object), scale),
            ...validateScaleStatus(json(object), scale),
          ];
      errors.push(...validateEmbedded(json(object), schema, path()), ...validateLists(json(object), schema));
      return byRules(errors, object);
    },
    warnings: (object) => finalizerWarnings(object),
    prepareForUpdate(object, old) {
      if (!deepEqual(withoutMetadata(object), withoutMetadata(old))) object.metadata.generation = (old.metadata.generation ?? 0) + 1;
    },
    validateUpdate: (object, old) =>
      updated((watch) => {
        const wrong = typeErrors(object);
        const correlation = correlated(object, old, watch);
        const errors = wrong.length
          ? wrong
          : [
              ...validateObjectMetaUpdate(object.metadata, old.metadata, metadata),
              ...validateValue(schema, json(object), path(), correlation),
              ...validateScaleSpec(json(object), scale),
              ...validateScaleStatus(json(object), scale),
            ];
        errors.push(...validateEmbedded(json(object), schema, path()), ...listErrors(object, old));
        return byRules(errors, object, old, correlation);
      }),
    validationWarnings,
    warningsOnUpdate: (object, old) => finalizerWarnings(object, old),
    subresources: {
      status: {
        prepareForUpdate(object, old) {
          const { status } = object as KubeObject & { status?: JSONValue };
          const { managedFields } = object.metadata;
          const target = object as unknown as JSONObject;
          for (const key of Object.keys(target)) delete target[key];
          Object.assign(target, deepCopy(json(old)));
          if (managedFields) object.metadata.managedFields = managedFields;
          else delete object.metadata.managedFields;
          if (status === undefined) delete target.status;
          else target.status = status;
        },
        validateUpdate: (object, old) =>
          updated((watch) => {
            const wrong = typeErrors(object);
            const correlation = correlated(object, old, watch);
            const { status } = json(object);
            const seen = (): Correlation | undefined => correlation?.key("status") ?? newStatus(status as JSONValue, old, watch);
            const errors = wrong.length
              ? wrong
              : [
                  ...validateObjectMetaUpdate(object.metadata, old.metadata, metadata),
                  ...(status === undefined ? [] : validateValue(statusSchema, status, path("status"), seen())),
                  ...validateScaleStatus(json(object), scale),
                ];
            errors.push(...listErrors(object, old));
            return byRules(errors, object, old, correlation);
          }),
        validationWarnings,
      },
    },
    ...(selectable.length ? { fields: (object: KubeObject) => Object.fromEntries(selectable.map((name) => [name, textAt(json(object), name)])) } : {}),
    cells: printerCells(version.definition.additionalPrinterColumns),
    reads: { cells: printerReads(version.definition.additionalPrinterColumns) },
  };
}

/** What a selectable field holds, as text; "" where there is nothing. */
function textAt(object: JSONObject, name: string): string {
  let at: JSONValue | undefined = object;
  for (const part of name.split(".")) at = typeof at === "object" && at !== null && !Array.isArray(at) && Object.hasOwn(at, part) ? at[part] : undefined;
  return at === undefined || at === null ? "" : String(at);
}
