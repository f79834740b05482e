/** What the container runtime knows of one pod, read through the Container Runtime Interface and kept free of its wire forms. */

export type ContainerState = "created" | "running" | "exited" | "unknown";

export interface ContainerRecord {
  id: string;
  name: string;
  sandboxId: string;
  state: ContainerState;
  /** Milliseconds since the epoch; 0 where it has not happened. */
  createdAt: number;
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  reason: string;
  message: string;
  image: string;
  imageRef: string;
  /** Which (re)start of the container's spec this is: 0 for the first. */
  restartCount: number;
  /** Of the parts of the spec whose change needs a new container; empty for containers that were made by somebody else. */
  hash: string;
  logPath: string;
  user?: { uid: number; gid: number; supplementalGroups: number[] };
}

export interface SandboxRecord {
  id: string;
  attempt: number;
  ready: boolean;
  createdAt: number;
  hostNetwork: boolean;
  ips: string[];
}

export interface RuntimePod {
  uid: string;
  namespace: string;
  name: string;
  /** Latest first. */
  sandboxes: SandboxRecord[];
  /** Latest first. */
  containers: ContainerRecord[];
}

/** The latest record of a container of the spec. */
export const findContainer = (pod: RuntimePod, name: string): ContainerRecord | undefined => pod.containers.find((c) => c.name === name);

/** Equal for equal sets of sandboxes and containers in equal states. */
export const fingerprintOf = (pod: Pick<RuntimePod, "sandboxes" | "containers">): string =>
  [...pod.sandboxes.map((s) => `${s.id}:${s.ready}`), ...pod.containers.map((c) => `${c.id}:${c.state}`)].sort().join(" ");

export const emptyRuntimePod = (uid: string, namespace: string, name: string): RuntimePod => ({ uid, namespace, name, sandboxes: [], containers: [] });

export const labels = {
  podName: "io.kubernetes.pod.name",
  podNamespace: "io.kubernetes.pod.namespace",
  podUid: "io.kubernetes.pod.uid",
  containerName: "io.kubernetes.container.name",
} as const;

export const annotations = {
  hash: "io.kubernetes.container.hash",
  restartCount: "io.kubernetes.container.restartCount",
  terminationMessagePath: "io.kubernetes.container.terminationMessagePath",
  terminationMessagePolicy: "io.kubernetes.container.terminationMessagePolicy",
  preStopHandler: "io.kubernetes.container.preStopHandler",
  ports: "io.kubernetes.container.ports",
  deletionGracePeriod: "io.kubernetes.pod.deletionGracePeriod",
  terminationGracePeriod: "io.kubernetes.pod.terminationGracePeriod",
} as const;
