/**
 * Pods of one template are judged once. What validation and warnings say of a specification alone is remembered by its text for
 * those that are valid and give nothing to warn of, which is nearly all; every other pod is judged in full, each time.
 *
 * Two texts count as one where they differ in nothing but the random name of the token's volume, which admission gives to each
 * pod. The name stands there as a whole value of `name` and nowhere else; names of volumes, mounts, containers and the like are
 * looked at for their characters, all of which such names have in common, and for being the same as others.
 */
import type { FieldError } from "../field.ts";
import { RecentMap } from "../../base/recent-map.ts";
import type { Pod, PodSpec } from "../types/core-v1.gen.ts";
import { validatePodCreate } from "./pod-validation.ts";
import { podWarnings } from "./pod-warnings.ts";

/** Of texts that are remembered, and how many of them: half a megabyte at most. */
const longest = 8192;
const good = new RecentMap<true>(32);

const tokenVolume = /^kube-api-access-[a-z0-9]{5}$/;
/** Not a name. */
const placeholder = '"name":"*"';

/** By what the specification is known; undefined where the verdict may depend on more than that. */
export function textOfSpec(spec: PodSpec): string | undefined {
  const { volumes } = spec;
  let random: string | undefined;
  // Claims are looked at with the pod's annotations, ephemeral volumes with its name.
  if (spec.resourceClaims) return undefined;
  for (let i = 0; volumes && i < volumes.length; i++) {
    const { name, ephemeral } = volumes[i] as (typeof volumes)[number];
    if (ephemeral) return undefined;
    if (tokenVolume.test(name)) random = name;
  }
  let text: string;
  try {
    text = JSON.stringify(spec);
  } catch {
    // Integers beyond 2^53.
    return undefined;
  }
  if (text.length > longest) return undefined;
  if (random === undefined) return text;
  if (text.includes(placeholder)) return undefined;
  const common = text.replaceAll(`"name":"${random}"`, placeholder);
  return common.includes(random) ? undefined : common;
}

export interface Verdict {
  errors: FieldError[];
  /** None where there are errors. */
  warnings: string[];
}

/** What validatePodCreate and podWarnings say. */
export function judgePod(pod: Pod): Verdict {
  const text = textOfSpec(pod.spec);
  const known = text !== undefined && good.get(text) === true;
  const errors = validatePodCreate(pod, known);
  if (errors.length) return { errors, warnings: [] };
  const warnings = podWarnings(pod, known);
  if (!known && text !== undefined && warnings.length === 0) good.set(text, true);
  return { errors, warnings };
}
