/** Reads metrics.k8s.io, custom.metrics.k8s.io and external.metrics.k8s.io, which servers outside the cluster's own serve. */
import { parseQuantity } from "../../api/quantity.ts";
import { isNotFound } from "../../api/status.ts";
import { formatLabelSelector } from "../../api/selectors/labels.ts";
import { parseDuration, parseTime } from "../../api/time.ts";
import type { MetricIdentifier } from "../../api/types/autoscaling-v2.gen.ts";
import type { Transport } from "../../client/transport.ts";
import { messageOf } from "../runtime/pod-control.ts";
import type { Sample, Samples } from "./replica-calculator.ts";

interface PodMetrics {
  metadata: { name: string };
  timestamp: string;
  window: string;
  containers: { name: string; usage: Record<string, string> }[];
}
interface MetricValue {
  describedObject?: { name: string };
  timestamp: string;
  windowSeconds?: number;
  value: string;
}

const defaultWindow = 60_000;
const milli = (quantity: string): number => Number(parseQuantity(quantity).milliValue());

export class MetricsSource {
  readonly #transport: Transport;
  readonly #signal: AbortSignal;
  constructor(transport: Transport, signal: AbortSignal) {
    this.#transport = transport;
    this.#signal = signal;
  }

  /** Usage of one container, or of whole pods; what lacks a part is left out. Rejects with upstream's text. */
  async resource(name: string, namespace: string, selector: string, container: string): Promise<Samples> {
    const items = await this.#items<PodMetrics>(
      "resource",
      `metrics.k8s.io/v1beta1/namespaces/${namespace}/pods`,
      { labelSelector: selector },
      "pods.metrics.k8s.io",
    );
    if (!items.length) throw new Error("no metrics returned from resource metrics API");
    const samples = new Map<string, Sample>();
    for (const { metadata, timestamp, window, containers } of items) {
      const counted = container ? containers.filter((one) => one.name === container) : containers;
      const usages = counted.flatMap(({ usage }) => usage[name] ?? []);
      if (!usages.length || usages.length < counted.length) continue;
      const value = usages.reduce((sum, usage) => sum + milli(usage), 0);
      samples.set(metadata.name, { value, timestamp: parseTime(timestamp), window: parseDuration(window) });
    }
    return samples;
  }

  async pods(metric: MetricIdentifier, namespace: string, selector: string): Promise<Samples> {
    const items = await this.#custom(`namespaces/${namespace}/pods/*/${metric.name}`, metric, { labelSelector: selector });
    if (!items.length) throw new Error("no metrics returned from custom metrics API");
    return new Map(
      items.map(({ describedObject, timestamp, windowSeconds, value }) => [
        describedObject?.name ?? "",
        { value: milli(value), timestamp: parseTime(timestamp), window: windowSeconds === undefined ? defaultWindow : windowSeconds * 1000 },
      ]),
    );
  }

  /** `resource`: as in `deployments.apps`. */
  async object(metric: MetricIdentifier, namespace: string, resource: string, name: string): Promise<number> {
    const path = resource === "namespaces" ? `namespaces/${namespace}/metrics` : `namespaces/${namespace}/${resource}/${name}`;
    const [first] = await this.#custom(`${path}/${metric.name}`, metric, {});
    if (!first)
      throw new Error("unable to fetch metrics from custom metrics API: the custom metrics API server returned 0 results when we asked for exactly one");
    return milli(first.value);
  }

  async external(metric: MetricIdentifier, namespace: string): Promise<number> {
    const query: Record<string, string> = metric.selector ? { labelSelector: formatLabelSelector(metric.selector) } : {};
    const asked = `${metric.name}.external.metrics.k8s.io`;
    const items = await this.#items<MetricValue>("external", `external.metrics.k8s.io/v1beta1/namespaces/${namespace}/${metric.name}`, query, asked);
    if (!items.length) throw new Error("no metrics returned from external metrics API");
    return items.reduce((sum, { value }) => sum + milli(value), 0);
  }

  #custom(path: string, metric: MetricIdentifier, query: Record<string, string>): Promise<MetricValue[]> {
    const selector: Record<string, string> = metric.selector ? { metricLabelSelector: formatLabelSelector(metric.selector) } : {};
    return this.#items<MetricValue>("custom", `custom.metrics.k8s.io/v1beta2/${path}`, { ...query, ...selector }, undefined);
  }

  async #items<T>(api: string, path: string, query: Record<string, string>, asked: string | undefined): Promise<T[]> {
    try {
      const { object } = await this.#transport.request({ method: "GET", path: `/apis/${path}`, query, signal: this.#signal });
      return (object as { items?: T[] }).items ?? [];
    } catch (error) {
      const absent = asked ? `the server could not find the requested resource (get ${asked})` : "no custom metrics API (custom.metrics.k8s.io) registered";
      throw new Error(`unable to fetch metrics from ${api} metrics API: ${isNotFound(error) ? absent : messageOf(error)}`, { cause: error });
    }
  }
}
