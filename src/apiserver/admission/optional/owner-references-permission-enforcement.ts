/** Owners are named by who may delete the dependent, and held back by who may finalize the owner (plugin/pkg/admission/gc). */
import { goQuote } from "../../../api/go-quote.ts";
import { deepEqual } from "../../../api/copy.ts";
import type { KubeObject } from "../../../api/object.ts";
import type { OwnerReference } from "../../../api/types/meta-v1.gen.ts";
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from "../../authorization/authorizer.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import { concerns, refuse } from "../refuse.ts";

/** The resource of a kind; undefined where none is served. */
export type ResourceOfKind = (apiVersion: string, kind: string) => { group: string; version: string; resource: string; namespaced: boolean } | undefined;

interface Options {
  authorizer: Authorizer;
  resourceOfKind: ResourceOfKind;
}

const ownersOf = (object: KubeObject | undefined): readonly OwnerReference[] => object?.metadata?.ownerReferences ?? [];

/** Those that block now and did not before. */
export function newlyBlocking(object: KubeObject | undefined, old: KubeObject | undefined): OwnerReference[] {
  const before = new Map(ownersOf(old).map((reference) => [reference.uid, reference]));
  return ownersOf(object).filter(({ uid, blockOwnerDeletion }) => blockOwnerDeletion === true && before.get(uid)?.blockOwnerDeletion !== true);
}

export function ownerReferencesPermissionEnforcement({ authorizer, resourceOfKind }: Options): AdmissionPlugin {
  const ask = async ({ user }: AdmissionAttributes, more: Partial<AuthorizationAttributes>): Promise<AuthorizationDecision> =>
    authorizer.authorize({
      user,
      isResource: true,
      verb: "update",
      group: "*",
      version: "*",
      resource: "*",
      subresource: "",
      namespace: "",
      name: "*",
      path: "",
      ...more,
    });

  async function validate(attributes: AdmissionAttributes): Promise<void> {
    const { operation, object, old, namespace, name, resource, subresource } = attributes;
    const { group, version } = resource;
    if (operation !== "CREATE") {
      const about = { verb: "delete", group, version, resource: resource.resource, subresource, namespace, name };
      const { decision, reason } = await ask(attributes, about);
      if (decision !== "allow") throw refuse(attributes, `cannot set an ownerRef on a resource you can't delete: ${reason}, <nil>`);
    }
    const blocking = newlyBlocking(object, old);
    if (!blocking.length || (await ask(attributes, { subresource: "finalizers" })).decision === "allow") return;
    for (const owner of blocking) {
      const found = resourceOfKind(owner.apiVersion, owner.kind);
      if (!found) {
        const what = `APIVersion ${owner.apiVersion} Kind ${owner.kind}`;
        const why = `no matches for kind ${goQuote(owner.kind)} in version ${goQuote(owner.apiVersion)}`;
        throw refuse(attributes, `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for ${what}: ${why}`);
      }
      const about = { ...found, subresource: "finalizers", name: owner.name, namespace: found.namespaced ? namespace : "" };
      const { decision, reason } = await ask(attributes, about);
      if (decision === "allow") continue;
      throw refuse(attributes, `cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: ${reason}, <nil>`);
    }
  }

  return {
    name: "OwnerReferencesPermissionEnforcement",
    validate(attributes) {
      const { operation, object, old } = attributes;
      if (operation !== "CREATE" && operation !== "UPDATE") return undefined;
      // The strategy of a pod's status keeps its owners.
      if (concerns(attributes, "pods", "status") && attributes.subresource === "status") return undefined;
      return deepEqual(ownersOf(object), ownersOf(old)) ? undefined : validate(attributes);
    },
  };
}
