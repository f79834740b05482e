import assert from "node:assert/strict";
import { test } from "node:test";
import { type FieldError, path } from "../field.ts";
import type { DeviceCapacity, DeviceClaim, DeviceClass, DeviceRequest, ResourceClaim, ResourceSlice } from "../types/resource-v1.gen.ts";
import { validateCapacity } from "./device-capacity.ts";
import { validateRaw } from "./device-config.ts";
import { deviceClassKind } from "./deviceclass.ts";
import { resourceClaimKind } from "./resourceclaim.ts";
import { resourceSliceKind } from "./resourceslice.ts";

const told = (errors: readonly FieldError[] | undefined): string[] => (errors ?? []).map(({ field, body }) => `${field}: ${body}`);

function claimOf(requests: DeviceRequest[], rest: Partial<DeviceClaim> = {}): ResourceClaim {
  const metadata = { name: "c", namespace: "default", uid: "u", resourceVersion: "1" } as ResourceClaim["metadata"];
  const claim: ResourceClaim = { metadata, spec: { devices: { requests, ...rest } }, status: {} };
  resourceClaimKind.setDefaults?.(claim);
  return claim;
}
const mistakesOf = (claim: ResourceClaim): string[] => told(resourceClaimKind.validate?.(claim));
const gpu = { deviceClassName: "gpu" };
const requests = "spec.devices.requests";

test("a request is for one device by default", () => {
  const claim = claimOf([{ name: "r", exactly: gpu }]);
  assert.deepEqual(mistakesOf(claim), []);
  assert.deepEqual(claim.spec.devices.requests[0]?.exactly, { deviceClassName: "gpu", allocationMode: "ExactCount", count: 1 });
});

test("what was allocated tolerates what is equal by default, and a share without a name is the whole device", () => {
  const result = { request: "r", driver: "d.example.com", pool: "p", device: "d" };
  const claim = claimOf([{ name: "r", exactly: gpu }]);
  const given = { ...claim, status: { allocation: { devices: { results: [{ ...result, tolerations: [{}] }], config: [] } } } } as unknown as ResourceClaim;
  resourceClaimKind.setDefaults?.(given);
  assert.deepEqual(given.status.allocation?.devices?.results?.[0]?.tolerations, [{ operator: "Equal" }]);
  const devices = [{ driver: "d.example.com", pool: "p", device: "d", shareID: "", conditions: [] }];
  const shared = { ...given, status: { ...given.status, devices } } as unknown as ResourceClaim;
  assert.deepEqual(told(resourceClaimKind.subresources?.status?.validateUpdate?.(shared, claim)), [
    'status.devices[0].shareID: Invalid value: "": error validating uid: invalid UUID length: 0',
  ]);
});

test("what is wrong with a claim is told in upstream's words", () => {
  assert.deepEqual(
    mistakesOf(
      claimOf([
        { name: "r", exactly: gpu },
        { name: "r", exactly: { deviceClassName: "" } },
      ]),
    ),
    [`${requests}[1].exactly.deviceClassName: Required value`, `${requests}[1]: Duplicate value: "r"`],
  );
  assert.deepEqual(mistakesOf(claimOf([{ name: "r", exactly: { ...gpu, allocationMode: "All", count: 2 } }])), [
    `${requests}[0].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'`,
  ]);
  assert.deepEqual(mistakesOf(claimOf([{ name: "r", exactly: { ...gpu, selectors: [{ cel: { expression: "1" } }] } }])), [
    `${requests}[0].exactly.selectors[0].cel.expression: Invalid value: "1": must evaluate to bool or the unknown type, not int`,
  ]);
  assert.deepEqual(mistakesOf(claimOf([{ name: "r" }])), [`${requests}[0]: Required value: exactly one of \`exactly\` or \`firstAvailable\` is required`]);
  assert.deepEqual(mistakesOf(claimOf([{ name: "r", exactly: gpu }], { constraints: [{ requests: ["x"], matchAttribute: "a" }] })), [
    `spec.devices.constraints[0].requests[0]: Invalid value: "x": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'`,
    `spec.devices.constraints[0].matchAttribute: Invalid value: "a": a fully qualified name must be a domain and a name separated by a slash`,
  ]);
});

test("fully qualified names are shown as JSON", () => {
  const constraints = [{ requests: ["r"], distinctAttribute: "<&>" }];
  assert.equal(
    mistakesOf(claimOf([{ name: "r", exactly: gpu }], { constraints })).at(-1),
    `spec.devices.constraints[0].distinctAttribute: Invalid value: "\\u003c\\u0026\\u003e": a fully qualified name must be a domain and a name separated by a slash`,
  );
});

test("a slice is of one place, and names its devices once", () => {
  const mistakes = (spec: Partial<ResourceSlice["spec"]>): string[] => {
    const pool = { name: "p", generation: 1, resourceSliceCount: 1 };
    const slice: ResourceSlice = { metadata: { name: "s" } as ResourceSlice["metadata"], spec: { driver: "gpu.example.com", pool, ...spec } };
    return told(resourceSliceKind.validate?.(slice));
  };
  const oneOf = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
  assert.deepEqual(mistakes({ nodeName: "n" }), []);
  assert.deepEqual(mistakes({}), [`spec: Required value: ${oneOf}`]);
  assert.deepEqual(mistakes({ nodeName: "n", allNodes: true }), [`spec: Invalid value: "{\`nodeName\`, \`allNodes\`}": ${oneOf}, but multiple fields are set`]);
  assert.deepEqual(mistakes({ nodeName: "n", devices: [{ name: "d" }, { name: "d" }] }), [`spec.devices[1]: Duplicate value: "d"`]);
});

test("a class may stand behind an extended resource, which needs a domain of its own", () => {
  const made = (extendedResourceName: string): DeviceClass => ({ metadata: { name: "c" } as DeviceClass["metadata"], spec: { extendedResourceName } });
  assert.deepEqual(told(deviceClassKind.validate?.(made("example.com/gpu"))), []);
  const mistake = (name: string): string => `spec.extendedResourceName: Invalid value: "${name}": must be a valid extended resource name`;
  for (const name of ["gpu", "requests.example.com/gpu", "deviceclass.resource.kubernetes.io/c"])
    assert.deepEqual(told(deviceClassKind.validate?.(made(name))), [mistake(name)]);
});

test("a policy that is without a default is told so, however that is written", () => {
  const policy = { default: null, validRange: { min: "7" } } as unknown as NonNullable<DeviceCapacity["requestPolicy"]>;
  const errors = validateCapacity({ value: "8", requestPolicy: policy }, true, path("capacity"));
  assert.deepEqual(told(errors), ["capacity.requestPolicy.default: Required value: required when validRange is defined"]);
});

test("the node of a slice stays, and is shown as JSON", () => {
  const pool = { name: "p", generation: 1, resourceSliceCount: 1 };
  const metadata = { name: "s", resourceVersion: "1" } as ResourceSlice["metadata"];
  const slice = (nodeName: string): ResourceSlice => ({ metadata, spec: { driver: "gpu.example.com", pool, nodeName } });
  assert.equal(told(resourceSliceKind.validateUpdate?.(slice("<"), slice("n")))[0], 'spec.nodeName: Invalid value: "\\u003c": field is immutable');
});

test("parameters with integers that no double holds are weighed as well", () => {
  assert.deepEqual(told(validateRaw({ a: 9007199254740993n }, path("a"), false)), []);
  assert.deepEqual(told(validateRaw(9007199254740993n, path("a"), false)), ['a: Invalid value: "<value omitted>": must be a valid JSON object']);
});
