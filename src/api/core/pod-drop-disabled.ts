/**
 * Fields of features that v1.36 has switched off: dropped from what is written, unless the stored object uses them
 * already (pkg/api/pod/util.go).
 */
import type { Container, PodSpec } from "../types/core-v1.gen.ts";
import { containersOf } from "./pod-containers.ts";

const projectedInUse = (spec: PodSpec | undefined, field: "clusterTrustBundle" | "podCertificate"): boolean =>
  (spec?.volumes ?? []).some((volume) => volume.projected?.sources?.some((source) => source[field]));

function dropProjected(spec: PodSpec, old: PodSpec | undefined, field: "clusterTrustBundle" | "podCertificate"): void {
  if (projectedInUse(old, field)) return;
  for (const volume of spec.volumes ?? []) for (const source of volume.projected?.sources ?? []) delete source[field];
}

function dropStopSignal(container: Container): void {
  if (container.lifecycle?.stopSignal === undefined) return;
  delete container.lifecycle.stopSignal;
  if (!container.lifecycle.postStart && !container.lifecycle.preStop) delete container.lifecycle;
}

export function dropDisabledPodFields(spec: PodSpec | undefined, old: PodSpec | undefined): void {
  if (!spec) return;
  dropProjected(spec, old, "clusterTrustBundle");
  dropProjected(spec, old, "podCertificate");
  if (!old?.schedulingGroup) delete spec.schedulingGroup;
  if (!old || !containersOf(old).some((container) => container.lifecycle?.stopSignal !== undefined)) {
    for (const container of containersOf(spec)) dropStopSignal(container);
  }
}
