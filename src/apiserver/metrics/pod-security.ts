/** What the Pod Security Standards decide (k8s.io/pod-security-admission/metrics). */
import { versionInfo } from "../../api/version.ts";
import type { Metrics, Sample } from "../../base/metrics.ts";
import type { AdmissionAttributes } from "../admission/admission.ts";
import type { LevelVersion, Policy } from "../admission/pod-security/policy.ts";

export interface PodSecuritySeries {
  evaluated(allowed: boolean, level: LevelVersion, mode: keyof Policy, attributes: AdmissionAttributes): void;
  exempted(attributes: AdmissionAttributes): void;
  /** `fatal`: there was no policy to judge by. */
  failed(fatal: boolean, attributes: AdmissionAttributes): void;
}

const ownMinor = Number(versionInfo.minor);

function versionOf({ level, minor }: LevelVersion): string {
  if (level === "privileged" || minor === Number.POSITIVE_INFINITY) return "latest";
  return minor > ownMinor ? "future" : `v1.${minor}`;
}
function resourceOf({ resource: { group, resource } }: AdmissionAttributes): string {
  if (group) return "controller";
  return resource === "pods" ? "pod" : resource === "namespaces" ? "namespace" : "controller";
}
const about = (attributes: AdmissionAttributes): [string, string, string] => [
  attributes.operation.toLowerCase(),
  resourceOf(attributes),
  attributes.subresource,
];

export function podSecuritySeries(metrics: Metrics): PodSecuritySeries {
  const request = ["request_operation", "resource", "subresource"];
  const evaluations = metrics.counter(
    "pod_security_evaluations_total",
    "Number of policy evaluations that occurred, not counting ignored or exempt requests.",
    ["decision", "policy_level", "policy_version", "mode", ...request],
  );
  const exemptions = metrics.counter("pod_security_exemptions_total", "Number of exempt requests, not counting ignored or out of scope requests.", request);
  const errors = metrics.counter(
    "pod_security_errors_total",
    "Number of errors preventing normal evaluation. Non-fatal errors may result in the latest restricted profile being used for evaluation.",
    ["fatal", ...request],
  );
  for (const operation of ["create", "update"]) for (const resource of ["pod", "controller"]) exemptions.with(operation, resource, "");
  // What nearly every pod comes to, where nobody asks for more.
  const ordinary = (operation: string): Sample => evaluations.with("allow", "privileged", "latest", "enforce", operation, "pod", "");
  const [created, updated] = [ordinary("create"), ordinary("update")];
  return {
    evaluated(allowed, level, mode, attributes) {
      const { operation, subresource, resource } = attributes;
      if (level.level === "privileged" && allowed && mode === "enforce" && !subresource && resource.resource === "pods" && operation !== "DELETE")
        (operation === "CREATE" ? created : updated).value++;
      else evaluations.inc(allowed ? "allow" : "deny", level.level, versionOf(level), mode, ...about(attributes));
    },
    exempted: (attributes) => exemptions.inc(...about(attributes)),
    failed: (fatal, attributes) => errors.inc(String(fatal), ...about(attributes)),
  };
}
