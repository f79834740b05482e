/** Worlds in memory, for tests and benchmarks. */
import type { LabelSelector } from "../api/selectors/labels.ts";
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, PodSpec } from "../api/types/core-v1.gen.ts";
import type { PodDisruptionBudget } from "../api/types/policy-v1.gen.ts";
import type { StorageClass } from "../api/types/storage-v1.gen.ts";
import { seededRandom } from "../base/random.ts";
import { ClusterCache } from "./cache/cluster-cache.ts";
import { ImageSpread } from "./cache/images.ts";
import { PodIndex } from "./cache/pod-index.ts";
import { defaultConfig } from "./config.ts";
import type { ClusterView } from "./framework/cluster-view.ts";
import { Nominations } from "./framework/nominations.ts";
import { podInfoOf } from "./framework/pod-info.ts";
import { type Evaluation, evaluate, type Profile, SchedulingAlgorithm } from "./framework/schedule.ts";

export const defaultProfile = defaultConfig.profiles.get("default-scheduler") as Profile;

interface NodeOptions {
  labels?: Record<string, string>;
  allocatable?: Record<string, string>;
  spec?: Node["spec"];
  images?: NonNullable<Node["status"]>["images"];
}

export function makeNode(name: string, { labels = {}, allocatable = {}, spec = {}, images = [] }: NodeOptions = {}): Node {
  const metadata = { name, uid: `uid-${name}`, labels: { "kubernetes.io/hostname": name, ...labels } } as unknown as Node["metadata"];
  return { metadata, spec, status: { allocatable: { cpu: "4", memory: "32Gi", pods: "110", ...allocatable }, images } as unknown as Node["status"] };
}

let made = 0;

export function makePod(name: string, spec: Partial<PodSpec> & { requests?: Record<string, string>; labels?: Record<string, string> } = {}): Pod {
  const { requests = {}, labels = {}, ...rest } = spec;
  const metadata = { name, namespace: "default", uid: `uid-${name}-${made++}`, labels, resourceVersion: "1", generation: 1 } as unknown as Pod["metadata"];
  const containers = [{ name: "main", image: "main", resources: { requests } }] as PodSpec["containers"];
  return { metadata, spec: { schedulerName: "default-scheduler", containers, ...rest } as PodSpec, status: { phase: "Pending" } as Pod["status"] };
}

const noDevices: ClusterView["devices"] = {
  claim: () => undefined,
  deviceClass: () => undefined,
  classBehind: () => undefined,
  extendedClaim: () => undefined,
  slices: () => [],
  inUse: () => ({ whole: new Set(), shared: new Map() }),
  isPending: () => false,
  now: () => 0,
  uuid: () => "",
  timer: () => () => {},
  reserve() {},
  unreserve() {},
  bind: async () => [],
  async wait() {},
  async remove() {},
  async deallocate() {},
};

export interface WorldObjects {
  nodes?: readonly Node[];
  /** With a node name each. */
  pods?: readonly Pod[];
  namespaces?: Record<string, Record<string, string>>;
  claims?: readonly PersistentVolumeClaim[];
  volumes?: readonly PersistentVolume[];
  classes?: readonly StorageClass[];
  budgets?: readonly PodDisruptionBudget[];
  defaultSelector?: (pod: Pod) => LabelSelector | undefined;
}

export class World {
  readonly cache: ClusterCache;
  readonly cluster: ClusterView;
  readonly nominations = new Nominations();
  readonly algorithm = new SchedulingAlgorithm(seededRandom(1));

  constructor({ nodes = [], pods = [], namespaces = {}, claims = [], volumes = [], classes = [], budgets = [], defaultSelector }: WorldObjects = {}) {
    const images = new ImageSpread();
    const index = new PodIndex((name) => namespaces[name]);
    const unused = (): never => {
      throw new Error("no volumes are bound here");
    };
    this.cluster = {
      pods: index,
      images,
      volumes: { assume: unused, forget: unused, bind: unused },
      devices: noDevices,
      namespaceLabels: (name) => namespaces[name],
      namespaces: () => [],
      pvc: (namespace, name) => claims.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
      pv: (name) => volumes.find(({ metadata }) => metadata.name === name),
      pvs: () => volumes,
      storageClass: (name) => classes.find(({ metadata }) => metadata.name === name),
      csiNode: () => undefined,
      csiDriver: () => undefined,
      csiCapacities: () => [],
      volumeAttachments: () => [],
      budgets: (namespace) => budgets.filter(({ metadata }) => metadata.namespace === namespace),
      budgetsVersion: () => "1",
      defaultSelector: defaultSelector ?? (() => undefined),
    };
    this.cache = new ClusterCache(index, images);
    for (const node of nodes) this.cache.setNode(node);
    for (const pod of pods) this.cache.setPod(pod);
  }

  evaluate(pod: Pod, profile = defaultProfile): Evaluation {
    return evaluate(profile, { pod: podInfoOf(pod), snapshot: this.cache.snapshot(), cluster: this.cluster }, this.nominations);
  }

  /** Names of the nodes that fit. */
  feasible(pod: Pod): string[] {
    return this.evaluate(pod).feasible.map(({ row }) => this.nameOf(row));
  }

  /** Reasons by node name. */
  reasons(pod: Pod): Record<string, readonly string[]> {
    return Object.fromEntries([...this.evaluate(pod).diagnosis.rejected].map(([row, { reasons }]) => [this.nameOf(row), reasons]));
  }

  nameOf(row: number): string {
    return this.cache.snapshot().rows[row]?.name as string;
  }

  /** Decides and takes the pod as placed; the node's name, undefined where none fits. */
  place(pod: Pod): string | undefined {
    const { row } = this.algorithm.schedule(defaultProfile, podInfoOf(pod), this.cache.snapshot(), this.cluster, this.nominations);
    if (row === undefined) return undefined;
    const node = this.nameOf(row);
    this.cache.assume(podInfoOf(pod), node);
    return node;
  }
}
