/** Metrics of resource claims (pkg/controller/resourceclaim/metrics). */
import type { ResourceClaim } from "../../api/types/resource-v1.gen.ts";
import { countBy, type Measures } from "../runtime/measures.ts";

const podClaim = "resource.kubernetes.io/pod-claim-name";
const extendedClaim = "resource.kubernetes.io/extended-resource-claim";

/** As a label's value. Alternatives of a request have no administrator's access. */
const hasAdminAccess = ({ spec }: Pick<ResourceClaim, "spec">): string => String(spec.devices?.requests?.some(({ exactly }) => exactly?.adminAccess) ?? false);

function sourceOf({ metadata: { annotations } }: ResourceClaim): string {
  if (annotations?.[extendedClaim] === "true") return "extended_resource";
  return annotations?.[podClaim] ? "resource_claim_template" : "";
}

/** What is returned counts a claim that was made, or was not. */
export function measureClaims(measures: Measures, claims: () => Iterable<ResourceClaim>): (claim: Pick<ResourceClaim, "spec">, made: boolean) => void {
  measures.gauge(
    "resourceclaim_controller_resource_claims",
    "[ALPHA] Number of ResourceClaims, categorized by allocation status, admin access, and source. Source can be 'resource_claim_template' (created from a template), 'extended_resource' (extended resources), or empty (manually created by a user).",
    ["allocated", "admin_access", "source"],
    () => countBy(claims(), (claim) => [String(claim.status?.allocation !== undefined), hasAdminAccess(claim), sourceOf(claim)]),
  );
  const creates = measures.counter(
    "resourceclaim_controller_creates_total",
    "[ALPHA] Number of ResourceClaims creation requests, categorized by creation status and admin access",
    ["status", "admin_access"],
  );
  return (claim, made) => creates.inc(made ? "success" : "failure", hasAdminAccess(claim));
}
