/**
 * The kinds of the core group against answers of kube-apiserver 1.36.3, recorded with dryRun=All and without admission
 * plugins that change objects: the same causes in the same order, or the same object.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { normalize } from "../codec/normalize.ts";
import type { FieldError } from "../field.ts";
import type { JSONObject } from "../json.ts";
import type { Kind } from "../kind.ts";
import { typeOfKind } from "../schema/schema.ts";
import type { Service } from "../types/core-v1.gen.ts";
import type { KubeObject } from "../object.ts";
import { configMapKind } from "./configmap.ts";
import { endpointsKind } from "./endpoints.ts";
import { eventKind } from "./event.ts";
import { limitRangeKind } from "./limitrange.ts";
import { namespaceKind } from "./namespace.ts";
import { nodeKind } from "./node.ts";
import { persistentVolumeKind } from "./persistentvolume.ts";
import { persistentVolumeClaimKind } from "./persistentvolumeclaim.ts";
import { podKind } from "./pod.ts";
import { podTemplateKind } from "./podtemplate.ts";
import { replicationControllerKind } from "./replicationcontroller.ts";
import { resourceQuotaKind } from "./resourcequota.ts";
import { secretKind } from "./secret.ts";
import { initIpFamilies, keepAllocatedValues, needsHealthCheck, normalizeClusterIPs, usesNodePorts } from "./service-addresses.ts";
import { serviceKind } from "./service.ts";
import { serviceAccountKind } from "./serviceaccount.ts";

interface Case {
  name: string;
  verb: "create" | "update";
  subresource?: string;
  input: JSONObject;
  old?: JSONObject;
  object?: JSONObject;
  causes?: [string, string, string][];
  error?: string;
  warnings?: string[];
}

const kinds = {
  Pod: podKind,
  Service: serviceKind,
  Node: nodeKind,
  Namespace: namespaceKind,
  ConfigMap: configMapKind,
  Secret: secretKind,
  ServiceAccount: serviceAccountKind,
  Endpoints: endpointsKind,
  Event: eventKind,
  LimitRange: limitRangeKind,
  ResourceQuota: resourceQuotaKind,
  PersistentVolume: persistentVolumeKind,
  PersistentVolumeClaim: persistentVolumeClaimKind,
  ReplicationController: replicationControllerKind,
  PodTemplate: podTemplateKind,
} as unknown as Record<string, Kind>;

const cases = JSON.parse(readFileSync(new URL("./testdata/golden.json", import.meta.url), "utf8")) as Case[];
const read = (object: JSONObject): KubeObject => structuredClone(normalize(typeOfKind("v1", String(object.kind))!, object).object) as unknown as KubeObject;

/** What the API server's allocators do, with fixed addresses and ports. */
function allocate(object: KubeObject, old?: KubeObject): FieldError[] {
  if (object.kind !== "Service") return [];
  const service = object as Service;
  if (old) keepAllocatedValues(service, old as Service);
  normalizeClusterIPs(service, old as Service | undefined);
  const errors = initIpFamilies(service, old as Service | undefined, ["IPv4"]);
  if (errors.length) return errors;
  const { spec } = service;
  if (spec.type !== "ExternalName" && !spec.clusterIP) {
    spec.clusterIP = "10.96.0.9";
    spec.clusterIPs = ["10.96.0.9"];
  }
  if (usesNodePorts(service)) for (const [i, port] of (spec.ports ?? []).entries()) port.nodePort ||= 30100 + i;
  if (needsHealthCheck(service)) spec.healthCheckNodePort ||= 30200;
  return [];
}

function answer({ verb, subresource, input, old }: Case): { object: KubeObject; errors: FieldError[]; warnings: string[] } {
  const kind = kinds[String(input.kind)]!;
  const object = read(input);
  kind.setDefaults?.(object);
  if (verb === "create") {
    delete (object as { status?: unknown }).status;
    if (input.kind === "Node") (object as { status?: unknown }).status = (read(input) as { status?: unknown }).status;
    if (input.kind === "Node") kind.setDefaults?.(object);
    kind.prepareForCreate?.(object);
    const errors = allocate(object);
    const found = errors.length ? errors : (kind.validate?.(object) ?? []);
    kind.conceal?.(object);
    return { object, errors: found, warnings: found.length ? [] : [...(kind.preparationWarnings?.(object) ?? []), ...(kind.warnings?.(object) ?? [])] };
  }
  const before = read(old!);
  kind.setDefaults?.(before);
  const strategy = subresource ? kind.subresources![subresource]! : kind;
  const errors = subresource ? [] : allocate(object, before);
  strategy.prepareForUpdate?.(object, before);
  const found = errors.length ? errors : (strategy.validateUpdate?.(object, before) ?? []);
  kind.conceal?.(object);
  return { object, errors: found, warnings: found.length ? [] : (strategy.warningsOnUpdate?.(object, before) ?? []) };
}

/** Without what the server makes anew each time. */
function comparable(object: JSONObject): unknown {
  const { object: plain } = normalize(typeOfKind("v1", String(object.kind))!, object);
  const copy = JSON.parse(JSON.stringify(plain)) as { metadata: Record<string, unknown>; status?: Record<string, unknown> };
  for (const key of ["uid", "creationTimestamp", "managedFields", "resourceVersion"]) delete copy.metadata[key];
  delete copy.status?.lastPhaseTransitionTime;
  for (const condition of (copy.status?.conditions ?? []) as Record<string, unknown>[]) delete condition.lastTransitionTime;
  return copy;
}

/** Upstream walks maps in random order. */
const unordered = (causes: [string, string, string][]): string[] => causes.map((cause) => cause.join("\n")).sort();

for (const item of cases) {
  if (item.error !== undefined) continue;
  test(`${item.verb} ${item.name}`, () => {
    const { object, errors, warnings } = answer(item);
    const causes = errors.map((e): [string, string, string] => [e.type, e.field, e.body]);
    if (item.causes) {
      assert.deepEqual(unordered(causes), unordered(item.causes));
      if (!hasMaps(item)) assert.deepEqual(causes, item.causes);
      return;
    }
    assert.deepEqual(causes, []);
    assert.deepEqual(comparable(object as unknown as JSONObject), comparable(item.object!));
    // That a whole version is deprecated is said by the API server, not by the kind.
    const expected = (item.warnings ?? []).filter((warning) => !/^v1 \w+ is deprecated in v1/.test(warning));
    assert.deepEqual(warnings, expected);
  });
}

const hasMaps = ({ name }: Case): boolean =>
  /resources|hard|limits|overhead|metadata\.|nodeSelector|data|selector|capacity|annotations|labels|affinity|topology|allocated/.test(name);

const causesOf = (errors: readonly FieldError[] | undefined): string[] => (errors ?? []).map(({ field, body }) => `${field}: ${body}`);
const made = (kind: string, given: object): KubeObject =>
  normalize(typeOfKind("v1", kind) as NonNullable<ReturnType<typeof typeOfKind>>, given as JSONObject, "kept").object as unknown as KubeObject;

test("a volume's claim is named where its ephemeral source is the first, and before what is too much", () => {
  const volume = { name: "A", ephemeral: {}, image: {}, iscsi: { targetPortal: "x".repeat(70), iqn: "iqn.2001-04.a:b", initiatorName: "iqn.2001-04.a:c" } };
  const wrong = (given: object): string[] =>
    causesOf(podKind.validate?.(made("Pod", { metadata: { name: "p", namespace: "d" }, spec: { volumes: [given] } }) as never))
      .filter((cause) => cause.startsWith("spec.volumes[0]"))
      .map((cause) => cause.slice(0, 60));
  const { iscsi: _, ...first } = volume;
  assert.deepEqual(wrong(first).slice(1, 3), [
    'spec.volumes[0].name: Invalid value: "A": PVC name "p-A": a ',
    "spec.volumes[0].image: Forbidden: may not specify more than ",
  ]);
  assert.deepEqual(wrong(volume).slice(0, 3), [
    'spec.volumes[0].name: Invalid value: "A": Total length of <v',
    "spec.volumes[0].ephemeral: Forbidden: may not specify more t",
    "spec.volumes[0].image: Forbidden: may not specify more than ",
  ]);
});

test("to no name a label of a volume's affinity may be renamed as well", () => {
  const volume = (key: string): KubeObject =>
    made("PersistentVolume", {
      metadata: { name: "v", resourceVersion: "1" },
      spec: { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: "Exists" }] }] } } },
    });
  const affinity = (key: string): string[] =>
    causesOf(persistentVolumeKind.validateUpdate?.(volume(key) as never, volume("zone") as never)).filter((cause) => cause.startsWith("nodeAffinity"));
  assert.equal(affinity("other").length, 1);
  assert.equal(affinity("").length, 0);
});

test("what is no JSON in a secret is named by its byte", () => {
  const secret = { metadata: { name: "s", namespace: "d" }, type: "kubernetes.io/dockerconfigjson", data: { ".dockerconfigjson": "tQ==" } };
  assert.match(causesOf(secretKind.validate?.(made("Secret", secret) as never)).join(), /invalid character 'µ' looking for beginning of value$/);
  const nothing = { ...secret, data: { ".dockerconfigjson": null } };
  assert.match(causesOf(secretKind.validate?.(made("Secret", nothing) as never)).join(), /unexpected end of JSON input$/);
});

test("names that every object of the language knows are keys like any other", () => {
  const configMap = made("ConfigMap", { metadata: { name: "m", namespace: "d" }, data: { constructor: "a" }, binaryData: { b: "AQI=" } });
  assert.deepEqual(causesOf(configMapKind.validate?.(configMap as never)), []);
  const limits = { "example.com/a": "1" };
  const item = { type: "Container", max: { valueOf: "1" }, min: { constructor: "1" } };
  assert.doesNotThrow(() => limitRangeKind.validate?.(made("LimitRange", { metadata: { name: "l", namespace: "d" }, spec: { limits: [item] } }) as never));
  const container = { name: "c", image: "i", resources: { limits, requests: { ...limits, constructor: "1" } } };
  const pod = made("Pod", { metadata: { name: "p", namespace: "d" }, spec: { restartPolicy: "Never", containers: [container] } });
  const causes = causesOf(podKind.validate?.(pod as never));
  assert.ok(causes.some((cause) => cause.includes('Invalid value: "constructor"')));
  const quota = { metadata: { name: "q", namespace: "d" }, spec: { scopes: ["constructor"], hard: { pods: "1" } } };
  assert.ok(causesOf(resourceQuotaKind.validate?.(made("ResourceQuota", quota) as never)).some((cause) => cause.includes("unsupported scope")));
});

test("a policy of resizing that is none is shown as JSON writes it", () => {
  const container = { name: "c", image: "i", resizePolicy: [{ resourceName: "cpu", restartPolicy: "<" }] };
  const pod = made("Pod", { metadata: { name: "p", namespace: "d" }, spec: { restartPolicy: "Never", containers: [container] } });
  assert.ok(causesOf(podKind.validate?.(pod as never)).some((cause) => cause.includes("Invalid value: \"\\u003c\": must be 'NotRequired'")));
});

test("ports are kept for a Service that gets some whether it asks or not", () => {
  const service = (nodePort: number, allocates: boolean): Service =>
    made("Service", { metadata: {}, spec: { type: "LoadBalancer", allocateLoadBalancerNodePorts: allocates, ports: [{ port: 80, nodePort }] } }) as never;
  const kept = (allocates: boolean): number | undefined => {
    const next = service(0, allocates);
    keepAllocatedValues(next, service(30080, allocates));
    return next.spec.ports?.[0]?.nodePort;
  };
  assert.deepEqual([kept(true), kept(false)], [30080, undefined]);
});

test("addresses that are none are no two families", () => {
  const pod = (ips: string[]): KubeObject =>
    made("Pod", { metadata: { name: "p", namespace: "d", resourceVersion: "1" }, spec: { containers: [] }, status: { hostIPs: ips.map((ip) => ({ ip })) } });
  const wrong = (...ips: string[]): number =>
    causesOf(podKind.subresources?.status?.validateUpdate?.(pod(ips) as never, pod([]) as never)).filter((cause) => cause.includes("no more than one IP"))
      .length;
  assert.equal(wrong("10.0.0.1", "fd00::1"), 0);
  assert.equal(wrong("fd00::1", "/abs"), 1);
});
