/** Who of one plugin is to run again (k8s.io/apiserver/pkg/admission/plugin/webhook/mutating/reinvocationcontext.go, .../policy/mutating). */
import { semanticEqual } from "../../api/core/semantic.ts";
import type { KubeObject } from "../../api/object.ts";
import type { Reinvocation } from "./admission.ts";

export class ReinvocationState {
  /** The object as the plugin left it. */
  last: KubeObject | undefined;
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

  changedSince(object: KubeObject | undefined): boolean {
    return !semanticEqual(this.last, object);
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
