/**
 * Lists in forms that are not their stored bytes: Tables, metadata, protobuf, YAML, indented JSON. They are made in slices, so
 * that others have their turn in between however long the list is, and handed on in chunks.
 */
import { encodeJSONString } from "../../api/codec/json.ts";
import { listEncoder } from "../../api/codec/protobuf-list.ts";
import { encodeYAMLString } from "../../api/codec/yaml-write.ts";
import type { JSONObject } from "../../api/json.ts";
import { typeOfKind } from "../../api/schema/schema.ts";
import type { Clock } from "../../base/clock.ts";
import type { Form } from "./negotiate.ts";
import { encodeAs } from "./respond.ts";

/** Milliseconds of work after which others have their turn: a write takes half a dozen turns until it is answered. */
const sliceMs = 4;
/** Objects between two looks at the clock; so many at most are made without any. */
export const batchSize = 50;

/** What `make` gives for each batch of the items, in order. */
export async function inSlices<T, R>(items: readonly T[], clock: Clock, make: (batch: readonly T[], at: number) => R): Promise<R[]> {
  const made: R[] = [];
  let began = clock.monotonic();
  for (let at = 0; at < items.length; at += batchSize) {
    made.push(make(items.slice(at, at + batchSize), at));
    if (clock.monotonic() - began < sliceMs) continue;
    await new Promise((resolve) => setImmediate(resolve));
    began = clock.monotonic();
  }
  return made;
}

interface Parts {
  /** `first`: nothing stands before them. */
  of(objects: readonly object[], first: boolean): Uint8Array;
  /** `size`: bytes of all parts. */
  around(size: number): [before: Uint8Array, behind: Uint8Array];
}

/** `shell` is the list without its items, which stand under `key`. */
function partsOf(form: Form, shell: ListShell, key: "items" | "rows"): Parts {
  if (form.media === "protobuf") return protobufParts(shell);
  if (form.media === "yaml") return yamlParts(shell, key);
  const text = Buffer.from(encodeAs(form, { ...shell, [key]: [] })).toString();
  const end = form.pretty ? "]\n}" : "]}";
  const around: Parts["around"] = () => [Buffer.from(text.slice(0, -end.length)), Buffer.from(form.pretty ? `\n  ${end}` : end)];
  if (!form.pretty) return { of: (objects, first) => Buffer.from((first ? "" : ",") + objects.map(encodeJSONString).join(",")), around };
  const indented = (object: object): string => `\n${Buffer.from(encodeAs(form, object)).toString().replace(/^/gm, "    ")}`;
  return { of: (objects, first) => Buffer.from((first ? "" : ",") + objects.map(indented).join(",")), around };
}

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
  size: number;
}

/**
 * The bytes that encodeAs would give for the shell with what `make` gives for each item under `key`. `items` must not be empty;
 * lists of built-in kinds have protobuf.
 */
export async function listBody<T>(
  form: Form,
  shell: ListShell,
  key: "items" | "rows",
  items: readonly T[],
  make: (item: T) => object,
  clock: Clock,
): Promise<ListBody> {
  const parts = partsOf(form, shell, key);
  const made = await inSlices(items, clock, (batch, at) => parts.of(batch.map(make), at === 0));
  const size = made.reduce((sum, part) => sum + part.length, 0);
  const [before, behind] = parts.around(size);
  return { body: handedOn([before, ...made, behind]), size: before.length + size + behind.length };
}

/** What was taken is let go. */
async function* handedOn(parts: (Uint8Array | undefined)[]): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as Uint8Array;
    parts[i] = undefined;
    yield part;
  }
}
