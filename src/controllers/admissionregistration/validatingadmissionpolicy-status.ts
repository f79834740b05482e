/** Tells in a policy's status what is wrong with its expressions, type by type (pkg/controller/validatingadmissionpolicystatus). */
import { checkTypes, type KnownKind, type KnownKinds, structType } from "../../api/admissionregistration/type-checking.ts";
import { declTypeOf } from "../../api/apiextensions/decl-type.ts";
import type { Schema } from "../../api/apiextensions/schema.ts";
import { groupVersionOf } from "../../api/group-version.ts";
import { apiVersionOf, type ResourceDef, resources, typeOfKind } from "../../api/schema/schema.ts";
import { isNotFound } from "../../api/status.ts";
import type { ValidatingAdmissionPolicy } from "../../api/types/admissionregistration-v1.gen.ts";
import { validatingadmissionpolicies } from "../../client/resources.gen.ts";
import type { Transport } from "../../client/transport.ts";
import type { Controller } from "../runtime/controller.ts";

const name = "validatingadmissionpolicy-status-controller";

function builtIn({ group, version, kind }: ResourceDef): KnownKind {
  const type = typeOfKind(apiVersionOf(group, version), kind);
  return { group, version, kind, type: (structs) => type && structType(type, structs) };
}

interface ServedGroup {
  resources?: { name: string; kind: string }[];
}
type Described = Schema & { "x-kubernetes-group-version-kind"?: { group: string; version: string; kind: string }[] };
interface Described3 {
  components?: { schemas?: Record<string, Described> };
}
interface ServedKind extends KnownKind {
  readonly resource: string;
}

/** What the server says of kinds that are not built in. */
async function servedKinds(transport: Transport, group: string, version: string, signal: AbortSignal): Promise<ServedKind[]> {
  const read = async <T>(path: string): Promise<T | undefined> => {
    try {
      return (await transport.request({ method: "GET", path, headers: { accept: "application/json" }, signal })).object as T;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };
  const served = await read<ServedGroup>(`/apis/${group}/${version}`);
  if (!served) return [];
  const schemas = Object.values((await read<Described3>(`/openapi/v3/apis/${group}/${version}`))?.components?.schemas ?? {});
  return (served.resources ?? []).flatMap(({ name: resource, kind }) => {
    if (resource.includes("/")) return [];
    const isIt = (schema: Described): boolean =>
      schema["x-kubernetes-group-version-kind"]?.some((one) => one.group === group && one.version === version && one.kind === kind) === true;
    const schema = schemas.find(isIt);
    return schema ? [{ group, version, kind, resource, type: (structs) => declTypeOf(schema, true, kind, structs)?.type }] : [];
  });
}

const builtInGroups = new Set(resources.map(({ group, version }) => apiVersionOf(group, version)));

/** Kinds that the policy names, whether built in or not. */
async function knownKinds({ spec }: ValidatingAdmissionPolicy, transport: Transport, signal: AbortSignal): Promise<KnownKinds> {
  const wanted = new Set(
    (spec.matchConstraints?.resourceRules ?? []).flatMap(({ apiGroups = [], apiVersions = [] }) =>
      apiGroups.flatMap((group) => apiVersions.map((version) => apiVersionOf(group, version))),
    ),
  );
  if (spec.paramKind?.apiVersion) wanted.add(spec.paramKind.apiVersion);
  const custom: ServedKind[] = [];
  for (const apiVersion of wanted) {
    const { group, version } = groupVersionOf(apiVersion);
    if (group && version && !apiVersion.includes("*") && !builtInGroups.has(apiVersion)) custom.push(...(await servedKinds(transport, group, version, signal)));
  }
  return {
    ofResource(group, version, resource) {
      const def = resources.find((one) => one.group === group && one.version === version && one.resource === resource);
      return def ? [builtIn(def)] : custom.filter((one) => one.group === group && one.version === version && one.resource === resource);
    },
    ofKind(apiVersion, kind) {
      const def = resources.find((one) => one.kind === kind && apiVersionOf(one.group, one.version) === apiVersion && one.verbs.includes("list"));
      return def ? builtIn(def) : custom.find((one) => one.kind === kind && apiVersionOf(one.group, one.version) === apiVersion);
    },
  };
}

export const validatingAdmissionPolicyStatus: Controller = {
  name,
  account: name,
  start({ client, informers, enqueue, signal }) {
    const policies = informers.informer(validatingadmissionpolicies);
    policies.onChange((_, policy) => {
      if (policy) enqueue(policy.metadata.name);
    });
    return async (key) => {
      const policy = policies.get("", key);
      const generation = policy?.metadata.generation ?? 0;
      if (!policy || generation <= (policy.status?.observedGeneration ?? 0)) return;
      const expressionWarnings = checkTypes(policy, await knownKinds(policy, client.transport, signal));
      const status = { observedGeneration: generation, typeChecking: expressionWarnings.length ? { expressionWarnings } : {} };
      const configuration = { apiVersion: "admissionregistration.k8s.io/v1", kind: "ValidatingAdmissionPolicy", metadata: { name: key }, status };
      await client
        .resource(validatingadmissionpolicies)
        .patch("", key, "apply", configuration, { fieldManager: name, force: true, subresource: "status", signal });
    };
  },
};
