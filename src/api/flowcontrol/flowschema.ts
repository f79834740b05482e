/** FlowSchemas (pkg/registry/flowcontrol/flowschema). */
import { invalidAll } from "../core/checks.ts";
import { age, validateMetadata } from "../core/object-meta.ts";
import { semanticEqual } from "../core/semantic.ts";
import { type FieldError, invalidValue, notSupported, path, required } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import type { FlowSchema, FlowSchemaSpec } from "../types/flowcontrol-v1.gen.ts";
import { validateFlowRule } from "./flow-rules.ts";
import { metadataOf, validateConditionTypes } from "./flow-status.ts";
import { table } from "../../base/table.ts";

const rules = { namespaced: false, validateName: nameIsDNSSubdomain };
const at = path("spec");
const maxPrecedence = 10_000;
const methods = ["ByNamespace", "ByUser"];
const all = ["*"];
const everything = {
  resourceRules: [{ verbs: all, apiGroups: all, resources: all, clusterScope: true, namespaces: all }],
  nonResourceRules: [{ verbs: all, nonResourceURLs: all }],
};
const group = (name: string): object => ({ kind: "Group", group: { name } });
/** Schemas without which no request would have a priority. */
const mandatory = table<object>({
  exempt: {
    matchingPrecedence: 1,
    priorityLevelConfiguration: { name: "exempt" },
    rules: [{ subjects: [group("system:masters")], ...everything }],
  },
  "catch-all": {
    matchingPrecedence: maxPrecedence,
    priorityLevelConfiguration: { name: "catch-all" },
    distinguisherMethod: { type: "ByUser" },
    rules: [{ subjects: [group("system:unauthenticated"), group("system:authenticated")], ...everything }],
  },
});

function validateSpec(name: string, spec: FlowSchemaSpec): FieldError[] {
  const precedence = spec.matchingPrecedence ?? 0;
  const level = spec.priorityLevelConfiguration?.name ?? "";
  const wrong = (why: string): FieldError => invalidValue(at.child("matchingPrecedence"), precedence, why);
  const errors: FieldError[] = precedence <= 0 ? [wrong("must be a positive value")] : [];
  if (precedence > maxPrecedence) errors.push(wrong(`must not be greater than ${maxPrecedence}`));
  if (precedence === 1 && name !== "exempt") errors.push(wrong("only the schema named 'exempt' may have matchingPrecedence 1"));
  const method = spec.distinguisherMethod;
  if (method && !methods.includes(method.type)) errors.push(notSupported(at.child("distinguisherMethod", "type"), { Type: method.type ?? "" }, methods));
  const here = at.child("priorityLevelConfiguration", "name");
  errors.push(...(level ? invalidAll(here, level, nameIsDNSSubdomain(level, false)) : [required(here, "must reference a priority level")]));
  return [...errors, ...(spec.rules ?? []).flatMap((rule, i) => validateFlowRule(rule, at.child("rules").index(i)))];
}

function validate({ metadata, spec, status }: FlowSchema): FieldError[] {
  const errors = [...validateMetadata(metadata, rules), ...validateSpec(metadata.name, spec)];
  const fixed = mandatory[metadata.name];
  if (fixed && !semanticEqual(spec, fixed)) errors.push(invalidValue(at, spec, `spec of '${metadata.name}' must equal the fixed value`));
  return [...errors, ...validateConditionTypes(status?.conditions)];
}

export const flowSchemaKind: Kind<FlowSchema> = {
  resource: "flowschemas.flowcontrol.apiserver.k8s.io",
  setDefaults(schema) {
    schema.spec ??= {} as FlowSchemaSpec;
    schema.spec.matchingPrecedence ||= 1000;
  },
  prepareForCreate(schema) {
    schema.status = {};
    schema.metadata.generation = 1;
  },
  validate,
  prepareForUpdate(schema, old) {
    if (!semanticEqual(schema.spec, old.spec)) schema.metadata.generation = (old.metadata.generation ?? 0) + 1;
    schema.status = old.status;
  },
  validateUpdate: validate,
  subresources: {
    status: {
      prepareForUpdate(schema, old) {
        schema.metadata = metadataOf(schema.metadata, old.metadata);
        schema.spec = old.spec;
      },
      validateUpdate: (schema) => validateConditionTypes(schema.status?.conditions),
    },
  },
  cells: ({ metadata, spec, status }, now) => [
    metadata.name,
    spec.priorityLevelConfiguration?.name ?? "",
    spec.matchingPrecedence ?? 0,
    spec.distinguisherMethod?.type ?? "<none>",
    age({ metadata }, now),
    status?.conditions?.find((c) => c.type === "Dangling")?.status ?? "?",
  ],
};
