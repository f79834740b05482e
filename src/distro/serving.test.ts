import assert from "node:assert/strict";
import { test } from "node:test";
import { servingFrom } from "./serving.ts";

const served = (flags: Parameters<typeof servingFrom>[0]): string[] =>
  (servingFrom(flags).resources ?? []).map(({ group, version, resource }) => `${group}/${version}/${resource}`);

test("APIs are added and left out as the flag says, the later the stronger", () => {
  assert.ok(!served({}).includes("networking.k8s.io/v1beta1/ipaddresses"));
  assert.ok(served({ runtimeConfig: "networking.k8s.io/v1beta1=true" }).includes("networking.k8s.io/v1beta1/ipaddresses"));
  assert.ok(!served({ runtimeConfig: "batch/v1/cronjobs=false" }).includes("batch/v1/cronjobs"));
});

test("the controllers of a feature start where its resource is served", () => {
  const on = { featureGates: "ClusterTrustBundle=true" };
  assert.deepEqual([servingFrom(on).features("ClusterTrustBundle"), servingFrom(on).controllerFeatures("ClusterTrustBundle")], [true, false]);
  const both = { ...on, runtimeConfig: "certificates.k8s.io/v1beta1/clustertrustbundles=true" };
  assert.equal(servingFrom(both).controllerFeatures("ClusterTrustBundle"), true);
  assert.equal(servingFrom({ featureGates: "CBORServingAndStorage=true" }).cbor, true);
});

test("what cannot be is refused with the flag's name and the reason", () => {
  assert.throws(() => servingFrom({ featureGates: "NoSuch=true" }), /^Error: --feature-gates: unrecognized feature gate: NoSuch$/);
  assert.throws(() => servingFrom({ featureGates: "ClusterTrustBundle" }), /^Error: --feature-gates: missing bool value for ClusterTrustBundle$/);
  assert.throws(() => servingFrom({ runtimeConfig: "nowhere.example.com/v1=true" }), /^Error: --runtime-config: unknown api groups nowhere\.example\.com\/v1$/);
  assert.throws(() => servingFrom({ runtimeConfig: "api/ga=false" }), /--runtime-config: flowcontrol\.apiserver\.k8s\.io\/v1 cannot be left out/);
});
