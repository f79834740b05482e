import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Pod } from "../api/types/core-v1.gen.ts";
import { admit } from "./admission.ts";

const node = {
  metadata: { name: "n1", labels: { zone: "a", size: "5" } },
  spec: { taints: [{ key: "k", value: "v", effect: "NoExecute" }] },
  status: {},
} as unknown as Node;
const tolerations = [{ key: "k", operator: "Exists" }];
const pod = (spec: object): Pod =>
  ({ metadata: { name: "p", namespace: "n" }, spec: { containers: [{ name: "c" }], tolerations, ...spec }, status: {} }) as unknown as Pod;
const allocatable = { cpu: "2", memory: "1Gi", pods: "3" };
const reason = (spec: object, others: Pod[] = []): string | undefined => admit(pod(spec), node, others, allocatable, ["kernel.msg*"])?.reason;
const wants = (cpu: string): object => ({ containers: [{ name: "c", resources: { requests: { cpu } } }] });
const port = (hostPort: number, hostIP?: string): object => ({ containers: [{ name: "c", ports: [{ containerPort: 1, hostPort, hostIP }] }] });

test("a pod that fits is taken", () => assert.equal(admit(pod(wants("1")), node, [], allocatable, []), undefined));

test("resources are counted over the pods that are here, in upstream's words", () => {
  const refusal = admit(pod(wants("1500m")), node, [pod(wants("600m"))], allocatable, []);
  assert.deepEqual(refusal, { reason: "OutOfcpu", message: "Node didn't have enough resource: cpu, requested: 1500, used: 600, capacity: 2000" });
  assert.equal(reason({}, [pod({}), pod({}), pod({})]), "OutOfpods");
});

test("extended resources are counted where the node's status has them, and ignored where nobody counts them", () => {
  const claims = (count: string): object => ({ containers: [{ name: "c", resources: { requests: { "example.com/device": count } } }] });
  const counted = { ...node, status: { allocatable: { "example.com/device": "2" } } } as unknown as Node;
  assert.equal(admit(pod(claims("1")), counted, [pod(claims("1"))], allocatable, []), undefined);
  assert.equal(admit(pod(claims("2")), counted, [pod(claims("1"))], allocatable, [])?.reason, "OutOfexample.com/device");
  assert.equal(admit(pod(claims("2")), node, [], allocatable, []), undefined);
});

test("what devices of a claim provide to a container is not counted on the node, what others ask for is", () => {
  const asks = (name: string, more: object = {}): object => ({ name, resources: { requests: { "example.com/gpu": "1", ...more } } });
  const backed = pod({ containers: [asks("c", { "deviceclass.resource.kubernetes.io/fpga": "1" })] });
  const counted = { ...node, status: { allocatable: { "example.com/gpu": "0" } } } as unknown as Node;
  assert.equal(admit(backed, counted, [], allocatable, [])?.reason, "OutOfexample.com/gpu");
  const mapped = (resourceName: string): object => ({ containerName: "c", resourceName, requestName: "r" });
  const requestMappings = ["example.com/gpu", "deviceclass.resource.kubernetes.io/fpga"].map(mapped);
  const status = { extendedResourceClaimStatus: { resourceClaimName: "x", requestMappings } } as unknown as Pod["status"];
  assert.equal(admit({ ...backed, status }, counted, [], allocatable, []), undefined);
  assert.equal(admit({ ...pod({ containers: [asks("d")] }), status }, counted, [], allocatable, [])?.reason, "OutOfexample.com/gpu");
});

test("selectors, ports and taints are honoured", () => {
  assert.equal(reason({ nodeSelector: { zone: "b" } }), "NodeAffinity");
  const affinity = (operator: string, values: string[]): object => ({
    affinity: {
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: "size", operator, values }] }] } },
    },
  });
  assert.deepEqual(
    [reason(affinity("Gt", ["4"])), reason(affinity("Gt", ["5"])), reason(affinity("NotIn", ["5"]))],
    [undefined, "NodeAffinity", "NodeAffinity"],
  );
  assert.equal(reason(port(80), [pod(port(80, "127.0.0.1"))]), "NodePorts");
  assert.equal(reason(port(80, "127.0.0.2"), [pod(port(80, "127.0.0.1"))]), undefined);
  assert.equal(reason({ tolerations: [] }), "TaintToleration");
});

test("kernel parameters that are not confined to the pod are refused", () => {
  const sysctl = (name: string, more: object = {}): object => ({ securityContext: { sysctls: [{ name, value: "1" }] }, ...more });
  assert.equal(reason(sysctl("kernel.shm_rmid_forced")), undefined);
  assert.equal(reason(sysctl("kernel.msgmax")), undefined);
  assert.equal(reason(sysctl("vm.swappiness")), "SysctlForbidden");
  assert.equal(reason(sysctl("net.ipv4.tcp_syncookies", { hostNetwork: true })), "SysctlForbidden");
});

test("strict supplementary groups are refused where the runtime does not keep to them", () => {
  const strict = { securityContext: { supplementalGroupsPolicy: "Strict" } };
  assert.equal(reason(strict), "SupplementalGroupsPolicyNotSupported");
  assert.equal(reason({ securityContext: { supplementalGroupsPolicy: "Merge" } }), undefined);
  const able = { ...node, status: { ...node.status, features: { supplementalGroupsPolicy: true } } } as Node;
  assert.equal(admit(pod(strict), able, [], allocatable, []), undefined);
});

test("what this node does not declare is refused, what it declares is not", () => {
  assert.equal(reason({ hostNetwork: true, hostUsers: false }), "PodFeatureUnsupported");
  assert.equal(reason({ containers: [{ name: "c", restartPolicyRules: [{ action: "RestartAllContainers" }] }] }), undefined);
});
