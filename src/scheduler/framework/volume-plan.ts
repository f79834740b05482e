/** Which volumes a pod's claims will get when it goes to a node, and who carries that out. */
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../api/types/core-v1.gen.ts";

export interface VolumePlan {
  readonly node: string;
  readonly bindings: readonly { readonly volume: PersistentVolume; readonly claim: PersistentVolumeClaim }[];
  /** Claims for which a volume has to be made. */
  readonly provision: readonly PersistentVolumeClaim[];
}

export interface VolumeBinder {
  /** From now on the plan counts as carried out, for this scheduler alone; gives it as it will be written. */
  assume(plan: VolumePlan): VolumePlan;
  forget(assumed: VolumePlan): void;
  /** Writes it and waits until all is bound. Rejects after `timeout` milliseconds, or when it has become impossible. */
  bind(pod: Pod, assumed: VolumePlan, timeout: number, signal: AbortSignal): Promise<void>;
}
