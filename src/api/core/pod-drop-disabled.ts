/**
 * Fields of features that v1.36 has switched off: dropped from what is written, unless the stored object uses them
 * already (pkg/api/pod/util.go).
 */
import type { Container, PodSpec, Volume } from "../types/core-v1.gen.ts";
import { containersOf } from "./pod-containers.ts";

type Dropped = "clusterTrustBundle" | "podCertificate";
const holds = ({ projected }: Volume, field: Dropped): boolean => projected?.sources?.some((source) => source[field] !== undefined) === true;

function dropProjected(spec: PodSpec, old: PodSpec | undefined, field: Dropped): void {
  if (old?.volumes?.some((volume) => holds(volume, field))) return;
  for (const volume of spec.volumes ?? []) if (holds(volume, field)) for (const source of volume.projected?.sources ?? []) delete source[field];
}

function dropStopSignal(container: Container): void {
  if (container.lifecycle?.stopSignal === undefined) return;
  delete container.lifecycle.stopSignal;
  if (!container.lifecycle.postStart && !container.lifecycle.preStop) delete container.lifecycle;
}

export function dropDisabledPodFields(spec: PodSpec | undefined, old: PodSpec | undefined): void {
  // What is stored uses what it uses.
  if (!spec || spec === old) return;
  dropProjected(spec, old, "clusterTrustBundle");
  dropProjected(spec, old, "podCertificate");
  if (!old?.schedulingGroup) delete spec.schedulingGroup;
  if (!old || !containersOf(old).some((container) => container.lifecycle?.stopSignal !== undefined)) {
    for (const container of containersOf(spec)) dropStopSignal(container);
  }
}
