/** What policies have no say in: policies, and questions on whose answers clusters depend (pkg/kubeapiserver/admission/exclusion/resources.go). */
import { groupResource } from "../../../api/status.ts";
import type { AdmissionAttributes } from "../admission.ts";

const policies = ["validatingadmissionpolicies", "validatingadmissionpolicybindings", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings"];
const excluded = new Set([
  ...policies.map((resource) => groupResource("admissionregistration.k8s.io", resource)),
  ...["selfsubjectreviews", "tokenreviews"].map((resource) => groupResource("authentication.k8s.io", resource)),
  ...["localsubjectaccessreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews", "subjectaccessreviews"].map((resource) =>
    groupResource("authorization.k8s.io", resource),
  ),
]);

export const isExcluded = ({ resource }: AdmissionAttributes): boolean => excluded.has(groupResource(resource.group, resource.resource));
