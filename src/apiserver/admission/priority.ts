/** A pod's priority comes from its class (plugin/pkg/admission/priority, KEP-268). */
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { PriorityClass } from "../../api/types/scheduling-v1.gen.ts";
import type { Reader } from "../../cache/cache.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { concerns, refuse } from "./refuse.ts";

const classes = "priorityclasses.scheduling.k8s.io";

export function priority({ reader }: { reader: Reader }): AdmissionPlugin {
  /** Of several, the one with the least value. */
  const globalDefault = (): PriorityClass | undefined => {
    let least: PriorityClass | undefined;
    for (const one of reader.list<PriorityClass>(classes)) if (one.globalDefault && !(least && least.value <= one.value)) least = one;
    return least;
  };

  const create = (attributes: AdmissionAttributes, { spec }: Pod): void => {
    const name = spec.priorityClassName;
    const chosen = name ? reader.get<PriorityClass>(classes, "", name) : globalDefault();
    if (name && !chosen) throw refuse(attributes, `no PriorityClass with name ${name} was found`);
    const value = chosen?.value ?? 0;
    const policy = chosen ? chosen.preemptionPolicy : "PreemptLowerPriority";
    if (chosen) spec.priorityClassName = chosen.metadata.name;
    if (spec.priority !== undefined && spec.priority !== value)
      throw refuse(
        attributes,
        `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
      );
    spec.priority = value;
    if (policy === undefined) return;
    if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy)
      throw refuse(
        attributes,
        `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
      );
    spec.preemptionPolicy = policy;
  };

  return {
    name: "Priority",
    mutate(attributes) {
      if (!concerns(attributes, "pods")) return;
      const pod = attributes.object as Pod | undefined;
      if (attributes.operation === "CREATE" && pod) return create(attributes, pod);
      if (attributes.operation !== "UPDATE" || !pod) return;
      const old = attributes.old as Pod | undefined;
      if (old?.spec.priority !== undefined) pod.spec.priority ??= old.spec.priority;
      if (old?.spec.preemptionPolicy !== undefined) pod.spec.preemptionPolicy ??= old.spec.preemptionPolicy;
    },
    validate(attributes) {
      if (!concerns(attributes, classes) || (attributes.operation !== "CREATE" && attributes.operation !== "UPDATE")) return;
      const mine = attributes.object as PriorityClass;
      const other = mine.globalDefault ? globalDefault() : undefined;
      if (other && (attributes.operation === "CREATE" || other.metadata.name !== mine.metadata.name))
        throw refuse(attributes, `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`);
    },
  };
}
