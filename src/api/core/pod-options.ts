/**
 * Which of its newer rules validation relaxes for an object that broke them before it was changed, so that what is
 * stored can still be updated (pkg/api/pod/util.go).
 */
import type { FieldError } from "../field.ts";
import { path } from "../field.ts";
import type { ObjectMeta } from "../types/meta-v1.gen.ts";
import type { PodSpec, PodTemplateSpec } from "../types/core-v1.gen.ts";
import { hasInvalidAffinityValue, hasInvalidSelector } from "./affinity.ts";
import { validateLocalNonReservedPath } from "./checks.ts";
import { hasInvalidDeletionCost } from "./pod-annotations.ts";
import { containersOf } from "./pod-containers.ts";
import { isSidecar } from "./pod-resources.ts";
import { hasIndivisibleHugePages } from "./resources.ts";
import { validateHostSysctl } from "./security-context.ts";
import { hasInvalidMatchLabelKeys, hasInvalidSpreadSelector } from "./topology-spread.ts";

export interface PodValidationOptions {
  /** A pod, not a template. */
  resourceIsPod?: boolean;
  allowInvalidDeletionCost?: boolean;
  allowInvalidLabelValueInSelector?: boolean;
  allowInvalidLabelValueInNodeAffinity?: boolean;
  allowIndivisibleHugePages?: boolean;
  allowInvalidSpreadSelector?: boolean;
  allowOldMatchLabelKeys?: boolean;
  allowNonLocalTokenPath?: boolean;
  allowHostNamespacedSysctls?: boolean;
  allowAnySELinuxChangePolicy?: boolean;
  allowRestartContainerForInit?: boolean;
  allowUserNamespacesWithDevices?: boolean;
  allowUserNamespacesWithHostNetwork?: boolean;
  allowComparingTolerations?: boolean;
}

const fails = (errors: FieldError[]): boolean => errors.length > 0;
const nowhere = path();

/** Without an old specification every rule holds. */
export function podValidationOptions(
  old: PodSpec | undefined,
  oldMeta: Pick<ObjectMeta, "annotations"> | undefined,
  resourceIsPod: boolean,
): PodValidationOptions {
  if (!old) return { resourceIsPod };
  const context = old.securityContext;
  const projected = (old.volumes ?? []).flatMap((volume) => volume.projected?.sources ?? []);
  return {
    resourceIsPod,
    allowInvalidDeletionCost: hasInvalidDeletionCost(oldMeta?.annotations),
    allowIndivisibleHugePages: hasIndivisibleHugePages(old),
    allowInvalidLabelValueInSelector: hasInvalidSelector(old.affinity),
    allowInvalidLabelValueInNodeAffinity: hasInvalidAffinityValue(old.affinity),
    allowInvalidSpreadSelector: hasInvalidSpreadSelector(old.topologySpreadConstraints),
    allowOldMatchLabelKeys: hasInvalidMatchLabelKeys(old.topologySpreadConstraints),
    allowNonLocalTokenPath: projected.some((s) => s.serviceAccountToken && fails(validateLocalNonReservedPath(s.serviceAccountToken.path, nowhere))),
    allowHostNamespacedSysctls: (context?.sysctls ?? []).some((sysctl) => fails(validateHostSysctl(sysctl.name, old, nowhere))),
    allowAnySELinuxChangePolicy: context?.seLinuxChangePolicy !== undefined,
    allowRestartContainerForInit: (old.initContainers ?? []).some(
      (c) => !isSidecar(c) && c.resizePolicy?.some((policy) => policy.restartPolicy === "RestartContainer"),
    ),
    allowUserNamespacesWithDevices: old.hostUsers === false && containersOf(old).some((c) => c.volumeDevices?.length),
    allowUserNamespacesWithHostNetwork: old.hostUsers === false && old.hostNetwork === true,
    allowComparingTolerations: (old.tolerations ?? []).some((t) => t.operator === "Lt" || t.operator === "Gt"),
  };
}

export const podTemplateValidationOptions = (old?: PodTemplateSpec): PodValidationOptions => podValidationOptions(old?.spec, old?.metadata, false);
