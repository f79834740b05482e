/** Objects as rows of a Table and as metadata alone (meta.k8s.io/v1). */
import { goJson } from "../../api/field.ts";
import { roundTripAnnotations } from "../../api/autoscaling/horizontalpodautoscaler.ts";
import type { KubeObject } from "../../api/object.ts";
import { badRequest, StatusError } from "../../api/status.ts";
import { humanDuration, parseTime } from "../../api/time.ts";
import type { Call, Endpoint } from "./call.ts";
import { type Form, unacceptable } from "./negotiate.ts";
import { completeObject } from "./wire.ts";

export interface TableRow {
  cells: unknown[];
  object?: unknown;
}

/** apiVersion of the answer's own form. */
export const metaVersion = (form: Form): string => `meta.k8s.io/${form.asVersion ?? "v1"}`;

export function partial(form: Form, object: KubeObject): object {
  return { kind: "PartialObjectMetadata", apiVersion: metaVersion(form), metadata: storedMetadata(object) };
}

export const templateGeneration = "deprecated.daemonset.template.generation";

const onlyInWhole = new Map<string, ReadonlySet<string>>([
  ["DaemonSet", new Set([templateGeneration])],
  ["HorizontalPodAutoscaler", new Set(Object.values(roundTripAnnotations))],
]);

/** Whether all metadata that is stored of a kind is shown. */
export const showsStoredMetadata = (kind: string): boolean => !onlyInWhole.has(kind);

/** Without the annotations that are fields of what upstream stores, and annotations only in the whole object. */
function storedMetadata({ kind, metadata }: KubeObject): KubeObject["metadata"] {
  const left = onlyInWhole.get(kind as string);
  const all = left && metadata.annotations && Object.entries(metadata.annotations);
  const kept = all?.filter(([key]) => !left?.has(key));
  if (!kept || kept.length === all?.length) return metadata;
  const { annotations: _annotations, ...rest } = metadata;
  return kept.length ? { ...metadata, annotations: Object.fromEntries(kept) } : rest;
}

const includable = "must be 'Metadata', 'Object', 'None', or empty";

/** `includeObject` of TableOptions. Throws 400. */
export function includeObject(query: URLSearchParams): "None" | "Metadata" | "Object" {
  const value = query.get("includeObject") || "Metadata";
  if (value === "None" || value === "Metadata" || value === "Object") return value;
  throw badRequest(`Unable to convert to Table as requested: includeObject: Invalid value: ${goJson(value)}: ${includable}`);
}

/** As upstream's code calls what it stores: `*core.PodList`. */
function internalType({ def, hub, custom }: Endpoint, list: boolean): string {
  if (custom) return `*unstructured.Unstructured${list ? "List" : ""}`;
  const group = hub.resource === "events" ? "core" : (def.group.split(".")[0] as string) || "core";
  return `*${group === "internal" ? "apiserverinternal" : group}.${def.kind}${list ? "List" : ""}`;
}

/** Throws 406 for metadata of one that is asked of many, or the other way round, and 400 for a table that cannot be made. */
export function checkForm({ endpoint, form, request }: Call, list: boolean): void {
  const type = internalType(endpoint, list);
  if (form.as === "Table") includeObject(request.query);
  if (form.as === "PartialObjectMetadata" && list) throw unacceptable(`you requested PartialObjectMetadata, but the requested object is a list (${type})`);
  // Upstream takes what has no type for a list until it looks into it.
  if (form.as === "PartialObjectMetadataList" && !list && endpoint.custom) throw new StatusError({ code: 500, message: "content is not a list" });
  if (form.as === "PartialObjectMetadataList" && !list)
    throw unacceptable(`you requested PartialObjectMetadataList, but the requested object is not a list (${type})`);
}

/** Throws where metadata is asked of a stream, which is no object. */
export function checkStreamForm(form: Form): void {
  if (form.as === "PartialObjectMetadata") throw new StatusError({ code: 500, message: "object does not implement the Object interfaces" });
  if (form.as) throw unacceptable("you requested PartialObjectMetadataList, but the requested object is not a list (*rest.LocationStreamer)");
}

/** `<unknown>` for what was never created, as kubectl shows it. */
export function ageOf(object: KubeObject, now: number): string {
  const { creationTimestamp } = object.metadata;
  return creationTimestamp ? humanDuration(now - parseTime(creationTimestamp)) : "<unknown>";
}

/** Cells are made of the stored form, whatever version was asked for. */
export function cellsOf(endpoint: Endpoint, object: KubeObject, now: number): unknown[] {
  const { hubKind, conversion, def } = endpoint;
  // Every cell of an object without a name says so; one without a type has no name then.
  if (object.metadata.name === undefined && !endpoint.custom) object = { ...object, metadata: { ...object.metadata, name: "" } };
  if (hubKind.cells) return hubKind.cells(conversion ? conversion.toHub(object) : object, now);
  const columns = def.columns ?? defaultColumns;
  return columns.map((column) => {
    if (column.format === "name") return object.metadata.name;
    if (column.name === "Age") return ageOf(object, now);
    if (column.name === "Created At") return object.metadata.creationTimestamp ?? "0001-01-01T00:00:00Z";
    return null;
  });
}

/** Of an object of which nothing is known, as bookmarks are shown. */
export function cellsOfNothing({ conversion: _conversion, ...plain }: Endpoint, now: number): unknown[] {
  const { hub, hubApiVersion: apiVersion } = plain;
  // Of a custom resource there is not even what a struct would have.
  if (plain.custom) return cellsOf(plain, { kind: hub.kind, apiVersion, metadata: {} } as KubeObject, now).map((cell) => (cell === undefined ? "" : cell));
  const metadata = { creationTimestamp: null };
  return cellsOf(plain, completeObject(apiVersion, hub.kind, { kind: hub.kind, apiVersion, metadata }), now);
}

const defaultColumns = [
  { name: "Name", type: "string", format: "name", priority: 0 },
  { name: "Created At", type: "date", format: "", priority: 0 },
];

/** `object` is in the served version. */
export function rowOf(call: Call, object: KubeObject): TableRow {
  const include = includeObject(call.request.query);
  const cells = cellsOf(call.endpoint, object, call.rest.clock.now());
  if (include === "Object") return { cells, object };
  if (include === "None") return { cells, object: null };
  return { cells, object: partial(call.form, object) };
}

/** A Table without its rows. */
export function tableShell(call: Call, metadata: object, withColumns = true) {
  const columns = (call.endpoint.def.columns ?? defaultColumns).map((column) => ({
    name: column.name,
    type: column.type,
    format: column.format ?? "",
    description: "description" in column ? (column.description ?? "") : "",
    priority: column.priority,
  }));
  return {
    kind: "Table",
    apiVersion: metaVersion(call.form),
    metadata,
    columnDefinitions: withColumns ? columns : null,
  };
}

export function tableOf(call: Call, objects: KubeObject[], metadata: object, withColumns = true): object {
  const shell = tableShell(call, metadata, withColumns);
  // Kinds without columns of their own have no list of rows either where there is none.
  const rowless = objects.length === 0 && (call.endpoint.def.columns ?? defaultColumns).some((column) => column.name === "Created At");
  return { ...shell, rows: rowless ? null : objects.map((object) => rowOf(call, object)) };
}
