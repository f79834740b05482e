import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResourceClaim } from "../../api/types/resource-v1.gen.ts";
import { Metrics } from "../../base/metrics.ts";
import { Measures } from "../runtime/measures.ts";
import { measureClaims } from "./claim-measures.ts";

const claim = (annotations: Record<string, string>, requests: object[], allocation?: object): ResourceClaim =>
  ({ metadata: { name: "c", annotations }, spec: { devices: { requests } }, status: allocation ? { allocation } : {} }) as unknown as ResourceClaim;
const plain = [{ name: "a", exactly: { deviceClassName: "d" } }];

test("claims are counted by what they are for, those that are made by what came of it", () => {
  const metrics = new Metrics();
  const claims = [
    claim({}, plain),
    claim({ "resource.kubernetes.io/pod-claim-name": "a" }, plain, {}),
    claim({ "resource.kubernetes.io/pod-claim-name": "b" }, plain, {}),
    claim({ "resource.kubernetes.io/extended-resource-claim": "true" }, plain),
    claim({}, [...plain, { name: "b", exactly: { deviceClassName: "d", adminAccess: true } }]),
    claim({}, [{ name: "c", firstAvailable: [{ name: "x", deviceClassName: "d" }] }]),
  ];
  const count = measureClaims(new Measures(metrics), () => claims);
  count(claims[0] as ResourceClaim, true);
  count(claims[4] as ResourceClaim, false);
  const shown = metrics
    .expose()
    .split("\n")
    .filter((line) => line.startsWith("resourceclaim"))
    .sort();
  assert.deepEqual(shown, [
    'resourceclaim_controller_creates_total{status="failure",admin_access="true"} 1',
    'resourceclaim_controller_creates_total{status="success",admin_access="false"} 1',
    'resourceclaim_controller_resource_claims{allocated="false",admin_access="false",source=""} 2',
    'resourceclaim_controller_resource_claims{allocated="false",admin_access="false",source="extended_resource"} 1',
    'resourceclaim_controller_resource_claims{allocated="false",admin_access="true",source=""} 1',
    'resourceclaim_controller_resource_claims{allocated="true",admin_access="false",source="resource_claim_template"} 2',
  ]);
});
