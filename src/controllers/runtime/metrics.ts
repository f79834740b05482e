/** kube-controller-manager's metrics of its queues (k8s.io/component-base/metrics/prometheus/workqueue) and of what runs. */
import type { Clock } from "../../base/clock.ts";
import type { Histogram, Metrics, Value } from "../../base/metrics.ts";
import type { WorkqueueObserver } from "../../client/workqueue.ts";
import { Measures } from "./measures.ts";
import { table } from "../../base/table.ts";

/** Upstream's names of queues where they are not the controller's own; undefined where it has none. */
const queueNames = table<string | undefined>({
  "bootstrap-signer-controller": "bootstrap_signer_queue",
  "certificatesigningrequest-approving-controller": "certificate",
  "certificatesigningrequest-cleaner-controller": undefined,
  "certificatesigningrequest-signing-controller": "certificate",
  "clusterrole-aggregation-controller": "ClusterRoleAggregator",
  "cronjob-controller": "cronjob",
  "daemonset-controller": "daemonset",
  "deployment-controller": "deployment",
  "device-taint-eviction-controller": "device-taint-eviction-controller",
  "disruption-controller": "disruption",
  "endpoints-controller": "endpoint",
  "endpointslice-controller": "endpoint_slice",
  "endpointslice-mirroring-controller": "endpoint_slice_mirroring",
  "ephemeral-volume-controller": "ephemeral_volume",
  "garbage-collector-controller": "garbage_collector_attempt_to_delete",
  "horizontal-pod-autoscaler-controller": "horizontalpodautoscaler",
  "job-controller": "job",
  "legacy-serviceaccount-token-cleaner-controller": undefined,
  "namespace-controller": "namespace",
  "node-ipam-controller": "cidrallocator_node",
  "node-lifecycle-controller": "node_lifecycle_controller",
  "persistentvolume-attach-detach-controller": "pvcs",
  "persistentvolume-binder-controller": "claims",
  "persistentvolume-expander-controller": "volume_expand",
  "persistentvolume-protection-controller": "pvprotection",
  "persistentvolumeclaim-protection-controller": "pvcprotection",
  "pod-garbage-collector-controller": "orphaned_pods_nodes",
  "replicaset-controller": "replicaset",
  "resourceclaim-controller": "resource_claim",
  "replicationcontroller-controller": "replicationmanager",
  "resourcequota-controller": "resourcequota_primary",
  "root-ca-certificate-publisher-controller": "root_ca_cert_publisher",
  "service-cidr-controller": "ipaddresses",
  "serviceaccount-controller": "serviceaccount",
  "serviceaccount-token-controller": "serviceaccount_tokens_service",
  "statefulset-controller": "statefulset",
  "taint-eviction-controller": "noexec_taint_node",
  "token-cleaner-controller": "token_cleaner",
  "ttl-after-finished-controller": "ttl_jobs_to_delete",
  "ttl-controller": "ttlcontroller",
  "volumeattributesclass-protection-controller": "vacprotection",
});

const buckets = Array.from({ length: 10 }, (_, i) => 10e-9 * 10 ** i);
const label = ["name"];

/** Of all controllers of one process; made once for its metrics. */
export class ControllerMetrics {
  /** For what controllers measure themselves. */
  readonly measures: Measures;
  readonly #clock: Clock;
  readonly #adds: Value;
  readonly #retries: Value;
  readonly #waited: Histogram;
  readonly #worked: Histogram;
  readonly #running: Value;
  readonly #queues = new Map<string, { depth(): number; since: Map<string, number> }>();

  constructor(metrics: Metrics, clock: Clock) {
    this.#clock = clock;
    this.measures = new Measures(metrics);
    this.#adds = metrics.counter("workqueue_adds_total", "[BETA] Total number of adds handled by workqueue", label);
    this.#retries = metrics.counter("workqueue_retries_total", "[BETA] Total number of retries handled by workqueue", label);
    this.#waited = metrics.histogram(
      "workqueue_queue_duration_seconds",
      "[BETA] How long in seconds an item stays in workqueue before being requested.",
      buckets,
      label,
    );
    this.#worked = metrics.histogram("workqueue_work_duration_seconds", "[BETA] How long in seconds processing an item from workqueue takes.", buckets, label);
    this.#running = metrics.gauge("running_managed_controllers", "[ALPHA] Indicates where instances of a controller are currently running", [
      "manager",
      "name",
    ]);
    const depth = metrics.gauge("workqueue_depth", "[BETA] Current depth of workqueue", label);
    const unfinished = metrics.gauge(
      "workqueue_unfinished_work_seconds",
      "[BETA] How many seconds of work has done that is in progress and hasn't been observed by work_duration. Large values indicate stuck threads. One can deduce the number of stuck threads by observing the rate at which this increases.",
      label,
    );
    const longest = metrics.gauge(
      "workqueue_longest_running_processor_seconds",
      "[BETA] How many seconds has the longest running processor for workqueue been running.",
      label,
    );
    metrics.onCollect(() => {
      const now = clock.monotonic();
      for (const [name, queue] of this.#queues) {
        const times = [...queue.since.values()].map((at) => (now - at) / 1000);
        depth.set(queue.depth(), name);
        unfinished.set(
          times.reduce((sum, one) => sum + one, 0),
          name,
        );
        longest.set(Math.max(0, ...times), name);
      }
    });
  }

  running(controller: string, runs: boolean): void {
    this.#running.set(Number(runs), "kube-controller-manager", controller);
  }

  /** For the queue of the controller; `depth` tells how many keys wait in it. */
  observer(controller: string, depth: () => number): WorkqueueObserver | undefined {
    const name = controller in queueNames ? queueNames[controller] : controller.replace(/-controller$/, "").replaceAll("-", "_");
    if (name === undefined) return undefined;
    const clock = this.#clock;
    const added = new Map<string, number>();
    const since = new Map<string, number>();
    this.#queues.set(name, { depth, since });
    const adds = this.#adds.with(name);
    const retries = this.#retries.with(name);
    const waited = this.#waited.series(name);
    const worked = this.#worked.series(name);
    return {
      added: (key) => {
        adds.value++;
        if (!added.has(key)) added.set(key, clock.monotonic());
      },
      taken: (key) => {
        const now = clock.monotonic();
        waited((now - (added.get(key) ?? now)) / 1000);
        added.delete(key);
        since.set(key, now);
      },
      done: (key) => {
        const now = clock.monotonic();
        worked((now - (since.get(key) ?? now)) / 1000);
        since.delete(key);
      },
      delayed: () => retries.value++,
    };
  }
}
