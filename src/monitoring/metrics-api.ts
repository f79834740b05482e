/**
 * metrics.k8s.io/v1beta1 (k8s.io/metrics): what a request for it is answered with. Metrics belong to nodes and pods that
 * exist; what was not measured twice yet is not there.
 */
import { formatDuration, formatTime } from "../api/time.ts";
import { FieldSelectorError, parseFieldSelector } from "../api/selectors/fields.ts";
import { parseLabelSelector, SelectorError } from "../api/selectors/labels.ts";
import { badRequest, notFound } from "../api/status.ts";
import type { ObjectMeta } from "../api/types/meta-v1.gen.ts";
import { parseQuantity, Quantity, zeroQuantity } from "../api/quantity.ts";
import type { Usage, UsageStore } from "./usage.ts";

export const group = "metrics.k8s.io";
export const version = "v1beta1";
const apiVersion = `${group}/${version}`;

/** What metrics are shown of. */
export interface Subject {
  namespace: string;
  name: string;
  labels: Readonly<Record<string, string>>;
}
export interface Selection {
  namespace: string;
  labelSelector: string;
}
export interface Subjects {
  nodes(): readonly Subject[];
  /** Pods that run. */
  pods(selection: Selection): Promise<readonly Subject[]>;
  /** Rejects with a StatusError for what is not there. */
  pod(namespace: string, name: string): Promise<Subject>;
}

type UsageList = Record<string, string>;
interface Metrics {
  kind: string;
  apiVersion: string;
  metadata: Pick<ObjectMeta, "name" | "namespace" | "creationTimestamp" | "labels">;
  timestamp: string;
  window: string;
}
export interface NodeMetrics extends Metrics {
  usage: UsageList;
}
export interface PodMetrics extends Metrics {
  containers: { name: string; usage: UsageList }[];
}

const bytes = (value: number): string => new Quantity(BigInt(Math.round(value)), 0, "BinarySI").toString();
const cores = (nano: number): string => new Quantity(BigInt(nano), -9).toString();

const listOf = ({ cpu, memory, swap }: Usage): UsageList => ({ cpu: cores(cpu), memory: bytes(memory), ...(swap === undefined ? {} : { swap: bytes(swap) }) });

function metadataOf({ name, namespace, labels }: Subject, now: number): Metrics["metadata"] {
  return { name, ...(namespace ? { namespace } : {}), creationTimestamp: formatTime(now), ...(Object.keys(labels).length ? { labels: { ...labels } } : {}) };
}

export class MetricsAPI {
  readonly #store: UsageStore;
  readonly #subjects: Subjects;
  readonly #now: () => number;
  constructor(store: UsageStore, subjects: Subjects, now: () => number) {
    this.#store = store;
    this.#subjects = subjects;
    this.#now = now;
  }

  #node(subject: Subject): NodeMetrics | undefined {
    const usage = this.#store.node(subject.name);
    if (!usage) return undefined;
    const metadata = metadataOf(subject, this.#now());
    return { kind: "NodeMetrics", apiVersion, metadata, timestamp: formatTime(usage.time), window: formatDuration(usage.window), usage: listOf(usage) };
  }

  #pod(subject: Subject): PodMetrics | undefined {
    const usages = this.#store.pod(subject.namespace, subject.name);
    if (!usages?.length) return undefined;
    // The oldest of them tells for all.
    const [, oldest] = usages.reduce((a, b) => (b[1].time < a[1].time ? b : a));
    const containers = usages.map(([name, usage]) => ({ name, usage: listOf(usage) }));
    const metadata = metadataOf(subject, this.#now());
    return { kind: "PodMetrics", apiVersion, metadata, timestamp: formatTime(oldest.time), window: formatDuration(oldest.window), containers };
  }

  /** Rejects with StatusError. */
  async node(name: string): Promise<NodeMetrics> {
    const subject = this.#subjects.nodes().find((one) => one.name === name);
    const found = subject && this.#node(subject);
    if (!found) throw notFound(subject ? `nodes.${group}` : "nodes", name);
    return found;
  }
  async pod(namespace: string, name: string): Promise<PodMetrics> {
    const found = this.#pod(await this.#subjects.pod(namespace, name));
    if (!found) throw notFound(`pods.${group}`, `${namespace}/${name}`);
    return found;
  }
  /** `query`: labelSelector and fieldSelector. Rejects with StatusError. */
  async nodes(query: URLSearchParams): Promise<{ items: NodeMetrics[] }> {
    const { labels, fields } = selectors(query);
    const items = this.#subjects.nodes().filter((one) => labels(one.labels) && fields(one));
    return { items: inOrder(items).flatMap((one) => this.#node(one) ?? []) };
  }
  async pods(namespace: string, query: URLSearchParams): Promise<{ items: PodMetrics[] }> {
    const { fields } = selectors(query);
    const items = await this.#subjects.pods({ namespace, labelSelector: query.get("labelSelector") ?? "" });
    return { items: inOrder(items.filter(fields)).flatMap((one) => this.#pod(one) ?? []) };
  }
}

const inOrder = (subjects: readonly Subject[]): Subject[] =>
  [...subjects].sort((a, b) => (a.namespace === b.namespace ? (a.name < b.name ? -1 : 1) : a.namespace < b.namespace ? -1 : 1));

function selectors(query: URLSearchParams): { labels(of: Subject["labels"]): boolean; fields(of: Subject): boolean } {
  try {
    const labels = parseLabelSelector(query.get("labelSelector") ?? "");
    const fields = parseFieldSelector(query.get("fieldSelector") ?? "", (field) => {
      if (field !== "metadata.name" && field !== "metadata.namespace") throw new FieldSelectorError(`field label not supported: ${field}`);
    });
    return {
      labels: (of) => labels.matches(of),
      fields: ({ name, namespace }) => fields.matches({ "metadata.name": name, "metadata.namespace": namespace }),
    };
  } catch (error) {
    if (error instanceof SelectorError || error instanceof FieldSelectorError) throw badRequest(`unable to parse requirement: ${error.message}`);
    throw error;
  }
}

const verbs = ["get", "list"];
export const resources = [
  { name: "nodes", singularName: "", namespaced: false, kind: "NodeMetrics", verbs },
  { name: "pods", singularName: "", namespaced: true, kind: "PodMetrics", verbs },
];

const isPod = (item: NodeMetrics | PodMetrics): item is PodMetrics => "containers" in item;

/** As `kubectl get` shows it (pkg/api/table.go of metrics-server). */
export function tableOf(items: readonly (NodeMetrics | PodMetrics)[], single: boolean): object {
  const usageOf = (item: NodeMetrics | PodMetrics): UsageList => (isPod(item) ? sum(item.containers.map(({ usage }) => usage)) : item.usage);
  const names = items[0] ? Object.keys(usageOf(items[0])).sort() : [];
  const column = (name: string, format: string, description = ""): object => ({ name, type: "string", format, description, priority: 0 });
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: {},
    columnDefinitions: items.length
      ? [column("Name", "name", "Name of the resource"), ...names.map((name) => column(name, "quantity")), column("Window", "duration")]
      : null,
    rows: items.map((item) => {
      const usage = usageOf(item);
      const { metadata } = item;
      const object = single ? item : { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata };
      return { cells: [metadata.name, ...names.map((name) => usage[name] ?? "0"), item.window], object };
    }),
  };
}

function sum(usages: readonly UsageList[]): UsageList {
  const total = new Map<string, Quantity>();
  for (const usage of usages) for (const [name, text] of Object.entries(usage)) total.set(name, (total.get(name) ?? zeroQuantity).add(parseQuantity(text)));
  return Object.fromEntries([...total].map(([name, quantity]) => [name, quantity.toString()]));
}
