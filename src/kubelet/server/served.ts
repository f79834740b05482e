/** The kubelet behind its server: pods by name, containers by their latest record, streams through the runtime. */
import { ping } from "../../api/health-checks.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Metrics } from "../../base/metrics.ts";
import { CriError } from "../../cri/client.ts";
import type { Kubelet } from "../kubelet.ts";
import { type ContainerRecord, labels, type RuntimePod } from "../runtime-pod.ts";
import { cadvisorMetrics } from "../stats/cadvisor.ts";
import { resourceMetrics } from "../stats/resource-metrics.ts";
import { summary } from "../stats/summary.ts";
import { checkpoint } from "./checkpoint.ts";
import { configz } from "./configz.ts";
import { readLog } from "./log-reader.ts";
import { HttpError } from "./routes.ts";
import type { ServedKubelet } from "./server.ts";

export function servedKubelet(kubelet: Kubelet, clock: Clock, metrics: Metrics): ServedKubelet {
  const { runtime } = kubelet;
  metrics.include(kubelet.stats.self.metrics);
  const read = (pod: Pod): Promise<RuntimePod> => runtime.readPod(pod.metadata.uid, pod.metadata.namespace ?? "", pod.metadata.name);
  const running = async (pod: Pod, name: string): Promise<ContainerRecord> => {
    const record = (await read(pod)).containers.find((c) => c.name === name);
    if (record?.state !== "running") throw new HttpError(404, `container not found ("${name}")`);
    return record;
  };
  /** The runtime's own refusals are the caller's business, not ours. */
  const asked = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (error) {
      throw error instanceof CriError ? new HttpError(500, error.message) : error;
    }
  };
  return {
    pods: () => kubelet.served(),
    async runningPods() {
      const { containers } = await runtime.cri.call("ListContainers", { filter: { state: { state: "CONTAINER_RUNNING" } } });
      return runningPods(containers.map((c) => ({ labels: c.labels, image: c.image?.image ?? "" })));
    },
    pod: (namespace, name) => [...kubelet.workers.values()].map((w) => w.pod).findLast((p) => p.metadata.namespace === namespace && p.metadata.name === name),
    async logs(pod, container, options, signal) {
      const records = (await read(pod)).containers.filter((c) => c.name === container);
      const latest = options.previous ? records.slice(1).find((c) => c.state === "exited") : records[0];
      if (options.previous && !latest) throw new HttpError(400, `previous terminated container "${container}" in pod "${pod.metadata.name}" not found`);
      if (!latest || latest.state === "created")
        throw new HttpError(400, `container "${container}" in pod "${pod.metadata.name}" is waiting to start: ${waitingReason(pod, container)}`);
      const stillRunning = async (): Promise<boolean> => (await runtime.container(latest.id, latest.sandboxId).catch(() => undefined))?.state === "running";
      return readLog({ path: latest.logPath, stillRunning, clock, signal }, options);
    },
    async exec(pod, container, { command, stdin, stdout, stderr, tty }) {
      const { id } = await running(pod, container);
      return (await asked(runtime.cri.call("Exec", { containerId: id, cmd: command, stdin, stdout, stderr, tty }))).url;
    },
    async attach(pod, container, { stdin, stdout, stderr, tty }) {
      const { id } = await running(pod, container);
      return (await asked(runtime.cri.call("Attach", { containerId: id, stdin, stdout, stderr, tty }))).url;
    },
    async portForward(pod, ports) {
      const sandbox = (await read(pod)).sandboxes.find((s) => s.ready);
      if (!sandbox) throw new HttpError(404, `pod not found ("${pod.metadata.name}_${pod.metadata.namespace}")`);
      return (await asked(runtime.cri.call("PortForward", { podSandboxId: sandbox.id, port: ports }))).url;
    },
    async run(pod, container, command) {
      const { id } = await running(pod, container);
      const result = await asked(runtime.cri.call("ExecSync", { containerId: id, cmd: command, timeout: 0 }));
      return Buffer.concat([result.stdout, result.stderr].map((part) => Buffer.from(part)));
    },
    checks: [ping, { name: "syncloop", check: () => (kubelet.isStuck() ? "sync Loop took longer than expected" : undefined) }],
    async metrics(page) {
      if (page === "resourceMetrics") return resourceMetrics(kubelet.stats.source);
      if (page === "cadvisorMetrics") return cadvisorMetrics(kubelet.stats.source);
      if (page === "probeMetrics") return kubelet.stats.probes.expose();
      return metrics.expose() + (await kubelet.stats.self.volumes(kubelet.stats.source)).trimStart();
    },
    summary: (only) => summary(kubelet.stats.source, only),
    configz: () => configz(kubelet.config),
    async checkpoint(pod, container, timeout) {
      const id = (await read(pod)).containers.find((one) => one.name === container && one.state === "running")?.id;
      return checkpoint({ cri: runtime.cri, rootDir: kubelet.config.rootDir, pod, container, id, now: clock.now(), timeout });
    },
    debugging: kubelet.config.enableDebuggingHandlers,
    systemLogs: kubelet.config.enableSystemLogHandler ? "/var/log" : undefined,
  };
}

/** What the runtime alone knows of them. */
export function runningPods(containers: readonly { labels: Readonly<Record<string, string>>; image: string }[]): Pod[] {
  const found = new Map<string, Pod>();
  for (const { labels: of, image } of containers) {
    const uid = of[labels.podUid];
    const name = of[labels.containerName];
    if (!uid || !name) continue;
    const metadata = { name: of[labels.podName] ?? "", namespace: of[labels.podNamespace] ?? "", uid } as Pod["metadata"];
    const pod = found.get(uid) ?? ({ metadata, spec: { containers: [] }, status: {} } as unknown as Pod);
    found.set(uid, pod);
    pod.spec.containers.push({ name, image } as Pod["spec"]["containers"][number]);
  }
  return [...found.values()];
}

function waitingReason(pod: Pod, container: string): string {
  const statuses = [...(pod.status.containerStatuses ?? []), ...(pod.status.initContainerStatuses ?? [])];
  return statuses.find((s) => s.name === container)?.state?.waiting?.reason ?? "ContainerCreating";
}
