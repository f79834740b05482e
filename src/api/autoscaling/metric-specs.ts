/** What autoscalers measure: validation and the cell that shows it (pkg/apis/autoscaling/validation). */
import { canonicalQuantity, quantityOf } from "../core/resource-list.ts";
import { validateContainerResourceName } from "../core/resources.ts";
import { invalidAll, validateDNSLabel } from "../core/checks.ts";
import { type FieldError, forbiddenField, invalidValue, notSupported, type Path, required, invalidNamed } from "../field.ts";
import { goQuote } from "../go-quote.ts";
import { parseGroupVersion, unexpectedGroupVersion } from "../group-version.ts";
import { isPathSegmentName } from "../names.ts";
import type { CrossVersionObjectReference, MetricIdentifier, MetricSpec, MetricStatus, MetricTarget } from "../types/autoscaling-v2.gen.ts";
import { table } from "../../base/table.ts";

export interface ReferenceOptions {
  allowEmptyGroup?: boolean;
  allowAnyVersion?: boolean;
}

export function apiVersionError(apiVersion: string, options: ReferenceOptions): string | undefined {
  if (options.allowAnyVersion) return undefined;
  const given = parseGroupVersion(apiVersion);
  if (!given) return unexpectedGroupVersion(apiVersion);
  return !options.allowEmptyGroup && given.group === "" ? "apiVersion must specify API group" : undefined;
}

export function validateReference({ kind = "", name = "", apiVersion = "" }: CrossVersionObjectReference, at: Path, options: ReferenceOptions): FieldError[] {
  const segment = (field: string, value: string): FieldError[] =>
    value ? invalidAll(at.child(field), value, isPathSegmentName(value)) : [required(at.child(field))];
  const why = apiVersionError(apiVersion, options);
  return [...segment("kind", kind), ...segment("name", name), ...(why === undefined ? [] : [invalidValue(at.child("apiVersion"), apiVersion, why)])];
}

function validateTarget({ type = "", value, averageValue, averageUtilization }: MetricTarget, at: Path): FieldError[] {
  const errors: FieldError[] = type ? [] : [required(at.child("type"), "must specify a metric target type")];
  if (!["Utilization", "Value", "AverageValue"].includes(type))
    errors.push(invalidNamed(at.child("type"), type, "must be either Utilization, Value, or AverageValue"));
  for (const [field, amount] of [
    ["value", value],
    ["averageValue", averageValue],
  ] as const) {
    if (amount !== undefined && quantityOf(amount).sign() !== 1) errors.push(invalidValue(at.child(field), canonicalQuantity(amount), "must be positive"));
  }
  if (averageUtilization !== undefined && averageUtilization < 1)
    errors.push(invalidValue(at.child("averageUtilization"), averageUtilization, "must be greater than 0"));
  return errors;
}

const validateIdentifier = ({ name = "" }: MetricIdentifier, at: Path): FieldError[] =>
  name ? invalidAll(at.child("name"), name, isPathSegmentName(name)) : [required(at.child("name"), "must specify a metric name")];

function validateResourceTarget(target: MetricTarget, at: Path): FieldError[] {
  const errors = validateTarget(target, at);
  const { averageUtilization, averageValue } = target;
  if (averageUtilization === undefined && averageValue === undefined)
    errors.push(required(at.child("averageUtilization"), "must set either a target raw value or a target utilization"));
  if (averageUtilization !== undefined && averageValue !== undefined)
    errors.push(forbiddenField(at.child("averageValue"), "may not set both a target raw value and a target utilization"));
  return errors;
}

const resourceName = "must specify a resource name";
type Source<K extends keyof MetricSpec> = NonNullable<MetricSpec[K]>;
type Rules = { [K in Exclude<keyof MetricSpec, "type">]: (source: Source<K>, at: Path, options: ReferenceOptions) => FieldError[] };

/** In the order in which upstream looks at them. */
const sources: Rules = {
  object({ describedObject, metric, target }, at, options) {
    const errors = validateReference(describedObject ?? {}, at.child("describedObject"), options);
    errors.push(...validateIdentifier(metric ?? {}, at.child("metric")), ...validateTarget(target ?? {}, at.child("target")));
    if (target?.value === undefined && target?.averageValue === undefined)
      errors.push(required(at.child("target", "averageValue"), "must set either a target value or averageValue"));
    return errors;
  },
  external({ metric, target }, at) {
    const errors = [...validateIdentifier(metric ?? {}, at.child("metric")), ...validateTarget(target ?? {}, at.child("target"))];
    const { value, averageValue } = target ?? {};
    if (value === undefined && averageValue === undefined)
      errors.push(required(at.child("target", "averageValue"), "must set either a target value for metric or a per-pod target"));
    if (value !== undefined && averageValue !== undefined)
      errors.push(forbiddenField(at.child("target", "value"), "may not set both a target value for metric and a per-pod target"));
    return errors;
  },
  pods({ metric, target }, at) {
    const errors = [...validateIdentifier(metric ?? {}, at.child("metric")), ...validateTarget(target ?? {}, at.child("target"))];
    if (target?.averageValue === undefined) errors.push(required(at.child("target", "averageValue"), "must specify a positive target averageValue"));
    return errors;
  },
  resource: ({ name, target }, at) => [
    ...(name ? [] : [required(at.child("name"), resourceName)]),
    ...validateResourceTarget(target ?? {}, at.child("target")),
  ],
  containerResource: ({ name, container, target }, at) => [
    ...(name ? validateContainerResourceName(name, at.child("name"), invalidAll) : [required(at.child("name"), resourceName)]),
    ...(container ? validateDNSLabel(container, at.child("container")) : [required(at.child("container"), "must specify a container")]),
    ...validateResourceTarget(target ?? {}, at.child("target")),
  ],
};

const fieldOf = table<keyof Rules>({
  ContainerResource: "containerResource",
  External: "external",
  Object: "object",
  Pods: "pods",
  Resource: "resource",
});
const types = Object.keys(fieldOf);

function validateMetric(spec: MetricSpec, at: Path, options: ReferenceOptions): FieldError[] {
  const { type = "" } = spec;
  const here = at.child("type");
  const expected = fieldOf[type];
  const errors: FieldError[] = type ? [] : [required(here, "must specify a metric source type")];
  if (!expected) errors.push(notSupported(here, type, types));
  const present = (Object.keys(sources) as (keyof Rules)[]).filter((field) => spec[field]);
  const [first] = present;
  if (first) {
    const check = sources[first] as (source: unknown, at: Path, options: ReferenceOptions) => FieldError[];
    errors.push(...check(spec[first], at.child(first), options));
  }
  if (!expected) errors.push(notSupported(here, type, types));
  else if (!spec[expected]) errors.push(required(at.child(expected), "must populate information for the given metric source"));
  if (present.length === 1) return errors;
  return [...errors, ...present.filter((f) => f !== expected).map((f) => forbiddenField(at.child(f), "must populate the given metric source only"))];
}

export function validateMetrics(metrics: MetricSpec[], minReplicas: number | undefined, at: Path, options: ReferenceOptions): FieldError[] {
  const errors = metrics.flatMap((metric, i) => validateMetric(metric, at.index(i), options));
  if (minReplicas === 0 && !metrics.some(({ type }) => type === "Object" || type === "External"))
    errors.push(forbiddenField(at, "must specify at least one Object or External metric to support scaling to zero replicas"));
  return errors;
}

const unknown = "<unknown>";
/** As a quantity that is not there prints itself. */
const amount = (text: string | undefined): string => (text === undefined ? "<nil>" : canonicalQuantity(text));

/** `current/target` of one metric. */
function metricCell(spec: MetricSpec, status: MetricStatus | undefined): string {
  const field = fieldOf[spec.type];
  const source = field && spec[field];
  if (!field || !source) return "<unknown type>";
  const now = status?.[field]?.current;
  const { target } = source;
  if (field === "pods") return `${now ? amount(now.averageValue) : unknown}/${amount(target.averageValue)}`;
  if (field === "resource" || field === "containerResource") {
    const name = "name" in source ? source.name : goQuote("");
    if (target.averageValue !== undefined) return `${name}: ${now ? amount(now.averageValue) : unknown}/${amount(target.averageValue)}`;
    const share = (value: number | undefined, none: string): string => (value === undefined ? none : `${value}%`);
    return `${name}: ${share(now?.averageUtilization, unknown)}/${share(target.averageUtilization, "<auto>")}`;
  }
  if (target.averageValue !== undefined) return `${now?.averageValue === undefined ? unknown : amount(now.averageValue)}/${amount(target.averageValue)} (avg)`;
  return `${now ? amount(now.value) : unknown}/${amount(target.value)}`;
}

const shown = 2;

export function metricsCell(specs: MetricSpec[] | undefined, statuses: MetricStatus[] | undefined): string {
  if (!specs?.length) return "<none>";
  const list = specs.map((spec, i) => metricCell(spec, statuses?.[i]));
  return list.length > shown ? `${list.slice(0, shown).join(", ")} + ${list.length - shown} more...` : list.join(", ");
}
