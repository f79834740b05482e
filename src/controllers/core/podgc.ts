/**
 * Pod garbage collection (k8s.io/kubernetes/pkg/controller/podgc): finished pods beyond the threshold, pods of nodes that
 * are gone, pods that were deleted before they were scheduled, and pods that end on nodes taken out of service.
 */
import { podConditionPatch } from "../../api/core/pod-status.ts";
import { isConditionTrue } from "../../api/meta/conditions.ts";
import { isNotFound } from "../../api/status.ts";
import { formatTime, parseTime } from "../../api/time.ts";
import type { Node, Pod } from "../../api/types/core-v1.gen.ts";
import { nodes as nodeResource, pods as podResource } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import { isFinished } from "../runtime/pods.ts";

/** Milliseconds between looks. */
const period = 20_000;
/** Milliseconds for which a node must be missing before its pods are deleted. */
const quarantine = 40_000;

export interface PodGarbage {
  pod: Pod;
  /** Upstream's word. */
  reason: "terminated" | "orphaned" | "unscheduled" | "out-of-service";
  /** Its containers cannot report any more: it is marked failed first. */
  disruption?: string;
}

/** Pure. `missingSince` remembers nodes that are not there; they are confirmed with the server before anything is deleted. */
export function findGarbage(pods: readonly Pod[], nodes: ReadonlyMap<string, Node>, missing: ReadonlySet<string>, threshold: number): PodGarbage[] {
  const garbage = new Map<string, PodGarbage>();
  const add = (pod: Pod, reason: PodGarbage["reason"], disruption?: string): void => {
    if (!garbage.has(pod.metadata.uid)) garbage.set(pod.metadata.uid, { pod, reason, ...(disruption ? { disruption } : {}) });
  };
  const terminated = pods.filter(isFinished);
  if (threshold > 0) {
    const evicted = (pod: Pod): boolean => pod.status?.reason === "Evicted";
    const age = (pod: Pod): number => parseTime(pod.metadata.creationTimestamp);
    const ordered = terminated.toSorted((a, b) => Number(evicted(b)) - Number(evicted(a)) || age(a) - age(b) || (a.metadata.name < b.metadata.name ? -1 : 1));
    for (const pod of ordered.slice(0, Math.max(0, terminated.length - threshold))) add(pod, "terminated");
  }
  for (const pod of pods) {
    const { nodeName } = pod.spec;
    if (nodeName && missing.has(nodeName)) add(pod, "orphaned", "PodGC: node no longer exists");
    if (!nodeName && pod.metadata.deletionTimestamp) add(pod, "unscheduled");
    const node = nodes.get(nodeName ?? "");
    const outOfService = node?.spec?.taints?.some((t) => t.key === "node.kubernetes.io/out-of-service");
    if (node && outOfService && !isConditionTrue(node.status?.conditions, "Ready") && pod.metadata.deletionTimestamp) add(pod, "out-of-service");
  }
  return [...garbage.values()];
}

export const podGC: Controller = {
  name: "pod-garbage-collector-controller",
  account: "pod-garbage-collector",
  workers: 1,
  start({ client, clock, informers, enqueue, measures, options, logger, signal }) {
    const pods = informers.informer(podResource);
    const nodes = informers.informer(nodeResource);
    const api = client.resource(podResource);
    const of = ["namespace", "reason"];
    const collected = measures.counter(
      "pod_gc_collector_force_delete_pods_total",
      "[ALPHA] Number of pods that are being forcefully deleted since the Pod GC Controller started.",
      of,
    );
    const failures = measures.counter(
      "pod_gc_collector_force_delete_pod_errors_total",
      "[ALPHA] Number of errors encountered when forcefully deleting the pods since the Pod GC Controller started.",
      of,
    );
    const missingSince = new Map<string, number>();
    enqueue("all");

    const missingNodes = async (): Promise<Set<string>> => {
      const named = new Set(pods.list().flatMap(({ spec: { nodeName } }) => (nodeName && !nodes.get("", nodeName) ? [nodeName] : [])));
      for (const name of missingSince.keys()) if (!named.has(name)) missingSince.delete(name);
      const gone = new Set<string>();
      for (const name of named) {
        const since = missingSince.get(name);
        if (since === undefined) missingSince.set(name, clock.monotonic());
        else if (clock.monotonic() - since >= quarantine) {
          const node = await client
            .resource(nodeResource)
            .get("", name, { signal })
            .catch((error) => {
              if (!isNotFound(error)) throw error;
            });
          if (node) missingSince.delete(name);
          else gone.add(name);
        }
      }
      return gone;
    };

    return async () => {
      try {
        const missing = await missingNodes();
        const byName = new Map(nodes.list().map((node) => [node.metadata.name, node]));
        for (const { pod, reason, disruption } of findGarbage(pods.list(), byName, missing, options.terminatedPodGCThreshold ?? 12_500)) {
          const { namespace = "", name, uid } = pod.metadata;
          collected.inc(namespace, reason);
          try {
            if (!isFinished(pod))
              await api.patch(
                namespace,
                name,
                "strategic",
                { metadata: { uid }, status: failed(pod, disruption, clock.now()) },
                { subresource: "status", signal },
              );
            await api.delete(namespace, name, { gracePeriodSeconds: 0, preconditions: { uid }, signal });
          } catch (error) {
            if (isNotFound(error)) continue;
            failures.inc(namespace, reason);
            if (!signal.aborted) logger.warn("pod not collected", { pod: `${namespace}/${name}`, error });
          }
        }
      } catch (error) {
        if (!signal.aborted) logger.warn("pods not looked through", { error });
      }
      return { requeueAfter: period };
    };
  },
};

function failed(pod: Pod, message: string | undefined, now: number): object {
  const observedGeneration = pod.metadata.generation;
  const status = { phase: "Failed", observedGeneration };
  if (!message) return status;
  const condition = { type: "DisruptionTarget", status: "True", reason: "DeletionByPodGC", message, observedGeneration };
  return { ...status, ...podConditionPatch(pod, condition, formatTime(now)) };
}
