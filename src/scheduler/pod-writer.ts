/** What the scheduler writes to pods: their binding, their PodScheduled condition and the node they are promised. */
import { podConditionPatch } from "../api/core/pod-status.ts";
import { isNotFound, StatusError } from "../api/status.ts";
import { formatTime } from "../api/time.ts";
import type { Pod, PodCondition } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Client } from "../client/client.ts";
import { pods } from "../client/resources.gen.ts";
import { Slots } from "./slots.ts";

export interface StatusChange {
  condition?: { reason: "Unschedulable" | "SchedulerError"; message: string };
  /** "" clears it; undefined leaves it. */
  nominatedNodeName?: string;
}

export interface PodWriter {
  bind(pod: Pod, node: string, signal: AbortSignal): Promise<void>;
  /** Writes only what differs. Retries while the server is overloaded or away. */
  setStatus(pod: Pod, change: StatusChange, signal: AbortSignal): Promise<void>;
  /** Evicts by deletion, after telling by a condition why. Resolves where the pod is gone already. */
  preempt(pod: Pod, message: string, signal: AbortSignal): Promise<void>;
}

const isTransient = (error: unknown): boolean =>
  !(error instanceof StatusError) || error.code === 429 || error.reason === "InternalError" || error.code === 503 || error.code === 504;

/** Bindings sent at once; more wait in order, so that a burst neither floods the server nor outruns its answers. */
const parallelBindings = 100;

export function createPodWriter(client: Client, clock: Clock): PodWriter {
  const api = client.resource(pods);
  const bindings = new Slots(parallelBindings);

  const retrying = async (write: () => Promise<unknown>, signal: AbortSignal): Promise<void> => {
    for (let wait = 10, tries = 1; ; tries++, wait *= 5) {
      try {
        await write();
        return;
      } catch (error) {
        if (signal.aborted || tries >= 4 || !isTransient(error)) throw error;
        await clock.sleep(wait, signal);
      }
    }
  };
  const patchStatus = ({ metadata: { namespace = "", name, uid } }: Pod, status: object, signal: AbortSignal): Promise<void> =>
    retrying(() => api.patch(namespace, name, "strategic", { metadata: { uid }, status }, { subresource: "status", signal }), signal);

  const about = (pod: Pod, condition: PodCondition) =>
    podConditionPatch(pod, { ...condition, observedGeneration: pod.metadata.generation }, formatTime(clock.now()));

  return {
    async bind({ metadata: { namespace = "", name, uid } }, node, signal) {
      const body = { apiVersion: "v1", kind: "Binding", metadata: { namespace, name, uid }, target: { kind: "Node", name: node } };
      await bindings.run(() => api.subresource("POST", namespace, name, "binding", body, signal));
    },

    async setStatus(pod, { condition, nominatedNodeName }, signal) {
      const scheduled = condition && about(pod, { type: "PodScheduled", status: "False", ...condition });
      const status: { conditions?: object[]; nominatedNodeName?: string | null } = { ...scheduled };
      if (nominatedNodeName !== undefined && nominatedNodeName !== (pod.status?.nominatedNodeName ?? "")) status.nominatedNodeName = nominatedNodeName || null;
      if (Object.keys(status).length) await patchStatus(pod, status, signal);
    },

    async preempt(pod, message, signal) {
      const { namespace = "", name, uid } = pod.metadata;
      const status = about(pod, { type: "DisruptionTarget", status: "True", reason: "PreemptionByScheduler", message });
      try {
        if (status) await patchStatus(pod, status, signal);
        await retrying(() => api.delete(namespace, name, { preconditions: { uid }, signal }), signal);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
  };
}
