/** Fields that a field selector may name, per resource (AddFieldLabelConversionFunc of upstream's versions). */
import { FieldSelectorError } from "../../api/selectors/fields.ts";
import type { Endpoint } from "./call.ts";

const involved = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].map((field) => `involvedObject.${field}`);
const regarding = involved.map((field) => field.replace("involvedObject", "regarding"));

const byResource: Record<string, string[]> = {
  pods: [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.podIPs",
    "status.nominatedNodeName",
  ],
  nodes: ["spec.unschedulable"],
  replicationcontrollers: ["status.replicas"],
  events: [...involved, "reason", "reportingComponent", "source", "type"],
  "events.events.k8s.io": [...regarding, "reason", "reportingController", "type"],
  namespaces: ["status.phase"],
  secrets: ["type"],
  services: ["spec.clusterIP", "spec.type"],
  "jobs.batch": ["status.successful"],
  "certificatesigningrequests.certificates.k8s.io": ["spec.signerName"],
  "resourceslices.resource.k8s.io": ["spec.nodeName", "spec.driver"],
};

export interface SelectableFields {
  /** Throws FieldSelectorError with upstream's text. */
  check(field: string): void;
}

export function selectableFields(endpoint: Endpoint): SelectableFields {
  const group = endpoint.def.group;
  const own = byResource[endpoint.groupResource];
  const extra = endpoint.def.namespaced ? ["metadata.name", "metadata.namespace"] : ["metadata.name"];
  return {
    check(field) {
      if (extra.includes(field) || own?.includes(field)) return;
      if (own && (group === "" || group === "apps" || group === "batch" || group === "events.k8s.io" || group === "certificates.k8s.io"))
        throw new FieldSelectorError(`field label not supported: ${field}`);
      throw new FieldSelectorError(`${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`);
    },
  };
}
