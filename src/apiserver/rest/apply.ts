/** Server-side apply of a request's configuration (k8s.io/apimachinery/pkg/util/managedfields). */
import type { JSONObject } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import { unsupportedMediaType } from "../../api/status.ts";
import type { Call } from "./call.ts";
import type { WriteOptions } from "./options.ts";

export interface ApplyPatch {
  object: JSONObject;
  /** Repeated keys. */
  strict: string[];
}

export function parseApply(_bytes: Uint8Array): ApplyPatch {
  throw unsupportedMediaType("the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json");
}

export function applyTo(_call: Call, _old: KubeObject | undefined, _patch: ApplyPatch, _options: WriteOptions): KubeObject {
  throw unsupportedMediaType("the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json");
}
