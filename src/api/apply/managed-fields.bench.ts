/** Cost of ownership tracking per write: `node src/api/apply/managed-fields.bench.ts`. Prints microseconds of processor time, best of 5 rounds. */
import type { JSONObject } from "../json.ts";
import { applyStrategicMergePatch } from "../patch/strategic.ts";
import { type TypeDef, typeOfKind } from "../schema/schema.ts";
import { applyServerSide } from "./apply.ts";
import { trackUpdate } from "./managed-fields.ts";

const type = typeOfKind("v1", "Pod") as TypeDef;
const container = (name: string): JSONObject => ({
  name,
  image: "registry.example/app:1",
  env: [
    { name: "A", value: "1" },
    { name: "POD", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } } },
  ],
  ports: [{ containerPort: 8080, protocol: "TCP" }],
  resources: { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "100m", memory: "128Mi" } },
  volumeMounts: [{ name: "data", mountPath: "/data" }],
  livenessProbe: { httpGet: { path: "/", port: 8080, scheme: "HTTP" }, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
  imagePullPolicy: "Always",
});
const pod = (i: number): JSONObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: `pod-${i}`,
    namespace: "default",
    labels: { app: "web", "pod-template-hash": "abc" },
    ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "web", uid: "1", controller: true }],
  },
  spec: {
    volumes: [{ name: "data", emptyDir: {} }],
    containers: [container("app"), container("side")],
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
    dnsPolicy: "ClusterFirst",
    securityContext: {},
    schedulerName: "default-scheduler",
    enableServiceLinks: true,
  },
  status: {},
});
const statusPatch = (i: number): JSONObject => ({
  metadata: { uid: "u" },
  status: {
    phase: "Running",
    podIP: `10.0.${i >> 8}.${i & 255}`,
    podIPs: [{ ip: `10.0.${i >> 8}.${i & 255}` }],
    startTime: "2026-01-01T00:00:00Z",
    conditions: ["Ready", "Initialized", "ContainersReady", "PodScheduled"].map((name) => ({
      type: name,
      status: "True",
      lastTransitionTime: `2026-01-01T00:00:${String(i % 60).padStart(2, "0")}Z`,
    })),
    containerStatuses: ["app", "side"].map((name) => ({
      name,
      ready: true,
      restartCount: i % 7,
      image: "x",
      imageID: "y",
      state: { running: { startedAt: "2026-01-01T00:00:00Z" } },
    })),
  },
});

const operation = { manager: "bench", apiVersion: "v1", time: "2026-01-01T00:00:00Z", resetFields: ["status"] };
const status = { ...operation, manager: "kubelet", subresource: "status", resetFields: ["spec", "metadata.deletionTimestamp", "metadata.ownerReferences"] };
const rounds = 5;
const size = 5000;

function measure(name: string, run: (i: number) => unknown): void {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const start = process.cpuUsage();
    for (let i = 0; i < size; i++) run(i);
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, user + system);
  }
  process.stdout.write(`${name.padEnd(36)} ${(best / size).toFixed(1)} us\n`);
}

const pods = Array.from({ length: size }, (_, i) => pod(i));
const live = pods.map((p) => trackUpdate(type, undefined, { ...p, metadata: { ...(p.metadata as JSONObject), uid: "u" } }, operation));
const patches = pods.map((_, i) => statusPatch(i));
const running = live.map((p, i) => trackUpdate(type, p, applyStrategicMergePatch(type, p, patches[i] as JSONObject), status));
measure("track pod create", (i) => trackUpdate(type, undefined, pods[i] as JSONObject, operation));
measure("strategic merge of a pod status", (i) => applyStrategicMergePatch(type, running[i] as JSONObject, patches[(i + 1) % size] as JSONObject));
const merged = running.map((p, i) => applyStrategicMergePatch(type, p, patches[(i + 1) % size] as JSONObject));
measure("track pod status, first", (i) => trackUpdate(type, live[i] as JSONObject, { ...live[i], status: (merged[i] as JSONObject).status }, status));
measure("track pod status, again", (i) => trackUpdate(type, running[i] as JSONObject, merged[i] as JSONObject, status));
const decoded = merged.map((p) => JSON.parse(JSON.stringify(p)) as JSONObject);
measure("track pod status, nothing shared", (i) => trackUpdate(type, running[i] as JSONObject, decoded[i] as JSONObject, status));
measure("apply a pod again", (i) => applyServerSide(type, running[i], pods[i] as JSONObject, { ...operation, kind: "Pod", force: true }));
