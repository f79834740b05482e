/** ResourceQuota: counts what its namespace uses: https://kubernetes.io/docs/concepts/policy/resource-quotas/ */
import { countedBy, countName, type GroupResource, totalUsage } from "../../api/core/quota-usage.ts";
import { type KubeObject, keyOf, splitKey } from "../../api/object.ts";
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
    const counted = new CountedKinds(context, (kind, namespace) => {
      for (const quota of quotas.list(namespace)) if (kindsOf(quota).some((one) => countName(one) === countName(kind))) enqueue(keyOf(quota), batchPeriod);
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
      for (const kind of kindsOf(quota)) {
        const informer = await counted.informer(kind);
        if (informer) Object.assign(used, totalUsage(quota, kind, informer.list(namespace), clock.now()));
      }
      const status = { hard, used };
      if (!semanticEqual(quota.status, status)) await client.resource(resourcequotas).updateStatus({ ...quota, status }, { signal });
      return { requeueAfter: options.resourceQuotaSyncPeriod ?? 300_000 };
    };
  },
};

/** Each kind once that some name of the quota counts. */
function kindsOf(quota: ResourceQuota): GroupResource[] {
  const kinds = new Map<string, GroupResource>();
  for (const name of Object.keys(quota.spec?.hard ?? {})) {
    const kind = countedBy(name);
    if (kind) kinds.set(`${kind.resource}.${kind.group}`, kind);
  }
  return [...kinds.values()];
}

/** Caches of the kinds that quotas count, started when the first quota names them. */
class CountedKinds {
  readonly #context: ControllerContext;
  readonly #replenished: (kind: GroupResource, namespace: string) => void;
  readonly #informers = new Map<string, Informer<KubeObject>>();

  constructor(context: ControllerContext, replenished: (kind: GroupResource, namespace: string) => void) {
    this.#context = context;
    this.#replenished = replenished;
  }

  /** Filled; undefined for a kind that the server does not serve. */
  async informer(kind: GroupResource): Promise<Informer<KubeObject> | undefined> {
    const key = `${kind.resource}.${kind.group}`;
    let informer = this.#informers.get(key);
    if (!informer) {
      const { client, clock, informers, signal } = this.#context;
      const { resources } = await discover(client.transport, signal);
      const served = resources.find((r) => r.group === kind.group && r.resource === kind.resource && r.namespaced && r.preferred && r.verbs.includes("watch"));
      if (!served) return undefined;
      const { group, version, resource, namespaced } = served;
      informer = informers.informer<KubeObject>({ group, version, resource, kind: served.kind, namespaced });
      this.#informers.set(key, informer);
      informer.onChange((old, object) => {
        if (isReplenishing(kind, old, object, clock.now())) this.#replenished(kind, (object ?? old)?.metadata.namespace ?? "");
      });
    }
    await informer.synced(this.#context.signal);
    return informer;
  }
}
