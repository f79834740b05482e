import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONObject } from "../json.ts";
import { type TypeDef, typeByName, typeOfKind } from "../schema/schema.ts";
import { encodeJSONString } from "./json.ts";
import { decodeProtobuf, encodeProtobuf } from "./protobuf.ts";
import { listEncoder } from "./protobuf-list.ts";
import { protobufFromJSON, protobufItemsFromJSON } from "./protobuf-from-json.ts";

const typeOf = (apiVersion: string, kind: string): TypeDef => {
  const type = typeOfKind(apiVersion, kind);
  assert.ok(type);
  return type;
};
const pod = typeOf("v1", "Pod");

function same(type: TypeDef, object: JSONObject): void {
  const { apiVersion, kind } = object as { apiVersion: string; kind: string };
  const made = protobufFromJSON(type, Buffer.from(encodeJSONString(object)), apiVersion, kind);
  assert.ok(made, "the text is as it is stored");
  assert.equal(Buffer.from(made).toString("hex"), Buffer.from(encodeProtobuf(type, object, apiVersion, kind)).toString("hex"));
}

const metadata = { name: "p", generation: 2n ** 62n, creationTimestamp: "2020-02-03T04:05:06Z", deletionTimestamp: "2020-02-29T23:59:59Z" };
const whole: JSONObject = {
  kind: "Pod",
  apiVersion: "v1",
  metadata: {
    ...metadata,
    labels: { a: "", b: "é<&>\u2028", é: "x" },
    annotations: { text: 'a "quoted"\n\\ line', wide: "\u{1f600}".repeat(40) },
    managedFields: [{ manager: "m", operation: "Apply", time: "2020-02-03T04:05:06Z", fieldsV1: { "f:metadata": { "f:labels": { ".": {} } } } }],
  },
  spec: {
    containers: [
      {
        name: "c",
        resources: { limits: { cpu: "100m" } },
        securityContext: { runAsUser: -1, runAsNonRoot: false },
        livenessProbe: { httpGet: { port: "http" }, periodSeconds: 0 },
      },
      { name: "d", livenessProbe: { tcpSocket: { port: 80 } }, ports: [], env: null },
      {},
    ],
    initContainers: [{ name: "i" }],
    volumes: [
      { name: "v", emptyDir: {} },
      { name: "w", projected: { sources: [{ serviceAccountToken: { expirationSeconds: 3607, path: "token" } }] } },
    ],
    nodeSelector: {},
    terminationGracePeriodSeconds: 30,
  },
  status: { conditions: [{ type: "Ready", status: "True", lastProbeTime: null, lastTransitionTime: "0001-01-01T00:00:00Z" }] },
};

test("a pod of everything that has a form of its own becomes the bytes that its object becomes", () => {
  same(pod, { ...whole, status: {} });
  same(pod, { kind: "Pod", apiVersion: "v1" });
});

test("maps of bytes and of quantities, times with fractions, schemas that may be booleans, and lists within maps too", () => {
  same(typeOf("v1", "Secret"), { kind: "Secret", apiVersion: "v1", data: { a: "AAEC", b: "", c: null }, immutable: true, type: "Opaque" });
  same(typeOf("v1", "Node"), { kind: "Node", apiVersion: "v1", status: { capacity: { cpu: "4", memory: "8Gi" } } });
  const lease = { kind: "Lease", apiVersion: "coordination.k8s.io/v1", spec: { renewTime: "2020-02-03T04:05:06.123456Z", leaseTransitions: 3 } };
  same(typeOf("coordination.k8s.io/v1", "Lease"), lease);
  same(typeByName("authentication/v1.UserInfo"), { kind: "", apiVersion: "", username: "u", groups: ["a", "b"], extra: { k: ["v", "w"] } });
  const schema = { type: "object", properties: { a: { type: "integer", maximum: 1.5 } }, additionalProperties: false, default: { z: 1, a: [] } };
  const version = { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } };
  same(typeOf("apiextensions.k8s.io/v1", "CustomResourceDefinition"), {
    kind: "CustomResourceDefinition",
    apiVersion: "apiextensions.k8s.io/v1",
    metadata: { name: "x" },
    spec: { group: "g", names: { plural: "x", kind: "X" }, scope: "Cluster", versions: [version] },
  });
});

test("what the type does not know is passed over", () => {
  const known = { kind: "Pod", apiVersion: "v1", metadata: { name: "p" }, spec: {}, status: {} };
  const text = '{"kind":"Pod","extra":[{"a":"}]"},-1.5e3,true],"apiVersion":"v1","metadata":{"name":"p","other":"\\"{"},"spec":{},"status":{}}';
  assert.deepEqual(protobufFromJSON(pod, Buffer.from(text), "v1", "Pod"), encodeProtobuf(pod, known, "v1", "Pod"));
});

test("a text that is not as it is stored, or cut off, gives nothing", () => {
  const text = encodeJSONString({ ...whole, status: {} });
  for (let end = 0; end < text.length; end++) assert.equal(protobufFromJSON(pod, Buffer.from(text.slice(0, end)), "v1", "Pod"), undefined, text.slice(0, end));
  for (const odd of [
    ` ${text}`,
    `${text}\n`,
    '{ "kind":"Pod"}',
    '{"metadata":{"labels":{"b":"","a":""}}}',
    '{"metadata":{"labels":{"a":"","a":""}}}',
    '{"metadata":{"name":1}}',
    '{"metadata":[]}',
    '{"spec":{"containers":{}}}',
    '{"spec":{"terminationGracePeriodSeconds":1.5}}',
    '{"spec":{"terminationGracePeriodSeconds":}}',
    '{"metadata":{"creationTimestamp":"2020-02-03T04:05:06+"}}',
  ])
    assert.equal(protobufFromJSON(pod, Buffer.from(odd), "v1", "Pod"), undefined, odd);
});

test("items of a list are the bytes that their objects are, in order", () => {
  const objects = ["a", "b", "c"].map((name) => ({ metadata: { name }, spec: {}, status: {} }));
  const texts = objects.map((object) => Buffer.from(encodeJSONString({ kind: "Pod", apiVersion: "v1", ...object })));
  const encoder = listEncoder(typeOf("v1", "PodList"), "v1", "PodList");
  assert.deepEqual(encoder.itemsFromJSON(texts), encoder.items(objects));
  assert.equal(encoder.itemsFromJSON([...texts, Buffer.from("{ }")]), undefined);
  assert.equal(protobufItemsFromJSON(pod, 2, [])?.length, 0);
});

test("a time that is null where it may be absent is an empty message, and comes back as it was", () => {
  const type = typeOf("coordination.k8s.io/v1", "Lease");
  const lease = { kind: "Lease", apiVersion: "coordination.k8s.io/v1", metadata: { name: "l" }, spec: { acquireTime: null } };
  same(type, lease);
  const bytes = encodeProtobuf(type, lease, lease.apiVersion, lease.kind);
  assert.deepEqual(
    decodeProtobuf(bytes, () => type),
    lease,
  );
});
