/**
 * Microseconds per pod of 2.6 KB for the steps of decoding and encoding; prints the median of several rounds.
 * Usage: node src/api/codec/normalize.bench.ts
 */
import { hrtime } from "node:process";
import type { JSONObject } from "../json.ts";
import { typeOfKind } from "../schema/schema.ts";
import { decodeJSON, decodeObject } from "./decode.ts";
import { encodeJSON, encodeJSONString, readJSON } from "./json.ts";
import { normalize } from "./normalize.ts";
import { encodeProtobuf } from "./protobuf.ts";

const container = (name: string): JSONObject => ({
  name,
  image: `registry.example/${name}:1.2.3`,
  command: ["/bin/server", "--port=8080", "--verbose"],
  ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }],
  env: [
    { name: "A", value: "some value" },
    { name: "POD_NAME", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } } },
  ],
  resources: { limits: { cpu: "500m", memory: "128Mi" }, requests: { cpu: "250m", memory: "64Mi" } },
  volumeMounts: [{ name: "token", readOnly: true, mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" }],
  livenessProbe: { httpGet: { path: "/healthz", port: 8080, scheme: "HTTP" }, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
  imagePullPolicy: "IfNotPresent",
});
const pod: JSONObject = {
  kind: "Pod",
  apiVersion: "v1",
  metadata: {
    name: "web-6d4cf56db6-abcde",
    generateName: "web-6d4cf56db6-",
    namespace: "default",
    uid: "0b1f6a3e-5c1d-4c2f-9a55-8f8c0f8a3a11",
    resourceVersion: "12345",
    creationTimestamp: "2026-01-02T03:04:05Z",
    labels: { app: "web", "pod-template-hash": "6d4cf56db6" },
    ownerReferences: [
      {
        apiVersion: "apps/v1",
        kind: "ReplicaSet",
        name: "web-6d4cf56db6",
        uid: "6a0b4d0e-3f1c-4b83-9c33-1f6f7f2f9e77",
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
  },
  spec: {
    volumes: [{ name: "token", projected: { sources: [{ serviceAccountToken: { expirationSeconds: 3607, path: "token" } }], defaultMode: 420 } }],
    containers: [container("web"), container("sidecar")],
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
    dnsPolicy: "ClusterFirst",
    serviceAccountName: "default",
    nodeName: "node-1",
    schedulerName: "default-scheduler",
    tolerations: [{ key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 }],
  },
  status: { phase: "Running", podIP: "10.244.0.5", podIPs: [{ ip: "10.244.0.5" }], startTime: "2026-01-02T03:04:05Z", qosClass: "Burstable" },
};

const type = typeOfKind("v1", "Pod");
if (!type) throw new Error("no Pod in the schema");
const text = JSON.stringify(pod);
const bytes = new TextEncoder().encode(text);
const protobuf = encodeProtobuf(type, pod, "v1", "Pod");
const media = "application/vnd.kubernetes.protobuf";

const steps: Record<string, () => unknown> = {
  "JSON.parse": () => JSON.parse(text),
  "readJSON (parse, look for repeated keys)": () => readJSON(bytes),
  "normalize alone": () => normalize(type, pod),
  decodeJSON: () => decodeJSON(bytes, type),
  "JSON.stringify": () => JSON.stringify(pod),
  encodeJSONString: () => encodeJSONString(pod),
  encodeJSON: () => encodeJSON(pod),
  "encode protobuf": () => encodeProtobuf(type, pod, "v1", "Pod"),
  "decode protobuf": () => decodeObject(protobuf, media, type),
};

process.stdout.write(`pod of ${bytes.length} bytes\n`);
const rounds = 7;
const times = new Map<string, number[]>(Object.keys(steps).map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const [name, step] of Object.entries(steps)) {
    const start = hrtime.bigint();
    for (let i = 0; i < 5000; i++) step();
    times.get(name)?.push(Number(hrtime.bigint() - start) / 5_000_000);
  }
}
for (const [name, all] of times) process.stdout.write(`${name.padEnd(44)} ${(all.sort((a, b) => a - b)[rounds >> 1] as number).toFixed(1)} us\n`);
