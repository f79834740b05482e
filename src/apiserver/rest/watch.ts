/** GET with watch=true: a stream of events or of their frames. */
import type { ApiResponse } from "../../api/exchange.ts";
import type { KubeObject, WatchEvent } from "../../api/object.ts";
import { badRequest, methodNotSupported, StatusError } from "../../api/status.ts";
import { parseFieldSelector } from "../../api/selectors/fields.ts";
import type { EventBatch } from "../../cache/cache.ts";
import type { Call } from "./call.ts";
import { cborSequence, contentTypes, onlyStreams } from "./negotiate.ts";
import { queryBool } from "../request-info.ts";
import { type ListOptions, listOptions } from "./options.ts";
import { badName, checkKey } from "./place.ts";
import { parseRevision } from "./revision.ts";
import { selection } from "./selection.ts";
import { includeObject } from "./table.ts";
import { projected, shown, statusOf } from "./watch-event.ts";
import { WatchFrames } from "./watch-frames.ts";

/** One for all: a reason of its own, with its stack, for each watch costs more than all else about its end. */
const over = new Error("the watch is over");

/** A path that names an object selects it. Throws 400 for a selector that does not. */
function named({ endpoint, info }: Call, options: ListOptions): ListOptions {
  if (!info.name) return options;
  const fieldSelector = `metadata.name=${info.name}`;
  if (!options.fieldSelector) return { ...options, fieldSelector };
  const { name } = selection(endpoint, options);
  // One of nothing but commas and equals signs selects everything.
  if (name === undefined && parseFieldSelector(options.fieldSelector).empty) return { ...options, fieldSelector };
  if (name !== info.name) throw badRequest("fieldSelector metadata.name doesn't match requested name");
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
  // Events have no watch cache: upstream asks its storage where to begin, and the time for that is over.
  if ((options.timeoutSeconds ?? 0) < 0 && from === 0 && options.sendInitialEvents === false && endpoint.hub.resource === "events")
    throw new StatusError({ code: 500, message: "context deadline exceeded" });
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
  if (request.asObject) return { status: 200, headers: {}, warnings: call.warnings, events: asObjects(call, events, marked, end) };
  return {
    status: request.messages ? 101 : 200,
    headers: {
      "cache-control": "no-cache, private",
      "content-type": form.media === "json" ? "application/json" : form.media === "cbor" ? cborSequence : `${contentTypes[form.media]};stream=watch`,
    },
    warnings: call.warnings,
    body: new WatchFrames(call, events, marked, end),
  };
}

async function* asObjects(call: Call, source: AsyncIterable<EventBatch>, marked: boolean, end: () => void): AsyncGenerator<WatchEvent> {
  let first = true;
  try {
    for await (const batch of source) {
      for (const event of shown(call, batch, marked)) {
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
