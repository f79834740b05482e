/** What the expressions of webhooks and policies may name (k8s.io/apiserver/pkg/admission/plugin/cel/compile.go). */
import { own } from "../../base/table.ts";
import type { Struct } from "../cel/declarations.ts";
import type { Environment } from "../cel/environment.ts";
import { kubernetesEnvironment } from "../cel/kubernetes.ts";
import { authorizerType, resourceCheckType } from "../cel/library/authorizer.ts";
import { jsonpatch } from "../cel/library/jsonpatch.ts";
import { mutation } from "../cel/library/mutation.ts";
import { listOf, mapOf, struct, type Type, types } from "../cel/types.ts";

/** Which variables there are besides object, oldObject, request and namespaceObject. */
export interface Declarations {
  readonly params: boolean;
  readonly authorizer: boolean;
  /** Object{} and JSONPatch{} can be written. */
  readonly patchTypes?: boolean;
}

const { bool, dyn, int, string, timestamp } = types;
const texts = (...names: string[]): Record<string, Type> => Object.fromEntries(names.map((name) => [name, string]));
const stringMap = mapOf(string, string);

const structs: Record<string, Struct> = {};
function declare(name: string, fields: Readonly<Record<string, Type>>): Type {
  const type = struct(name);
  structs[name] = { type, field: (field) => own(fields, field) };
  return type;
}

const groupVersionKind = declare("kubernetes.GroupVersionKind", texts("group", "version", "kind"));
const groupVersionResource = declare("kubernetes.GroupVersionResource", texts("group", "version", "resource"));
const userInfo = declare("kubernetes.UserInfo", { ...texts("username", "uid"), groups: listOf(string), extra: mapOf(string, listOf(string)) });
const request = declare("kubernetes.AdmissionRequest", {
  kind: groupVersionKind,
  resource: groupVersionResource,
  requestKind: groupVersionKind,
  requestResource: groupVersionResource,
  ...texts("subResource", "requestSubResource", "name", "namespace", "operation"),
  userInfo,
  dryRun: bool,
  options: dyn,
});
const namespace = declare("kubernetes.Namespace", {
  metadata: declare("kubernetes.NamespaceMetadata", {
    ...texts("name", "generateName", "namespace", "UID", "resourceVersion"),
    labels: stringMap,
    annotations: stringMap,
    creationTimestamp: timestamp,
    deletionTimestamp: timestamp,
    deletionGracePeriodSeconds: int,
    generation: int,
    finalizers: listOf(string),
  }),
  spec: declare("kubernetes.NamespaceSpec", { finalizers: listOf(string) }),
  status: declare("kubernetes.NamespaceStatus", {
    conditions: listOf(declare("kubernetes.NamespaceCondition", { ...texts("status", "type", "message", "reason"), lastTransitionTime: timestamp })),
    phase: string,
  }),
});

/** The types of what is looked at, where they are known. */
export interface ObjectTypes {
  readonly object: Type;
  readonly params: Type;
  readonly structs: Readonly<Record<string, Struct>>;
}

export function admissionEnvironment({ params, authorizer, patchTypes }: Declarations, known?: ObjectTypes): Environment {
  const object = known?.object ?? dyn;
  return kubernetesEnvironment.extend({
    libraries: [{ structs: { ...structs, ...known?.structs } }, ...(patchTypes ? [mutation, jsonpatch] : [])],
    variables: {
      object,
      oldObject: object,
      namespaceObject: namespace,
      request,
      ...(params ? { params: known?.params ?? dyn } : {}),
      ...(authorizer ? { authorizer: authorizerType, "authorizer.requestResource": resourceCheckType } : {}),
    },
  });
}
