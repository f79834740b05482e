/** A pod takes overhead, node selector and tolerations of its runtime class (plugin/pkg/admission/runtimeclass, KEP-688). */
import { goQuote } from "../../api/go-quote.ts";
import { pathSegmentName } from "../../api/meta/names.ts";
import { parseQuantity } from "../../api/quantity.ts";
import { StatusError } from "../../api/status.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { RuntimeClass } from "../../api/types/node-v1.gen.ts";
import type { Reader } from "../../cache/cache.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { concerns, refuse } from "./refuse.ts";
import { mergeTolerations } from "./tolerations.ts";
import { own } from "../../base/table.ts";

export function runtimeClass({ reader }: { reader: Reader }): AdmissionPlugin {
  const find = (attributes: AdmissionAttributes): { pod: Pod; found?: RuntimeClass } | undefined => {
    if (!concerns(attributes, "pods")) return undefined;
    const pod = attributes.object as Pod;
    const name = pod.spec.runtimeClassName;
    if (name === undefined) return { pod };
    const found = reader.get<RuntimeClass>("runtimeclasses.node.k8s.io", "", name);
    if (name === "") throw new StatusError({ code: 500, message: "resource name may not be empty" });
    const [misfit] = found ? [] : pathSegmentName(name, false);
    if (misfit) throw new StatusError({ code: 500, message: `invalid resource name ${goQuote(name)}: [${misfit}]` });
    if (!found) throw refuse(attributes, `pod rejected: RuntimeClass ${goQuote(name)} not found`);
    return { pod, found };
  };
  return {
    name: "RuntimeClass",
    mutate(attributes) {
      const { pod, found } = find(attributes) ?? {};
      if (!pod || !found) return;
      if (found.overhead) {
        const fixed = found.overhead.podFixed;
        if (Object.keys(pod.spec.overhead ?? {}).length && !sameQuantities(fixed, pod.spec.overhead))
          throw refuse(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
        if (fixed) pod.spec.overhead = { ...fixed };
      }
      if (found.scheduling) schedule(attributes, pod, found.scheduling);
    },
    validate(attributes) {
      const { pod, found } = find(attributes) ?? {};
      if (!pod) return;
      if (found?.overhead) {
        if (!sameQuantities(found.overhead.podFixed, pod.spec.overhead))
          throw refuse(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
      } else if (pod.spec.overhead) throw refuse(attributes, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead");
    },
  };
}

function sameQuantities(a: Record<string, string> = {}, b: Record<string, string> = {}): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length && names.every((name) => b[name] !== undefined && parseQuantity(a[name] as string).equals(parseQuantity(b[name])))
  );
}

function schedule(attributes: AdmissionAttributes, { spec }: Pod, scheduling: NonNullable<RuntimeClass["scheduling"]>): void {
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    const mine = own(spec.nodeSelector, key);
    if (mine !== undefined && mine !== value)
      throw refuse(attributes, `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${mine}`);
    spec.nodeSelector = { ...spec.nodeSelector, [key]: value };
  }
  const merged = mergeTolerations(spec.tolerations ?? [], scheduling.tolerations ?? []);
  if (merged.length) spec.tolerations = merged;
}
