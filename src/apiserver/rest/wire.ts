/** The forms that are not JSON. Which type an object has is read off its kind and apiVersion. */
import { encodeCBOR as encodeItem } from "../../api/codec/cbor-write.ts";
import { normalize } from "../../api/codec/normalize.ts";
import { encodeProtobuf as encodeMessage } from "../../api/codec/protobuf.ts";
import { encodeWatchFrame } from "../../api/codec/protobuf-envelope.ts";
import type { JSONObject } from "../../api/json.ts";
import type { KubeObject, WatchEventType } from "../../api/object.ts";
import { typeOfKind } from "../../api/schema/schema.ts";
import { notAcceptable } from "../../api/status.ts";
import { contentTypes, unacceptable } from "./negotiate.ts";

export { encodeYAML } from "../../api/codec/yaml-write.ts";

/** Throws 406 for what has no protobuf form. */
export function encodeProtobuf(value: object): Uint8Array {
  const object = value as JSONObject & { kind: string; apiVersion: string };
  // What discovery says first has no version.
  const type = typeOfKind(object.apiVersion || "v1", object.kind);
  if (!type && object.apiVersion?.includes("."))
    throw unacceptable(`only the following media types are accepted: ${contentTypes.json}, ${contentTypes.yaml}, ${contentTypes.protobuf}`);
  if (!type) throw notAcceptable("only the following media types are accepted: application/json, application/yaml");
  return encodeMessage(type, object, object.apiVersion ?? "", object.kind);
}

export function encodeCBOR(value: object): Uint8Array {
  const { apiVersion, kind } = value as { apiVersion?: string; kind?: string };
  return encodeItem(value, typeOfKind(apiVersion ?? "", kind ?? ""));
}

export function encodeProtobufFrame(type: WatchEventType, object: object): Uint8Array {
  return encodeWatchFrame(type, encodeProtobuf(object));
}

/** Every field that the kind always shows, where a part of an object was made by hand. */
export function complete(apiVersion: string, kind: string, value: object): object {
  const type = typeOfKind(apiVersion, kind);
  return type ? normalize(type, value as JSONObject).object : value;
}

/** The same for a whole object of a built-in kind that may still have to be judged: empty lists and maps stay. */
export function completeObject(apiVersion: string, kind: string, value: object): KubeObject {
  const type = typeOfKind(apiVersion, kind);
  return (type ? normalize(type, value as JSONObject, "kept").object : value) as unknown as KubeObject;
}
