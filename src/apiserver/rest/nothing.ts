/** What upstream writes of an object that it has only made room for: the fields that its internal types have by value. */
import type { JSONObject } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import { hasType, type TypeDef, typeByName } from "../../api/schema/schema.ts";
import type { Endpoint } from "./call.ts";
import { undefaulted } from "./decode.ts";
import { templateGeneration } from "./table.ts";

/** Their replicas are a number in what upstream stores, and none is none. */
const counting = new Set(["deployments.apps", "replicasets.apps", "statefulsets.apps"]);

export interface Nothing {
  metadata: { annotations?: Record<string, string> };
  spec?: { replicas: number };
}

/** `whole`: not only its metadata is shown. A field of what upstream stores is an annotation of what it gives out. */
export function nothingOf({ def, groupResource }: Endpoint, whole = true): Nothing {
  return {
    metadata: def.kind === "DaemonSet" && whole ? { annotations: { [templateGeneration]: "0" } } : {},
    ...(counting.has(groupResource) ? { spec: { replicas: 0 } } : {}),
  };
}

/** An object of the stored version of which nothing but its metadata was said, and that got no defaults. */
export function bareObject(endpoint: Endpoint, metadata: KubeObject["metadata"]): KubeObject {
  const { metadata: nothing, spec } = nothingOf(endpoint);
  const annotations = metadata.annotations || nothing.annotations ? { annotations: { ...metadata.annotations, ...nothing.annotations } } : {};
  const made = room(endpoint.hubType);
  if (spec) Object.assign(made.spec as JSONObject, spec);
  return { ...made, kind: endpoint.hub.kind, apiVersion: endpoint.hubApiVersion, metadata: { ...metadata, ...annotations }, [undefaulted]: true } as KubeObject;
}

/** The structs that Go has by value. */
const room = ({ flat }: TypeDef): JSONObject =>
  Object.fromEntries(flat.filter(({ type }) => hasType(type)).map(({ name, type }) => [name, room(typeByName(type))]));
