/** What the parts of a node say about where a container may be placed (pkg/kubelet/cm/topologymanager). */
import type { Container, Pod } from "../../api/types/core-v1.gen.ts";
import type { Refusal } from "../lifecycle.ts";
import type { Mask } from "./mask.ts";

export interface TopologyHint {
  /** Undefined: any. */
  affinity?: Mask;
  preferred: boolean;
}

/** By resource; undefined: the resource does not care; an empty list: nowhere. */
export type Hints = ReadonlyMap<string, readonly TopologyHint[] | undefined>;

/** Gives away something that lies on NUMA nodes. */
export interface HintProvider {
  hints(pod: Pod, container: Container): Hints;
  podHints(pod: Pod): Hints;
  /** Sets aside what the container asks for, on the nodes chosen for it. Throws AdmissionError to name the reason; other errors are unexpected. */
  allocate(pod: Pod, container: Container): Promise<void>;
}

/** Where a container was placed. */
export type AffinityOf = (podUid: string, container: string) => TopologyHint;

/** An error that says under which reason the pod is refused. */
export class AdmissionError extends Error {
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

export function refusalOf(error: unknown): Refusal {
  if (error instanceof AdmissionError) return { reason: error.reason, message: error.message };
  return { reason: "UnexpectedAdmissionError", message: `Allocate failed due to ${(error as Error).message}, which is unexpected` };
}
