/** Fields that a field selector may name, per resource (AddFieldLabelConversionFunc of pkg/apis/<group>/<version>/conversion.go). */
import { goQuote } from "../../api/go-quote.ts";
import { FieldSelectorError } from "../../api/selectors/fields.ts";
import type { Endpoint } from "./call.ts";
import { table } from "../../base/table.ts";

const involved = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].map((field) => `involvedObject.${field}`);
const regarding = involved.map((field) => field.replace("involvedObject", "regarding"));
const named = ["metadata.name", "metadata.namespace"];

interface Fields {
  names: readonly string[];
  /** Upstream's words for any other, where they are its own. */
  refusal?: (field: string) => string;
  /** Names that stand for others. */
  renamed?: Readonly<Record<string, string>>;
}

const byResource = table<Fields>({
  pods: {
    names: [
      ...named,
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
    renamed: { "spec.host": "spec.nodeName" },
  },
  nodes: { names: ["metadata.name", "spec.unschedulable"] },
  replicationcontrollers: { names: [...named, "status.replicas"] },
  events: { names: [...named, ...involved, "reason", "reportingComponent", "source", "type"] },
  "events.events.k8s.io": {
    names: [...named, ...regarding, "reason", "reportingController", "type"],
    // The stored Event has other names for them.
    renamed: { reportingController: "reportingComponent", ...Object.fromEntries(regarding.map((field, i) => [field, involved[i] as string])) },
  },
  namespaces: { names: ["metadata.name", "status.phase"] },
  secrets: { names: [...named, "type"] },
  services: { names: [...named, "spec.clusterIP", "spec.type"] },
  "jobs.batch": { names: [...named, "status.successful"], refusal: (field) => `field label ${goQuote(field)} not supported for Job` },
  "clustertrustbundles.certificates.k8s.io": { names: ["metadata.name", "spec.signerName"] },
  "certificatesigningrequests.certificates.k8s.io": { names: ["metadata.name", "spec.signerName"] },
  "resourceslices.resource.k8s.io": {
    names: ["metadata.name", "spec.nodeName", "spec.driver"],
    refusal: (field) => `field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: ${field}`,
  },
});

const unsupported = (field: string): string => `field label not supported: ${field}`;

/** The name under which the cache's index has a field. Throws FieldSelectorError with upstream's text for one that cannot be selected. */
export function selectableField({ groupResource, custom }: Pick<Endpoint, "groupResource" | "custom">, field: string): string {
  if (custom) {
    const names = (custom.definition.selectableFields ?? []).map(({ jsonPath }) => jsonPath.replace(/^\./, ""));
    if (field === "metadata.name" || (custom.namespaced && field === "metadata.namespace") || names.includes(field)) return field;
    throw new FieldSelectorError(unsupported(field));
  }
  const own = byResource[groupResource];
  const renamed = own?.renamed?.[field];
  if (renamed !== undefined) return renamed;
  if ((own?.names ?? named).includes(field)) return field;
  if (own) throw new FieldSelectorError((own.refusal ?? unsupported)(field));
  throw new FieldSelectorError(`${goQuote(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`);
}
