/** GET with watch=true: a stream of frames, each made once for all who watch in the same form. */
import { encodeCBORFrame } from "../../api/codec/cbor-write.ts";
import { encodeJSON } from "../../api/codec/json.ts";
import { encodeWatchFrame } from "../../api/codec/protobuf-envelope.ts";
import type { ApiResponse } from "../../api/exchange.ts";
import type { KubeObject, WatchEvent, WatchEventType } from "../../api/object.ts";
import { badRequest, expired, internalError, methodNotSupported, StatusError } from "../../api/status.ts";
import { RecentlyJoined } from "../../base/recently-joined.ts";
import { Slices } from "../../base/slices.ts";
import type { CacheEvent } from "../../cache/cache.ts";
import { CompactedError, FutureRevisionError } from "../../store/store.ts";
import type { Call } from "./call.ts";
import { cborSequence, contentTypes, onlyStreams } from "./negotiate.ts";
import { queryBool } from "../request-info.ts";
import { type ListOptions, listOptions } from "./options.ts";
import { served, storedAs } from "./respond.ts";
import { badName, checkKey } from "./place.ts";
import { parseRevision } from "./revision.ts";
import { selection } from "./selection.ts";
import { nothingOf } from "./nothing.ts";
import { cellsOfNothing, includeObject, partial, tableOf } from "./table.ts";
import { complete, encodeCBOR, encodeProtobufFrame } from "./wire.ts";

/** One for all: a reason of its own, with its stack, for each watch costs more than all else about its end. */
const over = new Error("the watch is over");

/** A path that names an object selects it. Throws 400 for a selector that does not. */
function named({ endpoint, info }: Call, options: ListOptions): ListOptions {
  if (!info.name) return options;
  const fieldSelector = `metadata.name=${info.name}`;
  if (!options.fieldSelector) return { ...options, fieldSelector };
  if (selection(endpoint, options).name !== info.name) throw badRequest("fieldSelector metadata.name doesn't match requested name");
  return options;
}

export async function watch(call: Call): Promise<ApiResponse> {
  const { endpoint, info, request, rest, form } = call;
  // The old path is a watch whatever the query says; its options are not.
  const options = listOptions(request.query, queryBool(request.query.get("watch")));
  const chosen = selection(endpoint, named(call, options));
  if (!endpoint.def.verbs.includes("watch")) throw methodNotSupported(endpoint.groupResource, "watch");
  await endpoint.ready?.();
  await endpoint.cache.held();
  const namespace = endpoint.def.namespaced ? info.namespace : "";
  checkKey(endpoint.hub, namespace, chosen.name && !badName(chosen.name) ? chosen.name : "");
  const from = parseRevision(options.resourceVersion, true);
  if (form.as === "Table") includeObject(request.query);
  if (form.media === "yaml") throw onlyStreams(request);
  const initial = options.sendInitialEvents ?? from === 0;
  const fromRevision = from === 0 && !initial ? await endpoint.cache.revision() : from;
  const seconds = options.timeoutSeconds || rest.minWatchSeconds * (1 + rest.random.next());
  const ended = new AbortController();
  // Whoever ends it first lets go of the others, also of a watch that nobody has begun to read.
  const end = (): void => {
    timer.cancel();
    request.signal.removeEventListener("abort", end);
    rest.stopping.removeEventListener("abort", end);
    ended.abort(over);
  };
  const timer = rest.clock.after(seconds * 1000, end);
  request.signal.addEventListener("abort", end);
  rest.stopping.addEventListener("abort", end);
  if (request.signal.aborted || rest.stopping.aborted) end();
  const events = endpoint.cache.watch({
    ...(namespace ? { namespace } : {}),
    ...(chosen.predicate ? { predicate: chosen.predicate } : {}),
    ...(chosen.where ? { where: chosen.where } : {}),
    fromRevision,
    initial,
    bookmarks: options.allowWatchBookmarks,
    deadline: rest.clock.monotonic() + seconds * 1000,
    signal: ended.signal,
  });
  if (!initial) call.initialized?.();
  // The old paths watch without being told to; then the initial state has no end that is told.
  const marked = options.allowWatchBookmarks && options.watch;
  const source = initial ? wanted(events, marked, call.initialized) : events;
  if (request.asObject) return { status: 200, headers: {}, warnings: call.warnings, events: asObjects(call, source, end) };
  return {
    status: request.messages ? 101 : 200,
    headers: {
      "cache-control": "no-cache, private",
      "content-type": form.media === "json" ? "application/json" : form.media === "cbor" ? cborSequence : `${contentTypes[form.media]};stream=watch`,
    },
    warnings: call.warnings,
    body: asFrames(call, source, end),
  };
}

/** The cache's batches, without the bookmark of an initial state where bookmarks are not asked for. */
async function* wanted(events: AsyncIterable<CacheEvent[]>, marked: boolean, initialized?: () => void): AsyncGenerator<CacheEvent[]> {
  let waiting = initialized;
  for await (const batch of events) {
    if (waiting && batch.some((event) => event.initial)) {
      waiting();
      waiting = undefined;
    }
    yield marked ? batch : batch.filter((event) => !event.initial);
  }
}

function statusOf(call: Call, error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  if (error instanceof CompactedError) return expired(`too old resource version: ${call.request.query.get("resourceVersion") || 0} (${error.compacted})`);
  if (error instanceof FutureRevisionError) return internalError(`Too large resource version: ${error.asked}, current: ${error.current}`);
  call.rest.logger.error("watch broke", { error });
  return internalError("watch broke");
}

function bookmark(call: Call, event: CacheEvent): KubeObject {
  const { endpoint } = call;
  const { metadata: nothing, ...rest } = nothingOf(endpoint, !call.form.as);
  const annotations = { ...nothing.annotations, ...(event.initial ? { "k8s.io/initial-events-end": "true" } : {}) };
  const metadata = {
    resourceVersion: String(event.revision),
    ...(endpoint.custom ? {} : { creationTimestamp: null }),
    ...(Object.keys(annotations).length ? { annotations } : {}),
  };
  return complete(endpoint.apiVersion, endpoint.def.kind, { kind: endpoint.def.kind, apiVersion: endpoint.apiVersion, metadata, ...rest }) as KubeObject;
}

/** Object of the event as this watcher's form has it. `first` of a Table carries the columns. */
function projected(call: Call, event: CacheEvent, first: boolean): object {
  const { rest } = call;
  const object = event.stored ? served(call.endpoint, event.stored) : bookmark(call, event);
  if (call.form.as === "Table") {
    const metadata = { resourceVersion: object.metadata.resourceVersion };
    const table = tableOf(call, [object], metadata, first);
    if (event.stored) return table;
    // The mark of an initial state is shown whatever of objects is not.
    return { ...table, rows: [{ cells: cellsOfNothing(call.endpoint, rest.clock.now()), object: partial(call.form, object) }] };
  }
  return call.form.as ? partial(call.form, object) : object;
}

async function* asObjects(call: Call, source: AsyncIterable<CacheEvent[]>, end: () => void): AsyncGenerator<WatchEvent> {
  let first = true;
  try {
    for await (const batch of source) {
      for (const event of batch) {
        yield { type: event.type, object: projected(call, event, first) as KubeObject };
        first = false;
      }
    }
  } catch (error) {
    yield { type: "ERROR", object: statusOf(call, error).status as unknown as KubeObject };
  } finally {
    end();
  }
}

const newline = Buffer.from("}\n");
const heads = new Map<WatchEventType, Buffer>(
  (["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"] as const).map((type) => [type, Buffer.from(`{"type":"${type}","object":`)]),
);

function jsonFrame(type: WatchEventType, object: Uint8Array): Uint8Array {
  return Buffer.concat([heads.get(type) as Buffer, object, newline]);
}

const runs = new RecentlyJoined();
/** So many events take no slice of time. */
const few = 32;

async function* asFrames(call: Call, source: AsyncIterable<CacheEvent[]>, end: () => void): AsyncGenerator<Uint8Array> {
  const { form, endpoint, info, rest, request } = call;
  const encode = (type: WatchEventType, object: object): Uint8Array =>
    form.media === "protobuf"
      ? encodeProtobufFrame(type, object)
      : form.media === "cbor"
        ? encodeCBORFrame(type, encodeCBOR(object))
        : jsonFrame(type, encodeJSON(object));
  const plain = { ...form, pretty: false };
  const shape = `${form.media} ${form.as ?? ""} ${form.asVersion ?? ""} ${endpoint.apiVersion} ${form.as === "Table" ? request.query.get("includeObject") : ""}`;
  // Upstream counts only what goes out over HTTP.
  const series = request.messages ? undefined : rest.watched(endpoint.def);
  // A message needs nobody to say how long it is.
  const alone = (frame: Uint8Array): Uint8Array => (request.messages && form.media === "protobuf" ? frame.subarray(4) : frame);
  const began = rest.clock.monotonic();
  let first = true;
  const made = (event: CacheEvent): Uint8Array => {
    const { stored, type } = event;
    // Ages in a Table change from second to second.
    if (!stored || form.as === "Table") return encode(type, projected(call, event, first));
    const known = rest.frames.get(stored.revision, type, shape);
    if (known) return known;
    const direct = storedAs(plain, endpoint, stored);
    const framed = form.media === "json" ? jsonFrame : encodeWatchFrame;
    const frame = direct ? framed(type, direct) : encode(type, projected(call, event, first));
    rest.frames.keep(stored.revision, type, shape, frame);
    return frame;
  };
  const frameOf = (event: CacheEvent): Uint8Array => {
    const frame = made(event);
    series?.sent(frame.length);
    if (event.initial) series?.listed(info.name ? "resource" : info.namespace ? "namespace" : "cluster", (rest.clock.monotonic() - began) / 1000);
    return alone(frame);
  };
  try {
    for await (const batch of source) {
      if (batch.length === 0) continue;
      if (batch.length === 1) {
        yield frameOf(batch[0] as CacheEvent);
        first = false;
        continue;
      }
      const slices = batch.length > few ? new Slices(rest.clock) : undefined;
      let group: Uint8Array[] = [];
      let bytes = 0;
      for (const event of batch) {
        const frame = frameOf(event);
        first = false;
        if (request.messages) {
          yield frame;
          if (slices?.isOver) await slices.rest();
          continue;
        }
        group.push(frame);
        bytes += frame.length;
        const isOver = slices?.isOver;
        if (bytes < 64 * 1024 && !isOver) continue;
        yield runs.join(group, bytes);
        if (isOver) await slices?.rest();
        group = [];
        bytes = 0;
      }
      if (group.length) yield runs.join(group, bytes);
    }
  } catch (error) {
    yield alone(encode("ERROR", statusOf(call, error).status));
  } finally {
    end();
  }
}
