/** Watch frames, made once per event and form for all watchers. Bounded: the oldest go first. */
import { PassingMap } from "../../base/passing-map.ts";

/** Runs of frames that are kept joined: one for each shape of watch that may be emptied in the same turn. */
const joinedRuns = 8;

export class FrameCache {
  readonly #frames = new PassingMap<number, Map<string, Uint8Array>>();
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
  /** `revision` is the event's; `form` names everything else that the frame depends on: event type, media, version, projection. */
  get(revision: number, form: string, make: () => Uint8Array): Uint8Array {
    let forms = this.#frames.get(revision);
    if (!forms) {
      if (this.#frames.size >= this.#max) this.#frames.delete(this.#frames.keys().next().value as number);
      forms = new Map();
      this.#frames.set(revision, forms);
    }
    let frame = forms.get(form);
    if (frame) return frame;
    frame = make();
    forms.set(form, frame);
    return frame;
  }
}
