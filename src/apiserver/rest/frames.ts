/** Watch frames, made once per event and form for all watchers. Bounded: the oldest go first. */
import type { Stored } from "../../cache/cache.ts";

/** Runs of frames that are kept joined: one for each shape of watch that may be emptied in the same turn. */
const joinedRuns = 8;

export class FrameCache {
  readonly #frames = new Map<Stored, Map<string, Uint8Array>>();
  readonly #max: number;
  #joined: { run: readonly Uint8Array[]; bytes: Uint8Array }[] = [];
  /** Watchers take an event within the turn; who comes later makes the frame again. */
  constructor(max = 128) {
    this.#max = max;
  }
  /** The frames one after the other. Watchers of the same objects, released together, share one copy. */
  join(run: readonly Uint8Array[], length: number): Uint8Array {
    const known = this.#joined.find((one) => one.run.length === run.length && one.run.every((frame, i) => frame === run[i]));
    if (known) return known.bytes;
    const bytes = Buffer.concat(run, length);
    if (this.#joined.length >= joinedRuns) this.#joined.shift();
    this.#joined.push({ run, bytes });
    return bytes;
  }
  /** `form` names everything that the frame depends on besides the object: event type, media, version, projection. */
  get(stored: Stored, form: string, make: () => Uint8Array): Uint8Array {
    let forms = this.#frames.get(stored);
    if (!forms) {
      if (this.#frames.size >= this.#max) this.#frames.delete(this.#frames.keys().next().value as Stored);
      forms = new Map();
      this.#frames.set(stored, forms);
    }
    let frame = forms.get(form);
    if (frame) return frame;
    frame = make();
    forms.set(form, frame);
    return frame;
  }
}
