import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Pod } from "../../api/types/core-v1.gen.ts";
import type { DeviceClass } from "../../api/types/resource-v1.gen.ts";
import { claimInMemory, extendedRequests, podBehind } from "./extended-claim.ts";

const container = (name: string, requests: Record<string, string>, restartPolicy?: string): Container =>
  ({ name, resources: { requests }, ...(restartPolicy ? { restartPolicy } : {}) }) as Container;
const podOf = (containers: Container[], initContainers: Container[] = []): Pod =>
  ({ metadata: { name: "p", namespace: "n", uid: "u" }, spec: { containers, initContainers } }) as unknown as Pod;
const classOf = (resource: string): DeviceClass | undefined =>
  resource.startsWith("example.com/") ? ({ metadata: { name: resource.slice("example.com/".length) }, spec: {} } as DeviceClass) : undefined;
const gpu = "example.com/gpu";
/** `request: class x count`, and `container resource request`. */
function told(pod: Pod, ...resources: string[]): [string[], string[]] {
  const { requests, mappings } = extendedRequests(pod, resources, classOf);
  return [
    requests.map(({ name, exactly }) => `${name}: ${exactly?.deviceClassName} x ${exactly?.count}`),
    mappings.map(({ containerName, resourceName, requestName }) => `${containerName} ${resourceName} ${requestName}`),
  ];
}

test("each container has a request for each resource, numbered by its place among all that the container asks for", () => {
  const pod = podOf([container("a", { memory: "1Gi", [gpu]: "2", cpu: "1", "example.com/fpga": "1" }), container("b", {}), container("c", { [gpu]: "1" })]);
  assert.deepEqual(told(pod, gpu, "example.com/fpga"), [
    ["container-0-request-1: fpga x 1", "container-0-request-2: gpu x 2", "container-2-request-0: gpu x 1"],
    [`a example.com/fpga container-0-request-1`, `a ${gpu} container-0-request-2`, `c ${gpu} container-2-request-0`],
  ]);
  assert.deepEqual(told(pod, "foreign.org/x"), [[], []]);
});

test("init containers use the devices of containers that come later, and share what they need beyond them", () => {
  const init = [container("one", { [gpu]: "3" }), container("two", { [gpu]: "5" }), container("three", { [gpu]: "1" })];
  assert.deepEqual(told(podOf([container("main", { [gpu]: "2" })], init), gpu), [
    ["container-1-request-0: gpu x 3", "container-3-request-0: gpu x 2"],
    [
      `main ${gpu} container-3-request-0`,
      `one ${gpu} container-3-request-0`,
      `one ${gpu} container-1-request-0`,
      `two ${gpu} container-3-request-0`,
      `two ${gpu} container-1-request-0`,
      `three ${gpu} container-3-request-0`,
    ],
  ]);
});

test("a sidecar keeps its devices: only init containers before it use them", () => {
  const init = [container("before", { [gpu]: "1" }), container("sidecar", { [gpu]: "1" }, "Always"), container("after", { [gpu]: "1" })];
  assert.deepEqual(told(podOf([container("main", {})], init), gpu), [
    ["container-1-request-0: gpu x 1", "container-2-request-0: gpu x 1"],
    [`sidecar ${gpu} container-1-request-0`, `before ${gpu} container-1-request-0`, `after ${gpu} container-2-request-0`],
  ]);
});

test("the claim belongs to the pod, and says what it is for", () => {
  const claim = claimInMemory(podOf([]), "uid", []);
  assert.equal(podBehind(claim), "u");
  assert.equal(podBehind({ ...claim, metadata: { ...claim.metadata, annotations: {} } }), undefined);
  assert.equal(claim.metadata.generateName, "p-extended-resources-");
});
