/** What upstream writes of an object that it has only made room for: the fields that its internal types have by value. */
import type { Endpoint } from "./call.ts";
import { templateGeneration } from "./table.ts";

/** Their replicas are a number in what upstream stores, and none is none. */
const counting = new Set(["deployments.apps", "replicasets.apps", "statefulsets.apps"]);

export interface Nothing {
  metadata: { annotations?: Record<string, string> };
  spec?: { replicas: number };
}

/** `whole`: not only its metadata is shown. A field of what upstream stores is an annotation of what it gives out. */
export function nothingOf({ def, groupResource }: Endpoint, whole = true): Nothing {
  return {
    metadata: def.kind === "DaemonSet" && whole ? { annotations: { [templateGeneration]: "0" } } : {},
    ...(counting.has(groupResource) ? { spec: { replicas: 0 } } : {}),
  };
}
