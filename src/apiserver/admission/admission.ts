/** Admission: what happens to a write between authorization and validation (k8s.io/apiserver/pkg/admission). */
import type { ObjectType } from "../../api/apply/atom.ts";
import type { UserInfo } from "../../api/exchange.ts";
import type { KubeObject } from "../../api/object.ts";
import type { JSONObject } from "../../api/json.ts";
import type { ResourceDef } from "../../api/schema/schema.ts";
import type { Span } from "../../base/tracing/span.ts";

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}
export interface GroupVersionResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

/** The object as clients of one resource in one version see it: what webhooks and policies are shown. */
export interface Face {
  readonly kind: GroupVersionKind;
  readonly resource: GroupVersionResource;
  /** By which it is selected: an object that stands for another one has none of that one's. */
  labels(object: KubeObject): Readonly<Record<string, string>> | undefined;
  /** How its fields merge. */
  readonly type: ObjectType;
  /** JSON as a client would be given it; `object` is as admission has it and is not changed. */
  show(object: KubeObject): JSONObject | Promise<JSONObject>;
  /** The other way: what a client might have sent, without defaults; unknown fields are dropped, or refused. Throws DecodeError. */
  read(json: JSONObject, strict?: boolean): JSONObject;
  /** The draft becomes what `read` gave, with defaults. */
  take(draft: KubeObject, read: JSONObject): void | Promise<void>;
}
export interface Faces {
  /** Of the resource and version that the request names. */
  readonly own: Face;
  /** Other resources and versions that are the same object. */
  equivalents(): readonly Face[];
}

/** What plugins know of one another when they run a second time, because some changed the object after others had seen it. */
export class Reinvocation {
  /** Set by a plugin that changed the object. */
  wanted = false;
  /** This is the second time. */
  active = false;
  /** By plugin. */
  readonly states = new Map<string, object>();
}

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
  /** Notes something in the audit event; the first value of a key stays. `withRequest`: only where the event has the request's object. */
  annotate?(key: string, value: string, withRequest?: boolean): void;
  /** How those outside see the object. Absent: nobody outside is asked. */
  faces?(): Faces;
  reinvocation?: Reinvocation;
  /** Whose signal says that nobody waits any more, and within whose span things happen. */
  request: { readonly signal: AbortSignal; readonly span?: Span };
}

/** Both reject with StatusError to refuse the request. */
export interface AdmissionPlugin {
  /** Upstream's name: `NamespaceLifecycle`. */
  name: string;
  mutate?(attributes: AdmissionAttributes): void | Promise<void>;
  validate?(attributes: AdmissionAttributes): void | Promise<void>;
  /** Connections that it keeps end. */
  [Symbol.dispose]?(): void;
}
