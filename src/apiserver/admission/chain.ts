/**
 * The plugins in upstream's order (pkg/kubeapiserver/options/plugins.go): all mutate, then, on what came out and was
 * validated by the kind, all validate.
 */
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { table } from "../../base/table.ts";

type Operation = AdmissionAttributes["operation"];
const create: readonly Operation[] = ["CREATE"];
const update: readonly Operation[] = ["UPDATE"];
const writes: readonly Operation[] = [...create, ...update];
const changes: readonly Operation[] = [...writes, "DELETE"];
const all: readonly Operation[] = [...changes, "CONNECT"];

/** Those that there are in upstream's order, with the operations that each is asked about (its NewHandler). */
export const handled = table<readonly Operation[]>({
  AlwaysAdmit: all,
  NamespaceAutoProvision: create,
  NamespaceLifecycle: changes,
  NamespaceExists: changes,
  LimitPodHardAntiAffinityTopology: writes,
  LimitRanger: writes,
  ServiceAccount: writes,
  NodeRestriction: changes,
  TaintNodesByCondition: create,
  AlwaysPullImages: writes,
  ImagePolicyWebhook: writes,
  PodSecurity: writes,
  PodNodeSelector: create,
  Priority: changes,
  DefaultTolerationSeconds: writes,
  PodTolerationRestriction: writes,
  EventRateLimit: writes,
  ExtendedResourceToleration: writes,
  DefaultStorageClass: create,
  StorageObjectInUseProtection: create,
  OwnerReferencesPermissionEnforcement: writes,
  PersistentVolumeClaimResize: update,
  RuntimeClass: create,
  CertificateApproval: update,
  CertificateSigning: update,
  ClusterTrustBundleAttest: writes,
  CertificateSubjectRestriction: create,
  DefaultIngressClass: create,
  DenyServiceExternalIPs: writes,
  PodTopologyLabels: create,
  NodeDeclaredFeatureValidator: update,
  PodResizeValidator: update,
  MutatingAdmissionPolicy: [...writes, "CONNECT"],
  MutatingAdmissionWebhook: all,
  ValidatingAdmissionPolicy: all,
  ValidatingAdmissionWebhook: all,
  ResourceQuota: writes,
  AlwaysDeny: all,
});

interface Asked {
  mutating: readonly AdmissionPlugin[];
  validating: readonly AdmissionPlugin[];
}

export class AdmissionChain {
  readonly plugins: readonly AdmissionPlugin[];
  readonly #asked: Readonly<Record<Operation, Asked>>;

  /** Puts the plugins into upstream's order. Throws for a name that is not in it, or is there twice: the caller's mistake. */
  constructor(plugins: readonly AdmissionPlugin[]) {
    const order = Object.keys(handled);
    const place = (plugin: AdmissionPlugin): number => {
      const index = order.indexOf(plugin.name);
      if (index < 0) throw new Error(`admission plugin ${plugin.name} has no place in the order`);
      return index;
    };
    const placed = plugins.map((plugin) => ({ plugin, at: place(plugin) }));
    this.plugins = placed.sort((a, b) => a.at - b.at).map(({ plugin }) => plugin);
    for (const [i, plugin] of this.plugins.entries()) {
      if (plugin.name === this.plugins[i - 1]?.name) throw new Error(`admission plugin ${plugin.name} is there twice`);
    }
    const asked = (operation: Operation): Asked => {
      const some = this.plugins.filter(({ name }) => handled[name]?.includes(operation));
      return { mutating: some.filter(({ mutate }) => mutate), validating: some.filter(({ validate }) => validate) };
    };
    this.#asked = { CREATE: asked("CREATE"), UPDATE: asked("UPDATE"), DELETE: asked("DELETE"), CONNECT: asked("CONNECT") };
  }
  /** Whether any plugin mutates. */
  get changes(): boolean {
    return Object.values(this.#asked).some(({ mutating }) => mutating.length > 0);
  }
  has(name: string): boolean {
    return this.plugins.some((plugin) => plugin.name === name);
  }
  /** Changes `attributes.object` in place; rejects with the first refusal. All run a second time where one asks for it. */
  async mutate(attributes: AdmissionAttributes): Promise<void> {
    const { mutating } = this.#asked[attributes.operation];
    for (let i = 0; i < mutating.length; i++) {
      const pending = mutating[i]?.mutate?.(attributes);
      if (pending) await pending;
    }
    const { reinvocation } = attributes;
    if (!reinvocation?.wanted || reinvocation.active) return;
    reinvocation.active = true;
    await this.mutate(attributes);
  }
  /** Rejects with the first refusal. */
  async validate(attributes: AdmissionAttributes): Promise<void> {
    const { validating } = this.#asked[attributes.operation];
    for (let i = 0; i < validating.length; i++) {
      const pending = validating[i]?.validate?.(attributes);
      if (pending) await pending;
    }
  }
}
