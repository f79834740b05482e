/** Pods (pkg/registry/core/pod). */
import type { Kind } from "../kind.ts";
import type { Pod } from "../types/core-v1.gen.ts";
import { KnownPods } from "./known-pods.ts";
import { podCells, podCellsRead } from "./pod-cells.ts";
import { preparationWarnings, prepareForCreate } from "./pod-create.ts";
import { setPodDefaults } from "./pod-defaults.ts";
import { dropDisabledPodFields } from "./pod-drop-disabled.ts";
import { keepMetadata, podResizeStrategy } from "./pod-resize.ts";
import { podStatusStrategy } from "./pod-status-update.ts";
import { validateEphemeralContainersUpdate, validatePodUpdate } from "./pod-update.ts";
import { validatePodCreate } from "./pod-validation.ts";
import { podWarnings } from "./pod-warnings.ts";
import { semanticEqual } from "./semantic.ts";

function countGeneration(pod: Pod, old: Pod): void {
  if (!semanticEqual(pod.spec, old.spec)) pod.metadata.generation = (pod.metadata.generation ?? 0) + 1;
}

export const podKind: Kind<Pod> = {
  resource: "pods",
  setDefaults: setPodDefaults,
  prepareForCreate,
  validate: validatePodCreate,
  preparationWarnings,
  warnings: podWarnings,
  knownSpecs: new KnownPods(),
  prepareForUpdate(pod, old) {
    pod.status = old.status;
    dropDisabledPodFields(pod.spec, old.spec);
    countGeneration(pod, old);
  },
  validateUpdate: validatePodUpdate,
  subresources: {
    status: podStatusStrategy,
    ephemeralcontainers: {
      prepareForUpdate(pod, old) {
        const ephemeralContainers = pod.spec.ephemeralContainers;
        pod.spec = { ...old.spec, ephemeralContainers };
        if (!ephemeralContainers) delete pod.spec.ephemeralContainers;
        pod.status = old.status;
        keepMetadata(pod, old);
        dropDisabledPodFields(pod.spec, old.spec);
        countGeneration(pod, old);
      },
      validateUpdate: validateEphemeralContainersUpdate,
    },
    resize: podResizeStrategy,
  },
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
  reads: {
    fields: {
      spec: { nodeName: true, restartPolicy: true, schedulerName: true, serviceAccountName: true, hostNetwork: true },
      status: { phase: true, podIPs: { ip: true }, nominatedNodeName: true },
    },
    cells: podCellsRead,
  },
};
