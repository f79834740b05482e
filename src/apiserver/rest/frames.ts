/** Watch frames, made once per event and form for all watchers. Bounded: later events take the places of earlier ones. */
import type { WatchEventType } from "../../api/object.ts";
import type { EventBatch } from "../../cache/cache.ts";

interface Made {
  type: WatchEventType;
  form: string;
  frame: Uint8Array;
}

/** An event in the forms that watchers have asked for. */
interface Place {
  revision: number;
  made: Made[];
}

export class FrameCache {
  readonly #places: Place[];

  /** Watchers take an event within the turn; who comes later makes the frame again. */
  constructor(max = 128) {
    this.#places = Array.from({ length: max }, () => ({ revision: 0, made: [] }));
  }
  /** `revision` is the event's; `form` names everything else that the frame depends on: media, version, projection. */
  get(revision: number, type: WatchEventType, form: string): Uint8Array | undefined {
    const place = this.#at(revision);
    if (place.revision !== revision) return undefined;
    for (const one of place.made) if (one.type === type && one.form === form) return one.frame;
    return undefined;
  }
  keep(revision: number, type: WatchEventType, form: string, frame: Uint8Array): void {
    const place = this.#at(revision);
    // Who watches from long ago must not take the places of what all others are sent.
    if (place.revision > revision) return;
    if (place.revision < revision) {
      place.revision = revision;
      place.made = [];
    }
    place.made.push({ type, form, frame });
  }
  #at(revision: number): Place {
    return this.#places[revision % this.#places.length] as Place;
  }
}

/** Frames of some events of a batch, one after the other. */
export interface Chunk {
  batch: EventBatch;
  from: number;
  to: number;
  form: string;
  bytes: Uint8Array;
  /** Of each frame. */
  sizes: readonly number[];
}

/** As many as there are forms and selections whose watchers may be told in the same turn. */
const kept = 4;
/** Chunks beyond so many bytes are not kept. */
const largest = 512 * 1024;

/** What is sent to all who are given the same batch in the same form. Of frames that stay apart a TLS socket makes a copy of its own, each time. */
export class RecentChunks {
  readonly #chunks: Chunk[] = [];
  #next = 0;

  get(batch: EventBatch, from: number, form: string): Chunk | undefined {
    for (const chunk of this.#chunks) if (chunk.batch === batch && chunk.from === from && chunk.form === form) return chunk;
    return undefined;
  }
  keep(chunk: Chunk): void {
    if (chunk.bytes.length > largest) return;
    this.#chunks[this.#next] = chunk;
    this.#next = (this.#next + 1) % kept;
  }
}
