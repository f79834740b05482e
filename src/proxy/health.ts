/**
 * Whether the rules keep up with the changes, and whether the node may be sent traffic: what /healthz and /livez say, in the
 * JSON of k8s.io/kubernetes/pkg/proxy/healthcheck/proxy_health.go.
 */
import type { Node } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Family } from "./packed-slice.ts";
import type { ProxyMetrics } from "./metrics.ts";

export interface HealthAnswer {
  status: 200 | 503;
  body: string;
}

/** The cluster autoscaler is about to delete the node. */
const deletionTaint = "ToBeDeletedByClusterAutoscaler";

export class ProxyHealth {
  readonly #clock: Clock;
  readonly #timeout: number;
  readonly #metrics: ProxyMetrics;
  readonly #updated = new Map<Family, number>();
  readonly #queued = new Map<Family, number>();
  /** This node as last seen. */
  node: Node | undefined;

  /** `timeout`: milliseconds that a change may wait for the kernel. */
  constructor(clock: Clock, timeout: number, metrics: ProxyMetrics) {
    this.#clock = clock;
    this.#timeout = timeout;
    this.#metrics = metrics;
  }

  queued(family: Family): void {
    if (!this.#queued.has(family)) this.#queued.set(family, this.#clock.now());
  }
  updated(family: Family): void {
    this.#queued.delete(family);
    this.#updated.set(family, this.#clock.now());
  }

  #healthy(family: Family): boolean {
    const since = this.#queued.get(family);
    return since === undefined || this.#clock.now() - since < this.#timeout;
  }
  get healthy(): boolean {
    return [...this.#updated.keys()].every((family) => this.#healthy(family));
  }

  /** Also unhealthy on a node that is about to go, so that load balancers leave it. */
  healthz(): HealthAnswer {
    const node = this.node;
    const eligible = node !== undefined && !node.metadata.deletionTimestamp && !node.spec.taints?.some((taint) => taint.key === deletionTaint);
    const answer = this.#answer(eligible);
    this.#metrics.healthz.inc(String(answer.status));
    return answer;
  }
  livez(): HealthAnswer {
    const answer = this.#answer();
    this.#metrics.livez.inc(String(answer.status));
    return answer;
  }

  #answer(nodeEligible?: boolean): HealthAnswer {
    const { healthy } = this;
    const good = healthy && nodeEligible !== false;
    const time = (at: number): string => new Date(at).toISOString();
    const now = this.#clock.now();
    const last = this.#updated.size ? time(Math.max(...this.#updated.values())) : "0001-01-01T00:00:00Z";
    const status = Object.fromEntries([...this.#updated].map(([family, at]) => [family, { lastUpdated: time(at), healthy: this.#healthy(family) }]));
    const body = {
      lastUpdated: good ? time(now) : last,
      currentTime: time(now),
      ...(nodeEligible === undefined ? {} : { nodeEligible }),
      healthy,
      ...(this.#updated.size ? { status } : {}),
    };
    return { status: good ? 200 : 503, body: JSON.stringify(body) };
  }
}
