/** What a watcher is told, in its form. */
import type { KubeObject } from "../../api/object.ts";
import { expired, internalError, StatusError } from "../../api/status.ts";
import type { CacheEvent, EventBatch } from "../../cache/cache.ts";
import { CompactedError, FutureRevisionError } from "../../store/store.ts";
import type { Call } from "./call.ts";
import { nothingOf } from "./nothing.ts";
import { served } from "./respond.ts";
import { cellsOfNothing, partial, tableOf } from "./table.ts";
import { complete } from "./wire.ts";

/** Without the bookmark of an initial state, which comes alone, where it is not asked for. */
export function shown(call: Call, batch: EventBatch, marked: boolean): EventBatch {
  if (!batch[0]?.initial) return batch;
  call.initialized?.();
  return marked ? batch : [];
}

export function statusOf(call: Call, error: unknown): StatusError {
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
export function projected(call: Call, event: CacheEvent, first: boolean): object {
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
