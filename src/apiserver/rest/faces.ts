/** How those outside see the object of a request: in the version that it names, or as the kind of its subresource. */
import type { CustomVersion } from "../../api/apiextensions/custom-version.ts";
import { DecodeError } from "../../api/codec/decode-error.ts";
import { normalize } from "../../api/codec/normalize.ts";
import { deepCopy } from "../../api/copy.ts";
import { goQuote } from "../../api/go-quote.ts";
import type { JSONObject } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import { apiVersionOf, type ResourceDef, type TypeDef, typeOfKind } from "../../api/schema/schema.ts";
import type { Face, Faces, GroupVersionKind, GroupVersionResource } from "../admission/admission.ts";
import type { Call, Endpoint } from "./call.ts";
import { customScale } from "./custom-scale.ts";
import { toStored } from "./decode.ts";
import { isScale, scaleOf } from "./scale-of.ts";

const json = (object: unknown): JSONObject => object as JSONObject;
const shown = (type: TypeDef, object: unknown): JSONObject => normalize(type, json(object)).object;

function read(type: TypeDef, given: JSONObject, strict = false): JSONObject {
  const { object, unknown } = normalize(type, given, "kept");
  if (strict && unknown.length) throw new DecodeError(`strict decoding error: ${unknown.join(", ")}`);
  return object;
}

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
    type,
    labels: ({ metadata }) => metadata?.labels,
    show(object) {
      const visible = conversion ? conversion.fromHub(object) : object;
      return shown(type, { ...visible, kind: def.kind, apiVersion: endpoint.apiVersion });
    },
    read: (given, strict) => read(type, given, strict),
    take(draft, read) {
      const object = read as unknown as KubeObject;
      object.kind = def.kind;
      object.apiVersion = endpoint.apiVersion;
      become(draft, toStored(endpoint, object));
    },
  };
}

/** `from`: the version that admission has the object in. */
function customFace(endpoint: Endpoint, custom: CustomVersion, from: Endpoint): Face {
  const { def } = endpoint;
  const converted = async (object: KubeObject, to: CustomVersion): Promise<KubeObject> => (await endpoint.converter?.convert([object], to))?.[0] ?? object;
  const own = endpoint === from || !from.custom;
  return {
    kind: { group: def.group, version: def.version, kind: def.kind },
    resource: resourceOf(def),
    type: custom.objectType,
    labels: ({ metadata }) => metadata?.labels,
    show: (object) => (own ? json(custom.settled(object)) : converted(object, custom).then((other) => json(custom.settled(other)))),
    read(given, strict = false) {
      const copy = deepCopy(given);
      const unknown = custom.coerce(copy).map((path) => `unknown field ${goQuote(path)}`);
      if (strict && unknown.length) throw new DecodeError(`strict decoding error: ${unknown.join(", ")}`);
      return copy;
    },
    async take(draft, read) {
      const object = toStored(endpoint, read as unknown as KubeObject);
      become(draft, own ? object : toStored(from, await converted(object, from.custom as CustomVersion)));
    },
  };
}

/** `group/version/Kind` or `v1/Kind`. */
function parseKind(text: string): GroupVersionKind {
  const [kind = "", version = "", group = ""] = text.split("/").reverse();
  return { group, version, kind };
}

/** A subresource whose object is of a kind of its own. */
function foreignFace(endpoint: Endpoint, kind: GroupVersionKind, type: TypeDef): Face {
  const { def } = endpoint;
  const custom = endpoint.custom?.scale && customScale(endpoint, endpoint.custom.scale);
  const apiVersion = apiVersionOf(kind.group, kind.version);
  // What validates is given what is to be stored.
  const own = (object: KubeObject): object =>
    kind.kind === "Scale" && !isScale(object) ? (custom?.scaleOf(object) ?? scaleOf(object)) : { ...object, kind: kind.kind, apiVersion };
  return {
    kind,
    resource: resourceOf(def),
    type,
    labels: (object) => (own(object) as KubeObject).metadata?.labels,
    show: (object) => shown(type, own(object)),
    read: (given, strict) => read(type, given, strict),
    take: (draft, read) => become(draft, { ...(read as unknown as KubeObject), kind: kind.kind, apiVersion }),
  };
}

/** Of resources whose faces do not depend on the request; the same for each of them. */
const ownFaces = new WeakMap<Endpoint, Face>();
function knownFace(endpoint: Endpoint): Face {
  let face = ownFaces.get(endpoint);
  if (!face) {
    face = faceOf(endpoint);
    ownFaces.set(endpoint, face);
  }
  return face;
}

export function facesOf({ endpoint, info, rest }: Call): Faces {
  const { def } = endpoint;
  const subresource = info.subresource ? def.subresources?.find(({ name }) => name === info.subresource)?.kind : undefined;
  if (subresource !== undefined && subresource !== `${apiVersionOf(def.group, def.version)}/${def.kind}`) {
    const kind = parseKind(subresource);
    const type = typeOfKind(apiVersionOf(kind.group, kind.version), kind.kind);
    if (!type) throw new Error(`the schema has no ${subresource}`);
    return { own: foreignFace(endpoint, kind, type), equivalents: () => [] };
  }
  const face = (one: Endpoint): Face => (one.custom ? customFace(one, one.custom, endpoint) : knownFace(one));
  let equivalents: readonly Face[] | undefined;
  return { own: face(endpoint), equivalents: () => (equivalents ??= rest.equivalents(endpoint).map(face)) };
}
