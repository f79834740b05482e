/** Who of one plugin is to run again (k8s.io/apiserver/pkg/admission/plugin/webhook/mutating/reinvocationcontext.go, .../policy/mutating). */
import { deepCopy } from "../../api/copy.ts";
import { semanticEqual } from "../../api/core/semantic.ts";
import type { KubeObject } from "../../api/object.ts";
import type { Reinvocation } from "./admission.ts";

export class ReinvocationState {
  #last: KubeObject | undefined;
  #ran = new Set<string>();
  readonly #again = new Set<string>();

  static of(reinvocation: Reinvocation, plugin: string): ReinvocationState {
    let state = reinvocation.states.get(plugin);
    if (!(state instanceof ReinvocationState)) {
      state = new ReinvocationState();
      reinvocation.states.set(plugin, state);
    }
    return state as ReinvocationState;
  }

  /** The object as the plugin leaves it. Where nobody ran nobody is to run again, whatever becomes of it. */
  left(object: KubeObject | undefined): void {
    if (this.#ran.size > 0) this.#last = deepCopy(object);
  }
  changedSince(object: KubeObject | undefined): boolean {
    return this.#ran.size > 0 && !semanticEqual(this.#last, object);
  }
  /** All that ran before and wish it run again. */
  requireReinvocation(): void {
    for (const key of this.#ran) this.#again.add(key);
    this.#ran = new Set();
  }
  mayRunAgain(key: string): boolean {
    return this.#again.has(key);
  }
  ran(key: string): void {
    this.#ran.add(key);
  }
}
