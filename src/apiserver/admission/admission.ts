/** Admission: what happens to a write between authorization and validation (k8s.io/apiserver/pkg/admission). */
import type { UserInfo } from "../../api/exchange.ts";
import type { KubeObject } from "../../api/object.ts";
import type { ResourceDef } from "../../api/schema/schema.ts";

export interface AdmissionAttributes {
  operation: "CREATE" | "UPDATE" | "DELETE" | "CONNECT";
  resource: ResourceDef;
  /** "" for the object itself. */
  subresource: string;
  namespace: string;
  /** "" while a generated name is not known. */
  name: string;
  /** The draft: mutating plugins change it in place. For a subresource with its own type, that object. Absent on DELETE. */
  object?: KubeObject;
  /** What is stored now; immutable. Absent on CREATE and CONNECT. */
  old?: KubeObject;
  /** The request's options object (CreateOptions, DeleteOptions, PodExecOptions, ...). */
  options?: object;
  user: UserInfo;
  dryRun: boolean;
  /** Adds a Warning header to the answer. */
  warn(message: string): void;
  /** Whose signal says that nobody waits any more. */
  request: { readonly signal: AbortSignal };
}

/** Both reject with StatusError to refuse the request. */
export interface AdmissionPlugin {
  /** Upstream's name: `NamespaceLifecycle`. */
  name: string;
  mutate?(attributes: AdmissionAttributes): void | Promise<void>;
  validate?(attributes: AdmissionAttributes): void | Promise<void>;
}
