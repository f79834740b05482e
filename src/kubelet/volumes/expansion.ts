/**
 * Growing volumes on the node, after their driver's controller has grown them or where it need not (KEP-1790, upstream's
 * pkg/volume/util/operationexecutor/node_expander.go): the claim's status tells who has to act, and is told what came of it.
 */
import { parseQuantity } from "../../api/quantity.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../../api/types/core-v1.gen.ts";

type Claim = PersistentVolumeClaim;
type Condition = NonNullable<NonNullable<Claim["status"]>["conditions"]>[number];

/** What the plugin said: it is never to be tried again, not while the volume is used, or it is not the node's business. */
export class ExpansionError extends Error {
  override name = "ExpansionError";
  readonly kind: "infeasible" | "in use" | "unsupported" | "failed" | "unsure";
  constructor(message: string, kind: ExpansionError["kind"], cause: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

export interface Expansion {
  size: string;
  /** The claim says that it has that size already: another node has said so. */
  alreadyTold: boolean;
}

const notRequired = "volume.kubernetes.io/node-expansion-not-required";
const resizeConditions = ["Resizing", "FileSystemResizePending", "ControllerResizeError", "NodeResizeError"];
const less = (a: string | undefined, b: string | undefined): boolean => parseQuantity(a ?? "0").cmp(parseQuantity(b ?? "0")) < 0;

/** What this node has to do. Pure. `known`: the size with which it was mounted here, if it is. */
export function pendingExpansion(claim: Claim, volume: PersistentVolume, known?: string): Expansion | undefined {
  const status = claim.status ?? {};
  const has = status.capacity?.storage;
  const wanted = volume.spec.capacity?.storage;
  if (wanted === undefined || !less(known ?? has, wanted)) return undefined;
  const size = status.allocatedResources?.storage ?? wanted;
  const state = status.allocatedResourceStatuses?.storage;
  if (state === "NodeResizePending" || state === "NodeResizeInProgress") return { size, alreadyTold: false };
  if (state !== undefined) return undefined;
  if (!less(has, size)) {
    const everywhere = claim.spec.accessModes?.includes("ReadWriteMany") && claim.metadata.annotations?.[notRequired] === undefined;
    return everywhere ? { size, alreadyTold: true } : undefined;
  }
  // By a resizer, or a person, who knows nothing of recovery.
  return status.allocatedResources?.storage === undefined ? { size, alreadyTold: false } : undefined;
}

const others = (conditions: readonly Condition[] | undefined): Condition[] => (conditions ?? []).filter(({ type }) => !resizeConditions.includes(type));

/** Status of the claim, as a JSON merge patch, while the node works. */
export const inProgress = ({ metadata }: Claim): object => ({
  metadata: { resourceVersion: metadata.resourceVersion },
  status: { allocatedResourceStatuses: { storage: "NodeResizeInProgress" } },
});

export function finished({ metadata, status }: Claim, size: string): object {
  const conditions = others(status?.conditions);
  const { storage: _, ...rest } = status?.allocatedResourceStatuses ?? {};
  return {
    metadata: { resourceVersion: metadata.resourceVersion },
    status: {
      capacity: { storage: size },
      conditions: conditions.length ? conditions : null,
      allocatedResourceStatuses: Object.keys(rest).length ? { storage: null } : null,
    },
  };
}

/** `now` is RFC 3339. */
export function failed({ status }: Claim, why: string, infeasible: boolean, now: string): object {
  const error = { type: "NodeResizeError", status: "True", lastTransitionTime: now, message: `failed to expand pvc with ${why}` };
  return {
    status: {
      conditions: [...(status?.conditions ?? []).filter(({ type }) => type !== error.type), error],
      ...(infeasible ? { allocatedResourceStatuses: { storage: "NodeResizeInfeasible" } } : {}),
    },
  };
}
