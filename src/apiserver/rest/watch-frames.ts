/** The events of a watch as frames, in chunks, each made once for all who watch the same in the same form. */
import { encodeCBORFrame } from "../../api/codec/cbor-write.ts";
import { encodeJSON } from "../../api/codec/json.ts";
import { encodeWatchFrame } from "../../api/codec/protobuf-envelope.ts";
import type { WatchEventType } from "../../api/object.ts";
import { Slices } from "../../base/slices.ts";
import type { CacheEvent, EventBatch } from "../../cache/cache.ts";
import type { WatchSeries } from "../metrics/watches.ts";
import type { Call } from "./call.ts";
import { type Chunk, RecentChunks } from "./frames.ts";
import { storedAs } from "./respond.ts";
import { projected, shown, statusOf } from "./watch-event.ts";
import { encodeCBOR, encodeProtobufFrame } from "./wire.ts";

type Step = IteratorResult<Uint8Array, undefined>;

const newline = Buffer.from("}\n");
const heads = new Map<WatchEventType, Buffer>(
  (["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"] as const).map((type) => [type, Buffer.from(`{"type":"${type}","object":`)]),
);

function jsonFrame(type: WatchEventType, object: Uint8Array): Uint8Array {
  return Buffer.concat([heads.get(type) as Buffer, object, newline]);
}

const recent = new RecentChunks();
/** So many events take no slice of time. */
const few = 32;
/** Bytes with which a chunk is full. */
const full = 128 * 1024;

export class WatchFrames implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #call: Call;
  readonly #source: AsyncIterator<EventBatch>;
  readonly #marked: boolean;
  readonly #end: () => void;
  readonly #plain: Call["form"];
  /** All that a frame depends on besides its event. */
  readonly #shape: string;
  readonly #series: WatchSeries | undefined;
  readonly #began: number;
  #batch: EventBatch = [];
  /** What of the batch has not been taken. */
  #at = 0;
  #slices?: Slices;
  #first = true;
  #isOver = false;

  /** `source` ends when `end` is called; `marked`: the end of the initial state is told. */
  constructor(call: Call, source: AsyncIterable<EventBatch>, marked: boolean, end: () => void) {
    const { form, endpoint, request, rest } = call;
    this.#call = call;
    this.#source = source[Symbol.asyncIterator]();
    this.#marked = marked;
    this.#end = end;
    this.#plain = { ...form, pretty: false };
    this.#shape = `${form.media} ${form.as ?? ""} ${form.asVersion ?? ""} ${endpoint.apiVersion}`;
    // Upstream counts only what goes out over HTTP.
    this.#series = request.messages ? undefined : rest.watched(endpoint.def);
    this.#began = rest.clock.monotonic();
  }
  [Symbol.asyncIterator](): this {
    return this;
  }
  next(): Promise<Step> {
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined });
    if (this.#at === this.#batch.length) return this.#source.next().then(this.#taken, this.#broke);
    return this.#slices?.isOver ? this.#slices.rest().then(this.#more) : Promise.resolve(this.#more());
  }
  async return(): Promise<Step> {
    return this.#over();
  }

  readonly #taken = (step: IteratorResult<EventBatch>): Step | Promise<Step> => {
    if (step.done) return this.#over();
    this.#batch = shown(this.#call, step.value, this.#marked);
    this.#at = 0;
    this.#slices = this.#batch.length > few ? new Slices(this.#call.rest.clock) : undefined;
    return this.#batch.length ? this.#more() : this.next();
  };
  readonly #broke = (error: unknown): Step => {
    this.#over();
    return { done: false, value: this.#alone(this.#encode("ERROR", statusOf(this.#call, error).status)) };
  };
  #over(): Step {
    this.#isOver = true;
    this.#end();
    return { done: true, value: undefined };
  }

  readonly #more = (): Step => {
    try {
      const { bytes, sizes, to } = this.#chunk();
      this.#at = to;
      if (this.#series) sizes.forEach(this.#series.sent);
      return { done: false, value: bytes };
    } catch (error) {
      return this.#broke(error);
    }
  };
  #chunk(): Chunk {
    const { form, request } = this.#call;
    // Ages in a Table change from second to second, and its first row has the columns.
    if (request.messages || form.as === "Table") return this.#made();
    const known = recent.get(this.#batch, this.#at, this.#shape);
    if (known) return known;
    const made = this.#made();
    recent.keep(made);
    return made;
  }
  #made(): Chunk {
    const batch = this.#batch;
    const from = this.#at;
    const frames: Uint8Array[] = [];
    let bytes = 0;
    let to = from;
    do {
      const frame = this.#frame(batch[to++] as CacheEvent);
      this.#first = false;
      frames.push(frame);
      bytes += frame.length;
    } while (to < batch.length && bytes < full && !this.#call.request.messages && !this.#slices?.isOver);
    const sizes = frames.map(({ length }) => length);
    const whole = frames.length === 1 ? this.#alone(frames[0] as Uint8Array) : Buffer.concat(frames, bytes);
    return { batch, from, to, form: this.#shape, bytes: whole, sizes };
  }
  #frame(event: CacheEvent): Uint8Array {
    const { form, endpoint, info, rest } = this.#call;
    const { stored, type, revision } = event;
    if (event.initial) this.#series?.listed(info.name ? "resource" : info.namespace ? "namespace" : "cluster", (rest.clock.monotonic() - this.#began) / 1000);
    if (!stored || form.as === "Table") return this.#encode(type, projected(this.#call, event, this.#first));
    const known = rest.frames.get(revision, type, this.#shape);
    if (known) return known;
    const direct = storedAs(this.#plain, endpoint, stored);
    const framed = form.media === "json" ? jsonFrame : encodeWatchFrame;
    const frame = direct ? framed(type, direct) : this.#encode(type, projected(this.#call, event, this.#first));
    rest.frames.keep(revision, type, this.#shape, frame);
    return frame;
  }
  #encode(type: WatchEventType, object: object): Uint8Array {
    const { media } = this.#call.form;
    if (media === "protobuf") return encodeProtobufFrame(type, object);
    return media === "cbor" ? encodeCBORFrame(type, encodeCBOR(object)) : jsonFrame(type, encodeJSON(object));
  }
  /** A message needs nobody to say how long it is. */
  #alone(frame: Uint8Array): Uint8Array {
    const { request, form } = this.#call;
    return request.messages && form.media === "protobuf" ? frame.subarray(4) : frame;
  }
}
