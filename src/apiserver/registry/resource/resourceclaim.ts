/**
 * Who may ask for administrators' access to devices, allocate them and report on them (pkg/registry/resource/utils.go):
 * the namespace's label says the first, permissions on resourceclaims/binding and resourceclaims/driver the others.
 */
import { semanticEqual } from "../../../api/core/semantic.ts";
import { type FieldError, forbiddenField, path } from "../../../api/field.ts";
import type { KubeObject } from "../../../api/object.ts";
import { nameIsDNSSubdomain } from "../../../api/meta/names.ts";
import { deviceKey } from "../../../api/resource/claim-status.ts";
import { invalid } from "../../../api/status.ts";
import type { AllocationResult, DeviceClaim, ResourceClaim, ResourceClaimTemplate } from "../../../api/types/resource-v1.gen.ts";
import type { AuthorizationAttributes } from "../../authorization/authorizer.ts";
import { forbiddenError } from "../../authorization/forbidden.ts";
import type { Call, Registry } from "../../rest/call.ts";
import type { RegistryDeps } from "../registries.ts";

type Deps = Pick<RegistryDeps, "reader" | "authorizer">;

const adminLabel = "resource.kubernetes.io/admin-access";
const noAdmin = `admin access to devices requires the \`${adminLabel}: true\` label on the containing namespace`;
const nodeNameExtra = "authentication.kubernetes.io/node-name";

const isAdmin = ({ reader }: Deps, namespace: string): boolean => reader.labels("namespaces", "", namespace)?.[adminLabel] === "true";

function adminRequest(deps: Deps, namespace: string, { requests }: DeviceClaim): FieldError[] {
  const asking = (requests ?? []).findIndex(({ exactly }) => exactly?.adminAccess);
  if (asking < 0 || isAdmin(deps, namespace)) return [];
  return [forbiddenField(path("spec", "devices", "requests").index(asking).child("adminAccess"), noAdmin)];
}

const adminResult = (allocation: AllocationResult | undefined): number => (allocation?.devices?.results ?? []).findIndex(({ adminAccess }) => adminAccess);
function adminAllocation(deps: Deps, { metadata, status }: ResourceClaim, old: ResourceClaim): FieldError[] {
  const granted = adminResult(status?.allocation);
  if (granted < 0 || adminResult(old.status?.allocation) >= 0 || isAdmin(deps, metadata.namespace ?? "")) return [];
  return [forbiddenField(path("status", "allocation", "devices", "results").index(granted).child("adminAccess"), noAdmin)];
}

function attributesOf({ user, info }: Call, subresource: string, verb: string, namespace: string, name: string): AuthorizationAttributes {
  const { group, version, resource } = info;
  return { user, verb, isResource: true, group, version, resource, subresource, namespace, name, path: info.path };
}
/** Why not; undefined: it is allowed. */
async function refusal({ authorizer }: Deps, attributes: AuthorizationAttributes): Promise<string | undefined> {
  const { decision, reason } = await authorizer.authorize(attributes);
  return decision === "allow" ? undefined : forbiddenError(attributes, reason).message;
}

async function binding(deps: Deps, call: Call, claim: ResourceClaim, old: ResourceClaim): Promise<FieldError[]> {
  const [now, before] = [claim.status ?? {}, old.status ?? {}];
  if (semanticEqual(now.allocation, before.allocation) && semanticEqual(now.reservedFor, before.reservedFor)) return [];
  const { verb } = call.info;
  const why = await refusal(deps, attributesOf(call, "binding", verb, "", ""));
  const needed = `changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="${verb}" permission`;
  return why === undefined ? [] : [forbiddenField(path("status", "allocation"), `${needed}: ${why}`)];
}

/** The node of which an allocation is, where it is of one alone. */
function nodeOf({ nodeSelector }: AllocationResult): string | undefined {
  const [term, ...terms] = nodeSelector?.nodeSelectorTerms ?? [];
  const [field, ...fields] = term?.matchFields ?? [];
  if (!field || terms.length || fields.length || term?.matchExpressions?.length) return undefined;
  return field.key === "metadata.name" && field.operator === "In" && field.values?.length === 1 ? field.values[0] : undefined;
}
function isOfNode({ user }: Call, node: string | undefined): boolean {
  const [name, ...more] = user.extra?.[nodeNameExtra] ?? [];
  const account = /^system:serviceaccount:[^:]+:[^:]+$/.test(user.name);
  return account && more.length === 0 && name !== undefined && name === node && nameIsDNSSubdomain(name, false).length === 0;
}
function changedDrivers(claim: ResourceClaim, old: ResourceClaim): string[] {
  const before = new Map((old.status?.devices ?? []).map((device) => [deviceKey(device), device]));
  const changed = new Set<string>();
  for (const device of claim.status?.devices ?? []) {
    const key = deviceKey(device);
    if (!semanticEqual(before.get(key), device)) changed.add(device.driver);
    before.delete(key);
  }
  for (const { driver } of before.values()) changed.add(driver);
  return [...changed].sort();
}
async function deviceStatus(deps: Deps, call: Call, claim: ResourceClaim, old: ResourceClaim): Promise<FieldError[]> {
  const allocation = claim.status?.allocation;
  if (!allocation) return [];
  const { verb, namespace } = call.info;
  const verbs = [...(isOfNode(call, nodeOf(allocation)) ? [`associated-node:${verb}`] : []), `arbitrary-node:${verb}`];
  const errors: FieldError[] = [];
  for (const driver of changedDrivers(claim, old)) {
    const refusals = await Promise.all(verbs.map((one) => refusal(deps, attributesOf(call, "driver", one, namespace, driver))));
    if (refusals.includes(undefined)) continue;
    const needed = `changing status.devices requires resource="resourceclaims/driver", verb="[${verbs.join(" ")}]" permission`;
    errors.push(forbiddenField(path("status", "devices"), `${needed}: ${refusals[0]}`));
  }
  return errors;
}

function refuse({ endpoint }: Call, { metadata }: KubeObject, errors: FieldError[], more: FieldError[] = []): undefined {
  if (errors.length) throw invalid(endpoint.groupKind, metadata.name ?? "", [...errors, ...more]);
  return undefined;
}

export const resourceClaimRegistry = (deps: Deps): Registry => ({
  async beginCreate(call, object) {
    const errors = adminRequest(deps, call.info.namespace, (object as ResourceClaim).spec.devices ?? {});
    return refuse(call, object, errors, call.endpoint.hubKind.validate?.(object));
  },
  async beginStatusUpdate(call, object, old) {
    const [claim, before] = [object as ResourceClaim, old as ResourceClaim];
    const errors = [...adminAllocation(deps, claim, before), ...(await binding(deps, call, claim, before)), ...(await deviceStatus(deps, call, claim, before))];
    return refuse(call, object, errors);
  },
});

export const resourceClaimTemplateRegistry = (deps: Deps): Registry => ({
  async beginCreate(call, object) {
    const errors = adminRequest(deps, call.info.namespace, (object as ResourceClaimTemplate).spec.spec?.devices ?? {});
    return refuse(call, object, errors, call.endpoint.hubKind.validate?.(object));
  },
});
