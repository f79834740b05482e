/** GET of a collection: pages, revisions, selectors; JSON is written straight from the stored bytes, never joined. */
import { encodeJSON } from "../../api/codec/json.ts";
import type { ApiResponse } from "../../api/exchange.ts";
import type { KubeObject } from "../../api/object.ts";
import { badRequest, expired } from "../../api/status.ts";
import type { Clock } from "../../base/clock.ts";
import { Slices } from "../../base/slices.ts";
import type { CacheList, Stored } from "../../cache/cache.ts";
import { CompactedError, FutureRevisionError } from "../../store/store.ts";
import type { Call } from "./call.ts";
import { Chunk } from "./chunk.ts";
import { decodeContinue, encodeContinue, expiredContinue } from "./continue-token.ts";
import { type ListOptions, listOptions } from "./options.ts";
import { type Direct, inSlices, listBody, type ListShell, madeAhead, wholeAtMost } from "./list-body.ts";
import { madeOf } from "./made.ts";
import { contentTypes } from "./negotiate.ts";
import { isConcealed, respondObject, served } from "./respond.ts";
import { badName, checkKey } from "./place.ts";
import { parseRevision, tooLarge, waitForRevision } from "./revision.ts";
import { selection } from "./selection.ts";
import { metadataWriter, rowWriter, storedBytes } from "./direct.ts";
import { checkForm, metaVersion, partial, rowOf, tableOf, tableShell } from "./table.ts";

export interface Page {
  items: Stored[];
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
}

/** A list in pages that names a revision means that very one, for older clients' sake. */
const isExact = ({ resourceVersion, resourceVersionMatch }: ListOptions, inPages: boolean): boolean =>
  resourceVersionMatch === "Exact" || (!resourceVersionMatch && inPages && !!resourceVersion && resourceVersion !== "0");

/** Throws StatusError for options that do not go together and for positions that are gone. `inPages`: as if the client had asked for one, with room for all. */
export async function page(call: Call, options: ListOptions, inPages = false): Promise<Page> {
  const { endpoint, info } = call;
  const { predicate, name } = selection(endpoint, options);
  const namespace = endpoint.def.namespaced && info.namespace ? { namespace: info.namespace } : {};
  const prefix = namespace.namespace ? `${namespace.namespace}/` : "";
  const filter = predicate ? { predicate } : {};
  if (options.limit < 0) options.limit = 0;
  let list: CacheList;
  let start: { revision?: number; after?: string } = {};
  let since = 0;
  // One that is named is looked up: nothing can follow it.
  const single = name !== undefined && !options.continue && (!endpoint.def.namespaced || info.namespace !== "") && !badName(name);
  if (options.continue) {
    const position = decodeContinue(options.continue);
    if (options.resourceVersion && options.resourceVersion !== "0") throw badRequest("specifying resource version is not allowed when using continue");
    start = { after: `${prefix}${position.after}`, ...(position.revision > 0 ? { revision: position.revision } : {}) };
  } else if (isExact(options, !single && (inPages || options.limit > 0))) start = { revision: parseRevision(options.resourceVersion) };
  else since = parseRevision(options.resourceVersion);
  checkKey(endpoint.hub, namespace.namespace ?? "", single ? name : "");
  // Of one that is named a page is read past the watch cache, which alone would wait; so is one at a revision.
  const current = single && options.limit > 0 && !options.resourceVersionMatch ? await endpoint.cache.revision() : undefined;
  if (current !== undefined && current < since) throw tooLarge(since, current, 0);
  if (since > 0) await waitForRevision(call, options.resourceVersion);
  // A read of "any version" is answered whole by upstream's watch cache, which events do without.
  const whole = options.resourceVersion === "0" && endpoint.hub.resource !== "events";
  const limit = whole ? 0 : options.limit;
  try {
    list = await endpoint.cache.list({ ...namespace, ...filter, ...start, ...(limit ? { limit } : {}) });
  } catch (error) {
    if (error instanceof CompactedError) {
      if (options.continue) throw expiredContinue((start.after as string).slice(prefix.length));
      throw expired(`The resourceVersion for the provided list is too old.`);
    }
    if (error instanceof FutureRevisionError) {
      if (single) throw tooLarge(error.asked, error.current, 0);
      await waitForRevision(call, String(error.asked));
      return page(call, options, inPages);
    }
    throw error;
  }
  if (!options.resourceVersion && !options.continue) call.rest.read(endpoint.hub)?.consistent();
  const metadata: Page["metadata"] = { resourceVersion: String(list.revision) };
  if (list.last !== undefined && !single) {
    metadata.continue = encodeContinue({ revision: list.revision, after: list.last.slice(prefix.length) });
    if (list.remaining !== undefined) metadata.remainingItemCount = list.remaining;
  }
  return { items: list.items, metadata };
}

export async function list(call: Call): Promise<ApiResponse> {
  const options = listOptions(call.request.query, false);
  const { made } = call.endpoint.registry;
  if (made) {
    const { predicate } = selection(call.endpoint, options);
    const items = (await made.list()).map(madeOf);
    return respondPage(call, { items: predicate ? items.filter(predicate) : items, metadata: {} });
  }
  // Pages are read past upstream's watch cache.
  if (!options.limit) await call.endpoint.ready?.();
  return respondPage(call, await page(call, options));
}

/** Rejects with 400 and 406 for a form that a list does not have. */
export async function respondPage(call: Call, { items, metadata: given }: Page): Promise<ApiResponse> {
  const { endpoint, form, request, rest } = call;
  // Lists of custom resources always say where they go on.
  const metadata: Page["metadata"] = endpoint.custom && !form.as ? { continue: "", ...given } : given;
  const kind = endpoint.custom?.listKind ?? `${endpoint.def.kind}List`;
  const { apiVersion } = endpoint;
  if (form.as) checkForm(call, true);
  const seen = (stored: Stored): KubeObject => served(endpoint, stored);
  // The audit is told of it as one object.
  const isLong = items.length > wholeAtMost && !call.audit?.wantsResponse;
  const long = async (shell: ListShell, key: "items" | "rows", make: (stored: Stored) => object, direct?: Direct<Stored>): Promise<ApiResponse> => {
    const headers = { "cache-control": "no-cache, private", "content-type": contentTypes[form.media] };
    const body = await listBody(form, shell, key, items, make, rest.clock, direct);
    return { status: 200, headers, warnings: call.warnings, ...body };
  };
  const asBytes = isLong && !request.asObject;
  // Slices go by the clock: on a busy machine even a short list would rest, behind all others that do.
  const objectsOf = async (make: (stored: Stored) => object): Promise<object[]> =>
    items.length > wholeAtMost ? (await inSlices(items, rest.clock, (batch) => batch.map(make))).flat() : items.map(make);
  if (form.as === "Table") {
    if (asBytes && form.media !== "protobuf") return long(tableShell(call, metadata), "rows", (stored) => rowOf(call, seen(stored)), rowWriter(call));
    return respondObject(call, 200, tableOf(call, items.map(seen), metadata));
  }
  if (form.as) {
    const shell = { kind: "PartialObjectMetadataList", apiVersion: metaVersion(form), metadata };
    if (asBytes) return long(shell, "items", (stored) => partial(form, stored.object()), metadataWriter(call));
    const partials = items.map((stored) => partial(form, stored.object()));
    return respondObject(call, 200, { ...shell, items: partials.length ? partials : null });
  }
  const shell = { kind, apiVersion, metadata };
  if (request.asObject) {
    return respondObject(call, 200, { ...shell, items: await objectsOf(seen) });
  }
  const isStored = !endpoint.conversion && !endpoint.hubKind.conceals;
  const bareOf = (stored: Stored): object => (endpoint.custom ? seen(stored) : withoutType(seen(stored)));
  if (call.audit?.wantsResponse) {
    call.audit.responseObject({ ...shell, items: await objectsOf((stored) => withoutType(seen(stored))) });
  }
  if (form.media !== "json" || form.pretty) {
    if (isLong && !(endpoint.custom && form.media === "protobuf"))
      return long(shell, "items", bareOf, form.media === "protobuf" && isStored ? storedBytes : undefined);
    return respondObject({ ...call, audit: undefined }, 200, { ...shell, items: items.map(bareOf) });
  }
  const headers = { "cache-control": "no-cache, private", "content-type": "application/json" };
  const head = Buffer.from(`{"kind":"${kind}","apiVersion":"${apiVersion}","metadata":${JSON.stringify(metadata)},"items":[`);
  const bytesOf = endpoint.conversion
    ? (stored: Stored) => encodeJSON(withoutType(served(endpoint, stored)))
    : bareBytes(`{"kind":"${endpoint.hub.kind}","apiVersion":"${endpoint.hubApiVersion}",`);
  const write = endpoint.hubKind.conceals
    ? (stored: Stored) => (isConcealed(endpoint, stored) ? encodeJSON(withoutType(served(endpoint, stored))) : bytesOf(stored))
    : bytesOf;
  // How much more there is than what makes it worth to compress does not matter.
  let size = head.length + 3;
  for (let i = 0; i < items.length && size < madeAhead; i++) size += (items[i] as Stored).bytes.length;
  if (size <= chunkBytes) {
    const out = new Chunk(size);
    writeItems(out, head, items, 0, items.length, write);
    return { status: 200, headers, warnings: call.warnings, body: out.take() };
  }
  return { status: 200, headers, warnings: call.warnings, body: chunks(head, items, write, rest.clock), size };
}

export function withoutType(object: KubeObject): object {
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = object;
  return rest;
}

type Slice = { bytes: Uint8Array; from: number };

/** An item as lists carry it begins behind its kind and apiVersion; `prefix` is what stands there. */
function bareBytes(prefix: string): (stored: Stored) => Slice {
  const expected = Buffer.from(prefix);
  return ({ bytes }) => {
    for (let i = 0; i < expected.length; i++) if (bytes[i] !== expected[i]) return { bytes, from: 1 };
    return { bytes, from: expected.length };
  };
}

const chunkBytes = 64 * 1024;
const brace = 0x7b;
const comma = 0x2c;
const tail = Buffer.from("]}");

function writeItem(out: Chunk, item: Uint8Array | Slice, first: boolean): void {
  if (!first) out.byte(comma);
  if (item instanceof Uint8Array) out.write(item);
  else {
    out.byte(brace);
    out.write(item.bytes, item.from);
  }
}

function writeItems(out: Chunk, head: Uint8Array, items: Stored[], from: number, to: number, bytesOf: (stored: Stored) => Uint8Array | Slice): void {
  if (from === 0) out.write(head);
  for (let i = from; i < to; i++) writeItem(out, bytesOf(items[i] as Stored), i === 0);
  if (to === items.length) out.write(tail);
}

async function* chunks(head: Uint8Array, items: Stored[], bytesOf: (stored: Stored) => Uint8Array | Slice, clock: Clock): AsyncGenerator<Uint8Array> {
  const slices = new Slices(clock);
  let from = 0;
  while (from < items.length) {
    const out = new Chunk(chunkBytes + 4096);
    let to = from;
    let size = 0;
    while (to < items.length && size < chunkBytes) size += (items[to++] as Stored).bytes.length;
    writeItems(out, head, items, from, to, bytesOf);
    from = to;
    yield out.take();
    if (slices.isOver) await slices.rest();
  }
}
