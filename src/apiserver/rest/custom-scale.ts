/** The scale subresource of a custom resource, whose definition says where the replicas are (apiextensions-apiserver/pkg/registry/customresource/etcd.go). */
import { integerAt, ScalePathError, setAt, splitPath, textAt } from "../../api/apiextensions/scale-paths.ts";
import type { ApplyOperation } from "../../api/apply/apply.ts";
import type { ReplicasPaths } from "../../api/apply/scale-fields.ts";
import { goQuote } from "../../api/go-quote.ts";
import { type JSONObject, textOf } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import { prose } from "../../api/openapi/prose.ts";
import type { TableColumn } from "../../api/schema/schema.ts";
import { badRequest, internalError, StatusError } from "../../api/status.ts";
import type { CustomResourceSubresourceScale } from "../../api/types/apiextensions-v1.gen.ts";
import type { Scale } from "../../api/types/autoscaling-v1.gen.ts";
import type { Endpoint } from "./call.ts";

/** Stands for replicas that nobody has set, on the way to a patch. */
const unset = -(2 ** 31);

const json = (object: KubeObject): JSONObject => object as unknown as JSONObject;

const noVersion = (what: string): StatusError =>
  new StatusError({
    code: 500,
    message: `${what}; autoscaling/v1, Kind=Scale) to proper version: request to convert CR to an invalid group/version: autoscaling/v1`,
  });

export interface CustomScale {
  readonly paths: ReplicasPaths;
  /** `marked`: replicas that are not there are marked as such. Throws StatusError. */
  scaleOf(object: KubeObject, marked?: boolean): Scale;
  /** For a reader, who is told of replicas that are not there. */
  shown(object: KubeObject): Scale;
  setReplicas(object: KubeObject, replicas: number): void;
  /**
   * Upstream cannot apply a Scale whose replicas nobody manages, nor one that says anything else than there is: what it makes of it is to
   * be a version of the custom resource.
   */
  refusals(applied: JSONObject): Pick<ApplyOperation, "unowned" | "unmade">;
}

export function customScale({ versions }: Endpoint, { specReplicasPath, statusReplicasPath, labelSelectorPath }: CustomResourceSubresourceScale): CustomScale {
  const at = <T>(read: () => T): T => {
    try {
      return read();
    } catch (error) {
      if (error instanceof ScalePathError) throw new StatusError({ code: 500, message: error.message });
      throw error;
    }
  };
  const scaleOf = (object: KubeObject, marked = false): Scale => {
    const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
    const replicas = at(() => integerAt(json(object), specReplicasPath)) ?? (marked ? unset : 0);
    // As Go cuts an integer down to 32 bits.
    const available = (at(() => integerAt(json(object), statusReplicasPath)) ?? 0) | 0;
    const selector = labelSelectorPath ? at(() => textAt(json(object), labelSelectorPath)) : undefined;
    return {
      kind: "Scale",
      apiVersion: "autoscaling/v1",
      metadata: { name, ...(namespace ? { namespace } : {}), uid, resourceVersion, creationTimestamp },
      spec: replicas ? { replicas } : {},
      status: { replicas: available, ...(selector ? { selector } : {}) },
    } as Scale;
  };
  return {
    paths: (apiVersion) => {
      const version = versions?.get(apiVersion);
      if (!version) return undefined;
      return version.scale ? splitPath(version.scale.specReplicasPath).map((part) => `f:${part}`) : null;
    },
    scaleOf,
    shown(object) {
      const shown = scaleOf(object);
      if (at(() => integerAt(json(object), specReplicasPath)) === undefined)
        throw internalError(`the spec replicas field ${goQuote(specReplicasPath)} does not exist`);
      return shown;
    },
    refusals({ metadata }) {
      const { namespace, name } = (metadata ?? {}) as JSONObject;
      return {
        unowned: noVersion("failed to create manager for existing fields: failed to convert live object (/"),
        unmade: noVersion(`failed to convert new object (${textOf(namespace)}/${textOf(name)}`),
      };
    },
    setReplicas(object, replicas) {
      if (replicas === unset) throw badRequest(`the spec replicas field ${goQuote(specReplicasPath)} cannot be empty`);
      at(() => setAt(json(object), specReplicasPath, replicas));
    },
  };
}

const metaProse = (field: string): string => prose("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")?.fields[field] ?? "";

/** Columns of definitions say what they are. */
export function scaleColumns(cells: (object: KubeObject, now: number) => unknown[]): {
  columns: TableColumn[];
  cells: (object: KubeObject, now: number) => unknown[];
} {
  const columns: TableColumn[] = [
    { name: "Name", type: "string", format: "name", description: metaProse("name"), priority: 0 },
    { name: "Desired", type: "integer", description: "Number of desired replicas", priority: 0 },
    { name: "Available", type: "integer", description: "Number of actual replicas", priority: 0 },
    { name: "Age", type: "date", description: metaProse("creationTimestamp"), priority: 0 },
  ];
  return { columns, cells };
}
