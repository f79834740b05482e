/**
 * What the server does to definitions by itself: names are judged, the definition is established, conditions are kept, and
 * the objects of one that is deleted go before it does (apiextensions-apiserver/pkg/controller). One definition after the
 * other; what fails comes again, later each time.
 */
import { cleanupFinalizer, isTrue, withCondition } from "../../api/apiextensions/definition-status.ts";
import { deepCopy } from "../../api/copy.ts";
import type { ApiHandler, ApiResponse } from "../../api/exchange.ts";
import type { KubeObject } from "../../api/object.ts";
import { resources } from "../../api/schema/schema.ts";
import { formatTime } from "../../api/time.ts";
import type { CustomResourceDefinition, CustomResourceDefinitionCondition, CustomResourceDefinitionStatus } from "../../api/types/apiextensions-v1.gen.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Reader } from "../../cache/cache.ts";
import { askItself, refusalOf } from "../ask-itself.ts";
import { judgeApproval, judgeEstablished, judgeStructure } from "./conditions.ts";
import { type CustomResources, definitions } from "./custom-resources.ts";
import { keepLocalServices } from "./local-services.ts";
import { judgeNames } from "./naming.ts";

export interface DefinitionControllersOptions {
  reader: Reader;
  custom: CustomResources;
  handler: ApiHandler;
  clock: Clock;
  logger: Logger;
}

const retryMs = [5, 10, 20, 40, 80, 160, 320, 640, 1000, 5000];
/** Between looks at whether all objects are gone, and how long to look. */
const pollMs = 5_000;
const polls = 12;

export class DefinitionControllers implements AsyncDisposable {
  readonly #options: DefinitionControllersOptions;
  readonly #waiting = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Set<Timer>();
  readonly #stop = new AbortController();
  readonly #finalizing = new Map<string, Promise<void>>();
  #running: Promise<void> | undefined;

  constructor(options: DefinitionControllersOptions) {
    this.#options = options;
    const { reader } = options;
    reader.onChange(definitions, (_, name) => {
      this.#add(name);
      // A name may have become free.
      const group = name.slice(name.indexOf(".") + 1);
      for (const other of this.#all()) if (other.spec.group === group && !isTrue(other, "NamesAccepted")) this.#add(other.metadata.name);
    });
    for (const { metadata } of this.#all()) this.#add(metadata.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const timer of this.#timers) timer.cancel();
    await this.#running;
    await Promise.all(this.#finalizing.values());
  }

  #all(): CustomResourceDefinition[] {
    return this.#options.reader.list<CustomResourceDefinition>(definitions);
  }
  #add(name: string): void {
    if (this.#stop.signal.aborted) return;
    this.#waiting.add(name);
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined;
      if (this.#waiting.size) this.#add(this.#waiting.values().next().value as string);
    });
  }
  async #work(): Promise<void> {
    // The change that brought us here is told to others first.
    await Promise.resolve();
    for (const name of this.#waiting) {
      if (this.#stop.signal.aborted) return;
      this.#waiting.delete(name);
      try {
        await this.#sync(name);
        this.#failures.delete(name);
      } catch (error) {
        this.#options.logger.warn("a definition's status is not kept, will be tried again", { definition: name, error });
        this.#later(name);
      }
    }
  }
  #later(name: string): void {
    const failures = this.#failures.get(name) ?? 0;
    this.#failures.set(name, failures + 1);
    const timer = this.#options.clock.after(retryMs[Math.min(failures, retryMs.length - 1)] as number, () => {
      this.#timers.delete(timer);
      this.#add(name);
    });
    this.#timers.add(timer);
  }

  /** One step; what it writes brings the next. */
  async #sync(name: string): Promise<void> {
    const { reader } = this.#options;
    const send = (method: string, path: string, object?: KubeObject): Promise<ApiResponse> => this.#send(method, path, object);
    await keepLocalServices(name.slice(name.indexOf(".") + 1), this.#all(), { reader, send });
    const definition = reader.get<CustomResourceDefinition>(definitions, "", name);
    if (!definition) return;
    const now = formatTime(this.#options.clock.now());
    const others = this.#all().filter((other) => other.spec.group === definition.spec.group && other.metadata.name !== name);
    const status =
      judgeNames(definition, others, now) ?? judgeEstablished(definition, now) ?? judgeStructure(definition, now) ?? judgeApproval(definition, now);
    if (status) await this.#write(definition, { status });
    if (definition.metadata.deletionTimestamp && definition.metadata.finalizers?.includes(cleanupFinalizer) && !this.#finalizing.has(name))
      this.#finalizing.set(
        name,
        this.#finalize(name)
          .catch((error: unknown) => {
            if (this.#stop.signal.aborted) return;
            this.#options.logger.warn("objects of a deleted definition remain", { definition: name, error });
            this.#later(name);
          })
          .finally(() => this.#finalizing.delete(name)),
      );
  }

  #send(method: string, path: string, object?: KubeObject): Promise<ApiResponse> {
    return askItself(this.#options.handler, { method, path, object, signal: this.#stop.signal });
  }

  /** undefined: it was changed or deleted meanwhile, and comes again by itself. */
  async #write(
    definition: CustomResourceDefinition,
    change: { status: CustomResourceDefinitionStatus; finalizers?: string[] },
  ): Promise<CustomResourceDefinition | undefined> {
    const object = deepCopy(definition);
    object.status = change.status;
    if (change.finalizers) object.metadata.finalizers = change.finalizers;
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${definition.metadata.name}/status`;
    const response = await this.#send("PUT", path, object as unknown as KubeObject);
    if (response.status === 404 || response.status === 409) return undefined;
    if (response.status >= 300) throw new Error(refusalOf(response));
    return response.object as unknown as CustomResourceDefinition;
  }

  async #finalize(name: string): Promise<void> {
    const { reader, clock } = this.#options;
    const found = reader.get<CustomResourceDefinition>(definitions, "", name);
    if (!found) return;
    const set = (definition: CustomResourceDefinition, condition: Omit<CustomResourceDefinitionCondition, "type">): CustomResourceDefinitionStatus => ({
      ...definition.status,
      conditions: withCondition(definition.status.conditions, { type: "Terminating", ...condition }, formatTime(clock.now())),
    });
    const begun = { status: "True", reason: "InstanceDeletionInProgress", message: "CustomResource deletion is in progress" };
    const definition = await this.#write(found, { status: set(found, begun) });
    if (!definition) throw new Error("the definition has changed");
    let condition: Omit<CustomResourceDefinitionCondition, "type">;
    if (isBuiltIn(definition))
      condition = { status: "False", reason: "OverlappingBuiltInResource", message: "instances overlap with built-in resources in storage" };
    else if (isTrue(definition, "Established")) {
      const failed = await this.#deleteObjects(name);
      if (failed) {
        await this.#write(definition, { status: set(definition, { status: "True", ...failed }) });
        throw new Error(failed.message);
      }
      condition = { status: "False", reason: "InstanceDeletionCompleted", message: "removed all instances" };
    } else condition = { status: "False", reason: "NeverEstablished", message: "resource was never established" };
    const finalizers = (definition.metadata.finalizers ?? []).filter((finalizer) => finalizer !== cleanupFinalizer);
    if (!(await this.#write(definition, { status: set(definition, condition), finalizers }))) throw new Error("the definition has changed");
  }

  /** Why objects remain. */
  async #deleteObjects(name: string): Promise<{ reason: string; message: string } | undefined> {
    const { custom, clock } = this.#options;
    const endpoint = custom.stored(name);
    if (!endpoint) return { reason: "InstanceDeletionFailed", message: `could not list instances: ${name} is not served` };
    for (let poll = 0; poll <= polls; poll++) {
      const { items } = await endpoint.cache.list({});
      if (items.length === 0) return undefined;
      if (poll > 0) await clock.sleep(pollMs, this.#stop.signal);
      const errors: string[] = [];
      for (const namespace of new Set(items.map((item) => item.namespace))) {
        const response = await this.#deleteCollection(endpoint.def, namespace);
        if (response !== undefined) errors.push(response);
      }
      if (errors.length)
        return { reason: "InstanceDeletionFailed", message: `could not issue all deletes: ${errors.length === 1 ? errors[0] : `[${errors.join(", ")}]`}` };
      const left = await endpoint.cache.list({});
      if (left.items.length === 0) return undefined;
    }
    return { reason: "InstanceDeletionCheck", message: "could not confirm zero CustomResources remaining: context deadline exceeded" };
  }
  async #deleteCollection({ group, version, resource }: { group: string; version: string; resource: string }, namespace: string): Promise<string | undefined> {
    const response = await this.#send("DELETE", `/apis/${group}/${version}/${namespace ? `namespaces/${namespace}/` : ""}${resource}`);
    return response.status < 300 ? undefined : refusalOf(response);
  }
}

const isBuiltIn = ({ spec }: CustomResourceDefinition): boolean =>
  resources.some(({ group, resource }) => group === spec.group && resource === spec.names.plural);
