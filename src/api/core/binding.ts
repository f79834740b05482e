/** Bindings: the decision on which node a pod runs, as the scheduler posts it. */
import { type FieldError, notSupportedText, path, required } from "../field.ts";
import type { Binding } from "../types/core-v1.gen.ts";

export function validateBinding(binding: Binding): FieldError[] {
  const { kind = "", name = "" } = binding.target ?? {};
  const errors: FieldError[] = kind && kind !== "Node" ? [notSupportedText(path("target", "kind"), kind, ["Node", "<empty>"])] : [];
  return name ? errors : [...errors, required(path("target", "name"))];
}
