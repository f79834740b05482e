/** Owner references (k8s.io/apimachinery/pkg/apis/meta/v1/controller_ref.go). */
import type { KubeObject } from "../object.ts";
import type { OwnerReference } from "../types/meta-v1.gen.ts";

/** The reference of the managing controller, if there is one. */
export const controllerOf = (object: KubeObject): OwnerReference | undefined => object.metadata.ownerReferences?.find((r) => r.controller === true);

export const isControlledBy = (object: KubeObject, owner: KubeObject): boolean => controllerOf(object)?.uid === owner.metadata.uid;

/** What a controller writes into what it creates for `owner`; apiVersion and kind are given because cached objects lack them. */
export const newControllerRef = (owner: KubeObject, apiVersion: string, kind: string): OwnerReference => ({
  apiVersion,
  kind,
  name: owner.metadata.name,
  uid: owner.metadata.uid,
  controller: true,
  blockOwnerDeletion: true,
});
