/** ResourceQuota: counts what its namespace uses: https://kubernetes.io/docs/concepts/policy/resource-quotas/ */
import { type KubeObject, keyOf, splitKey } from "../../api/object.ts";
import type { ResourceList } from "../../api/core/resource-list.ts";
import type { QuotaSurroundings } from "../../api/quota/evaluator.ts";
import { isExtendedQuota } from "../../api/quota/resource-claims.ts";
import { addUsage, countedBy, quotaEvaluator, totalUsage } from "../../api/quota/usage.ts";
import { classesByResource } from "../../api/resource/extended-resource.ts";
import { groupResource } from "../../api/status.ts";
import type { ResourceQuota } from "../../api/types/core-v1.gen.ts";
import type { DeviceClass } from "../../api/types/resource-v1.gen.ts";
import { discover } from "../../client/discovery.ts";
import type { Informer } from "../../client/informer.ts";
import { deviceclasses, pods as podResource, resourceclaims, resourcequotas } from "../../client/resources.gen.ts";
import type { Controller, ControllerContext } from "../runtime/controller.ts";
import { semanticEqual } from "../runtime/equal.ts";
import { isCharged, isReplenishing, usedOf } from "./quota-replenishment.ts";

/** Milliseconds for which changes of a namespace are gathered. */
const batchPeriod = 50;
/** Milliseconds after a charge in which what was charged may not be in the caches yet. */
const settling = 500;
/** Milliseconds for which charges that follow one another hold back what is free. */
const patience = 5000;

export const resourcequota: Controller = {
  name: "resourcequota-controller",
  account: "resourcequota-controller",
  start(context) {
    const { client, clock, informers, enqueue, options, signal } = context;
    const period = options.resourceQuotaSyncPeriod ?? 300_000;
    const quotas = informers.informer(resourcequotas);
    const ledgers = new Map<string, Ledger>();
    const ledger = (key: string): Ledger => {
      const known = ledgers.get(key) ?? { charged: Number.NEGATIVE_INFINITY, full: Number.NEGATIVE_INFINITY };
      ledgers.set(key, known);
      return known;
    };
    const classes = informers.informer(deviceclasses);
    const pods = informers.informer(podResource);
    const claims = informers.informer(resourceclaims);
    let behind: ReadonlyMap<string, DeviceClass> | undefined;
    const around: QuotaSurroundings = {
      classBehind(resource) {
        behind ??= classesByResource(classes.list());
        return behind.get(resource);
      },
      pod: (namespace, name) => pods.get(namespace, name),
      resourceClaims: (namespace) => claims.list(namespace),
    };
    // A class that begins or ceases to stand behind a resource changes whose devices count against it.
    classes.onChange((old, changed) => {
      behind = undefined;
      if (old && changed && old.spec.extendedResourceName === changed.spec.extendedResourceName) return;
      for (const quota of quotas.list()) {
        if (!Object.keys(quota.spec?.hard ?? {}).some(isExtendedQuota)) continue;
        ledger(keyOf(quota)).freed ??= clock.monotonic();
        enqueue(keyOf(quota), batchPeriod);
      }
    });
    const counted = new CountedKinds(context, (resource, namespace, isFreed) => {
      for (const quota of quotas.list(namespace)) {
        if (!countedFor(quota, around).has(resource)) continue;
        if (isFreed) ledger(keyOf(quota)).freed ??= clock.monotonic();
        enqueue(keyOf(quota), batchPeriod);
      }
    });
    quotas.onChange((old, quota) => {
      if (!quota) ledgers.delete(keyOf(old as ResourceQuota));
      else if (old && isCharged(old.status?.used ?? {}, quota.status?.used ?? {})) ledger(keyOf(quota)).charged = clock.monotonic();
      if (quota && (!old || !semanticEqual(old.spec, quota.spec) || !semanticEqual(quota.spec?.hard, quota.status?.hard))) enqueue(keyOf(quota));
    });
    return async (key) => {
      const { namespace, name } = splitKey(key);
      const quota = quotas.get(namespace, name);
      if (!quota) return;
      const hard = quota.spec?.hard ?? {};
      const charged = Object.fromEntries(Object.entries(quota.status?.used ?? {}).filter(([name]) => name in hard));
      const mine = ledger(key);
      const now = clock.monotonic();
      const freed = mine.freed ?? (now >= mine.full ? now : undefined);
      const settled = now - mine.charged >= settling || (freed !== undefined && now - freed >= patience);
      const mayLower = freed !== undefined && settled;
      mine.freed = undefined;
      try {
        // What nobody here can count keeps what was last said of it.
        let total: ResourceList = {};
        for (const resource of countedFor(quota, around)) {
          const informer = await counted.informer(resource);
          if (!informer) continue;
          total = addUsage(total, totalUsage(quota, quotaEvaluator(resource, around), informer.list(namespace), clock.now()));
        }
        const status = { hard, used: { ...charged, ...usedOf(charged, total, mayLower) } };
        if (!semanticEqual(quota.status, status)) await client.resource(resourcequotas).updateStatus({ ...quota, status }, { signal });
      } catch (error) {
        mine.freed = freed;
        throw error;
      }
      if (mayLower) mine.full = now + period;
      else if (freed !== undefined) {
        mine.freed = freed;
        return { requeueAfter: mine.charged + settling - now };
      }
      return { requeueAfter: mine.full - now };
    };
  },
};

/** Of a quota; times as the monotonic clock has them. */
interface Ledger {
  /** When more was charged to it. */
  charged: number;
  /** Since when something is free that has not been given back. */
  freed?: number | undefined;
  /** When it is to be counted anew although nothing is known to be free. */
  full: number;
}

/** groupResources that some name of the quota counts. */
const countedFor = (quota: ResourceQuota, around: QuotaSurroundings): Set<string> =>
  new Set(Object.keys(quota.spec?.hard ?? {}).flatMap((name) => countedBy(name, around)));

/** Caches of the kinds that quotas count, started when the first quota names them. */
class CountedKinds {
  readonly #context: ControllerContext;
  readonly #changed: (resource: string, namespace: string, isFreed: boolean) => void;
  readonly #informers = new Map<string, Informer<KubeObject>>();

  constructor(context: ControllerContext, changed: (resource: string, namespace: string, isFreed: boolean) => void) {
    this.#context = context;
    this.#changed = changed;
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
        const isFreed = isReplenishing(counted, old, object, clock.now());
        if (isFreed || !old) this.#changed(counted, (object ?? old)?.metadata.namespace ?? "", isFreed);
      });
    }
    await informer.synced(this.#context.signal);
    return informer;
  }
}
