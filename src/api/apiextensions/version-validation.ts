/** What one version of a definition says: schema, subresources, columns, selectable fields (apis/apiextensions/validation/validation.go). */
import { duplicate, type FieldError, forbiddenField, invalidNamed, invalidValue, type Path, required, tooMany } from "../field.ts";
import type { CustomResourceColumnDefinition, CustomResourceSubresources, CustomResourceValidation, SelectableField } from "../types/apiextensions-v1.gen.ts";
import { programSize } from "../cel/regex.ts";
import { costMessage, definitionCostLimit, RuleContext } from "./cel-cost.ts";
import { validateDefaults } from "./default-validation.ts";
import { validFieldPath } from "./field-path.ts";
import { type Schema, schemaHas } from "./schema.ts";
import { type SchemaOptions, validateSchema } from "./schema-validation.ts";
import { shownSchema } from "./shown-schema.ts";
import { notStructural, validateStructural } from "./structural.ts";

export interface VersionOptions extends SchemaOptions {
  requireStructuralSchema: boolean;
  requirePrunedDefaults: boolean;
  /** Versions whose selectable fields were too many before. */
  tooManyFieldsAllowed: ReadonlySet<string>;
}

/** By what Go calls them. */
const allowedAtRoot = {
  Description: "description",
  Type: "type",
  Format: "format",
  Title: "title",
  Maximum: "maximum",
  ExclusiveMaximum: "exclusiveMaximum",
  Minimum: "minimum",
  ExclusiveMinimum: "exclusiveMinimum",
  MaxLength: "maxLength",
  MinLength: "minLength",
  Pattern: "pattern",
  MaxItems: "maxItems",
  MinItems: "minItems",
  UniqueItems: "uniqueItems",
  MultipleOf: "multipleOf",
  Required: "required",
  Items: "items",
  Properties: "properties",
  ExternalDocs: "externalDocs",
  Example: "example",
  XPreserveUnknownFields: "x-kubernetes-preserve-unknown-fields",
  XValidations: "x-kubernetes-validations",
};
const rootFields = new Set<string>(Object.values(allowedAtRoot));
/** To Go a list with nothing in it is one, as is what a pointer leads to, be it an empty text or false. */
const pointers = new Set(["x-kubernetes-list-type", "x-kubernetes-map-type", "$ref", "additionalProperties", "additionalItems"]);
const isSet = (value: unknown, name = ""): boolean => value !== undefined && value !== null && ((value !== false && value !== "") || pointers.has(name));

/** Where there is a status subresource, its schema is taken out of the whole one: nothing beside it may speak of status. */
function validateRoot(schema: Schema, at: Path): FieldError[] {
  if (isSet(schema.type) && schema.type !== "object")
    return [invalidValue(at.child("type"), schema.type, 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled')];
  if (!Object.entries(schema).some(([name, value]) => isSet(value, name) && !rootFields.has(name))) return [];
  const names = Object.keys(allowedAtRoot).join(" ");
  return [invalidValue(at, shownSchema(schema), `only [${names}] fields are allowed at the root of the schema if the status subresource is enabled`)];
}

/** Instructions of all patterns of a schema together, and of each beside its own: upstream knows no such limit. */
const mostInstructions = 250_000;
const ofEach = 16;
function patternsAreTooLarge(schema: Schema): boolean {
  const seen = new Set<string>();
  let size = 0;
  return schemaHas(schema, ({ pattern }) => {
    if (!pattern || seen.has(pattern)) return false;
    seen.add(pattern);
    size += programSize(pattern) + ofEach;
    return size > mostInstructions;
  });
}

export function validateVersionSchema(validation: CustomResourceValidation | undefined, status: boolean, options: VersionOptions, at: Path): FieldError[] {
  const schema = validation?.openAPIV3Schema;
  if (!schema) return [];
  const place = at.child("openAPIV3Schema");
  const errors: FieldError[] = [];
  if (status) errors.push(...validateRoot(schema, place));
  if (schema.nullable) errors.push(forbiddenField(place.child("nullable"), "nullable cannot be true at the root"));
  if (patternsAreTooLarge(schema)) return [...errors, forbiddenField(place, `patterns of more than ${mostInstructions} instructions together`)];
  let context: RuleContext | undefined;
  let unfit: string | undefined;
  if (options.requireStructuralSchema) {
    unfit = notStructural(schema);
    if (unfit === undefined) {
      const structural = validateStructural(schema, place);
      const found = structural.length ? structural : validateDefaults(schema, place, options.requirePrunedDefaults);
      errors.push(...found);
      if (!found.length) context = RuleContext.root(schema);
    }
  }
  const where = { allowDefaults: options.allowDefaults, whyNoDefaults: "", inMeta: false, uncorrelatable: undefined };
  const found = validateSchema(schema, place, where, options, context);
  errors.push(...found.schema, ...found.rules);
  if (!errors.length && unfit !== undefined) errors.push(invalidValue(place, "", unfit));
  const { total, expensive } = context?.total ?? { total: 0, expensive: [] };
  if (total > definitionCostLimit) {
    for (const one of expensive)
      errors.push(forbiddenField(one.path, "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"));
    errors.push(
      forbiddenField(place, costMessage("x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema", total, definitionCostLimit)),
    );
  }
  return errors;
}

function validatePath(text: string, at: Path): FieldError[] {
  if (text === "") return [invalidValue(at, text, "must not be empty")];
  return text.startsWith(".") ? [] : [invalidValue(at, text, "must be a simple json path starting with .")];
}

export function validateSubresources(subresources: CustomResourceSubresources | undefined, at: Path): FieldError[] {
  const scale = subresources?.scale;
  if (!scale) return [];
  const errors: FieldError[] = [];
  const under = (name: "specReplicasPath" | "statusReplicasPath", prefix: string): void => {
    const text = scale[name] ?? "";
    const place = at.child("scale", name);
    if (text === "") {
      errors.push(required(place));
      return;
    }
    const wrong = validatePath(text, place);
    if (wrong.length) errors.push(...wrong);
    else if (!text.startsWith(`${prefix}.`)) errors.push(invalidValue(place, text, `should be a json path under ${prefix}`));
  };
  under("specReplicasPath", ".spec");
  under("statusReplicasPath", ".status");
  const labels = scale.labelSelectorPath;
  if (labels) {
    const place = at.child("scale", "labelSelectorPath");
    const wrong = validatePath(labels, place);
    if (wrong.length) errors.push(...wrong);
    else if (!labels.startsWith(".spec.") && !labels.startsWith(".status."))
      errors.push(invalidNamed(place, labels, "should be a json path under either .spec or .status"));
  }
  return errors;
}

const columnTypes = ["boolean", "date", "integer", "number", "string"];
const columnFormats = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];

export function validateColumn(column: CustomResourceColumnDefinition, at: Path): FieldError[] {
  const { name = "", type = "", format = "", jsonPath = "" } = column;
  const errors: FieldError[] = [];
  const ofTypes = `must be one of ${columnTypes.join(",")}`;
  if (!name) errors.push(required(at.child("name")));
  if (!type) errors.push(required(at.child("type"), ofTypes));
  else if (!columnTypes.includes(type)) errors.push(invalidValue(at.child("type"), type, ofTypes));
  if (format && !columnFormats.includes(format)) errors.push(invalidValue(at.child("format"), format, `must be one of ${columnFormats.join(",")}`));
  if (!jsonPath) errors.push(required(at.child("JSONPath")));
  else errors.push(...validatePath(jsonPath, at.child("JSONPath")));
  return errors;
}

const maxSelectableFields = 8;

/** Upstream panics at paths where there is no structural schema; here they lead to no field. */
export function validateSelectableFields(fields: readonly SelectableField[], schema: Schema | undefined, at: Path, tooManyAllowed: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, { jsonPath = "" }] of fields.entries()) {
    const place = at.index(i).child("jsonPath");
    if (!jsonPath) {
      errors.push(required(place));
      continue;
    }
    const found = validFieldPath(jsonPath, schema ?? {}, false);
    if (typeof found === "string") {
      errors.push(invalidValue(place, jsonPath, `is an invalid path: ${found}`));
      continue;
    }
    if (found.root === "metadata") errors.push(invalidValue(place, jsonPath, "must not point to fields in metadata"));
    if (!["string", "boolean", "integer"].includes(found.schema?.type ?? ""))
      errors.push(
        invalidValue(place, jsonPath, "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed."),
      );
    if (seen.has(found.path)) errors.push(duplicate(place, jsonPath));
    seen.add(found.path);
  }
  if (seen.size > maxSelectableFields && !tooManyAllowed) errors.push(tooMany(at, seen.size, maxSelectableFields));
  return errors;
}
