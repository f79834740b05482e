/** Carries out a plan of EndpointSlice writes, creations first, so that no address is missing in between. */
import { isNotFound } from "../../api/status.ts";
import { endpointslices } from "../../client/resources.gen.ts";
import type { ControllerContext } from "../runtime/controller.ts";
import { isNamespaceTerminating, messageOf } from "../runtime/pod-control.ts";
import type { SlicePlan } from "./endpointslice-plan.ts";
import type { SliceTracker } from "./slice-tracker.ts";

export const triggerTimeAnnotation = "endpoints.kubernetes.io/last-change-trigger-time";

export interface SliceWork {
  key: string;
  namespace: string;
  /** `Service default/web`, for error messages. */
  subject: string;
  plan: SlicePlan;
  tracker: SliceTracker;
  /** The owner is going away: nothing new is made. */
  ending: boolean;
}

/** Rejects with the first failure. */
export async function writeSlices(context: ControllerContext, { key, namespace, subject, plan, tracker, ending }: SliceWork): Promise<void> {
  const { signal } = context;
  const api = context.client.resource(endpointslices);
  if (!ending) {
    for (const slice of plan.create) {
      try {
        tracker.wrote(key, await api.create(namespace, slice, { signal }));
      } catch (error) {
        if (isNamespaceTerminating(error)) return;
        throw new Error(`failed to create EndpointSlice for ${subject}: ${messageOf(error)}`, { cause: error });
      }
    }
  }
  for (const slice of plan.update) {
    try {
      tracker.wrote(key, await api.update(slice, { signal }));
    } catch (error) {
      throw new Error(`failed to update ${slice.metadata.name} EndpointSlice for ${subject}: ${messageOf(error)}`, { cause: error });
    }
  }
  for (const slice of plan.delete) {
    try {
      tracker.deleting(key, slice);
      await api.delete(namespace, slice.metadata.name, { preconditions: { uid: slice.metadata.uid }, signal });
    } catch (error) {
      tracker.gone(key, slice);
      if (!isNotFound(error)) throw new Error(`failed to delete ${slice.metadata.name} EndpointSlice for ${subject}: ${messageOf(error)}`, { cause: error });
    }
  }
}
