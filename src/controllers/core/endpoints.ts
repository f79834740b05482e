/** Endpoints of services with a selector, for readers that do not know EndpointSlices (pkg/controller/endpoint). */
import { keyOf, splitKey } from "../../api/object.ts";
import { isAlreadyExists, isNotFound } from "../../api/status.ts";
import type { Endpoints } from "../../api/types/core-v1.gen.ts";
import { referenceTo } from "../../client/events.ts";
import { endpoints as endpointsResource, pods as podResource, services as serviceResource } from "../../client/resources.gen.ts";
import { isHeadless, podsOf, servicesTouched, TriggerTimes } from "../discovery/service-pods.ts";
import { triggerTimeAnnotation } from "../discovery/slice-writer.ts";
import type { Controller } from "../runtime/controller.ts";
import { semanticEqual } from "../runtime/equal.ts";
import { isNamespaceTerminating, messageOf } from "../runtime/pod-control.ts";
import { repackSubsets, subsetsOf, truncateSubsets } from "./endpoint-subsets.ts";

const managedByLabel = "endpoints.kubernetes.io/managed-by";
const managedBy = "endpoint-controller";
const headlessLabel = "service.kubernetes.io/headless";
const overCapacity = "endpoints.kubernetes.io/over-capacity";

export const endpoints: Controller = {
  name: "endpoints-controller",
  account: "endpoint-controller",
  start(context) {
    const { client, informers, enqueue, events, signal } = context;
    const services = informers.informer(serviceResource);
    const pods = informers.informer(podResource);
    const present = informers.informer(endpointsResource);
    const triggers = new TriggerTimes();
    const api = client.resource(endpointsResource);
    /** Versions that have been replaced: an informer that still shows one is behind. */
    const replaced = new Map<string, string>();

    services.onChange((old, service) => enqueue(keyOf((service ?? old) as NonNullable<typeof old>)));
    pods.onChange((old, pod) => {
      for (const key of servicesTouched(services, old, pod)) enqueue(key);
    });
    present.onChange((old, object) => {
      // What somebody took away, and what was left over from before the start; Endpoints without a service are anybody's.
      if (!object || (!old && !present.hasSynced)) enqueue(keyOf((object ?? old) as Endpoints));
    });

    return async (key) => {
      const { namespace, name } = splitKey(key);
      const service = services.get(namespace, name);
      const current = present.get(namespace, name);
      if (!service) {
        triggers.forget(key);
        replaced.delete(key);
        if (current?.metadata.annotations?.["control-plane.alpha.kubernetes.io/leader"] !== undefined) return;
        // Also where none are seen: those that were made a moment ago may not have reached the cache, and nobody else takes them away.
        await api.delete(namespace, name, { ...(current ? { preconditions: { uid: current.metadata.uid } } : {}), signal }).catch((error) => {
          if (!isNotFound(error)) throw error;
        });
        return;
      }
      if (service.spec.type === "ExternalName" || !service.spec.selector) return;
      const backing = podsOf(service, pods);
      const triggered = triggers.next(key, service, backing);
      const all = subsetsOf(service, backing);
      if (current && replaced.get(key) === current.metadata.resourceVersion) return { retry: true };
      const truncated = truncateSubsets(all);
      const subsets = truncated ?? all;
      const labels = { ...service.metadata.labels, ...(isHeadless(service) ? { [headlessLabel]: "" } : {}), [managedByLabel]: managedBy };
      if (!isHeadless(service)) delete labels[headlessLabel];
      const isMarked = current?.metadata.annotations?.[overCapacity] !== undefined;
      if (current && isMarked === (truncated !== undefined) && semanticEqual(current.metadata.labels, labels)) {
        if (semanticEqual(repackSubsets(current.subsets ?? []), repackSubsets(subsets))) return;
      }
      const { [triggerTimeAnnotation]: _, [overCapacity]: __, ...others } = current?.metadata.annotations ?? {};
      const annotations = {
        ...others,
        ...(triggered ? { [triggerTimeAnnotation]: triggered } : {}),
        ...(truncated ? { [overCapacity]: "truncated" } : {}),
      };
      try {
        if (!current) await api.create(namespace, { metadata: { name, namespace, labels, annotations }, subsets }, { signal });
        else {
          const updated = await api.update({ ...current, metadata: { ...current.metadata, labels, annotations }, subsets }, { signal });
          if (updated.metadata.resourceVersion !== current.metadata.resourceVersion) replaced.set(key, current.metadata.resourceVersion);
        }
      } catch (error) {
        if (isNamespaceTerminating(error)) return;
        // Made a moment ago, here or elsewhere, and not yet seen.
        if (!current && isAlreadyExists(error)) return { retry: true };
        const about = current ? referenceTo(endpointsResource, current) : { kind: "Endpoints", apiVersion: "v1", namespace, name };
        if (current) events.event(about, "Warning", "FailedToUpdateEndpoint", `Failed to update endpoint ${key}: ${messageOf(error)}`);
        else events.event(about, "Warning", "FailedToCreateEndpoint", `Failed to create endpoint for service ${key}: ${messageOf(error)}`);
        throw error;
      }
    };
  },
};
