/** ResourceQuota: counts what its namespace uses: https://kubernetes.io/docs/concepts/policy/resource-quotas/ */
import { type KubeObject, keyOf, splitKey } from "../../api/object.ts";
import { countedBy, totalUsage } from "../../api/quota/usage.ts";
import { groupResource } from "../../api/status.ts";
import type { ResourceQuota } from "../../api/types/core-v1.gen.ts";
import { discover } from "../../client/discovery.ts";
import type { Informer } from "../../client/informer.ts";
import { resourcequotas } from "../../client/resources.gen.ts";
import type { Controller, ControllerContext } from "../runtime/controller.ts";
import { semanticEqual } from "../runtime/equal.ts";
import { isReplenishing } from "./quota-replenishment.ts";

/** Milliseconds for which changes of a namespace are gathered. */
const batchPeriod = 50;

export const resourcequota: Controller = {
  name: "resourcequota-controller",
  account: "resourcequota-controller",
  start(context) {
    const { client, clock, informers, enqueue, options, signal } = context;
    const quotas = informers.informer(resourcequotas);
    const counted = new CountedKinds(context, (resource, namespace) => {
      for (const quota of quotas.list(namespace)) if (countedFor(quota).has(resource)) enqueue(keyOf(quota), batchPeriod);
    });
    quotas.onChange((old, quota) => {
      if (quota && (!old || !semanticEqual(old.spec, quota.spec) || !semanticEqual(quota.spec?.hard, quota.status?.hard))) enqueue(keyOf(quota));
    });
    return async (key) => {
      const { namespace, name } = splitKey(key);
      const quota = quotas.get(namespace, name);
      if (!quota) return;
      const hard = quota.spec?.hard ?? {};
      // What nobody here can count keeps what was last said of it.
      const used = Object.fromEntries(Object.entries(quota.status?.used ?? {}).filter(([name]) => name in hard));
      for (const resource of countedFor(quota)) {
        const informer = await counted.informer(resource);
        if (informer) Object.assign(used, totalUsage(quota, resource, informer.list(namespace), clock.now()));
      }
      const status = { hard, used };
      if (!semanticEqual(quota.status, status)) await client.resource(resourcequotas).updateStatus({ ...quota, status }, { signal });
      return { requeueAfter: options.resourceQuotaSyncPeriod ?? 300_000 };
    };
  },
};

/** groupResources that some name of the quota counts. */
const countedFor = (quota: ResourceQuota): Set<string> => new Set(Object.keys(quota.spec?.hard ?? {}).flatMap((name) => countedBy(name) ?? []));

/** Caches of the kinds that quotas count, started when the first quota names them. */
class CountedKinds {
  readonly #context: ControllerContext;
  readonly #replenished: (resource: string, namespace: string) => void;
  readonly #informers = new Map<string, Informer<KubeObject>>();

  constructor(context: ControllerContext, replenished: (resource: string, namespace: string) => void) {
    this.#context = context;
    this.#replenished = replenished;
  }

  /** Filled; undefined for a kind that the server does not serve. */
  async informer(counted: string): Promise<Informer<KubeObject> | undefined> {
    let informer = this.#informers.get(counted);
    if (!informer) {
      const { client, clock, informers, signal } = this.#context;
      const { resources } = await discover(client.transport, signal);
      const served = resources.find((r) => groupResource(r.group, r.resource) === counted && r.namespaced && r.preferred && r.verbs.includes("watch"));
      if (!served) return undefined;
      const { group, version, resource, namespaced } = served;
      informer = informers.informer<KubeObject>({ group, version, resource, kind: served.kind, namespaced });
      this.#informers.set(counted, informer);
      informer.onChange((old, object) => {
        if (isReplenishing(counted, old, object, clock.now())) this.#replenished(counted, (object ?? old)?.metadata.namespace ?? "");
      });
    }
    await informer.synced(this.#context.signal);
    return informer;
  }
}
