/** Pods of every shape that leaves something on a node: volumes, ports, networks, hooks, failures. */
import type { Random } from "../../src/base/random.ts";

const busybox = "registry.k8s.io/e2e-test-images/busybox:1.37.0-1";
const agnhost = "registry.k8s.io/e2e-test-images/agnhost:2.63.0";
const stay = { name: "main", image: busybox, command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"] };

type Spec = Record<string, unknown>;

/** Objects that the shapes refer to. */
export const companions: object[] = [
  { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings" }, data: { "a.txt": "a", "b.txt": "b" } },
  { apiVersion: "v1", kind: "Secret", metadata: { name: "keys" }, stringData: { password: "x" } },
  {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "disk" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } },
  },
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web" },
    spec: { type: "NodePort", selector: { shape: "service" }, ports: [{ port: 80, targetPort: 8080 }] },
  },
];

const shapes: Record<string, (random: Random) => Spec> = {
  plain: () => ({ containers: [stay] }),
  volumes: () => ({
    containers: [
      {
        ...stay,
        volumeMounts: [
          { name: "memory", mountPath: "/memory" },
          { name: "scratch", mountPath: "/scratch" },
          { name: "settings", mountPath: "/settings" },
          { name: "settings", mountPath: "/one/a.txt", subPath: "a.txt" },
          { name: "keys", mountPath: "/keys" },
          { name: "all", mountPath: "/all" },
          { name: "host", mountPath: "/host" },
        ],
      },
    ],
    volumes: [
      { name: "memory", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
      { name: "scratch", emptyDir: {} },
      { name: "settings", configMap: { name: "settings" } },
      { name: "keys", secret: { secretName: "keys" } },
      {
        name: "all",
        projected: {
          sources: [
            { serviceAccountToken: { path: "token", expirationSeconds: 600 } },
            { downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
          ],
        },
      },
      { name: "host", hostPath: { path: "/tmp/leaks-host", type: "DirectoryOrCreate" } },
    ],
  }),
  "ports of the host": (random) => ({ containers: [{ ...stay, ports: [{ containerPort: 80, hostPort: 20_000 + random.int(2000) }] }] }),
  "network of the host": () => ({ hostNetwork: true, containers: [stay] }),
  sidecar: () => ({
    initContainers: [
      { name: "first", image: busybox, command: ["true"] },
      { ...stay, name: "beside", restartPolicy: "Always" },
    ],
    containers: [stay],
  }),
  crashing: () => ({ containers: [{ ...stay, command: ["sh", "-c", "sleep 0.2; exit 3"] }] }),
  completed: () => ({ restartPolicy: "Never", containers: [{ ...stay, command: ["true"] }] }),
  "no such image": () => ({ containers: [{ ...stay, image: "registry.invalid/nobody:1" }] }),
  "failing volume": () => ({ containers: [stay], volumes: [{ name: "none", configMap: { name: "there-is-none" } }] }),
  hooks: () => ({
    terminationGracePeriodSeconds: 3,
    containers: [{ ...stay, lifecycle: { postStart: { exec: { command: ["true"] } }, preStop: { exec: { command: ["sleep", "1"] } } } }],
  }),
  deaf: () => ({ terminationGracePeriodSeconds: 2, containers: [{ ...stay, command: ["sleep", "1000"] }] }),
  unhealthy: () => ({ containers: [{ ...stay, livenessProbe: { exec: { command: ["false"] }, periodSeconds: 1, failureThreshold: 2 } }] }),
  disk: () => ({
    containers: [{ ...stay, volumeMounts: [{ name: "disk", mountPath: "/disk" }] }],
    volumes: [{ name: "disk", persistentVolumeClaim: { claimName: "disk" } }],
  }),
  ephemeral: () => ({
    containers: [{ ...stay, volumeMounts: [{ name: "own", mountPath: "/own" }] }],
    volumes: [
      {
        name: "own",
        ephemeral: { volumeClaimTemplate: { spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } } } },
      },
    ],
  }),
  service: () => ({ containers: [{ name: "main", image: agnhost, args: ["netexec", "--http-port=8080"] }] }),
};
export const shapeNames = Object.keys(shapes);

export function pod(name: string, shape: string, random: Random): object {
  const make = shapes[shape];
  if (!make) throw new Error(`there is no shape ${shape}`);
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { shape: shape.replaceAll(" ", "-") } },
    spec: { terminationGracePeriodSeconds: 1, ...make(random) },
  };
}
