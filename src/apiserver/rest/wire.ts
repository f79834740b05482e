/** The forms that are not JSON. */
import { notAcceptable, unsupportedMediaType } from "../../api/status.ts";
import type { WatchEventType } from "../../api/object.ts";

const only = "only the following media types are accepted: application/json";

export function encodeProtobuf(_value: object): Uint8Array {
  throw notAcceptable(only);
}
export function encodeYAML(_value: object): Uint8Array {
  throw notAcceptable(only);
}
export function encodeProtobufFrame(_type: WatchEventType, _object: object): Uint8Array {
  throw notAcceptable(only);
}
export function decodeProtobufBody(_bytes: Uint8Array): never {
  throw unsupportedMediaType("the body of the request was in an unknown format - accepted media types include: application/json");
}
export const hasProtobuf = false;
