/**
 * Lists in forms that are not their stored bytes: Tables, metadata, protobuf, YAML, CBOR, indented JSON. They are made in
 * slices, so that others have their turn in between however long the list is, and as far as can be only when they are taken.
 */
import { cborListEncoder } from "../../api/codec/cbor-write.ts";
import { encodeJSONString } from "../../api/codec/json.ts";
import { listEncoder } from "../../api/codec/protobuf-list.ts";
import { encodeYAMLString } from "../../api/codec/yaml-write.ts";
import type { JSONObject } from "../../api/json.ts";
import { typeOfKind } from "../../api/schema/schema.ts";
import type { Clock } from "../../base/clock.ts";
import { Slices } from "../../base/slices.ts";
import { Chunk } from "./chunk.ts";
import type { Form } from "./negotiate.ts";
import { encodeAs } from "./respond.ts";

/** So many objects at most are made without a look at the clock before or behind them. */
export const wholeAtMost = 50;
/** Objects between two looks at the clock. */
const batchSize = 10;
/** Bytes that are handed on at once, where they are made in one slice: each piece costs its way through the connection. */
const chunkBytes = 64 * 1024;
/** Of an item that is small. */
const fewBytes = 512;
/** Bytes that are looked at before the answer begins: enough to tell whether it is worth to be compressed. */
export const madeAhead = 160 * 1024;

/** What `write` writes for all batches, in chunks. */
async function* chunksOf<T>(items: readonly T[], clock: Clock, write: (out: Chunk, batch: readonly T[], at: number) => void): AsyncGenerator<Uint8Array, void> {
  const slices = new Slices(clock);
  const room = Math.min(chunkBytes + 4096, items.length * fewBytes);
  let out = new Chunk(room);
  for (let at = 0; at < items.length; at += batchSize) {
    write(out, items.slice(at, at + batchSize), at);
    if (out.length >= chunkBytes && at + batchSize < items.length) {
      yield out.take();
      out = new Chunk(room);
    }
    if (slices.isOver) await slices.rest();
  }
  yield out.take();
}

/** What `make` gives for each batch of the items, in order. */
async function* batches<T, R>(items: readonly T[], clock: Clock, make: (batch: readonly T[], at: number) => R): AsyncGenerator<R, void> {
  const slices = new Slices(clock);
  for (let at = 0; at < items.length; at += batchSize) {
    yield make(items.slice(at, at + batchSize), at);
    if (slices.isOver) await slices.rest();
  }
}

/** The same at once. */
export async function inSlices<T, R>(items: readonly T[], clock: Clock, make: (batch: readonly T[], at: number) => R): Promise<R[]> {
  const made: R[] = [];
  for await (const one of batches(items, clock, make)) made.push(one);
  return made;
}

/** How items are written of which no objects need be made. */
export interface Direct<T> {
  /** JSON of the item with at least the fields that it has: of this protobuf is made. */
  textOf?(item: T): Uint8Array;
  /** What encodeJSON gives for it. */
  write?(out: Chunk, item: T): void;
}

interface Parts {
  /** `first`: nothing stands before them. */
  of(objects: readonly object[], first: boolean): Uint8Array;
  /** The same of objects of which there are these texts; undefined where the objects have to be made. */
  ofTexts?(texts: readonly Uint8Array[]): Uint8Array | undefined;
  /** `size`: bytes of all parts, where those before them say so. */
  around(size: number): [before: Uint8Array, behind: Uint8Array];
}

/** `shell` is the list without its items, which stand under `key` and are so many. */
function partsOf(form: Form, shell: ListShell, key: "items" | "rows", count: number): Parts {
  if (form.media === "protobuf") return protobufParts(shell);
  if (form.media === "yaml") return yamlParts(shell, key);
  if (form.media === "cbor") {
    const encoder = cborListEncoder({ ...shell } as unknown as JSONObject, key, count, typeOfKind(shell.apiVersion, shell.kind));
    return { of: (objects) => encoder.items(objects as readonly JSONObject[]), around: () => encoder.around };
  }
  const text = Buffer.from(encodeAs(form, { ...shell, [key]: [] })).toString();
  const end = form.pretty ? "]\n}" : "]}";
  const around: Parts["around"] = () => [Buffer.from(text.slice(0, -end.length)), Buffer.from(form.pretty ? `\n  ${end}` : end)];
  if (!form.pretty) return { of: (objects, first) => Buffer.from((first ? "" : ",") + objects.map(encodeJSONString).join(",")), around };
  const indented = (object: object): string => `\n${Buffer.from(encodeAs(form, object)).toString().replace(/^/gm, "    ")}`;
  return { of: (objects, first) => Buffer.from((first ? "" : ",") + objects.map(indented).join(",")), around };
}

const comma = 0x2c;
const mark = "ITEMS";

/** Items stand as far left as the list's own keys. */
function yamlParts(shell: ListShell, key: string): Parts {
  const text = encodeYAMLString({ ...shell, [key]: [mark] });
  const line = `\n- ${mark}\n`;
  const at = text.indexOf(`\n${key}:${line}`) + key.length + 2;
  return {
    of: (objects) => Buffer.from(objects.map((object) => encodeYAMLString([object])).join("")),
    around: () => [Buffer.from(text.slice(0, at + 1)), Buffer.from(text.slice(at + line.length))],
  };
}

function protobufParts(shell: ListShell): Parts {
  const { apiVersion, kind, metadata } = shell;
  const type = typeOfKind(apiVersion, kind);
  if (!type) throw new Error(`no type for ${apiVersion} ${kind}`);
  const encoder = listEncoder(type, apiVersion, kind);
  return {
    of: (objects) => encoder.items(objects as readonly JSONObject[]),
    ofTexts: (texts) => encoder.itemsFromJSON(texts),
    around: (size) => encoder.around(metadata as JSONObject, size),
  };
}

export interface ListShell {
  kind: string;
  apiVersion: string;
  metadata: object;
}

export interface ListBody {
  body: AsyncIterable<Uint8Array>;
  /** Bytes of the body; of a long one there are at least so many. */
  size: number;
}

/**
 * The bytes that encodeAs would give for the shell with what `make` gives for each item under `key`. `items` must not be empty;
 * lists of built-in kinds have protobuf. What `make` throws after some of the answer was taken breaks it off.
 */
export async function listBody<T>(
  form: Form,
  shell: ListShell,
  key: "items" | "rows",
  items: readonly T[],
  make: (item: T) => object,
  clock: Clock,
  { textOf, write }: Direct<T> = {},
): Promise<ListBody> {
  const parts = partsOf(form, shell, key, items.length);
  const all =
    write && form.media === "json" && !form.pretty
      ? chunksOf(items, clock, (out, batch, at) => {
          for (let i = 0; i < batch.length; i++) {
            if (at + i > 0) out.byte(comma);
            write(out, batch[i] as T);
          }
        })
      : batches(items, clock, (batch, at) => (textOf && parts.ofTexts?.(batch.map(textOf))) ?? parts.of(batch.map(make), at === 0));
  // Protobuf says before the items how long they are.
  const ahead = form.media === "protobuf" ? Number.POSITIVE_INFINITY : madeAhead;
  const made: (Uint8Array | undefined)[] = [];
  let size = 0;
  while (size < ahead) {
    const { value } = await all.next();
    if (!value) break;
    made.push(value);
    size += value.length;
  }
  const [before, behind] = parts.around(size);
  return { body: handedOn([before, ...made], all, behind), size: before.length + size + behind.length };
}

/** What was taken is let go. */
async function* handedOn(made: (Uint8Array | undefined)[], more: AsyncIterable<Uint8Array>, behind: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < made.length; i++) {
    const part = made[i] as Uint8Array;
    made[i] = undefined;
    yield part;
  }
  yield* more;
  yield behind;
}
