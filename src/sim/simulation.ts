/**
 * Simulated nodes: Node objects that are registered and kept Ready, and pods whose life follows stages.
 *
 * Identities. One identity, system:k8ts:simulator, watches nodes and pods: a watch for each of thousands of nodes would
 * cost more than the nodes. Every write that a kubelet would make (its Node, its lease, statuses and deletions of its pods,
 * events) is made as system:node:NAME of the node concerned, so that the Node authorizer and NodeRestriction check each of
 * them; inside a process an identity costs one small object. What a stage does beyond a kubelet's rights (patches outside
 * status, finalizers, other objects) is made as system:k8ts:simulator under its own role, and a log line at the start names
 * those stages. Objects of other kinds, all that there are, are written as system:k8ts:simulator, or as whom a stage names.
 *
 * A node is simulated while the annotation kwok.x-k8s.io/node is "fake"; the nodes registered here carry it. Without it a
 * node falls silent, as one whose machine has failed.
 */
import { isAlreadyExists } from "../api/status.ts";
import type { KubeObject } from "../api/object.ts";
import type { Node, Pod } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import type { Client, Resource } from "../client/client.ts";
import { createEventRecorder, type EventRecorder, timestamp } from "../client/events.ts";
import { reflect } from "../client/reflector.ts";
import { nodes, pods } from "../client/resources.gen.ts";
import { Addresses, subnet } from "./addresses.ts";
import { DelayQueue } from "./delay-queue.ts";
import { Leases } from "./leases.ts";
import { nodeResources, type Resources } from "./kinds.ts";
import { isKubelets } from "./play.ts";
import { Player } from "./player.ts";
import { kindKey, nodeKind, podKind, type Stage } from "./stage.ts";
import { StagedResources } from "./staged.ts";
import type { TemplateEnvironment } from "./template/functions.ts";
import { WorkQueue } from "./work-queue.ts";

/** User that watches for all nodes; needs the rights of simulatorRules. */
export const simulatorUser = "system:k8ts:simulator";

export interface SimulationOptions {
  /** As simulatorUser. */
  client: Client;
  /** As system:node:NAME, group system:nodes; called once a node. */
  clientFor(nodeName: string): Client;
  /** As a user that simulatorUser impersonates: for stages of other kinds than Pod and Node that say so. */
  clientAs?(username: string): Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Nodes to register where they do not exist. */
  nodes: readonly string[];
  stages: readonly Stage[];
  /** From resourcesOf, for these stages. @default those of Pods and Nodes */
  resources?: Resources;
  /** Pod network of the first node; the others have /24 networks of `podNetwork`. */
  firstPodCIDR?: string;
  /** @default 10.128.0.0/9 */
  podNetwork?: string;
  /** Of pods on nodes that have no network of their own. @default 10.64.0.0/10 */
  sharedNetwork?: string;
  /** What the nodes say of themselves. @default v1.36.3 */
  version?: string;
}

export interface Simulation extends AsyncDisposable {
  /** Resolves when the wanted nodes are registered. */
  readonly registered: Promise<void>;
}

const annotation = "kwok.x-k8s.io/node";
/** Requests at once; more would only wait inside the API server. */
const concurrency = 32;

export function startSimulation(options: SimulationOptions): Simulation {
  return new RunningSimulation(options);
}

class RunningSimulation implements Simulation {
  readonly #options: SimulationOptions;
  readonly #stop = new AbortController();
  readonly #addresses: Addresses;
  readonly #delays: DelayQueue;
  readonly #work = new WorkQueue(concurrency);
  readonly #clients = new Map<string, Client>();
  readonly #recorders = new Map<string, EventRecorder>();
  readonly #leases: Leases;
  readonly #simulated = new Map<string, Node>();
  readonly #wanted: Set<string>;
  readonly #startTime: string;
  readonly #nodes: StagedResources<Node>;
  readonly #pods: StagedResources<Pod>;
  readonly #others: { resource: Resource; target: StagedResources<KubeObject> }[];
  readonly #reflecting: Promise<void>;
  readonly registered: Promise<void>;

  constructor(options: SimulationOptions) {
    this.#options = options;
    const { clock, random, logger, stages, resources = nodeResources } = options;
    this.#addresses = new Addresses(options.sharedNetwork ?? "10.64.0.0/10");
    this.#delays = new DelayQueue(clock, 20);
    this.#leases = new Leases({ clientFor: (name) => this.#clientFor(name), clock, logger, delays: this.#delays, work: this.#work });
    this.#startTime = timestamp(clock.now());
    this.#wanted = new Set(options.nodes);
    const player = new Player({
      client: options.client,
      clientFor: (name) => this.#clientFor(name),
      clientAs: (username) => {
        if (options.clientAs) return options.clientAs(username);
        throw new Error(`a stage impersonates ${username}, and this simulation cannot`);
      },
      recorderFor: (name) => this.#recorderFor(name),
      environment: (name) => this.#environment(name),
      resources,
    });
    const common = { clock, random, delays: this.#delays, work: this.#work };
    this.#nodes = new StagedResources<Node>({
      ...common,
      logger: logger.child("nodes"),
      stages: stages.filter(({ of }) => kindKey(of) === nodeKind),
      concerns: (node) => node.metadata.annotations?.[annotation] === "fake",
      seen: (node) => this.#nodeSeen(node),
      gone: (node) => this.#nodeGone(node.metadata.name),
      play: (node, stage, progress) => player.play(nodes, node, { stage, progress, nodeName: node.metadata.name }),
    });
    this.#pods = new StagedResources<Pod>({
      ...common,
      logger: logger.child("pods"),
      stages: stages.filter(({ of }) => kindKey(of) === podKind),
      concerns: (pod) => this.#simulated.has(pod.spec.nodeName ?? ""),
      seen: (pod) => this.#podSeen(pod),
      gone: (pod) => this.#addresses.release(pod.metadata.uid),
      play: (pod, stage, progress) => player.play(pods, pod, { stage, progress, nodeName: pod.spec.nodeName ?? "" }),
    });
    const ofNodes = ({ of }: Stage): boolean => kindKey(of) === nodeKind || kindKey(of) === podKind;
    const others = new Set(stages.filter((stage) => !ofNodes(stage)).map(({ of }) => kindKey(of)));
    this.#others = [...others].map((key) => {
      const resource = resources.get(key) as Resource;
      const target = new StagedResources<KubeObject>({
        ...common,
        logger: logger.child(resource.resource),
        stages: stages.filter(({ of }) => kindKey(of) === key),
        concerns: () => true,
        play: (object, stage, progress) => player.play(resource, object, { stage, progress, nodeName: undefined }),
      });
      return { resource, target };
    });
    const beyond = stages.filter((stage) => ofNodes(stage) && !stage.steps.every(isKubelets));
    if (beyond.length)
      logger.warn(`stages do what a kubelet may not: made as ${simulatorUser}, not checked by NodeRestriction`, { stages: beyond.map((s) => s.name) });
    this.registered = this.#register();
    this.#reflecting = this.#reflect();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the simulation has ended"));
    this.#delays.close();
    await this.#work.close();
    await this.#reflecting;
    await this.registered.catch(() => {});
  }

  /** Each wanted node has the network of its number. */
  async #register(): Promise<void> {
    const { nodes: names, podNetwork = "10.128.0.0/9", firstPodCIDR } = this.#options;
    let next = 0;
    const registrar = async (): Promise<void> => {
      for (let i = next++; i < names.length && !this.#stop.signal.aborted; i = next++)
        await this.#create(names[i] as string, i === 0 && firstPodCIDR ? firstPodCIDR : subnet(podNetwork, 24, i));
    };
    await Promise.all(Array.from({ length: concurrency }, registrar));
  }
  async #create(name: string, podCIDR: string): Promise<void> {
    const labels = {
      "beta.kubernetes.io/arch": "amd64",
      "beta.kubernetes.io/os": "linux",
      "kubernetes.io/arch": "amd64",
      "kubernetes.io/hostname": name,
      "kubernetes.io/os": "linux",
    };
    try {
      await this.#clientFor(name)
        .resource(nodes)
        .create("", { metadata: { name, labels, annotations: { [annotation]: "fake" } }, spec: { podCIDR, podCIDRs: [podCIDR] } });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }

  async #reflect(): Promise<void> {
    const { client, clock, logger, random } = this.#options;
    const { signal } = this.#stop;
    let listed = (): void => {};
    const nodesListed = new Promise<void>((resolve) => {
      listed = resolve;
    });
    const target = {
      replace: (items: Node[]) => {
        this.#nodes.replace(items);
        listed();
      },
      change: (type: string, node: Node) => this.#nodes.change(type, node),
      progress: () => {},
    };
    const watchingNodes = reflect<Node>({ client: client.resource(nodes), selection: {}, target, clock, logger: logger.child("nodes"), random }, signal);
    await Promise.race([nodesListed, watchingNodes]);
    const selection = { fieldSelector: "spec.nodeName!=" };
    const watchingOthers = this.#others.map(({ resource, target: objects }) =>
      reflect({ client: client.resource(resource), selection: {}, target: objects, clock, logger: logger.child(resource.resource), random }, signal),
    );
    await reflect<Pod>({ client: client.resource(pods), selection, target: this.#pods, clock, logger: logger.child("pods"), random }, signal);
    await Promise.all([watchingNodes, ...watchingOthers]);
  }

  #nodeSeen(node: Node): void {
    const { name } = node.metadata;
    const known = this.#simulated.has(name);
    this.#simulated.set(name, node);
    this.#addresses.addNode(node);
    this.#leases.keep(node);
    // Pods may have been bound to a node of this name before it was known; those we register ourselves are new.
    if (!known && !this.#wanted.delete(name)) this.#work.add(() => this.#adoptPods(name));
  }
  async #adoptPods(name: string): Promise<void> {
    try {
      const { items } = await this.#options.client.resource(pods).list({ fieldSelector: `spec.nodeName=${name}` });
      for (const pod of items) this.#pods.reconsider(pod);
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#options.logger.warn("the pods of a node could not be listed", { node: name, error });
    }
  }
  #nodeGone(name: string): void {
    this.#simulated.delete(name);
    this.#addresses.removeNode(name);
    this.#leases.remove(name);
    this.#clients.delete(name);
    this.#recorders.delete(name);
  }
  #podSeen(pod: Pod): void {
    const { podIP } = pod.status ?? {};
    if (podIP && !pod.spec.hostNetwork) this.#addresses.remember(pod.metadata.uid, pod.spec.nodeName ?? "", podIP);
  }

  #environment(ownNode: string): TemplateEnvironment {
    const { clock, version = "v1.36.3" } = this.#options;
    const addresses = this.#addresses;
    return {
      now: () => timestamp(clock.now()),
      startTime: this.#startTime,
      version,
      nodeName: () => ownNode,
      nodeIPs: (name = ownNode) => addresses.ofNode(name),
      nodePort: () => 0,
      podIPs: (node, hostNetwork, uid) => (hostNetwork ? addresses.ofNode(node) : [addresses.ofPod(uid, node)]),
    };
  }
  #clientFor(nodeName: string): Client {
    let client = this.#clients.get(nodeName);
    if (!client) {
      client = this.#options.clientFor(nodeName);
      this.#clients.set(nodeName, client);
    }
    return client;
  }
  /** Of a node; of the simulator itself where there is none. */
  #recorderFor(nodeName: string | undefined): EventRecorder {
    const key = nodeName ?? "";
    let recorder = this.#recorders.get(key);
    if (!recorder) {
      const { client, clock, random, logger } = this.#options;
      const identity =
        nodeName === undefined ? { client, component: "k8ts-simulator" } : { client: this.#clientFor(nodeName), component: "kubelet", host: nodeName };
      recorder = createEventRecorder({ ...identity, clock, random, logger, signal: this.#stop.signal });
      this.#recorders.set(key, recorder);
    }
    return recorder;
  }
}
