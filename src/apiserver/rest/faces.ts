/** How those outside see the object of a request: in the version that it names, or as the kind of its subresource. */
import { normalize } from "../../api/codec/normalize.ts";
import type { JSONObject } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import { apiVersionOf, type ResourceDef, type TypeDef, typeOfKind } from "../../api/schema/schema.ts";
import type { Face, Faces, GroupVersionKind, GroupVersionResource } from "../admission/admission.ts";
import type { Call, Endpoint } from "./call.ts";
import { toStored } from "./decode.ts";
import { type Scalable, scaleOf } from "./scale-of.ts";

const json = (object: unknown): JSONObject => object as JSONObject;
const shown = (type: TypeDef, object: unknown): JSONObject => normalize(type, json(object)).object;

/** Those who hold the draft and its metadata hold what they have become. */
export function become(draft: KubeObject, object: KubeObject): void {
  const { metadata } = draft;
  const next = object.metadata;
  replace(draft, object);
  if (!metadata) return;
  draft.metadata = metadata;
  replace(metadata, next ?? {});
}
function replace(target: object, source: object): void {
  const fields = target as Record<string, unknown>;
  for (const key of Object.keys(fields)) delete fields[key];
  Object.assign(fields, source);
}

const resourceOf = ({ group, version, resource }: ResourceDef): GroupVersionResource => ({ group, version, resource });

function faceOf(endpoint: Endpoint): Face {
  const { def, conversion, type } = endpoint;
  return {
    kind: { group: def.group, version: def.version, kind: def.kind },
    resource: resourceOf(def),
    labels: ({ metadata }) => metadata?.labels,
    show(object) {
      const visible = conversion ? conversion.fromHub(object) : object;
      return shown(type, { ...visible, kind: def.kind, apiVersion: endpoint.apiVersion });
    },
    read: (given) => normalize(type, given, "kept").object,
    take(draft, read) {
      const object = read as unknown as KubeObject;
      object.kind = def.kind;
      object.apiVersion = endpoint.apiVersion;
      become(draft, toStored(endpoint, object));
    },
  };
}

/** `group/version/Kind` or `v1/Kind`. */
function parseKind(text: string): GroupVersionKind {
  const [kind = "", version = "", group = ""] = text.split("/").reverse();
  return { group, version, kind };
}

/** A subresource whose object is of a kind of its own. */
function foreignFace({ def }: Endpoint, kind: GroupVersionKind, type: TypeDef): Face {
  const apiVersion = apiVersionOf(kind.group, kind.version);
  const isScale = kind.kind === "Scale";
  return {
    kind,
    resource: resourceOf(def),
    labels: ({ metadata }) => (isScale ? undefined : metadata?.labels),
    show: (object) => shown(type, isScale ? scaleOf(object) : { ...object, kind: kind.kind, apiVersion }),
    read: (given) => normalize(type, given, "kept").object,
    take(draft, read) {
      if (isScale) (draft as Scalable).spec.replicas = (read as { spec?: { replicas?: number } }).spec?.replicas ?? 0;
      else become(draft, { ...(read as unknown as KubeObject), kind: kind.kind, apiVersion });
    },
  };
}

export function facesOf({ endpoint, info, rest }: Call): Faces {
  const { def } = endpoint;
  const own = `${apiVersionOf(def.group, def.version)}/${def.kind}`;
  const subresource = info.subresource ? def.subresources?.find(({ name }) => name === info.subresource)?.kind : undefined;
  if (subresource !== undefined && subresource !== own) {
    const kind = parseKind(subresource);
    const type = typeOfKind(apiVersionOf(kind.group, kind.version), kind.kind);
    if (!type) throw new Error(`the schema has no ${subresource}`);
    return { own: foreignFace(endpoint, kind, type), equivalents: () => [] };
  }
  return { own: faceOf(endpoint), equivalents: () => rest.equivalents(endpoint).map(faceOf) };
}
