/** What a verb needs to answer one request on one resource. Types, and the few things every verb does with them. */
import type { CustomVersion } from "../../api/apiextensions/custom-version.ts";
import type { ApiRequest, ApiResponse, UserInfo } from "../../api/exchange.ts";
import type { Kind } from "../../api/kind.ts";
import type { KubeObject } from "../../api/object.ts";
import type { ResourceDef, TypeDef } from "../../api/schema/schema.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import type { ResourceCache } from "../../cache/cache.ts";
import type { AdmissionAttributes } from "../admission/admission.ts";
import type { OwnRequest } from "../ask-itself.ts";
import type { AuditRecord } from "../audit/auditor.ts";
import type { RestSeries } from "../metrics/rest.ts";
import type { AuthorizationAttributes } from "../authorization/authorizer.ts";
import type { RequestInfo } from "../request-info.ts";
import type { FrameCache } from "./frames.ts";
import type { Form } from "./negotiate.ts";
import { placeOf } from "./place.ts";

/** Between a served version and the one that is stored. Both give a new object or the same one, never a changed argument. */
export interface Conversion {
  toHub(object: KubeObject): KubeObject;
  fromHub(object: KubeObject): KubeObject;
}

/** From one version of a custom resource to another. Rejects with StatusError. */
export interface CustomConverter {
  /** Where nobody need be asked. */
  readonly now?: (object: KubeObject, to: CustomVersion) => KubeObject;
  /** In the order of the objects, which are not changed. */
  convert(objects: readonly KubeObject[], to: CustomVersion): Promise<KubeObject[]>;
}

/** Work of a registry around a write that is outside the object itself (addresses, ports): undone when the write fails. */
export interface Reservation {
  commit(): void | Promise<void>;
  rollback(): void | Promise<void>;
}

/** What a kind does on the server besides its pure functions: the file registry/<group>/<kind>.ts. */
export interface Registry {
  /** Runs after prepareForCreate and before validation; may change the object. */
  beginCreate?(call: Call, object: KubeObject, dryRun: boolean): Promise<Reservation | undefined>;
  /** `object` and `old` as stored; may change the object. */
  /** Refuses what may not be made of the object, whichever revision was meant. */
  guardUpdate?(call: Call, object: KubeObject, old: KubeObject): Promise<void>;
  beginUpdate?(call: Call, object: KubeObject, old: KubeObject, dryRun: boolean): Promise<Reservation | undefined>;
  /** The same for the `status` subresource. */
  beginStatusUpdate?(call: Call, object: KubeObject, old: KubeObject): Promise<undefined>;
  afterDelete?(call: Call, old: KubeObject): void | Promise<void>;
  /** Seconds the object lives; 0: for ever. */
  ttlSeconds?(object: KubeObject): number;
  /**
   * Fills `options.gracePeriodSeconds` and gives true where the kind dies gracefully. `object` is what is stored.
   * Absent: no graceful deletion.
   */
  gracefulDelete?(object: KubeObject, options: DeleteOptions): boolean;
  /** Holds back the deletion that an update without finalizers would bring. */
  mayDeleteOnUpdate?(object: KubeObject, old: KubeObject): boolean;
  /** Replaces DELETE of one object. */
  delete?(call: Call, name: string, options: DeleteOptions): Promise<ApiResponse>;
  /** Dependents are orphaned where the client says nothing. */
  orphansByDefault?: boolean;
  /** No garbage collection: neither orphan nor foreground finalizers. */
  noGarbageCollection?: boolean;
  /** Replaces POST on the collection: kinds that are asked, not stored (reviews, bindings). */
  create?(call: Call): Promise<ApiResponse>;
  /** Objects that are made when they are asked for, in place of stored ones. `get` rejects with 404. */
  made?: { list(): Promise<KubeObject[]>; get(name: string): Promise<KubeObject> };
  /** Subresources that are more than an update of the object, by `name`. */
  subresources?: Record<string, SubresourceHandler>;
}
export type SubresourceHandler = (call: Call) => Promise<ApiResponse>;

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  preconditions?: { uid?: string; resourceVersion?: string };
  orphanDependents?: boolean;
  propagationPolicy?: string;
  dryRun?: string[];
}

/** One resource in one version. */
export interface Endpoint {
  def: ResourceDef;
  /** The version that is stored. */
  hub: ResourceDef;
  groupResource: string;
  /** `Deployment.apps` */
  groupKind: string;
  apiVersion: string;
  hubApiVersion: string;
  /** Of the served and of the stored version. */
  type: TypeDef;
  hubType: TypeDef;
  /** Of the served version: its defaults; its cells. */
  kind: Kind;
  hubKind: Kind;
  conversion?: Conversion;
  cache: ResourceCache;
  registry: Registry;
  /** Of custom resources: what takes the place of `type`; and all versions, by apiVersion. */
  custom?: CustomVersion;
  versions?: ReadonlyMap<string, CustomVersion>;
  converter?: CustomConverter;
  /** Rejects with the 429 of a version in which not all that is stored can be shown yet; before lists and watches. */
  ready?(): Promise<void>;
  /** Rejects where what is shown could not be stored as it is now. Before what is stored is changed. */
  storable?(shown: KubeObject): Promise<void>;
  /** What would be read of an object were it written. */
  tried?(object: KubeObject): Promise<KubeObject>;
  /** Said on every use. */
  deprecation?: string;
}

export interface AdmissionChain {
  /** Both reject to refuse; there is nothing to wait for where they give nothing. */
  mutate(attributes: AdmissionAttributes): Promise<void> | undefined;
  validate(attributes: AdmissionAttributes): Promise<void> | undefined;
}

/** The server as the verbs see it. */
export interface Rest extends RestSeries {
  clock: Clock;
  random: Random;
  logger: Logger;
  admission: AdmissionChain;
  /** Throws the 403 where the user may not. */
  authorize(attributes: AuthorizationAttributes): Promise<void>;
  /** By groupResource, in the version that is stored; throws for what is not served. */
  hubEndpoint(groupResource: string): Endpoint;
  /** The other resources and versions in which the same objects are served. */
  equivalents(endpoint: Endpoint): readonly Endpoint[];
  /** Where objects of that kind are. */
  endpointOfKind(apiVersion: string, kind: string): Endpoint | undefined;
  /** A request of the server's own. */
  ask(request: OwnRequest): Promise<ApiResponse>;
  frames: FrameCache;
  /** Aborted when the server begins to stop: watches end. */
  stopping: AbortSignal;
  minWatchSeconds: number;
}

export interface Call {
  rest: Rest;
  request: ApiRequest;
  info: RequestInfo;
  user: UserInfo;
  endpoint: Endpoint;
  form: Form;
  warnings: string[];
  warn(message: string): void;
  audit?: AuditRecord;
  /** Of a watch: what there was before is sent. */
  initialized?: () => void;
}

/** Where the object that is asked for is; "" for kinds without namespaces. Throws as `placeOf`. */
export const namespaceOf = ({ endpoint, info }: Call): string => placeOf(endpoint.hub, info);

/** The same caller about another resource: writes that one request makes on the side of its own. */
export function callOn(call: Call, groupResource: string, namespace: string, name: string): Call {
  const endpoint = call.rest.hubEndpoint(groupResource);
  const info: RequestInfo = {
    ...call.info,
    group: endpoint.def.group,
    version: endpoint.def.version,
    resource: endpoint.def.resource,
    namespace,
    name,
    subresource: "",
  };
  return { ...call, endpoint, info };
}
