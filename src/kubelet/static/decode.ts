/**
 * Manifests of static pods as upstream reads them (pkg/kubelet/config/common.go): the API's defaults and validation, the
 * node's name behind the pod's, and nothing that would have to be asked of the API. Pure.
 */
import { podKind } from "../../api/core/pod.ts";
import { apiReference } from "../../api/core/api-reference.ts";
import { decodeJSON, decodeYAML } from "../../api/codec/decode.ts";
import { encodeJSON, sortKeys } from "../../api/codec/json.ts";
import { normalize } from "../../api/codec/normalize.ts";
import type { JSONObject, JSONValue } from "../../api/json.ts";
import { type TypeDef, typeOfKind } from "../../api/schema/schema.ts";
import type { Pod, PodList, Toleration } from "../../api/types/core-v1.gen.ts";
import { fnv1a128 } from "../../base/fnv.ts";
import { annotationKeys } from "../pod.ts";

/** Where a manifest comes from. */
export interface Origin {
  source: "file" | "http";
  /** Path or URL. */
  name: string;
  nodeName: string;
}

/** Throws as the reader does for a text that is neither a Pod nor, where `list` allows it, a PodList; and what is wrong with a pod, in upstream's words. */
export function decodePods(bytes: Uint8Array, origin: Origin, list: boolean): Pod[] {
  const object = decode(bytes);
  if (object.kind === "Pod") return [complete(object as unknown as Pod, origin)];
  if (list && object.kind === "PodList") return ((object as unknown as PodList).items ?? []).map((pod) => complete(pod, origin));
  throw new Error(`invalid pod: it is a ${String(object.kind)}`);
}

function decode(bytes: Uint8Array): JSONObject {
  let version = "";
  let kind = "";
  const choose = (givenVersion: string, givenKind: string): TypeDef => {
    version = givenVersion;
    kind = givenKind;
    if (!kind) throw new Error("Object 'Kind' is missing");
    if (!version) throw new Error("Object 'apiVersion' is missing");
    const type = typeOfKind(version, kind);
    if (!type) throw new Error(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(version)}`);
    return type;
  };
  const first = bytes.find((byte) => byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d);
  const { object } = (first === 0x7b ? decodeJSON : decodeYAML)(bytes, choose);
  return Object.assign(object, { apiVersion: version, kind });
}

function complete(pod: Pod, origin: Origin): Pod {
  const made = { ...pod, apiVersion: "v1", kind: "Pod", metadata: { ...pod.metadata }, spec: { ...pod.spec } };
  const { metadata } = made;
  if (!metadata.name) throw new Error("invalid pod: name is needed for the pod");
  podKind.setDefaults?.(made);
  metadata.uid ||= uidOf(made, origin);
  metadata.name = `${metadata.name}-${origin.nodeName.toLowerCase()}`;
  metadata.namespace ||= "default";
  made.spec = { ...made.spec, nodeName: origin.nodeName };
  // The uid stands for the content.
  metadata.annotations = { ...metadata.annotations, [annotationKeys.hash]: metadata.uid };
  if (origin.source === "file") made.spec.tolerations = withNoExecute(made.spec.tolerations ?? []);
  const errors = (podKind.validate?.(made) ?? []).map(({ field, body }) => `${field}: ${body}`);
  if (errors.length) throw new Error(`invalid pod: ${errors.length === 1 ? errors[0] : `[${errors.join(", ")}]`}`);
  const reference = apiReference(made);
  if (reference) throw new Error(reference.error ?? `static pods may not reference ${reference.resource}`);
  metadata.annotations[annotationKeys.source] = origin.source;
  made.status = { ...made.status, phase: "Pending" };
  const type = typeOfKind("v1", "Pod") as TypeDef;
  return normalize(type, made as unknown as JSONValue, "stored").object as unknown as Pod;
}

/** Equal for equal manifests from equal places: the pod's containers are its own after a restart of the kubelet. */
function uidOf(pod: Pod, { source, name, nodeName }: Origin): string {
  const place = source === "file" ? `host:${nodeName}file:${name}` : `url:${name}`;
  return fnv1a128(Buffer.concat([encodeJSON(sortKeys(pod as unknown as JSONValue)), Buffer.from(place)]));
}

/** Problems of the node do not evict it. */
function withNoExecute(tolerations: readonly Toleration[]): Toleration[] {
  const isIt = (t: Toleration): boolean => t.operator === "Exists" && t.effect === "NoExecute" && !t.key && !t.value;
  return [...tolerations.filter((t) => !isIt(t)), { operator: "Exists", effect: "NoExecute" }];
}
