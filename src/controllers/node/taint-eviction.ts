/** Deletes pods from nodes with NoExecute taints that they do not tolerate, or no longer (pkg/controller/tainteviction). */
import { keyOf, splitKey } from "../../api/object.ts";
import { isNotFound } from "../../api/status.ts";
import type { Pod, Taint } from "../../api/types/core-v1.gen.ts";
import { nodes as nodeResource, pods as podResource } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import { disruptPod } from "../runtime/pod-control.ts";
import { podDeletions } from "./pod-deletions.ts";
import { byNode, nodeIndex } from "./node-lifecycle.ts";
import { toleratedFor } from "./taints.ts";

export const taintEviction: Controller = {
  name: "taint-eviction-controller",
  account: "node-controller",
  component: "taint-eviction-controller",
  workers: 8,
  start(context) {
    const { clock, informers, enqueue, events, measures } = context;
    const nodes = informers.informer(nodeResource);
    const pods = informers.informer(podResource, { indexes: nodeIndex });
    const deletions = podDeletions(measures, "taint_eviction_controller", "TaintEvictionController", "a taint effect has been activated for the Pod and its");
    /** Pods that are to go: since when, by our clock, their taints have been counted against them. */
    const marked = new Map<string, { uid: string; since: number }>();
    const noExecute = (name: string): Taint[] => (nodes.get("", name)?.spec?.taints ?? []).filter((t) => t.effect === "NoExecute");
    const about = (pod: Pod) => ({ kind: "Pod", apiVersion: "v1", namespace: pod.metadata.namespace, name: pod.metadata.name, uid: pod.metadata.uid });

    pods.onChange((old, pod) => {
      if (!pod) marked.delete(keyOf(old as Pod));
      else if (pod.spec.nodeName && (pod.spec.nodeName !== old?.spec.nodeName || pod.spec.tolerations !== old.spec.tolerations)) enqueue(keyOf(pod));
    });
    nodes.onChange((old, node) => {
      const name = (node ?? old)?.metadata.name as string;
      if (JSON.stringify(old?.spec?.taints) === JSON.stringify(node?.spec?.taints)) return;
      for (const pod of pods.by(byNode, name)) enqueue(keyOf(pod));
    });

    return async (key) => {
      const { namespace, name } = splitKey(key);
      const pod = pods.get(namespace, name);
      if (!pod?.spec.nodeName) {
        marked.delete(key);
        return;
      }
      const taints = noExecute(pod.spec.nodeName);
      const allowed = taints.length ? toleratedFor(pod.spec.tolerations, taints) : undefined;
      let mark = marked.get(key);
      if (mark && mark.uid !== pod.metadata.uid) mark = undefined;
      if (allowed === undefined) {
        if (mark) events.event(about(pod), "Normal", "TaintManagerEviction", `Cancelling deletion of Pod ${key}`);
        marked.delete(key);
        return;
      }
      mark ??= { uid: pod.metadata.uid, since: clock.monotonic() };
      marked.set(key, mark);
      const left = mark.since + allowed - clock.monotonic();
      if (left > 0) return { requeueAfter: left };
      marked.delete(key);
      if (pod.metadata.deletionTimestamp) return;
      events.event(about(pod), "Normal", "TaintManagerEviction", `Marking for deletion Pod ${key}`);
      const why = { reason: "DeletionByTaintManager", message: "Taint manager: deleting due to NoExecute taint" };
      try {
        await disruptPod(context, pod, { ...why, observedGeneration: pod.metadata.generation });
        deletions((clock.monotonic() - mark.since - allowed) / 1000);
      } catch (error) {
        if (isNotFound(error)) return;
        marked.set(key, mark);
        throw error;
      }
    };
  },
};
