/**
 * Asks everybody who gives away what lies on NUMA nodes, chooses a place for each container (or for the pod as a whole) and
 * has it set aside there (pkg/kubelet/cm/topologymanager). Without a policy what containers ask for is set aside anywhere.
 */
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { Refusal } from "../lifecycle.ts";
import { AdmissionError, type HintProvider, refusalOf, type TopologyHint } from "./hints.ts";
import { mergeHints, type TopologyPolicy } from "./merge.ts";

export type TopologyScope = "container" | "pod";

const nowhere = (): AdmissionError => new AdmissionError("TopologyAffinityError", "Resources cannot be allocated with Topology locality");

export class TopologyManager {
  readonly #policy: TopologyPolicy | undefined;
  readonly #scope: TopologyScope;
  /** In the order in which they set aside. */
  readonly #providers: HintProvider[] = [];
  readonly #chosen = new Map<string, Map<string, TopologyHint>>();

  /** Without `policy`: none. */
  constructor(policy: TopologyPolicy | undefined, scope: TopologyScope) {
    this.#policy = policy;
    this.#scope = scope;
  }
  add(provider: HintProvider): void {
    this.#providers.push(provider);
  }
  affinity(podUid: string, container: string): TopologyHint {
    return this.#chosen.get(podUid)?.get(container) ?? { preferred: false };
  }
  /** What was set aside before a refusal is freed by `release` of who set it aside. */
  async admit(pod: Pod): Promise<Refusal | undefined> {
    const { uid } = pod.metadata;
    const chosen = new Map<string, TopologyHint>();
    this.#chosen.set(uid, chosen);
    try {
      const whole = this.#policy && this.#scope === "pod" ? this.#place(this.#policy, (p) => p.podHints(pod)) : undefined;
      for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
        if (this.#policy) chosen.set(container.name, whole ?? this.#place(this.#policy, (p) => p.hints(pod, container)));
        for (const provider of this.#providers) await provider.allocate(pod, container);
      }
      return undefined;
    } catch (error) {
      return refusalOf(error);
    }
  }
  release(podUid: string): void {
    this.#chosen.delete(podUid);
  }
  #place(policy: TopologyPolicy, ask: (provider: HintProvider) => ReturnType<HintProvider["podHints"]>): TopologyHint {
    const { hint, admit } = mergeHints(policy, this.#providers.map(ask));
    if (!admit) throw nowhere();
    return hint;
  }
}
