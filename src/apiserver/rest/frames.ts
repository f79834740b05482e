/** Watch frames, made once per event and form for all watchers. Bounded: the oldest go first. */
import type { Stored } from "../../cache/cache.ts";

export class FrameCache {
  readonly #frames = new Map<Stored, Map<string, Uint8Array>>();
  readonly #max: number;
  constructor(max = 1024) {
    this.#max = max;
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
