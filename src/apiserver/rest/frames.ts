/** Watch frames, made once per event and form for all watchers. Bounded: later events take the places of earlier ones. */
import type { WatchEventType } from "../../api/object.ts";

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
