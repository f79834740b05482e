/**
 * The plugins in upstream's order (pkg/kubeapiserver/options/plugins.go): all mutate, then, on what came out and was
 * validated by the kind, all validate.
 */
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";

/** Upstream's order of those that there are. */
export const pluginOrder: readonly string[] = [
  "AlwaysAdmit",
  "NamespaceAutoProvision",
  "NamespaceLifecycle",
  "NamespaceExists",
  "LimitPodHardAntiAffinityTopology",
  "LimitRanger",
  "ServiceAccount",
  "NodeRestriction",
  "TaintNodesByCondition",
  "AlwaysPullImages",
  "ImagePolicyWebhook",
  "PodSecurity",
  "PodNodeSelector",
  "Priority",
  "DefaultTolerationSeconds",
  "PodTolerationRestriction",
  "EventRateLimit",
  "ExtendedResourceToleration",
  "DefaultStorageClass",
  "StorageObjectInUseProtection",
  "OwnerReferencesPermissionEnforcement",
  "PersistentVolumeClaimResize",
  "RuntimeClass",
  "CertificateApproval",
  "CertificateSigning",
  "ClusterTrustBundleAttest",
  "CertificateSubjectRestriction",
  "DefaultIngressClass",
  "DenyServiceExternalIPs",
  "PodTopologyLabels",
  "NodeDeclaredFeatureValidator",
  "PodResizeValidator",
  "MutatingAdmissionPolicy",
  "MutatingAdmissionWebhook",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionWebhook",
  "ResourceQuota",
  "AlwaysDeny",
];

export class AdmissionChain {
  readonly plugins: readonly AdmissionPlugin[];
  readonly #mutating: readonly AdmissionPlugin[];
  readonly #validating: readonly AdmissionPlugin[];

  /** Puts the plugins into upstream's order. Throws for a name that is not in it, or is there twice: the caller's mistake. */
  constructor(plugins: readonly AdmissionPlugin[]) {
    const place = (plugin: AdmissionPlugin): number => {
      const index = pluginOrder.indexOf(plugin.name);
      if (index < 0) throw new Error(`admission plugin ${plugin.name} has no place in the order`);
      return index;
    };
    const placed = plugins.map((plugin) => ({ plugin, at: place(plugin) }));
    this.plugins = placed.sort((a, b) => a.at - b.at).map(({ plugin }) => plugin);
    for (const [i, plugin] of this.plugins.entries()) {
      if (plugin.name === this.plugins[i - 1]?.name) throw new Error(`admission plugin ${plugin.name} is there twice`);
    }
    this.#mutating = this.plugins.filter((plugin) => plugin.mutate);
    this.#validating = this.plugins.filter((plugin) => plugin.validate);
  }
  /** Whether any plugin mutates. */
  get changes(): boolean {
    return this.#mutating.length > 0;
  }
  has(name: string): boolean {
    return this.plugins.some((plugin) => plugin.name === name);
  }
  /** Changes `attributes.object` in place; rejects with the first refusal. All run a second time where one asks for it. */
  async mutate(attributes: AdmissionAttributes): Promise<void> {
    const connects = attributes.operation === "CONNECT";
    const plugins = this.#mutating;
    for (let i = 0; i < plugins.length; i++) {
      const plugin = plugins[i] as AdmissionPlugin;
      if (connects && !plugin.connects) continue;
      const pending = plugin.mutate?.(attributes);
      if (pending) await pending;
    }
    const { reinvocation } = attributes;
    if (!reinvocation?.wanted || reinvocation.active) return;
    reinvocation.active = true;
    await this.mutate(attributes);
  }
  /** Rejects with the first refusal. */
  async validate(attributes: AdmissionAttributes): Promise<void> {
    const connects = attributes.operation === "CONNECT";
    const plugins = this.#validating;
    for (let i = 0; i < plugins.length; i++) {
      const plugin = plugins[i] as AdmissionPlugin;
      if (connects && !plugin.connects) continue;
      const pending = plugin.validate?.(attributes);
      if (pending) await pending;
    }
  }
}
