/** Reads stage files: kwok's Stage API, v1alpha1. */
import type { KubeObject } from "../api/object.ts";
import { compileExpression, type Expression, ExpressionError } from "./expression.ts";
import { readSteps } from "./parse-steps.ts";
import { compileQuery, type Query, QueryError } from "./query/query.ts";
import { type PlacedKind, kindKey, nodeKind, podKind, type Stage } from "./stage.ts";
import { type Located, readDocuments, StageFileError } from "./stage-source.ts";
import { table } from "../base/table.ts";

const apiVersion = "kwok.x-k8s.io/v1alpha1";

/** Every stage of a file. Throws StageFileError with one line for each problem. */
export function parseStages(source: string, file: string): Stage[] {
  const { documents, problems } = readDocuments(source, file);
  const stages = documents.flatMap((document) => {
    const items = document.string("kind") === "List" ? (document.field("items")?.items() ?? []) : [document];
    return items.map((item) => readStage(item, file));
  });
  if (stages.length === 0 && problems.length === 0) problems.push(`${file}: holds no Stage; write one with apiVersion: ${apiVersion}, kind: Stage`);
  if (problems.length) throw new StageFileError(problems.join("\n"));
  return stages as Stage[];
}

type Matcher = (object: KubeObject) => boolean;

function readStage(stage: Located, file: string): Stage | undefined {
  stage.only("apiVersion", "kind", "metadata", "spec", "status");
  if (stage.field("apiVersion")?.value !== apiVersion) (stage.field("apiVersion") ?? stage).problem(`must have apiVersion: ${apiVersion}`);
  if (stage.field("kind")?.value !== "Stage") (stage.field("kind") ?? stage).problem("must have kind: Stage");
  const name = stage.field("metadata")?.string("name");
  if (!name) stage.problem("metadata.name is missing: give the stage a name");
  const spec = stage.field("spec")?.only("resourceRef", "selector", "weight", "weightFrom", "delay", "next", "steps", "immediateNextStage");
  if (!spec) {
    stage.problem("spec is missing: it holds resourceRef, selector and next");
    return undefined;
  }
  const selector = spec.field("selector");
  if (!selector) spec.problem("selector is missing: without one the stage would never be used");
  // Either value is served: the next stage is always found in the answer to the write, never later.
  spec.boolean("immediateNextStage");
  const of = readReference(spec);
  const weight = spec.count("weight") ?? 0;
  const weightFrom = expression(spec.field("weightFrom"), asCount);
  return {
    name: name ?? "",
    where: `${file}:${stage.line}`,
    of,
    matches: selector ? readSelector(selector) : () => false,
    weight: (object) => (weightFrom ? fromText(weightFrom(object), weight, wholeNumber) : weight),
    delay: readDelay(spec.field("delay")),
    steps: readSteps(spec, { file, ofNode: [podKind, nodeKind].includes(kindKey(of)) }),
  };
}

function readReference(spec: Located): PlacedKind {
  const reference = spec.field("resourceRef")?.only("apiGroup", "kind");
  const kind = reference?.string("kind");
  if (!reference || !kind) (reference ?? spec).problem("kind is missing in resourceRef: such as Pod or Node");
  const apiVersion = reference?.string("apiGroup") ?? "v1";
  if (!/^([a-z0-9.-]+\/)?v\d+((alpha|beta)\d+)?$/.test(apiVersion))
    reference?.field("apiGroup")?.problem("is a group with its version, such as apps/v1, or v1 for the core group");
  return { apiVersion, kind: kind ?? "", place: (reference ?? spec).place };
}

const operators = ["In", "NotIn", "Exists", "DoesNotExist"] as const;

function readSelector(selector: Located): Matcher {
  selector.only("matchLabels", "matchAnnotations", "matchExpressions");
  const labels = Object.entries(selector.stringMap("matchLabels") ?? {});
  const annotations = Object.entries(selector.stringMap("matchAnnotations") ?? {});
  const requirements = (selector.field("matchExpressions")?.items() ?? []).map(readRequirement);
  return (object) =>
    labels.every(([key, value]) => object.metadata.labels?.[key] === value) &&
    annotations.every(([key, value]) => object.metadata.annotations?.[key] === value) &&
    requirements.every((matches) => matches(object));
}

function readRequirement(item: Located): Matcher {
  item.only("key", "operator", "values", "jq", "cel");
  const cel = item.field("cel");
  if (cel) {
    const evaluate = readCEL(cel);
    if (item.field("jq") ?? item.field("key")) item.problem("cel and jq are both given: write two items");
    return (object) => evaluate?.(object) === true;
  }
  const requirement = item.field("jq") ?? item;
  if (requirement !== item) requirement.only("key", "operator", "values");
  const key = requirement.field("key");
  const query = key && query_(key);
  if (!key) requirement.problem("key is missing: a jq path such as '.status.phase'");
  const operator = requirement.oneOf("operator", operators);
  if (!requirement.field("operator")) requirement.problem(`operator is missing: one of ${operators.join(", ")}`);
  const values = requirement.strings("values") ?? [];
  const listed = operator === "In" || operator === "NotIn";
  if (listed && values.length === 0) requirement.problem(`${operator} needs at least one of values`);
  if (operator && !listed && values.length) requirement.field("values")?.problem(`${operator} takes no values: remove them`);
  if (!query) return () => false;
  const wanted = new Set(values);
  const found = (object: KubeObject): boolean => {
    const results = query(object) ?? [];
    return listed ? results.some((value) => typeof value !== "object" && wanted.has(String(value))) : results.length > 0;
  };
  return operator === "In" || operator === "Exists" ? found : (object) => !found(object);
}

function query_(located: Located): Query | undefined {
  if (typeof located.value !== "string") {
    located.problem("must be a string with a jq path such as '.status.phase'");
    return undefined;
  }
  try {
    return compileQuery(located.value);
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    located.problem(`${JSON.stringify(located.value)}, character ${error.offset + 1}: ${error.message}`);
    return undefined;
  }
}

function readCEL(located: Located | undefined): Expression | undefined {
  const source = located?.only("expression").field("expression");
  if (!source) located?.problem("expression is missing: CEL such as has(self.spec.nodeName)");
  if (!source) return undefined;
  if (typeof source.value !== "string") {
    source.problem("must be a string with a CEL expression such as has(self.spec.nodeName)");
    return undefined;
  }
  try {
    return compileExpression(source.value);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    source.problem(`${JSON.stringify(source.value)}, character ${error.offset + 1}: ${error.message}`);
    return undefined;
  }
}

/** Numbers of CEL are nanoseconds where a time is meant, and a bool is a number where that is. */
const asDuration = (value: unknown): unknown => (typeof value === "number" ? `${Math.trunc(value)}ns` : value);
const asCount = (value: unknown): unknown => (typeof value === "boolean" ? Number(value) : value);

/** `{expressionFrom}`, `{jq: {expression}}` or `{cel: {expression}}`; `fromCEL` is how a value of CEL is taken. */
function expression(located: Located | undefined, fromCEL: (value: unknown) => unknown): Query | undefined {
  if (!located) return undefined;
  located.only("expressionFrom", "jq", "cel");
  const cel = located.field("cel");
  if (cel) {
    const evaluate = readCEL(cel);
    return (
      evaluate &&
      ((object) => {
        const value = evaluate(object);
        return value === undefined || value === null ? [] : [fromCEL(value)];
      })
    );
  }
  const source = located.field("expressionFrom") ?? located.field("jq")?.only("expression").field("expression");
  if (!source) located.problem("expressionFrom is missing: a jq path such as '.metadata.annotations[\"weight\"]'");
  return source && query_(source);
}

/** First result of a query; the default where there is none, undefined where it says nothing of use. */
function fromText<T>(results: unknown[] | undefined, fallback: T, parse: (value: unknown) => T | undefined): T | undefined {
  const value = results?.[0];
  if (value === undefined) return fallback;
  return value === "" ? undefined : parse(value);
}

function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === "string" || typeof value === "number" ? Number(value) : Number.NaN;
  return Number.isFinite(number) ? Math.trunc(number) : undefined;
}

function readDelay(delay: Located | undefined): Stage["delay"] {
  if (!delay) return () => 0;
  delay.only("durationMilliseconds", "durationFrom", "jitterDurationMilliseconds", "jitterDurationFrom");
  const duration = delay.count("durationMilliseconds") ?? 0;
  const durationFrom = expression(delay.field("durationFrom"), asDuration);
  const jitter = delay.count("jitterDurationMilliseconds");
  const jitterFrom = expression(delay.field("jitterDurationFrom"), asDuration);
  return (object, now, random) => {
    const read = (query: Query | undefined, fallback: number | undefined): number | undefined =>
      query ? fromText(query(object), fallback, (value) => milliseconds(value, now) ?? fallback) : fallback;
    const base = read(durationFrom, duration);
    if (base === undefined) return 0;
    const upper = read(jitterFrom, jitter);
    if (upper === undefined) return Math.max(0, base);
    // The shorter one wins: a pod that must be gone by its deletion time does not wait for the whole delay.
    return Math.max(0, upper <= base ? upper : base + random.next() * (upper - base));
  };
}

const units = table<number>({ ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 });

/** A Go duration (`1m30s`), or an RFC 3339 time as its distance from `now`. */
function milliseconds(value: unknown, now: number): number | undefined {
  if (typeof value !== "string") return undefined;
  if (/^\d{4}-\d\d-\d\dT/.test(value)) {
    const at = Date.parse(value);
    return Number.isNaN(at) ? undefined : at - now;
  }
  const parts = [...value.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  if (parts.map((part) => part[0]).join("") !== value.replace(/^[+-]/, "") || parts.length === 0) return value === "0" ? 0 : undefined;
  const sum = parts.reduce((total, [, number, unit]) => total + Number(number) * (units[unit as string] as number), 0);
  return value.startsWith("-") ? -sum : sum;
}
