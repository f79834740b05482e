/** Every controller of the cluster, and the way to start them. */
import { validatingAdmissionPolicyStatus } from "./admissionregistration/validatingadmissionpolicy-status.ts";
import { daemonset } from "./apps/daemonset.ts";
import { deployment } from "./apps/deployment.ts";
import { replicaset } from "./apps/replicaset.ts";
import { horizontalPodAutoscaler } from "./autoscaling/horizontalpodautoscaler.ts";
import { bootstrapSigner } from "./bootstrap/bootstrap-signer.ts";
import { tokenCleaner } from "./bootstrap/token-cleaner.ts";
import { serviceAccountToken } from "./core/serviceaccount-token.ts";
import { cronjob } from "./batch/cronjob.ts";
import { statefulset } from "./apps/statefulset.ts";
import { job } from "./batch/job.ts";
import { ttlAfterFinished } from "./batch/ttl-after-finished.ts";
import { certificateSigningRequestApproving } from "./certificates/certificatesigningrequest-approving.ts";
import { certificateSigningRequestCleaner } from "./certificates/certificatesigningrequest-cleaner.ts";
import { certificateSigningRequestSigning } from "./certificates/certificatesigningrequest-signing.ts";
import { clusterTrustBundlePublisher } from "./certificates/clustertrustbundle-publisher.ts";
import { endpoints } from "./core/endpoints.ts";
import { namespace } from "./core/namespace.ts";
import { podGC } from "./core/podgc.ts";
import { replicationcontroller } from "./core/replicationcontroller.ts";
import { resourcequota } from "./core/resourcequota.ts";
import { legacyServiceAccountTokenCleaner } from "./core/legacy-serviceaccount-token-cleaner.ts";
import { rootCACertPublisher } from "./core/root-ca-cert-publisher.ts";
import { serviceaccount } from "./core/serviceaccount.ts";
import { endpointslice } from "./discovery/endpointslice.ts";
import { endpointsliceMirroring } from "./discovery/endpointslicemirroring.ts";
import { garbageCollector } from "./garbage-collector/garbage-collector.ts";
import { nodeIpam } from "./node/node-ipam.ts";
import { nodeLifecycle } from "./node/node-lifecycle.ts";
import { ttl } from "./node/ttl.ts";
import { serviceCIDR } from "./networking/service-cidr.ts";
import { taintEviction } from "./node/taint-eviction.ts";
import { disruption } from "./policy/disruption.ts";
import { clusterroleAggregation } from "./rbac/clusterrole-aggregation.ts";
import { deviceTaintEviction } from "./resource/device-taint-eviction.ts";
import { resourceClaim } from "./resource/resourceclaim.ts";
import { persistentVolumeBinder } from "./storage/persistentvolume-binder.ts";
import { ephemeralVolume } from "./storage/ephemeral-volume.ts";
import { persistentVolumeAttachDetach } from "./storage/persistentvolume-attach-detach.ts";
import { persistentVolumeExpander } from "./storage/persistentvolume-expander.ts";
import { volumeAttributesClassProtection } from "./storage/volumeattributesclass-protection.ts";
import { persistentVolumeProtection } from "./storage/persistentvolume-protection.ts";
import { persistentVolumeClaimProtection } from "./storage/persistentvolumeclaim-protection.ts";
import type { Controller } from "./runtime/controller.ts";
import { type RunControllersOptions, type RunningControllers, runControllers } from "./runtime/start.ts";

export const controllers: readonly Controller[] = [
  namespace,
  endpoints,
  endpointslice,
  garbageCollector,
  deployment,
  daemonset,
  statefulset,
  job,
  cronjob,
  disruption,
  endpointsliceMirroring,
  ttlAfterFinished,
  podGC,
  resourcequota,
  nodeLifecycle,
  taintEviction,
  clusterroleAggregation,
  replicaset,
  replicationcontroller,
  rootCACertPublisher,
  serviceaccount,
  certificateSigningRequestApproving,
  certificateSigningRequestSigning,
  certificateSigningRequestCleaner,
  clusterTrustBundlePublisher,
  persistentVolumeBinder,
  persistentVolumeProtection,
  persistentVolumeClaimProtection,
  horizontalPodAutoscaler,
  serviceAccountToken,
  bootstrapSigner,
  tokenCleaner,
  ttl,
  legacyServiceAccountTokenCleaner,
  nodeIpam,
  serviceCIDR,
  ephemeralVolume,
  persistentVolumeAttachDetach,
  persistentVolumeExpander,
  volumeAttributesClassProtection,
  resourceClaim,
  deviceTaintEviction,
  validatingAdmissionPolicyStatus,
];

export interface StartControllersOptions extends Omit<RunControllersOptions, "controllers"> {
  /** Names as upstream's --controllers takes them. @default all, those that are off by default included */
  only?: readonly string[];
}

/** Throws for a name that is not a controller's. */
export function startControllers(options: StartControllersOptions): RunningControllers {
  const { only } = options;
  for (const name of only ?? []) {
    if (!controllers.some((c) => c.name === name))
      throw new Error(`no controller ${JSON.stringify(name)}; there are ${controllers.map((c) => c.name).join(", ")}`);
  }
  const possible = controllers.filter(({ gate }) => !gate || options.options?.features?.(gate));
  return runControllers({ ...options, controllers: only ? possible.filter((c) => only.includes(c.name)) : possible });
}
