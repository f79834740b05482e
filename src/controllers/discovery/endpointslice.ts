/** EndpointSlices of services with a selector: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/ */
import { keyOf, splitKey } from "../../api/object.ts";
import type { EndpointSlice } from "../../api/types/discovery-v1.gen.ts";
import { referenceTo } from "../../client/events.ts";
import { endpointslices, nodes as nodeResource, pods as podResource, services as serviceResource } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import { messageOf } from "../runtime/pod-control.ts";
import { recheckOwner } from "../runtime/ownership.ts";
import { serviceNameLabel } from "../../api/discovery/service-name.ts";
import { managedBy, managedByLabel, planSlices } from "./endpointslice-plan.ts";
import { podsOf, servicesTouched, TriggerTimes } from "./service-pods.ts";
import { SliceTracker } from "./slice-tracker.ts";
import { triggerTimeAnnotation, writeSlices } from "./slice-writer.ts";

export const byService = "service";
export const serviceIndex = {
  [byService]: ({ metadata: { namespace, labels } }: EndpointSlice): string[] =>
    labels?.[serviceNameLabel] ? [`${namespace}/${labels[serviceNameLabel]}`] : [],
};

export const endpointslice: Controller = {
  name: "endpointslice-controller",
  account: "endpointslice-controller",
  start(context) {
    const { informers, enqueue, events, options } = context;
    const services = informers.informer(serviceResource);
    const pods = informers.informer(podResource);
    const nodes = informers.informer(nodeResource);
    const slices = informers.informer(endpointslices, { indexes: serviceIndex });
    const tracker = new SliceTracker();
    const triggers = new TriggerTimes();
    const waitingForNodes = new Set<string>();
    /** Services of which a slice has gone. */
    const bereft = new Set<string>();
    const isOurs = (slice: EndpointSlice): boolean => slice.metadata.labels?.[managedByLabel] === managedBy;

    services.onChange((old, service) => enqueue(keyOf((service ?? old) as NonNullable<typeof old>)));
    pods.onChange((old, pod) => {
      for (const key of servicesTouched(services, old, pod)) enqueue(key);
    });
    nodes.onChange((old, node) => {
      if (node && !old) for (const key of waitingForNodes) enqueue(key);
    });
    slices.onChange((old, slice) => {
      const changed = (slice ?? old) as EndpointSlice;
      if (!isOurs(changed) && !(old && isOurs(old))) return;
      const key = `${changed.metadata.namespace}/${changed.metadata.labels?.[serviceNameLabel] ?? old?.metadata.labels?.[serviceNameLabel]}`;
      if (!slice) {
        tracker.gone(key, changed);
        bereft.add(key);
      }
      enqueue(key);
    });

    return async (key) => {
      const { namespace, name } = splitKey(key);
      const service = services.get(namespace, name);
      waitingForNodes.delete(key);
      if (!service) {
        // The garbage collector takes the slices away.
        tracker.forget(key);
        triggers.forget(key);
        bereft.delete(key);
        return;
      }
      if (service.spec.type === "ExternalName" || !service.spec.selector) return;
      const existing = slices.by(byService, key).filter((slice) => isOurs(slice) && !slice.metadata.deletionTimestamp);
      const backing = podsOf(service, pods);
      const triggered = triggers.next(key, service, backing);
      if (tracker.isStale(key, existing)) return { retry: true };
      const plan = planSlices({ service, pods: backing, existing, node: (node) => nodes.get("", node), maxEndpoints: options.maxEndpointsPerSlice ?? 100 });
      // Perhaps the service is going, of which the cache need not know yet: what is made now would be deleted and made again.
      if (bereft.has(key) && plan.create.length > 0) await recheckOwner(context, serviceResource, service);
      bereft.delete(key);
      const stamped = (slice: EndpointSlice): EndpointSlice => {
        const { [triggerTimeAnnotation]: _, ...rest } = slice.metadata.annotations ?? {};
        return { ...slice, metadata: { ...slice.metadata, annotations: { ...rest, ...(triggered ? { [triggerTimeAnnotation]: triggered } : {}) } } };
      };
      const stampedPlan = { create: plan.create.map(stamped), update: plan.update.map(stamped), delete: plan.delete };
      const ending = service.metadata.deletionTimestamp !== undefined;
      try {
        await writeSlices(context, { key, namespace, subject: `Service ${key}`, plan: stampedPlan, tracker, ending });
      } catch (error) {
        const message = `Error updating Endpoint Slices for Service ${key}: ${messageOf(error)}`;
        if (!context.signal.aborted) events.event(referenceTo(serviceResource, service), "Warning", "FailedToUpdateEndpointSlices", message);
        throw error;
      }
      if (plan.skipped.length > 0) {
        waitingForNodes.add(key);
        return { retry: true };
      }
    };
  },
};
