/** Roles and bindings are written only by who has what they give (pkg/registry/rbac). */
import type { KubeObject } from "../../../api/object.ts";
import type { Role } from "../../../api/types/rbac-v1.gen.ts";
import { checkEscalation, type EscalationRequest } from "../../authorization/escalation.ts";
import type { Call, Registry } from "../../rest/call.ts";
import type { RegistryDeps } from "../registries.ts";

const resources = ["roles", "clusterroles", "rolebindings", "clusterrolebindings"] as const;

export function rbacRegistries(deps: RegistryDeps): Record<string, Registry> {
  const guard = (resource: EscalationRequest["resource"]): Registry => {
    const check = (call: Call, object: KubeObject, old?: KubeObject): Promise<void> => {
      const { namespace, name } = call.info;
      return checkEscalation({ user: call.user, resource, namespace, name, object: object as unknown as Role, ...(old ? { old } : {}) }, deps);
    };
    return {
      async beginCreate(call, object) {
        await check(call, object);
        return undefined;
      },
      guardUpdate: check,
    };
  };
  return Object.fromEntries(resources.map((resource) => [`${resource}.rbac.authorization.k8s.io`, guard(resource)]));
}
