/** Who manages which field, kept on every write (k8s.io/apimachinery/pkg/util/managedfields). */
import { type Operation, trackUpdate } from "../../api/apply/managed-fields.ts";
import type { ObjectType } from "../../api/apply/atom.ts";
import { deepCopy } from "../../api/copy.ts";
import { goQuote } from "../../api/field.ts";
import type { JSONObject } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import { typeOfKind } from "../../api/schema/schema.ts";
import { formatTime } from "../../api/time.ts";
import type { ManagedFieldsEntry } from "../../api/types/meta-v1.gen.ts";
import type { Call, Endpoint } from "./call.ts";
import { hasStatus } from "./strategy.ts";

/** What the strategies of these kinds take away on the way in through `status`, besides spec. */
const statusResets: Record<string, readonly string[]> = {
  pods: ["spec", "metadata.deletionTimestamp", "metadata.ownerReferences"],
  "certificatesigningrequests.certificates.k8s.io": ["spec", "status.conditions"],
  "deployments.apps": ["spec", "metadata.labels"],
  "flowschemas.flowcontrol.apiserver.k8s.io": ["spec", "metadata"],
  "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": ["spec", "metadata"],
  "servicecidrs.networking.k8s.io": ["spec", "metadata"],
  "resourceclaims.resource.k8s.io": ["spec", "metadata"],
  "volumeattachments.storage.k8s.io": ["spec", "metadata"],
  "apiservices.apiregistration.k8s.io": ["spec", "metadata"],
  "validatingadmissionpolicies.admissionregistration.k8s.io": ["spec", "metadata"],
};

const signingRequests = "certificatesigningrequests.certificates.k8s.io";

/** What ownership of fields goes by. */
export const objectTypeOf = ({ custom, type }: Endpoint): ObjectType => (custom ? custom.objectType : type);

function resetFields(endpoint: Endpoint, subresource: string): readonly string[] {
  if (endpoint.custom && subresource === "status") return ["spec", "metadata"];
  if (subresource === "status") return statusResets[endpoint.groupResource] ?? ["spec"];
  // These take away more than their storage says.
  if (subresource === "scale" || subresource === "ephemeralcontainers" || subresource === "resize") return [];
  if (subresource === "approval") return ["spec", "status.certificate"];
  if (endpoint.groupResource === signingRequests) return ["spec", "status"];
  return hasStatus(endpoint) ? ["status"] : [];
}

export function operationOf(call: Call, manager: string, dryRun = false): Operation {
  const { endpoint, info, rest } = call;
  return {
    manager,
    dryRun,
    apiVersion: endpoint.apiVersion,
    subresource: info.subresource,
    time: formatTime(rest.clock.now()),
    resetFields: resetFields(endpoint, info.subresource),
    convert: (object, apiVersion) => inVersion(endpoint, object, apiVersion),
  };
}

/** Objects are given in the served version; entries of the stored version and of the served one are all there are. */
function inVersion(endpoint: Endpoint, object: JSONObject, apiVersion: string): ReturnType<NonNullable<Operation["convert"]>> {
  if (apiVersion === endpoint.apiVersion) return { type: objectTypeOf(endpoint), object };
  if (endpoint.custom) return inCustomVersion(endpoint, object, apiVersion);
  if (apiVersion === endpoint.hubApiVersion && endpoint.conversion)
    return { type: endpoint.hubType, object: endpoint.conversion.toHub(object as unknown as KubeObject) as unknown as JSONObject };
  const type = typeOfKind(apiVersion, endpoint.def.kind);
  return type && { type, object };
}

/** Versions of a custom resource differ in their names, as far as ownership goes. */
function inCustomVersion({ versions }: Endpoint, object: JSONObject, apiVersion: string): ReturnType<NonNullable<Operation["convert"]>> {
  const version = versions?.get(apiVersion);
  if (!version) return undefined;
  const copy = deepCopy(object);
  copy.apiVersion = apiVersion;
  version.coerce(copy);
  return { type: version.objectType, object: copy };
}

/** Sets metadata.managedFields of `object`, which is in the stored version, for a write of `manager` over `old`. */
export function trackWrite(call: Call, object: KubeObject, old: KubeObject | undefined, manager: string, dryRun = false): void {
  const { endpoint } = call;
  const view = (hub: KubeObject): JSONObject => (endpoint.conversion ? endpoint.conversion.fromHub(hub) : hub) as unknown as JSONObject;
  const tracked = trackUpdate(objectTypeOf(endpoint), old && view(old), view(object), operationOf(call, manager, dryRun));
  const managed = (tracked.metadata as { managedFields?: ManagedFieldsEntry[] } | undefined)?.managedFields;
  if (managed) object.metadata.managedFields = managed;
  else delete object.metadata.managedFields;
}

/** After admission: what it made of the managed fields stays where they are valid (k8s.io/apimachinery/pkg/util/managedfields/internal/validation.go). */
export function keepManagedFields(call: Call, object: KubeObject, before: ManagedFieldsEntry[] | undefined): void {
  const wrong = invalidEntry(object.metadata.managedFields ?? []);
  if (wrong === undefined) return;
  if (before) object.metadata.managedFields = before;
  else delete object.metadata.managedFields;
  const advice = "this could be caused by an outdated mutating admission controller; please fix your requests";
  call.warn(`.metadata.managedFields was in an invalid state after admission; ${advice}: ${wrong}`);
}

function invalidEntry(entries: readonly ManagedFieldsEntry[]): string | undefined {
  for (const [i, { operation = "", fieldsType = "", apiVersion = "" }] of entries.entries()) {
    if (operation !== "Apply" && operation !== "Update") return "operation must be `Apply` or `Update`";
    if (!apiVersion) return "apiVersion must not be empty";
    if (!fieldsType) return `missing fieldsType in managed fields entry ${i}`;
    if (fieldsType !== "FieldsV1") return `invalid fieldsType ${goQuote(fieldsType)} in managed fields entry ${i}`;
  }
  return undefined;
}
