/** Who owns the fields of what a server makes at its start: the parts of upstream's that write it through the API. */
import { applyServerSide } from "../api/apply/apply.ts";
import { deepCopy } from "../api/copy.ts";
import type { JSONObject } from "../api/json.ts";
import type { KubeObject } from "../api/object.ts";
import type { ManagedFieldsEntry } from "../api/types/meta-v1.gen.ts";
import { table } from "../base/table.ts";
import type { Endpoint, Rest } from "./rest/call.ts";
import { objectTypeOf, operationOf, trackWrite } from "./rest/managed-fields.ts";

const server = "kube-apiserver";
const writers = table<string>({ "flowcontrol.apiserver.k8s.io": "api-priority-and-fairness-config-producer-v1" });
/** Those that apply the status. */
const appliers = table<string>({
  "flowschemas.flowcontrol.apiserver.k8s.io": "api-priority-and-fairness-config-consumer-v1",
  "servicecidrs.networking.k8s.io": "kubernetes-service-cidr-controller",
});
/** Of the specification, what nobody writes: it is added behind the reckoning of owners. */
const added = table<readonly string[]>({ namespaces: ["finalizers"], services: ["clusterIPs", "ipFamilies"] });

type Loose = KubeObject & { spec?: Record<string, unknown>; status?: { conditions?: object[] } };

/** `object` over `old` with its managed fields. Built-in kinds alone: nobody has to be asked. */
export function owned(rest: Rest, endpoint: Endpoint, object: KubeObject, old?: KubeObject): KubeObject {
  const managedFields = entriesOf(rest, endpoint, object, old);
  return managedFields ? { ...object, metadata: { ...object.metadata, managedFields } } : object;
}

function entriesOf(rest: Rest, endpoint: Endpoint, object: KubeObject, old?: KubeObject): ManagedFieldsEntry[] | undefined {
  const written = deepCopy(object) as Loose;
  for (const field of added[endpoint.groupResource] ?? []) delete written.spec?.[field];
  trackWrite({ rest, endpoint, info: { subresource: "" } }, written, old, writers[endpoint.def.group] ?? server);
  const { status, ...before } = written;
  const manager = appliers[endpoint.groupResource];
  if (old || !manager || !status) return written.metadata.managedFields;
  const { kind, apiVersion, metadata } = written;
  // Apply configurations leave out what is empty.
  const conditions = status.conditions?.map((one) => Object.fromEntries(Object.entries(one).filter(([, value]) => value !== "")));
  const applied = { kind, apiVersion, metadata: { name: metadata.name }, status: { ...status, conditions } };
  const operation = operationOf({ rest, endpoint, info: { subresource: "status" } }, manager, (of) => ({ type, object: of }));
  const type = objectTypeOf(endpoint);
  const after = applyServerSide(type, before as unknown as JSONObject, applied as unknown as JSONObject, {
    ...operation,
    kind: endpoint.def.kind,
    force: true,
  });
  return (after as unknown as KubeObject).metadata.managedFields;
}
