/** What a scenario does to a cluster: plain objects of any kind in, plain objects out. */
import type { KubeObject } from "../../src/api/object.ts";
import { resources } from "../../src/api/schema/schema.ts";
import { isNotFound } from "../../src/api/status.ts";
import type { Client, PatchType, ResourceClient } from "../../src/client/client.ts";
import { until } from "../cluster/cluster.ts";

/** `v1/Pod`, `storage.k8s.io/v1/CSIDriver`. */
export type KindName = string;
export type Plain = KubeObject & { [field: string]: never };
// biome-ignore lint/suspicious/noExplicitAny: scenarios read fields of any kind
export type Loose = any;

export class Kube {
  readonly #client: Client;
  readonly namespace: string;
  /** PEM of the cluster's authority. */
  readonly ca: string;
  constructor(client: Client, namespace: string, ca: string) {
    this.#client = client;
    this.namespace = namespace;
    this.ca = ca;
  }

  of(kind: KindName): ResourceClient<KubeObject> {
    return this.#client.resource(definition(kind));
  }
  /** In the scenario's namespace where the kind has one. */
  create(kind: KindName, object: object): Promise<Loose> {
    const at = definition(kind).namespaced ? this.namespace : "";
    return this.of(kind).create(at, object as never);
  }
  get(kind: KindName, name: string): Promise<Loose> {
    return this.of(kind)
      .get(definition(kind).namespaced ? this.namespace : "", name)
      .catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
  }
  patch(kind: KindName, name: string, patch: object, subresource?: string, type: PatchType = "merge"): Promise<Loose> {
    return this.of(kind).patch(definition(kind).namespaced ? this.namespace : "", name, type, patch, subresource ? { subresource } : {});
  }
  remove(kind: KindName, name: string, gracePeriodSeconds?: number): Promise<void> {
    return this.of(kind).delete(definition(kind).namespaced ? this.namespace : "", name, gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds });
  }
  /** Polls until `done` is true of the object, or of its absence. */
  wait(kind: KindName, name: string, what: string, done: (object: Loose) => unknown, seconds = 30): Promise<unknown> {
    return until(`${kind} ${name} ${what}`, seconds, async () => Boolean(await done(await this.get(kind, name))));
  }
  /** Waits for an event about an object of this name. */
  told(name: string, reason: string, seconds = 30): Promise<unknown> {
    return until(`event ${reason} about ${name}`, seconds, async () =>
      (await this.events()).some((event) => event.reason === reason && event.involvedObject.name === name),
    );
  }
  /** Of the scenario's namespace, and those about what has none. */
  async events(): Promise<Loose[]> {
    const { items } = await this.of("v1/Event").list();
    return (items as Loose[]).filter(({ metadata }) => metadata.namespace === this.namespace || metadata.namespace === "default");
  }
  async list(kind: KindName): Promise<Loose[]> {
    const { items } = await this.of(kind).list(definition(kind).namespaced ? { namespace: this.namespace } : {});
    return items;
  }
}

export function definition(kind: KindName) {
  const parts = kind.split("/");
  const [name, version, group = ""] = parts.reverse();
  const found = resources.find((one) => one.kind === name && one.version === version && one.group === group && !one.resource.includes("/"));
  if (!found) throw new Error(`the schema has no ${kind}`);
  const { resource, namespaced } = found;
  return { group, version: version as string, resource, kind: name as string, namespaced };
}
