/**
 * Node lifecycle: marks nodes that have fallen silent, taints nodes by their conditions, and makes pods of lost nodes not
 * ready (k8s.io/kubernetes/pkg/controller/nodelifecycle). Taints with NoExecute are what taint-eviction acts upon.
 */
import { isConflict, isNotFound } from "../../api/status.ts";
import { formatTime } from "../../api/time.ts";
import type { Node, Pod, Taint } from "../../api/types/core-v1.gen.ts";
import { leases as leaseResource, nodes as nodeResource, pods as podResource } from "../../client/resources.gen.ts";
import { TokenBucket } from "../../base/token-bucket.ts";
import type { Controller, ControllerContext } from "../runtime/controller.ts";
import { isFinished } from "../runtime/pods.ts";
import { evictionRate, type NodeHealth, observe, silentConditions, zoneOf, zoneState } from "./node-health.ts";
import { zoneMeasures } from "./zone-measures.ts";
import { notReadyKey, unreachableKey, withNoExecute, withNoSchedule } from "./taints.ts";

const monitorKey = "";
export const byNode = "node";
export const nodeIndex = { [byNode]: ({ spec }: { spec: { nodeName?: string } }): string[] => (spec.nodeName ? [spec.nodeName] : []) };

export const nodeLifecycle: Controller = {
  name: "node-lifecycle-controller",
  account: "node-controller",
  start(context) {
    const { clock, informers, enqueue, events, measures, options } = context;
    const nodes = informers.informer(nodeResource);
    const leases = informers.informer(leaseResource, { namespace: "kube-node-lease" });
    const pods = informers.informer(podResource, { indexes: nodeIndex });
    const health = new Map<string, NodeHealth>();
    const known = new Map<string, string>();
    const zones = new Map<string, { bucket: TokenBucket; rate: number }>();
    const unmarked = new Set<string>();
    const grace = { monitor: options.nodeMonitorGracePeriod ?? 50_000, startup: options.nodeStartupGracePeriod ?? 60_000 };
    const rates = {
      primary: options.nodeEvictionRate ?? 0.1,
      secondary: options.secondaryNodeEvictionRate ?? 0.01,
      large: options.largeClusterSizeThreshold ?? 50,
    };
    const measured = zoneMeasures(measures);
    enqueue(monitorKey);

    nodes.onChange((old, node) => {
      const name = (node ?? old)?.metadata.name as string;
      if (node) {
        enqueue(name);
        // A node that says itself that it is not ready need not wait for the next look.
        if (readyStatus(node) !== (old && readyStatus(old))) enqueue(monitorKey);
      }
      const about = (uid: string) => ({ kind: "Node", apiVersion: "v1", name, uid, namespace: "" });
      const uid = known.get(name);
      if (uid !== undefined && uid !== node?.metadata.uid) {
        events.event(about(uid), "Normal", "RemovingNode", `Node ${name} event: Removing Node ${name} from Controller`);
        known.delete(name);
        health.delete(name);
      }
      if (node && !known.has(name)) {
        known.set(name, node.metadata.uid);
        events.event(about(node.metadata.uid), "Normal", "RegisteredNode", `Node ${name} event: Registered Node ${name} in Controller`);
      }
    });

    const monitor = async (): Promise<void> => {
      const now = clock.now();
      const began = clock.monotonic();
      for (const node of nodes.list()) {
        const since = clock.monotonic();
        const { name } = node.metadata;
        const last = health.get(name);
        const seen = observe(last, node, leases.get("kube-node-lease", name), now);
        health.set(name, seen);
        let current = node;
        const conditions = silentConditions(node, seen, grace, now);
        if (conditions) current = (await updateConditions(context, node, conditions)) ?? node;
        const wasReady =
          last?.conditions.find((c) => c.type === "Ready")?.status === "True" ||
          (last !== undefined && conditions !== undefined && readyStatus(node) === "True");
        if (readyStatus(current) !== "True" && wasReady) {
          events.event({ kind: "Node", apiVersion: "v1", name, uid: node.metadata.uid }, "Normal", "NodeNotReady", `Node ${name} status is now: NodeNotReady`);
          unmarked.add(name);
        }
        if (readyStatus(current) === "True") unmarked.delete(name);
        health.set(name, { ...seen, conditions: current.status?.conditions ?? [] });
        measured.node((clock.monotonic() - since) / 1000);
      }
      for (const name of unmarked) {
        await markPodsNotReady(context, pods.by(byNode, name));
        unmarked.delete(name);
      }
      await evict();
      measured.all((clock.monotonic() - began) / 1000);
    };

    /** NoExecute taints, as fast as the state of each zone allows. */
    const evict = async (): Promise<void> => {
      const byZone = new Map<string, Node[]>();
      for (const node of nodes.list()) {
        const zone = zoneOf(node);
        const members = byZone.get(zone);
        if (members) members.push(node);
        else byZone.set(zone, [node]);
      }
      const statusOf = (node: Node): string => health.get(node.metadata.name)?.conditions.find((c) => c.type === "Ready")?.status ?? "Unknown";
      const states = new Map(
        [...byZone].map(([zone, members]) => {
          const ready = members.filter((node) => statusOf(node) === "True").length;
          measured.zone(zone, members.length, ready);
          return [zone, zoneState(ready, members.length - ready, options.unhealthyZoneThreshold)];
        }),
      );
      measured.only(new Set(byZone.keys()));
      const allLost = [...states.values()].every((state) => state === "FullDisruption");
      for (const [zone, members] of byZone) {
        const rate = evictionRate(states.get(zone) ?? "Normal", members.length, allLost, rates);
        let limit = zones.get(zone);
        if (limit?.rate !== rate) {
          limit = { rate, bucket: new TokenBucket(clock, rate, rate > 0 ? 1 : 0) };
          zones.set(zone, limit);
        }
        for (const node of members) {
          const status = statusOf(node);
          const reported = health.get(node.metadata.name)?.conditions.some((c) => c.type === "Ready");
          const key = status === "True" || allLost || !reported ? undefined : status === "False" ? notReadyKey : unreachableKey;
          const taints = withNoExecute(node, key, formatTime(clock.now()));
          if (!taints) continue;
          const isFirst = key !== undefined && withNoExecute(node, undefined, "") === undefined;
          if (isFirst && (limit.rate === 0 || !limit.bucket.tryTake())) continue;
          await writeTaints(context, node, taints);
          if (isFirst) measured.evictions.inc(zone);
        }
      }
    };

    return async (key) => {
      if (key === monitorKey) {
        try {
          await monitor();
        } catch (error) {
          if (!context.signal.aborted) context.logger.warn("nodes not looked through", { error });
        }
        return { requeueAfter: options.nodeMonitorPeriod ?? 5000 };
      }
      const node = nodes.get("", key);
      const taints = node && withNoSchedule(node, formatTime(clock.now()));
      if (node && taints) await writeTaints(context, node, taints);
    };
  },
};

const readyStatus = (node: Node): string | undefined => node.status?.conditions?.find((c) => c.type === "Ready")?.status;

async function updateConditions(
  { client, signal }: ControllerContext,
  node: Node,
  conditions: NonNullable<Node["status"]["conditions"]>,
): Promise<Node | undefined> {
  try {
    return await client.resource(nodeResource).updateStatus({ ...node, status: { ...node.status, conditions } }, { signal });
  } catch (error) {
    if (isConflict(error) || isNotFound(error)) return undefined;
    throw error;
  }
}

/** Rejects with Conflict when the node has changed meanwhile. */
async function writeTaints({ client, signal }: ControllerContext, node: Node, taints: Taint[]): Promise<void> {
  const { name, resourceVersion } = node.metadata;
  await client
    .resource(nodeResource)
    .patch("", name, "merge", { metadata: { resourceVersion }, spec: { taints: taints.length ? taints : null } }, { signal })
    .catch((error) => {
      if (!isNotFound(error)) throw error;
    });
}

/** Their endpoints must go although nobody on the node can say so. */
async function markPodsNotReady(context: ControllerContext, pods: readonly Pod[]): Promise<void> {
  const { client, clock, events, signal } = context;
  for (const pod of pods) {
    const ready = pod.status?.conditions?.find((c) => c.type === "Ready");
    if (isFinished(pod) || !ready || ready.status === "False") continue;
    const { namespace = "", name, uid } = pod.metadata;
    const condition = { type: "Ready", status: "False", lastTransitionTime: formatTime(clock.now()) };
    try {
      await client
        .resource(podResource)
        .patch(namespace, name, "strategic", { metadata: { uid }, status: { conditions: [condition] } }, { subresource: "status", signal });
      events.event({ kind: "Pod", apiVersion: "v1", namespace, name, uid }, "Warning", "NodeNotReady", "Node is not ready");
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
