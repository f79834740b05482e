/** The plugins that are on by default, and NodeRestriction, which belongs to the Node authorizer. */
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Reader } from "../../cache/cache.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import type { PodSecuritySeries } from "../metrics/pod-security.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { certificateApproval, certificateSigning, certificateSubjectRestriction, clusterTrustBundleAttest } from "./certificates.ts";
import { AdmissionChain, type AdmissionTiming } from "./chain.ts";
import type { AdmissionConfiguration } from "./configuration.ts";
import { defaultIngressClass, defaultStorageClass } from "./default-class.ts";
import { defaultTolerationSeconds, type TolerationSeconds } from "./default-toleration-seconds.ts";
import { limitRanger } from "./limit-ranger.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { nodeDeclaredFeatureValidator } from "./node-declared-feature-validator.ts";
import { nodeRestriction } from "./node-restriction.ts";
import { persistentVolumeClaimResize } from "./persistent-volume-claim-resize.ts";
import { podResizeValidator } from "./pod-resize-validator.ts";
import { podSecurity } from "./pod-security/pod-security.ts";
import { podTopologyLabels } from "./pod-topology-labels.ts";
import { priority } from "./priority.ts";
import { type ResourceQuotaOptions, resourceQuota } from "./resource-quota.ts";
import { runtimeClass } from "./runtime-class.ts";
import { serviceAccountPlugin } from "./service-account.ts";
import { storageObjectInUseProtection } from "./storage-object-in-use-protection.ts";
import { taintNodesByCondition } from "./taint-nodes-by-condition.ts";

export interface DefaultAdmissionOptions {
  reader: Reader;
  clock: Clock;
  random: Random;
  authorizer: Authorizer;
  tolerations?: TolerationSeconds;
  /** Stores what quotas have been charged; without it there is no ResourceQuota plugin and quotas must be refused. */
  updateQuotaStatus?: ResourceQuotaOptions["updateStatus"];
  /** Of --admission-control-config-file. */
  configuration?: AdmissionConfiguration;
  /** Plugins that are left out, by name. */
  disabled?: readonly string[];
  /** Plugins that must be among those that there are, by name. */
  enabled?: readonly string[];
  /** Plugins beyond these, such as webhooks. */
  more?: readonly AdmissionPlugin[];
  podSecuritySeries?: PodSecuritySeries;
  timing?: AdmissionTiming;
}

/** Throws for a name in `disabled` or `enabled` that is no plugin of the chain: the caller's mistake. */
export function defaultAdmission(options: DefaultAdmissionOptions): AdmissionChain {
  const { configuration = {} } = options;
  const plugins: AdmissionPlugin[] = [
    namespaceLifecycle(options),
    limitRanger(options),
    serviceAccountPlugin(options),
    nodeRestriction(options),
    taintNodesByCondition,
    podSecurity({ ...options, ...configuration.PodSecurity }),
    priority(options),
    defaultTolerationSeconds(options.tolerations),
    defaultStorageClass(options),
    storageObjectInUseProtection,
    persistentVolumeClaimResize(options),
    runtimeClass(options),
    certificateApproval(options),
    certificateSigning(options),
    clusterTrustBundleAttest(options),
    certificateSubjectRestriction,
    defaultIngressClass(options),
    podTopologyLabels(options),
    nodeDeclaredFeatureValidator(options),
    podResizeValidator(options),
    ...(options.updateQuotaStatus ? [resourceQuota({ ...options, updateStatus: options.updateQuotaStatus, limited: configuration.ResourceQuota ?? [] })] : []),
    ...(options.more ?? []),
  ];
  const unknown = [...(options.disabled ?? []), ...(options.enabled ?? [])].filter((name) => !plugins.some((plugin) => plugin.name === name));
  if (unknown.length) throw new Error(`unknown admission plugin ${unknown.join(", ")}; there are ${plugins.map(({ name }) => name).join(", ")}`);
  const chosen = plugins.filter((plugin) => !options.disabled?.includes(plugin.name));
  return new AdmissionChain(chosen, options.timing);
}
