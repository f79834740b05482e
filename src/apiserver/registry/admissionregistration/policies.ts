/**
 * Who binds policies to parameters must be able to read them: otherwise a policy would tell them what is in there
 * (pkg/registry/admissionregistration/{validating,mutating}admissionpolicy{,binding}/authz.go).
 */
import type { PolicyBinding } from "../../../api/admissionregistration/binding.ts";
import { deepEqual } from "../../../api/copy.ts";
import type { UserInfo } from "../../../api/exchange.ts";
import { type FieldError, forbiddenField, path } from "../../../api/field.ts";
import { parseGroupVersion } from "../../../api/group-version.ts";
import type { KubeObject } from "../../../api/object.ts";
import { invalid } from "../../../api/status.ts";
import type { ParamKind } from "../../../api/types/admissionregistration-v1.gen.ts";
import type { Reader } from "../../../cache/cache.ts";
import type { AuthorizationAttributes, Authorizer } from "../../authorization/authorizer.ts";
import type { Policy } from "../../admission/policies/source.ts";
import type { Call, Registry } from "../../rest/call.ts";

interface Deps {
  reader: Reader;
  authorizer: Authorizer;
}

const group = "admissionregistration.k8s.io";

/** As Go prints a pointer to one. */
function userText({ name, uid = "", groups, extra = {} }: UserInfo): string {
  const keys = Object.keys(extra).sort();
  return `&{${name} ${uid} [${groups.join(" ")}] map[${keys.map((key) => `${key}:[${extra[key]?.join(" ")}]`).join(" ")}]}`;
}

interface Target {
  group: string;
  version: string;
  resource: string;
  /** The kind is not served. */
  unresolved: boolean;
}

/** Everything where the kind says nothing that can be understood. */
function targetOf({ rest }: Call, { apiVersion = "", kind = "" }: ParamKind): Target {
  const given = parseGroupVersion(apiVersion);
  if (!given) return { group: "*", version: "*", resource: "*", unresolved: false };
  const resource = rest.endpointOfKind(apiVersion, kind)?.def.resource;
  return { ...given, resource: resource ?? "*", unresolved: resource === undefined };
}

async function mayNot(call: Call, { authorizer }: Deps, verb: string, target: Target, namespace: string, name: string): Promise<boolean> {
  const { group: of, version, resource } = target;
  const attributes: AuthorizationAttributes = {
    user: call.user,
    isResource: true,
    verb,
    group: of,
    version,
    resource,
    subresource: "",
    namespace,
    name,
    path: "",
  };
  return (await authorizer.authorize(attributes)).decision !== "allow";
}

const exempt = ({ user }: Call): boolean => user.groups.includes("system:masters");

/** What is wrong with the object itself is told first. */
function refuse({ endpoint, info }: Call, object: KubeObject, old: KubeObject | undefined, error: FieldError): void {
  const { hubKind } = endpoint;
  const wrong = old ? hubKind.validateUpdate?.(object, old) : hubKind.validate?.(object);
  if (!wrong?.length) throw invalid(endpoint.groupKind, object.metadata.name || info.name, [error]);
}

function policyRegistry(deps: Deps): Registry {
  const check = async (call: Call, object: Policy, old?: Policy): Promise<undefined> => {
    const { paramKind } = object.spec;
    if (!paramKind || exempt(call) || (old && deepEqual(paramKind, old.spec.paramKind))) return;
    if (!(await mayNot(call, deps, "get", targetOf(call, paramKind), "*", "*"))) return;
    const what = `(kind=${paramKind.kind ?? ""}, apiVersion=${paramKind.apiVersion ?? ""})`;
    const why = `user ${userText(call.user)} must have "get" permission on all objects of the referenced paramKind ${what}`;
    refuse(call, object, old, forbiddenField(path("spec", "paramKind"), why));
  };
  return {
    beginCreate: (call, object) => check(call, object as Policy),
    beginUpdate: (call, object, old) => check(call, object as Policy, old as Policy),
  };
}

/** `policies`: the groupResource of what is bound; `swapped`: upstream has changed the two in one of its messages. */
function bindingRegistry(deps: Deps, policies: string, swapped: boolean): Registry {
  const check = async (call: Call, object: PolicyBinding, old?: PolicyBinding): Promise<undefined> => {
    const { paramRef, policyName = "" } = object.spec;
    if (!paramRef || exempt(call)) return;
    const policy = deps.reader.get<Policy>(policies, "", policyName);
    const kind = policy?.spec.paramKind;
    const target: Target = kind ? targetOf(call, kind) : { group: "*", version: "*", resource: "*", unresolved: false };
    const verb = paramRef.name ? "get" : "list";
    if (!(await mayNot(call, deps, verb, target, paramRef.namespace ?? "", paramRef.name ?? ""))) return;
    const user = userText(call.user);
    const lacks = `to determine minimum required permissions and user ${user} does not have "${verb}" permission for all groups, versions and resources`;
    const shown = `&ParamKind{APIVersion:${kind?.apiVersion ?? ""},Kind:${kind?.kind ?? ""},}`;
    const [who, what] = swapped ? [verb, user] : [user, verb];
    const why = !policy
      ? `unable to get policy ${policyName} ${lacks}`
      : target.unresolved
        ? `unable to resolve paramKind ${shown} ${lacks}`
        : `user ${who} does not have "${what}" permission on the object referenced by paramRef`;
    refuse(call, object, old, forbiddenField(path("spec", "paramRef"), why));
  };
  return {
    beginCreate: (call, object) => check(call, object as PolicyBinding),
    beginUpdate: (call, object, old) => check(call, object as PolicyBinding, old as PolicyBinding),
  };
}

export function policyRegistries(deps: Deps): Record<string, Registry> {
  const [validating, mutating] = [`validatingadmissionpolicies.${group}`, `mutatingadmissionpolicies.${group}`];
  return {
    [validating]: policyRegistry(deps),
    [mutating]: policyRegistry(deps),
    [`validatingadmissionpolicybindings.${group}`]: bindingRegistry(deps, validating, false),
    [`mutatingadmissionpolicybindings.${group}`]: bindingRegistry(deps, mutating, true),
  };
}
