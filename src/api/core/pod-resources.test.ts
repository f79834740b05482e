import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Pod, PodSpec } from "../types/core-v1.gen.ts";
import { containerNamed, extractFieldPath, extractResource } from "./field-path.ts";
import { parseImageName } from "./image-name.ts";
import { computePodQos } from "./pod-qos.ts";
import { podLimits, podRequests } from "./pod-resources.ts";
import { setPodCondition } from "./pod-status.ts";

const container = (cpu: string | undefined, more: Partial<Container> = {}): Container => ({
  name: "c",
  resources: cpu === undefined ? {} : { requests: { cpu } },
  ...more,
});

test("Sidecars count beside containers and beside the init containers after them", () => {
  const spec: PodSpec = {
    containers: [container("100m"), container("200m")],
    initContainers: [container("1"), container("300m", { restartPolicy: "Always" }), container("800m")],
  };
  // 100m + 200m + 300m run together; the last init container runs beside the sidecar.
  assert.deepEqual(podRequests(spec), { cpu: "1100m" });
});

test("Overhead is added to requests and to limits that are set", () => {
  const spec: PodSpec = {
    containers: [container("100m", { resources: { limits: { cpu: "1" }, requests: { cpu: "100m" } } })],
    overhead: { cpu: "50m", memory: "1Mi" },
  };
  assert.deepEqual(podRequests(spec), { cpu: "150m", memory: "1Mi" });
  assert.deepEqual(podLimits(spec), { cpu: "1050m" });
});

test("Pod-level requests win over the sum of the containers", () => {
  assert.deepEqual(podRequests({ containers: [container("100m")], resources: { requests: { cpu: "2" } } }), { cpu: "2" });
});

test("During a resize the larger of wanted, allocated and applied counts, unless it cannot be done", () => {
  const containerStatus = { name: "c", ready: true, restartCount: 0, image: "", imageID: "", state: {}, lastState: {} };
  const status = { containerStatuses: [{ ...containerStatus, allocatedResources: { cpu: "1" }, resources: { requests: { cpu: "500m" } } }] };
  assert.deepEqual(podRequests({ containers: [container("2")] }, { status }), { cpu: "2" });
  const infeasible = { ...status, conditions: [{ type: "PodResizePending", status: "True", reason: "Infeasible" }] };
  assert.deepEqual(podRequests({ containers: [container("2")] }, { status: infeasible }), { cpu: "1" });
});

test("The QoS class follows requests and limits of every container", () => {
  const both = { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "1", memory: "1Gi" } };
  assert.equal(computePodQos({ containers: [container(undefined, { resources: both })] }), "Guaranteed");
  assert.equal(computePodQos({ containers: [container(undefined, { resources: both }), container(undefined)] }), "Burstable");
  assert.equal(computePodQos({ containers: [container(undefined)] }), "BestEffort");
  assert.equal(computePodQos({ containers: [container(undefined)], resources: both }), "Guaranteed");
});

test("Image names are read as container tools read them", () => {
  assert.deepEqual(parseImageName("nginx"), { repository: "docker.io/library/nginx", tag: "latest", digest: "" });
  assert.deepEqual(parseImageName("localhost:5000/a/b:v1"), { repository: "localhost:5000/a/b", tag: "v1", digest: "" });
  assert.equal(parseImageName("A/b")?.repository, "A/b");
  assert.equal(parseImageName("x y"), undefined);
  assert.equal(parseImageName("a".repeat(64)), undefined);
});

test("The downward API gives fields, labels and resources, limits from the node where there are none", () => {
  const pod = {
    metadata: { name: "p", namespace: "n", uid: "u", resourceVersion: "", creationTimestamp: "", labels: { b: '"x"', a: "1" } },
    spec: { containers: [container("250m")] },
    status: { podIPs: [{ ip: "10.0.0.1" }, { ip: "fd00::1" }] },
  } as Pod;
  assert.equal(extractFieldPath(pod, "metadata.labels"), 'a="1"\nb="\\"x\\""');
  assert.equal(extractFieldPath(pod, "metadata.labels['a']"), "1");
  assert.equal(extractFieldPath(pod, "status.podIPs"), "10.0.0.1,fd00::1");
  assert.throws(() => extractFieldPath(pod, "spec.foo"), { message: "unsupported fieldPath: spec.foo" });
  const own = containerNamed(pod, "c");
  assert.equal(extractResource({ resource: "requests.cpu", divisor: "1m" }, own), "250");
  assert.equal(extractResource({ resource: "requests.cpu" }, own), "1");
  assert.equal(extractResource({ resource: "limits.memory", divisor: "1Mi" }, own, { memory: "2Gi" }), "2048");
});

test("A condition keeps its time while its status stays", () => {
  const status = {};
  assert.equal(setPodCondition(status, { type: "Ready", status: "False", reason: "A" }, "t1"), true);
  assert.equal(setPodCondition(status, { type: "Ready", status: "False", reason: "A" }, "t2"), false);
  assert.equal(setPodCondition(status, { type: "Ready", status: "False", reason: "B" }, "t3"), true);
  assert.deepEqual(status, { conditions: [{ type: "Ready", status: "False", reason: "B", lastTransitionTime: "t1" }] });
});
