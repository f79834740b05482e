/** A stage: which objects it is for, when, and what it does to them (kwok.x-k8s.io/v1alpha1 Stage), compiled. */
import type { KubeObject } from "../api/object.ts";
import type { Random } from "../base/random.ts";
import type { Template } from "./template/template.ts";

/** A kind as objects name it. */
export interface KindReference {
  apiVersion: string;
  kind: string;
}
/** A kind that a file names, and where: `FILE:LINE: FIELD`. */
export interface PlacedKind extends KindReference {
  place: string;
}
export const kindKey = ({ apiVersion, kind }: KindReference): string => `${apiVersion} ${kind}`;
export const podKind = "v1 Pod";
export const nodeKind = "v1 Node";

/** A template with its place in a file. */
export interface Rendered {
  template: Template;
  where: string;
  line: number;
}
interface Writing extends Rendered {
  subresource: string;
  /** User to impersonate. */
  as: string | undefined;
}

export type PatchStep = Writing & { kind: "patch"; type: "json" | "merge" | "strategic"; root: string };
/** Creates the object that the template gives, or patches it where it exists. */
export type ApplyStep = Writing & { kind: "apply"; type: "apply" | "merge" | "strategic"; target: PlacedKind };
export type FinalizersStep = { kind: "finalizers"; add: string[]; remove: string[]; empty: boolean };
export type Step = { kind: "event"; type: "Normal" | "Warning"; reason: string; message: string } | FinalizersStep | PatchStep | ApplyStep | { kind: "delete" };

export interface Stage {
  name: string;
  /** `FILE:LINE` of its beginning. */
  where: string;
  of: PlacedKind;
  matches(object: KubeObject): boolean;
  /** Undefined where weightFrom found something that is no number. */
  weight(object: KubeObject): number | undefined;
  /** Milliseconds from `now` (since the epoch). */
  delay(object: KubeObject, now: number, random: Random): number;
  steps: Step[];
}

/**
 * The stage that comes next for an object: the only one that matches, or one of several at random, as likely as its weight
 * says. `current`, when it still matches, stays: a change that is of no concern does not start a delay anew.
 */
export function nextStage(stages: readonly Stage[], object: KubeObject, current: Stage | undefined, random: Random): Stage | undefined {
  const matching = stages.filter((stage) => stage.matches(object));
  if (current && matching.includes(current)) return current;
  if (matching.length <= 1) return matching[0];
  const weights = matching.map((stage) => stage.weight(object));
  const total = weights.reduce<number>((sum, weight) => sum + Math.max(0, weight ?? 0), 0);
  if (total > 0) {
    let at = random.next() * total;
    for (const [i, stage] of matching.entries()) {
      at -= Math.max(0, weights[i] ?? 0);
      if (at < 0) return stage;
    }
  }
  const known = matching.filter((_, i) => weights[i] !== undefined);
  const candidates = known.length ? known : matching;
  return candidates[random.int(candidates.length)];
}
