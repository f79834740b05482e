/** Reads stage files: kwok's Stage API, v1alpha1, for Pods and Nodes. */
import type { KubeObject } from "../api/object.ts";
import { compileQuery, type Query, QueryError } from "./query/query.ts";
import type { Stage, StagedResource, Step } from "./stage.ts";
import { type Located, readDocuments, StageFileError } from "./stage-source.ts";
import { TemplateError } from "./template/lexer.ts";
import { compileTemplate, type Template } from "./template/template.ts";

const apiVersion = "kwok.x-k8s.io/v1alpha1";
const resources: Record<string, StagedResource> = { Pod: "pods", Node: "nodes" };

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
  const weight = spec.count("weight") ?? 0;
  const weightFrom = expression(spec.field("weightFrom"));
  return {
    name: name ?? "",
    where: `${file}:${stage.line}`,
    resource: readReference(spec),
    matches: selector ? readSelector(selector) : () => false,
    weight: (object) => (weightFrom ? fromText(weightFrom(object), weight, wholeNumber) : weight),
    delay: readDelay(spec.field("delay")),
    steps: readSteps(spec, file),
  };
}

function readReference(spec: Located): StagedResource {
  const reference = spec.field("resourceRef")?.only("apiGroup", "kind");
  const kind = reference?.string("kind");
  const resource = kind === undefined ? undefined : resources[kind];
  if (!reference || !kind) (reference ?? spec).problem("kind is missing in resourceRef: Pod or Node");
  else if (!resource || (reference.string("apiGroup") ?? "v1") !== "v1") reference.problem("stages act on apiGroup v1, kind Pod or Node only");
  return resource ?? "pods";
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
  refuseCEL(item);
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

function refuseCEL(located: Located): void {
  located.field("cel")?.problem("CEL is not supported in stages: use jq (key, operator, values; or jq.expression)");
}

/** `{expressionFrom}` or `{jq: {expression}}`. */
function expression(located: Located | undefined): Query | undefined {
  if (!located) return undefined;
  located.only("expressionFrom", "jq", "cel");
  refuseCEL(located);
  const source = located.field("expressionFrom") ?? located.field("jq")?.only("expression").field("expression");
  if (!source && !located.field("cel")) located.problem("expressionFrom is missing: a jq path such as '.metadata.annotations[\"weight\"]'");
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
  const durationFrom = expression(delay.field("durationFrom"));
  const jitter = delay.count("jitterDurationMilliseconds");
  const jitterFrom = expression(delay.field("jitterDurationFrom"));
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

const units: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

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

function readSteps(spec: Located, file: string): Step[] {
  const steps = spec.field("steps");
  const next = spec.field("next");
  if (steps) {
    if (next) next.problem("steps is given as well and next would be ignored: keep one of them");
    return steps.items().flatMap((step) => readStep(step, file));
  }
  if (!next) {
    spec.problem("next is missing: it holds statusTemplate, patches, event, finalizers or delete");
    return [];
  }
  next.only("event", "finalizers", "delete", "patches", "statusTemplate", "statusSubresource", "statusPatchAs");
  refuseImpersonation(next, "statusPatchAs");
  const patches = next.field("patches");
  const status = next.field("statusTemplate");
  if (patches && status) status.problem("patches is given as well and statusTemplate would be ignored: keep one of them");
  const template = status && readTemplate(status);
  const found: Step[] = [
    ...readEvent(next.field("event")),
    ...readFinalizers(next.field("finalizers")),
    ...(patches?.items() ?? []).flatMap((patch) => readPatch(patch, file)),
    ...(template
      ? [patchStep({ type: "strategic", subresource: next.string("statusSubresource") ?? "status", root: "status", template, at: status, file })]
      : []),
    ...(next.boolean("delete") ? [{ kind: "delete" } as const] : []),
  ];
  if (found.length === 0 && !status && !patches) next.problem("does nothing: give it statusTemplate, patches, event, finalizers or delete: true");
  return found;
}

function readStep(step: Located, file: string): Step[] {
  step.only("patch", "event", "finalizers", "delete", "apply");
  step.field("apply")?.problem("apply is not supported: use patch");
  const patch = step.field("patch");
  return [
    ...readEvent(step.field("event")),
    ...readFinalizers(step.field("finalizers")),
    ...(step.boolean("delete") ? [{ kind: "delete" } as const] : []),
    ...(patch ? readPatch(patch, file) : []),
  ];
}

function readEvent(event: Located | undefined): Step[] {
  if (!event) return [];
  event.only("type", "reason", "message");
  const type = event.oneOf("type", ["Normal", "Warning"]) ?? "Normal";
  return [{ kind: "event", type, reason: event.string("reason") ?? "", message: event.string("message") ?? "" }];
}

function readFinalizers(finalizers: Located | undefined): Step[] {
  if (!finalizers) return [];
  finalizers.only("add", "remove", "empty");
  const values = (name: string): string[] => (finalizers.field(name)?.items() ?? []).flatMap((item) => item.only("value").string("value") ?? []);
  return [{ kind: "finalizers", add: values("add"), remove: values("remove"), empty: finalizers.boolean("empty") ?? false }];
}

function readPatch(patch: Located, file: string): Step[] {
  patch.only("subresource", "root", "template", "type", "impersonation");
  refuseImpersonation(patch, "impersonation");
  const source = patch.field("template");
  if (!source) patch.problem("template is missing: the patch's text");
  const template = source && readTemplate(source);
  const type = patch.oneOf("type", ["json", "merge", "strategic"]) ?? "strategic";
  return template ? [patchStep({ type, subresource: patch.string("subresource") ?? "", root: patch.string("root") ?? "", template, at: source, file })] : [];
}

function patchStep(options: { type: "json" | "merge" | "strategic"; subresource: string; root: string; template: Template; at: Located; file: string }): Step {
  const { at, file, ...rest } = options;
  return { kind: "patch", ...rest, where: file, line: at.textLine };
}

function refuseImpersonation(located: Located, name: string): void {
  located.field(name)?.problem("impersonation is not supported: a node's status is written with the node's own identity; remove it");
}

function readTemplate(located: Located): Template | undefined {
  if (typeof located.value !== "string") {
    located.problem("must be a text with a Go template; write it as a block after |");
    return undefined;
  }
  try {
    return compileTemplate(located.value);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    located.problem(error.message, located.textLine + error.line - 1);
    return undefined;
  }
}
