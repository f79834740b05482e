/** Which other objects a pod or a persistent volume names (pkg/api/v1/pod/util.go, pkg/api/v1/persistentvolume/util.go). */
import type { Container, PersistentVolume, Pod } from "../types/core-v1.gen.ts";

type AnyContainer = Pick<Container, "env" | "envFrom">;

const containersOf = (pod: Pod): AnyContainer[] => [
  ...(pod.spec.initContainers ?? []),
  ...(pod.spec.containers ?? []),
  ...(pod.spec.ephemeralContainers ?? []),
];
const named = (names: (string | undefined)[]): string[] => names.filter((name): name is string => !!name);

/** Secrets in the pod's own namespace. */
export function podSecrets(pod: Pod): string[] {
  const names: (string | undefined)[] = (pod.spec.imagePullSecrets ?? []).map((ref) => ref.name);
  for (const container of containersOf(pod)) {
    for (const from of container.envFrom ?? []) names.push(from.secretRef?.name);
    for (const env of container.env ?? []) names.push(env.valueFrom?.secretKeyRef?.name);
  }
  for (const volume of pod.spec.volumes ?? []) {
    names.push(
      volume.azureFile?.secretName,
      volume.cephfs?.secretRef?.name,
      volume.cinder?.secretRef?.name,
      volume.flexVolume?.secretRef?.name,
      volume.rbd?.secretRef?.name,
      volume.secret?.secretName,
      volume.scaleIO?.secretRef?.name,
      volume.iscsi?.secretRef?.name,
      volume.storageos?.secretRef?.name,
      volume.csi?.nodePublishSecretRef?.name,
    );
    for (const source of volume.projected?.sources ?? []) names.push(source.secret?.name);
  }
  return named(names);
}

export function podConfigMaps(pod: Pod): string[] {
  const names: (string | undefined)[] = [];
  for (const container of containersOf(pod)) {
    for (const from of container.envFrom ?? []) names.push(from.configMapRef?.name);
    for (const env of container.env ?? []) names.push(env.valueFrom?.configMapKeyRef?.name);
  }
  for (const volume of pod.spec.volumes ?? []) {
    names.push(volume.configMap?.name);
    for (const source of volume.projected?.sources ?? []) names.push(source.configMap?.name);
  }
  return named(names);
}

/** Claims by name, those that generic ephemeral volumes make included. */
export function podClaims(pod: Pod): string[] {
  return named((pod.spec.volumes ?? []).map((v) => v.persistentVolumeClaim?.claimName ?? (v.ephemeral ? `${pod.metadata.name}-${v.name}` : undefined)));
}

/** Resource claims by name, as far as they are known. */
export function podResourceClaims(pod: Pod): string[] {
  const statuses = new Map((pod.status?.resourceClaimStatuses ?? []).map((s) => [s.name, s.resourceClaimName]));
  return named([
    ...(pod.spec.resourceClaims ?? []).map((claim) => claim.resourceClaimName ?? statuses.get(claim.name)),
    pod.status?.extendedResourceClaimStatus?.resourceClaimName,
  ]);
}

/** Secrets of a bound volume that the kubelet needs, as `namespace/name`. */
export function volumeSecrets(volume: PersistentVolume): string[] {
  const { spec } = volume;
  const home = spec.claimRef?.namespace ?? "";
  const refs: { name?: string; namespace?: string }[] = [];
  const add = (ref: { name?: string; namespace?: string } | undefined, fallback = ""): void => {
    if (ref?.name) refs.push({ name: ref.name, namespace: ref.namespace || fallback });
  };
  if (spec.azureFile) add({ name: spec.azureFile.secretName, namespace: spec.azureFile.secretNamespace }, home);
  add(spec.cephfs?.secretRef, home);
  add(spec.cinder?.secretRef);
  add(spec.flexVolume?.secretRef, home);
  add(spec.rbd?.secretRef, home);
  add(spec.scaleIO?.secretRef, home);
  add(spec.iscsi?.secretRef, home);
  add(spec.storageos?.secretRef);
  add(spec.csi?.nodePublishSecretRef);
  add(spec.csi?.nodeStageSecretRef);
  add(spec.csi?.nodeExpandSecretRef);
  return refs.map((ref) => `${ref.namespace}/${ref.name}`);
}
