/** Resources served in a version other than the one that is stored. */
import { strictEventStrategy } from "../../api/events/event.ts";
import type { Kind } from "../../api/kind.ts";
import type { Conversion } from "../rest/call.ts";
import { resourceClaimsV1beta1, resourceClaimTemplatesV1beta1, resourceSlicesV1beta1 } from "./devices-v1beta1.ts";
import { events } from "./events.ts";
import { horizontalPodAutoscalers } from "./horizontalpodautoscalers.ts";
import { table } from "../../base/table.ts";

/** By groupResource. */
export const hubResources = table<{ group: string; version: string; resource: string }>({
  "events.events.k8s.io": { group: "", version: "v1", resource: "events" },
  "horizontalpodautoscalers.autoscaling": { group: "autoscaling", version: "v2", resource: "horizontalpodautoscalers" },
  ...stored("admissionregistration.k8s.io", "v1", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings"),
  ...stored("certificates.k8s.io", "v1beta1", "clustertrustbundles"),
  ...stored("coordination.k8s.io", "v1beta1", "leasecandidates"),
  ...stored("networking.k8s.io", "v1", "ipaddresses", "servicecidrs"),
  ...stored("resource.k8s.io", "v1", "deviceclasses", "resourceclaims", "resourceclaimtemplates", "resourceslices"),
  ...stored("resource.k8s.io", "v1beta2", "devicetaintrules"),
  ...stored("storage.k8s.io", "v1", "volumeattributesclasses"),
});

/** Resources that are served in several versions. */
function stored(group: string, version: string, ...resources: string[]): Record<string, { group: string; version: string; resource: string }> {
  return Object.fromEntries(resources.map((resource) => [`${resource}.${group}`, { group, version, resource }]));
}

/** Of versions that differ in nothing but their names. */
export const renamed = (hub: string, served: string): Conversion => ({
  toHub: (object) => ({ ...object, apiVersion: hub }),
  fromHub: (object) => ({ ...object, apiVersion: served }),
});

/** By `group/version/Kind`; versions that are not here differ in nothing but their names. */
export const conversions = table<Conversion>({
  "events.k8s.io/v1/Event": events,
  "autoscaling/v1/HorizontalPodAutoscaler": horizontalPodAutoscalers,
  "resource.k8s.io/v1beta1/ResourceClaim": resourceClaimsV1beta1,
  "resource.k8s.io/v1beta1/ResourceClaimTemplate": resourceClaimTemplatesV1beta1,
  "resource.k8s.io/v1beta1/ResourceSlice": resourceSlicesV1beta1,
});

/** How the stored form is treated when it comes by way of another resource, by that resource's groupResource. */
export const hubKinds = table<Kind>({ "events.events.k8s.io": strictEventStrategy as unknown as Kind });
