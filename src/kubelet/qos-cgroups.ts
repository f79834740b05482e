/**
 * The groups between the node's and the pods' own (upstream's pkg/kubelet/cm node_container_manager_linux.go and
 * qos_container_manager_linux.go): all pods together have what is not reserved, burstable ones weigh what they ask for
 * together, and those that ask for nothing weigh next to nothing.
 */
import { podRequests } from "../api/core/pod-resources.ts";
import { quantityToMilli } from "../api/quantity.ts";
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { Cgroups, CgroupValues } from "../linux/cgroups.ts";
import { qosClass } from "./pod.ts";
import { milliToShares, podsCgroupPath } from "./resources.ts";

export interface QosCgroupsOptions {
  cgroups: Cgroups;
  /** The node's own group. */
  root: string;
  /** What pods may have together. */
  forPods: Required<Pick<CgroupValues, "cpuShares" | "memory">> & Pick<CgroupValues, "pids">;
  /** Those that are not over. */
  pods(): Iterable<Pod>;
}

const leastShares = 2;

export class QosCgroups {
  readonly #options: QosCgroupsOptions;
  #burstable: number | undefined;
  constructor(options: QosCgroupsOptions) {
    this.#options = options;
  }
  /** Makes the groups, or sets what those of an earlier kubelet have. Throws what the kernel says. */
  start(): void {
    const { cgroups, root, forPods } = this.#options;
    const path = podsCgroupPath(root);
    cgroups.create(`${path}/besteffort`, { cpuShares: leastShares });
    cgroups.create(`${path}/burstable`, { cpuShares: this.#shares() });
    this.#burstable = this.#shares();
    cgroups.update(path, forPods);
  }
  /** To be called when pods, or what they ask for, are others than before. Throws what the kernel says. */
  update(): void {
    const shares = this.#shares();
    if (shares === this.#burstable) return;
    this.#options.cgroups.update(`${podsCgroupPath(this.#options.root)}/burstable`, { cpuShares: shares });
    this.#burstable = shares;
  }
  #shares(): number {
    let milli = 0;
    for (const pod of this.#options.pods()) if (qosClass(pod) === "Burstable") milli += quantityToMilli(String(podRequests(pod.spec).cpu ?? 0));
    return milliToShares(milli);
  }
}
