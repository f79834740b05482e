/** Pods (pkg/registry/core/pod). */
import type { Kind } from "../kind.ts";
import type { Pod } from "../types/core-v1.gen.ts";
import { podCells } from "./pod-cells.ts";
import { prepareForCreate } from "./pod-create.ts";
import { setPodDefaults } from "./pod-defaults.ts";
import { validatePodCreate } from "./pod-validation.ts";

export const podKind: Kind<Pod> = {
  resource: "pods",
  setDefaults: setPodDefaults,
  prepareForCreate,
  validate: validatePodCreate,
  fields: ({ spec, status }) => ({
    "spec.nodeName": spec.nodeName ?? "",
    "spec.restartPolicy": spec.restartPolicy ?? "",
    "spec.schedulerName": spec.schedulerName ?? "",
    "spec.serviceAccountName": spec.serviceAccountName ?? "",
    "spec.hostNetwork": String(spec.hostNetwork ?? false),
    "status.phase": status?.phase ?? "",
    "status.podIP": status?.podIPs?.[0]?.ip ?? "",
    "status.nominatedNodeName": status?.nominatedNodeName ?? "",
  }),
  cells: podCells,
};
