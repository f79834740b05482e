/** For tests: a pod's worker on a node whose runtime and API are maps, and whose time is virtual. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyStrategicMergePatch } from "../api/patch/strategic.ts";
import type { JSONObject } from "../api/json.ts";
import { typeOfKind } from "../api/schema/schema.ts";
import { notFound } from "../api/status.ts";
import type { Container, Pod, PodStatus } from "../api/types/core-v1.gen.ts";
import { systemClock, VirtualClock } from "../base/clock.ts";
import { createLogger } from "../base/logger.ts";
import { seededRandom } from "../base/random.ts";
import type { Client } from "../client/client.ts";
import { type CriClient, CriError } from "../cri/client.ts";
import type { Cgroups } from "../linux/cgroups.ts";
import { kubeletConfig } from "./config.ts";
import { Turns } from "./image-pull/turns.ts";
import { ImageVolumes } from "./image-volumes.ts";
import { Images } from "./images.ts";
import { Killer } from "./kill.ts";
import type { ReferencedObjects } from "./objects.ts";
import { PodEvents } from "./pod-events.ts";
import { PodSync } from "./pod-sync.ts";
import { PodWorker } from "./pod-worker.ts";
import { ProbeManager } from "./probes/manager.ts";
import { ProbeMetrics } from "./stats/probe-metrics.ts";
import { Runtime } from "./runtime.ts";
import { StartTurns } from "./start-turns.ts";
import { StatusManager } from "./status-manager.ts";
import type { Volumes } from "./volumes/volumes.ts";
import type { WorkerServices } from "./worker-services.ts";

interface FakeContainer {
  id: string;
  podSandboxId: string;
  name: string;
  attempt: number;
  state: "CONTAINER_CREATED" | "CONTAINER_RUNNING" | "CONTAINER_EXITED";
  createdAt: number;
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}
type Request = Record<string, unknown>;

/** A runtime with nothing behind it. Containers run until `exit`, or until they are stopped: by name, `stubborn` ones only when their time is up. */
export class FakeRuntime {
  readonly sandboxes = new Map<string, { id: string; attempt: number; state: string; labels: Record<string, string>; createdAt: number }>();
  readonly containers = new Map<string, FakeContainer>();
  /** Methods in the order of their calls, with the name of the container. */
  readonly calls: string[] = [];
  readonly stubborn = new Set<string>();
  /** What a method does instead, asked before it acts. */
  instead: (method: string, request: Request) => Promise<unknown> | undefined = () => undefined;
  readonly #clock: VirtualClock;
  #ids = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }
  get client(): CriClient {
    return {
      call: async (method: string, request: Request, options?: { signal?: AbortSignal; timeout?: number }) => {
        options?.signal?.throwIfAborted();
        const config = request.config as { metadata?: { name: string } } | undefined;
        const named = this.containers.get(String(request.containerId))?.name ?? config?.metadata?.name;
        if (!/^List|Status$/.test(method)) this.calls.push(named ? `${method} ${named}` : method);
        const other = this.instead(method, request);
        const aborted = new Promise((_, reject) => options?.signal?.addEventListener("abort", () => reject(options.signal?.reason), { once: true }));
        const late = new AbortController();
        const never = this.#clock.sleep(options?.timeout ?? 120_000, late.signal).then(() => {
          throw new CriError(4, "context deadline exceeded");
        });
        never.catch(() => undefined);
        return Promise.race([other ?? this.#answer(method, request), aborted, never]).finally(() => late.abort(new Error("it has answered")));
      },
    } as unknown as CriClient;
  }
  /** Nanoseconds; two things never happen at once. */
  #time(): number {
    return (this.#clock.now() * 1000 + this.#ids++) * 1000;
  }
  find(name: string): FakeContainer {
    const found = [...this.containers.values()].filter((c) => c.name === name).sort((a, b) => b.createdAt - a.createdAt)[0];
    assert.ok(found, `there is no container ${name}`);
    return found;
  }
  exit(name: string, exitCode: number): void {
    this.#end(this.find(name), exitCode);
  }
  #end(container: FakeContainer, exitCode: number): void {
    if (container.state !== "CONTAINER_EXITED") Object.assign(container, { state: "CONTAINER_EXITED", exitCode, finishedAt: this.#time() });
  }
  async #answer(method: string, request: Request): Promise<unknown> {
    const selector = (request.filter as { labelSelector?: Record<string, string> } | undefined)?.labelSelector ?? {};
    const selected = (one: { labels: Record<string, string> }): boolean => Object.entries(selector).every(([key, value]) => one.labels[key] === value);
    const container = this.containers.get(String(request.containerId));
    switch (method) {
      case "ListPodSandbox":
        return { items: [...this.sandboxes.values()].filter(selected) };
      case "ListContainers":
        return { containers: [...this.containers.values()].filter(selected) };
      case "PodSandboxStatus": {
        const sandbox = this.sandboxes.get(String(request.podSandboxId));
        return { status: { ...sandbox, metadata: { attempt: sandbox?.attempt }, network: { ip: "10.0.0.9", additionalIps: [] } } };
      }
      case "ContainerStatus":
        return {
          status: { ...container, reason: container?.state === "CONTAINER_EXITED" ? (container.exitCode ? "Error" : "Completed") : "", mounts: [], image: {} },
        };
      case "RunPodSandbox": {
        const config = request.config as { metadata: { attempt: number }; labels: Record<string, string> };
        const id = `sandbox-${this.#ids++}`;
        this.sandboxes.set(id, { id, attempt: config.metadata.attempt, state: "SANDBOX_READY", labels: config.labels, createdAt: this.#time() });
        return { podSandboxId: id };
      }
      case "CreateContainer": {
        const config = request.config as {
          metadata: { name: string; attempt: number };
          labels: Record<string, string>;
          annotations: Record<string, string>;
          logPath: string;
        };
        const id = `container-${this.#ids++}`;
        writeFileSync(join((request.sandboxConfig as { logDirectory: string }).logDirectory, config.logPath), "");
        const { labels, annotations } = config;
        const made = { id, podSandboxId: String(request.podSandboxId), name: config.metadata.name, attempt: config.metadata.attempt, labels, annotations };
        this.containers.set(id, { ...made, state: "CONTAINER_CREATED", createdAt: this.#time(), startedAt: 0, finishedAt: 0, exitCode: 0 });
        return { containerId: id };
      }
      case "StartContainer":
        Object.assign(container as FakeContainer, { state: "CONTAINER_RUNNING", startedAt: this.#time() });
        return {};
      case "StopContainer":
        if (container && this.stubborn.has(container.name)) await this.#clock.sleep(Number(request.timeout) * 1000);
        if (container) this.#end(container, this.stubborn.has(container.name) ? 137 : 143);
        return {};
      case "StopPodSandbox": {
        for (const one of this.containers.values()) if (one.podSandboxId === request.podSandboxId) this.#end(one, 137);
        Object.assign(this.sandboxes.get(String(request.podSandboxId)) ?? {}, { state: "SANDBOX_NOTREADY" });
        return {};
      }
      case "RemoveContainer":
        this.containers.delete(String(request.containerId));
        return {};
      case "ImageStatus":
        return { image: { id: "image", uid: { value: 0 }, size: 1 } };
      case "ExecSync":
        return { exitCode: 0, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
      default:
        throw new Error(`the fake runtime has no ${method}`);
    }
  }
}

/** Pods by name; statuses are patched as the API server does it. */
export class FakePods {
  readonly pods = new Map<string, Pod>();
  readonly client = { resource: () => this } as unknown as Client;
  down = false;
  #revision = 1;
  #of(namespace: string, name: string): Pod {
    if (this.down) throw new Error("nobody answers");
    const pod = this.pods.get(`${namespace}/${name}`);
    if (!pod) throw notFound("pods", name);
    return pod;
  }
  add(pod: Pod): Pod {
    this.pods.set(`${pod.metadata.namespace}/${pod.metadata.name}`, pod);
    return pod;
  }
  async patch(namespace: string, name: string, _: string, patch: JSONObject): Promise<Pod> {
    const pod = this.#of(namespace, name);
    const type = typeOfKind("v1", "Pod");
    assert.ok(type);
    const made = applyStrategicMergePatch(type, structuredClone(pod) as unknown as JSONObject, patch) as unknown as Pod;
    made.metadata.resourceVersion = String(++this.#revision);
    return this.add(made);
  }
  async delete(namespace: string, name: string): Promise<void> {
    this.#of(namespace, name);
    this.pods.delete(`${namespace}/${name}`);
  }
  status(name = "p"): PodStatus | undefined {
    return this.pods.get(`n/${name}`)?.status;
  }
}

export const container = (name: string, extra: Partial<Container> = {}): Container =>
  ({ name, image: "registry.k8s.io/pause:3.10", imagePullPolicy: "IfNotPresent", ...extra }) as Container;

export const podOf = (spec: Partial<Pod["spec"]>, metadata: Partial<Pod["metadata"]> = {}): Pod =>
  ({
    metadata: { name: "p", namespace: "n", uid: "u", generation: 1, resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z", ...metadata },
    spec: { restartPolicy: "Always", terminationGracePeriodSeconds: 30, dnsPolicy: "Default", ...spec },
    status: { phase: "Pending" },
  }) as Pod;

export class TestNode implements Disposable {
  readonly clock = new VirtualClock();
  readonly runtime = new FakeRuntime(this.clock);
  readonly api = new FakePods();
  /** `reason message`. */
  readonly events: string[] = [];
  readonly lines: string[] = [];
  readonly released: string[] = [];
  readonly finished: string[] = [];
  networkProblem: string | undefined;
  readonly services: WorkerServices;
  readonly #directory = mkdtempSync(join(tmpdir(), "k8ts-node-"));
  readonly #stop = new AbortController();

  constructor() {
    const { clock } = this;
    const random = seededRandom(1);
    const logger = createLogger({ name: "kubelet", clock, write: (line) => this.lines.push(line) });
    const rootDir = this.#directory;
    const config = kubeletConfig({
      nodeName: "node",
      nodeIPs: ["10.0.0.1"],
      rootDir,
      podLogsDir: join(rootDir, "logs"),
      containerLogsDir: join(rootDir, "links"),
      resolvConf: "",
    });
    mkdirSync(config.containerLogsDir);
    const events = new PodEvents({ event: (_, __, reason, message) => this.events.push(`${reason} ${message}`), flush: async () => undefined }, "node");
    const cri = this.runtime.client;
    const runtime = new Runtime(cri, "fake");
    const killer = new Killer({ runtime, clock, logger, events });
    const cgroups = { exists: () => true, remove: () => true } as unknown as Cgroups;
    const statuses = new StatusManager({ client: this.api.client, clock, logger, signal: this.#stop.signal });
    const limits = { memoryCapacity: 1 << 30, cfsQuota: true, cfsPeriod: 100_000, minOomScore: -1000 };
    const images = new Images({
      ...{ cri, clock, events, logger },
      turns: new Turns({ clock, parallel: Number.POSITIVE_INFINITY, qps: 0, burst: 0 }),
      records: { mustPull: async () => false, begin: async () => undefined, pulled: async () => undefined, failed: async () => undefined },
      nodeCredentials: async () => [],
    });
    const imageVolumes = new ImageVolumes({ images, views: undefined });
    const common = { config, runtime, killer, events, clock, random, logger, cgroups };
    const turns = new StartTurns({ clock, parallel: 4 });
    const sync = new PodSync({ ...common, turns, images, imageVolumes, limits, managers: [], runtimeHandler: async () => "", services: () => new Map() });
    const podDirectory = (uid: string): string => join(rootDir, "pods", uid);
    const volumes = {
      podDirectory,
      makePodDirectory: async (uid: string) => void mkdirSync(podDirectory(uid), { recursive: true }),
      prepare: async () => new Map(),
      remove: async (uid: string) => rmSync(podDirectory(uid), { recursive: true, force: true }),
    } as unknown as Volumes;
    this.services = {
      ...common,
      sync,
      volumes,
      statuses,
      probes: new ProbeManager({
        cri,
        clock,
        random,
        logger,
        events,
        status: (uid) => statuses.get(uid),
        metrics: new ProbeMetrics(0),
        onResult: (uid) => this.#workers.get(uid)?.kick(),
      }),
      objects: { for: () => ({}), forget: () => undefined } as unknown as ReferencedObjects,
      token: () => Promise.reject(new Error("there are no tokens")),
      allocatable: () => ({ cpu: "1", memory: "1Gi" }),
      networkProblem: () => this.networkProblem,
      roomFor: () => undefined,
      resourceStatuses: () => [],
      tellAgain: (uid) => this.toldAgain.push(uid),
      onResizeWanted: () => undefined,
      takeBack: async () => undefined,
      onStopped: (pod) => void this.released.push(pod.metadata.uid),
      onCgroup: () => undefined,
      onRoom: () => undefined,
      hasExclusiveCpus: () => false,
      onFinished: (uid) => void this.finished.push(uid),
    };
  }
  readonly toldAgain: string[] = [];
  readonly #workers = new Map<string, PodWorker>();
  /** A pod that the API has and this node has just taken. */
  take(pod: Pod): PodWorker {
    const worker = new PodWorker(this.services, this.api.add(pod), "2026-01-01T00:00:00Z", "api");
    this.#workers.set(pod.metadata.uid, worker);
    worker.update(pod);
    worker.begin();
    return worker;
  }
  /** Files are real and take their own time, which is none here. */
  async until(condition: () => boolean, what = "it did not come"): Promise<void> {
    for (let tries = 0; !condition(); tries++) {
      assert.ok(tries < 5000, `${what}; ${this.lines.join("")} ${JSON.stringify(this.api.status())}`);
      await (tries % 20 ? new Promise((resolve) => setImmediate(resolve)) : systemClock.sleep(1));
      await this.clock.advance(0);
    }
  }
  /** Nothing more happens now. */
  async quiet(): Promise<void> {
    for (let i = 0; i < 60; i++) await (i % 20 ? new Promise((resolve) => setImmediate(resolve)) : systemClock.sleep(1));
    await this.clock.advance(0);
  }
  /** Moves time on in steps that leave what has to be done room to be done. */
  async pass(seconds: number, step = 1): Promise<void> {
    for (let done = 0; done < seconds; done += step) {
      await this.clock.advance(step * 1000);
      await this.quiet();
    }
  }
  [Symbol.dispose](): void {
    for (const worker of this.#workers.values()) worker.close();
    this.#stop.abort();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
