/** Options of writes and lists: read from the query (or a DeleteOptions body), checked as upstream checks them. */
import { managerName } from "../../api/apply/managed-fields.ts";
import { type FieldError, forbiddenField, invalidValue, notSupported, notSupportedText, path, required } from "../../api/field.ts";
import { goQuote } from "../../api/go-quote.ts";
import { validateFieldManager } from "../../api/meta/validation.ts";
import { FieldSelectorError, parseFieldSelector } from "../../api/selectors/fields.ts";
import { parseLabelSelector, SelectorError } from "../../api/selectors/labels.ts";
import { badRequest, invalid, type StatusError } from "../../api/status.ts";
import type { Call, DeleteOptions } from "./call.ts";
import { bodyMedia } from "./negotiate.ts";
import { queryBool } from "../request-info.ts";

export type FieldValidation = "Ignore" | "Warn" | "Strict";
export interface WriteOptions {
  kind: "CreateOptions" | "UpdateOptions" | "PatchOptions";
  dryRun: boolean;
  manager: string;
  fieldValidation: FieldValidation;
  force: boolean;
  /** As upstream's admission sees it. */
  object: object;
}

function checkDryRun(values: readonly string[]): FieldError[] {
  return values.some((value) => value !== "All") ? [notSupported(path("dryRun"), values, ["All"])] : [];
}

export function writeOptions(call: Call, kind: WriteOptions["kind"], patchType?: string): WriteOptions {
  const { query, headers } = call.request;
  const apply = patchType === "apply";
  // How what is created is written is looked at first, how what is updated is after this.
  if (kind === "CreateOptions" && call.request.object === undefined) bodyMedia(call.request);
  // Most ask for nothing.
  if (query.size === 0 && !apply) {
    const manager = managerName("", headers["user-agent"] ?? "");
    return { kind, dryRun: false, manager, fieldValidation: "Warn", force: false, object: { kind, apiVersion: "meta.k8s.io/v1" } };
  }
  const dryRun = query.getAll("dryRun");
  const fieldManager = query.get("fieldManager") ?? "";
  const fieldValidation = query.get("fieldValidation") ?? "";
  const errors: FieldError[] = [];
  if (kind === "PatchOptions") {
    if (apply && fieldManager === "") errors.push(required(path("fieldManager"), "is required for apply patch"));
    if (!apply && query.get("force") !== null) errors.push(forbiddenField(path("force"), "may not be specified for non-apply patch"));
  }
  errors.push(...validateFieldManager(fieldManager, path("fieldManager")), ...checkDryRun(dryRun));
  if (fieldValidation !== "" && !["Ignore", "Warn", "Strict"].includes(fieldValidation)) {
    errors.push(notSupportedText(path("fieldValidation"), fieldValidation, ["", "Ignore", "Strict", "Warn"]));
  }
  if (errors.length) throw invalid(`${kind}.meta.k8s.io`, "", errors);
  return {
    kind,
    dryRun: dryRun.length > 0,
    manager: managerName(fieldManager, headers["user-agent"] ?? ""),
    fieldValidation: (fieldValidation || "Warn") as FieldValidation,
    force: queryBool(query.get("force")),
    object: {
      kind,
      apiVersion: "meta.k8s.io/v1",
      ...(dryRun.length ? { dryRun } : {}),
      ...(apply && query.get("force") !== null ? { force: queryBool(query.get("force")) } : {}),
      ...(fieldManager ? { fieldManager } : {}),
      ...(fieldValidation ? { fieldValidation } : {}),
    },
  };
}

/** Throws 400 for what is no int64. Beyond 2^53 it is near to what the text says. */
export function parseInteger(text: string): number {
  const bad = (why: string): StatusError => badRequest(`strconv.ParseInt: parsing ${goQuote(text)}: ${why}`);
  if (!/^[+-]?\d+$/.test(text)) throw bad("invalid syntax");
  const value = BigInt(text.replace(/^\+/, ""));
  if (BigInt.asIntN(64, value) !== value) throw bad("value out of range");
  return Number(value);
}

/** Of the query, where the request has no body. */
export function deleteOptionsOfQuery(query: URLSearchParams): DeleteOptions {
  const options: DeleteOptions = {};
  const grace = query.get("gracePeriodSeconds");
  if (grace !== null) options.gracePeriodSeconds = parseInteger(grace);
  const policy = query.get("propagationPolicy");
  if (policy !== null) options.propagationPolicy = policy;
  const orphan = query.get("orphanDependents");
  if (orphan !== null) options.orphanDependents = queryBool(orphan);
  const dryRun = query.getAll("dryRun");
  if (dryRun.length) options.dryRun = dryRun;
  const [uid, resourceVersion] = [query.get("uid"), query.get("resourceVersion")];
  if (uid || resourceVersion) options.preconditions = { ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) };
  return options;
}

export function checkDeleteOptions(options: DeleteOptions): void {
  const errors: FieldError[] = [];
  if (options.propagationPolicy !== undefined && options.orphanDependents !== undefined) {
    errors.push(invalidValue(path("propagationPolicy"), options.propagationPolicy, "orphanDependents and deletionPropagation cannot be both set"));
  }
  if (options.propagationPolicy !== undefined && !["Foreground", "Background", "Orphan"].includes(options.propagationPolicy)) {
    errors.push(notSupported(path("propagationPolicy"), options.propagationPolicy, ["Foreground", "Background", "Orphan", "nil"]));
  }
  errors.push(...checkDryRun(options.dryRun ?? []));
  if (errors.length) throw invalid("DeleteOptions.meta.k8s.io", "", errors);
}

export interface ListOptions {
  resourceVersion: string;
  resourceVersionMatch: string;
  limit: number;
  continue: string;
  labelSelector: string;
  fieldSelector: string;
  watch: boolean;
  allowWatchBookmarks: boolean;
  sendInitialEvents?: boolean;
  timeoutSeconds?: number;
}

function checkSelectors({ labelSelector, fieldSelector }: Pick<ListOptions, "labelSelector" | "fieldSelector">): void {
  try {
    parseLabelSelector(labelSelector);
    parseFieldSelector(fieldSelector);
  } catch (error) {
    if (error instanceof SelectorError || error instanceof FieldSelectorError) throw badRequest(error.message);
    throw error;
  }
}

/** Throws 400 for what cannot be read and 422 for options that do not go together. */
export function listOptions(query: URLSearchParams, watch: boolean): ListOptions {
  // In upstream's order: what cannot be read of the first is told.
  const timeout = query.get("timeoutSeconds");
  const timeoutSeconds = timeout === null ? undefined : parseInteger(timeout);
  const limit = query.get("limit");
  const initial = query.get("sendInitialEvents");
  const options: ListOptions = {
    resourceVersion: query.get("resourceVersion") ?? "",
    resourceVersionMatch: query.get("resourceVersionMatch") ?? "",
    limit: limit === null ? 0 : parseInteger(limit),
    continue: query.get("continue") ?? "",
    labelSelector: query.get("labelSelector") ?? "",
    fieldSelector: query.get("fieldSelector") ?? "",
    watch,
    allowWatchBookmarks: queryBool(query.get("allowWatchBookmarks")),
    ...(initial === null ? {} : { sendInitialEvents: queryBool(initial) }),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
  };
  // What cannot be read comes before what does not go together.
  checkSelectors(options);
  const errors = watch ? checkWatch(options) : checkList(options);
  if (errors.length) throw invalid("ListOptions.meta.k8s.io", "", errors);
  return options;
}

const matchPath = path("resourceVersionMatch");

function checkList(options: ListOptions): FieldError[] {
  const errors: FieldError[] = [];
  const match = options.resourceVersionMatch;
  if (match) {
    if (!options.resourceVersion) errors.push(forbiddenField(matchPath, "resourceVersionMatch is forbidden unless resourceVersion is provided"));
    if (options.continue) errors.push(forbiddenField(matchPath, "resourceVersionMatch is forbidden when continue is provided"));
    if (match !== "Exact" && match !== "NotOlderThan") errors.push(notSupported(matchPath, match, ["Exact", "NotOlderThan", ""]));
    if (match === "Exact" && options.resourceVersion === "0")
      errors.push(forbiddenField(matchPath, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  if (options.sendInitialEvents !== undefined) errors.push(forbiddenField(path("sendInitialEvents"), "sendInitialEvents is forbidden for list"));
  return errors;
}

function checkWatch(given: ListOptions): FieldError[] {
  const errors: FieldError[] = [];
  // What old clients mean: whatever there is, and what follows.
  const { sendInitialEvents, resourceVersionMatch, resourceVersion } = given;
  const plain = sendInitialEvents === undefined && !resourceVersionMatch && (resourceVersion === "" || resourceVersion === "0");
  const options: ListOptions = plain ? { ...given, sendInitialEvents: true, resourceVersionMatch: "NotOlderThan" } : given;
  const match = options.resourceVersionMatch;
  if (options.sendInitialEvents !== undefined && match !== "NotOlderThan")
    errors.push(forbiddenField(matchPath, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
  if (match) {
    if (options.sendInitialEvents === undefined)
      errors.push(forbiddenField(matchPath, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"));
    if (match !== "NotOlderThan") errors.push(notSupported(matchPath, match, ["NotOlderThan"]));
    if (options.continue) errors.push(forbiddenField(matchPath, "resourceVersionMatch is forbidden when continue is provided"));
  }
  return errors;
}
