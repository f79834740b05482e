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

/** Told of each that ended. */
export type Took = (rejected: boolean, milliseconds: number) => void;

export interface AdmissionTiming {
  /** Milliseconds. */
  now(): number;
  plugin(name: string, type: "admit" | "validate", operation: Operation): Took;
  /** All plugins of one type together. */
  step(type: "admit" | "validate", operation: Operation): Took;
}
const untimed: AdmissionTiming = { now: () => 0, plugin: () => () => undefined, step: () => () => undefined };

/** One pass through the plugins that are asked. */
interface Step {
  runs: readonly ((attributes: AdmissionAttributes) => void | Promise<void>)[];
  took: readonly Took[];
  whole: Took;
  mutates: boolean;
}

interface Asked {
  mutating: Step;
  validating: Step;
}

export class AdmissionChain {
  readonly plugins: readonly AdmissionPlugin[];
  readonly #asked: Readonly<Record<Operation, Asked>>;
  readonly #timing: AdmissionTiming;

  /** Puts the plugins into upstream's order. Throws for a name that is not in it, or is there twice: the caller's mistake. */
  constructor(plugins: readonly AdmissionPlugin[], timing = untimed) {
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
    this.#timing = timing;
    const step = (operation: Operation, verb: "mutate" | "validate"): Step => {
      const type = verb === "mutate" ? "admit" : "validate";
      const some = this.plugins.flatMap((plugin) => {
        const run = plugin[verb]?.bind(plugin);
        return run && handled[plugin.name]?.includes(operation) ? { run, took: timing.plugin(plugin.name, type, operation) } : [];
      });
      return { runs: some.map(({ run }) => run), took: some.map(({ took }) => took), whole: timing.step(type, operation), mutates: verb === "mutate" };
    };
    const asked = (operation: Operation): Asked => ({ mutating: step(operation, "mutate"), validating: step(operation, "validate") });
    this.#asked = { CREATE: asked("CREATE"), UPDATE: asked("UPDATE"), DELETE: asked("DELETE"), CONNECT: asked("CONNECT") };
  }
  /** Whether any plugin mutates. */
  get changes(): boolean {
    return Object.values(this.#asked).some(({ mutating }) => mutating.runs.length > 0);
  }
  has(name: string): boolean {
    return this.plugins.some((plugin) => plugin.name === name);
  }
  /** Changes `attributes.object` in place; rejects with the first refusal. All run a second time where one asks for it. undefined: it is done. */
  mutate(attributes: AdmissionAttributes): Promise<void> | undefined {
    const now = this.#timing.now();
    return this.#pass(this.#asked[attributes.operation].mutating, attributes, 0, now, now);
  }
  /** Rejects with the first refusal. undefined: nobody refuses. */
  validate(attributes: AdmissionAttributes): Promise<void> | undefined {
    const now = this.#timing.now();
    return this.#pass(this.#asked[attributes.operation].validating, attributes, 0, now, now);
  }

  /**
   * From one plugin on. A score of them run for each write, most of them at once: one ends when the next begins, and promises
   * are made where there is something to wait for.
   */
  #pass(step: Step, attributes: AdmissionAttributes, from: number, since: number, now: number): Promise<void> | undefined {
    const { runs, took } = step;
    let began = now;
    for (let i = from; i < runs.length; i++) {
      let pending: void | Promise<void>;
      try {
        pending = runs[i]?.(attributes);
      } catch (error) {
        return Promise.reject(this.#refused(step, i, since, began, error));
      }
      if (pending) return this.#wait(pending, step, attributes, i, since, began);
      const ended = this.#timing.now();
      took[i]?.(false, ended - began);
      began = ended;
    }
    const { reinvocation } = attributes;
    if (step.mutates && reinvocation?.wanted && !reinvocation.active) {
      reinvocation.active = true;
      return this.#pass(step, attributes, 0, since, began);
    }
    step.whole(false, began - since);
    return undefined;
  }
  async #wait(pending: Promise<void>, step: Step, attributes: AdmissionAttributes, at: number, since: number, began: number): Promise<void> {
    try {
      await pending;
    } catch (error) {
      throw this.#refused(step, at, since, began, error);
    }
    const ended = this.#timing.now();
    step.took[at]?.(false, ended - began);
    return this.#pass(step, attributes, at + 1, since, ended);
  }
  #refused({ took, whole }: Step, at: number, since: number, began: number, error: unknown): unknown {
    const ended = this.#timing.now();
    took[at]?.(true, ended - began);
    whole(true, ended - since);
    return error;
  }
}
