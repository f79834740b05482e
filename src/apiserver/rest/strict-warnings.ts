/** What Strict would refuse, said as warnings (k8s.io/apiserver/pkg/endpoints/handlers/rest.go). */
import type { Call } from "./call.ts";

const yaml = /^(?:error converting YAML to JSON: )?yaml: unmarshal errors:\n/;

/** Of repeated keys in YAML each is a warning. */
export function warnStrictly(call: Call, errors: readonly string[]): void {
  for (const error of errors)
    if (yaml.test(error)) for (const line of error.replace(yaml, "").split("\n")) call.warn(line.trim());
    else call.warn(error);
}
