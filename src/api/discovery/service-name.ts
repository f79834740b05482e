/** Which Service an EndpointSlice belongs to (discovery.k8s.io/v1 LabelServiceName). */
import type { EndpointSlice } from "../types/discovery-v1.gen.ts";

export const serviceNameLabel = "kubernetes.io/service-name";

/** "" for a slice of no Service. */
export const serviceNameOf = (slice: EndpointSlice): string => slice.metadata.labels?.[serviceNameLabel] ?? "";
