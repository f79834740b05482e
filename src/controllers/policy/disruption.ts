/** PodDisruptionBudget: https://kubernetes.io/docs/concepts/workloads/pods/disruptions/ */
import { podConditionPatch } from "../../api/core/pod-status.ts";
import { groupVersionOf } from "../../api/group-version.ts";
import { controllerOf } from "../../api/meta/owner.ts";
import { keyOf, splitKey } from "../../api/object.ts";
import { formatLabelSelector, selectorOf } from "../../api/selectors/labels.ts";
import { isNotFound } from "../../api/status.ts";
import { formatTime, parseTime } from "../../api/time.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { OwnerReference } from "../../api/types/meta-v1.gen.ts";
import type { PodDisruptionBudget } from "../../api/types/policy-v1.gen.ts";
import { discover } from "../../client/discovery.ts";
import { referenceTo } from "../../client/events.ts";
import { deployments, poddisruptionbudgets, pods as podResource, replicasets, replicationcontrollers, statefulsets } from "../../client/resources.gen.ts";
import type { Controller, ControllerContext } from "../runtime/controller.ts";
import { semanticEqual } from "../runtime/equal.ts";
import { messageOf } from "../runtime/pod-control.ts";
import { deletionTimeout, disruptionStatus, requirement, stillDisrupted, usesScale } from "./disruption-status.ts";

const podKey = "pod//";

export const disruption: Controller = {
  name: "disruption-controller",
  account: "disruption-controller",
  component: "controllermanager",
  start(context) {
    const { client, clock, informers, enqueue, events, signal } = context;
    const budgets = informers.informer(poddisruptionbudgets);
    const pods = informers.informer(podResource);
    const api = client.resource(poddisruptionbudgets);
    const expectedScale = scales(context);

    budgets.onChange((_, pdb) => {
      if (pdb) enqueue(keyOf(pdb));
    });
    pods.onChange((old, pod) => {
      for (const pdb of budgets.list((pod ?? old)?.metadata.namespace)) {
        const selector = selectorOf(pdb.spec.selector);
        if ((pod && selector.matches(pod.metadata.labels)) || (old && selector.matches(old.metadata.labels))) enqueue(keyOf(pdb));
      }
      if (pod && staleAt(pod) !== undefined) enqueue(podKey + keyOf(pod));
    });

    const clearStale = async (key: string) => {
      const { namespace, name } = splitKey(key);
      const pod = pods.get(namespace, name);
      const at = pod && staleAt(pod);
      if (!pod || at === undefined) return;
      if (at > clock.now()) return { requeueAfter: at - clock.now() };
      const condition = { type: "DisruptionTarget", status: "False", observedGeneration: pod.metadata.generation };
      const patch = { metadata: { uid: pod.metadata.uid }, status: podConditionPatch(pod, condition, formatTime(clock.now())) };
      await client.resource(podResource).patch(namespace, name, "strategic", patch, { subresource: "status", signal });
    };

    return async (key) => {
      if (key.startsWith(podKey)) return await clearStale(key.slice(podKey.length));
      const { namespace, name } = splitKey(key);
      const pdb = budgets.get(namespace, name);
      if (!pdb) return;
      const about = referenceTo(poddisruptionbudgets, pdb);
      const selector = selectorOf(pdb.spec.selector);
      const selected = pods.list(namespace).filter((pod) => selector.matches(pod.metadata.labels));
      if (selected.length === 0) events.event(about, "Normal", "NoPods", "No matching pods found");
      let need: { expected: number; desired: number };
      try {
        const { scale, unmanaged } = usesScale(pdb) ? await expectedScale(selected) : { scale: 0, unmanaged: 0 };
        need = requirement(pdb, selected.length, scale);
        if (unmanaged > 0) events.event(about, "Warning", "UnmanagedPods", unmanagedText(pdb));
      } catch (error) {
        events.event(about, "Warning", "CalculateExpectedPodCountFailed", `Failed to calculate the number of expected pods: ${messageOf(error)}`);
        const status = { ...failSafe(pdb, messageOf(error), clock.now()) };
        if (!semanticEqual(status, pdb.status)) await api.updateStatus({ ...pdb, status }, { signal });
        throw error;
      }
      const now = clock.now();
      const disrupted = stillDisrupted(pdb.status, selected, now);
      for (const pod of disrupted.overdue) {
        events.event(referenceTo(podResource, pod), "Warning", "NotDeleted", `Pod was expected by PDB ${namespace}/${namespace} to be deleted but it wasn't`);
      }
      const status = disruptionStatus(pdb, selected, need, disrupted, now);
      if (!semanticEqual(status, pdb.status)) await api.updateStatus({ ...pdb, status }, { signal });
      if (disrupted.recheckAt !== undefined) return { requeueAfter: disrupted.recheckAt - now };
    };
  },
};

const unmanagedText = ({ spec }: PodDisruptionBudget): string =>
  `Pods selected by this PodDisruptionBudget (selector: ${formatLabelSelector(spec.selector)}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`;

/** Nothing may be evicted while it is not known what is needed. */
function failSafe(pdb: PodDisruptionBudget, message: string, now: number): PodDisruptionBudget["status"] {
  const observedGeneration = pdb.status?.observedGeneration ?? 0;
  const conditions = (pdb.status?.conditions ?? []).filter((c) => c.type !== "DisruptionAllowed");
  const condition = { type: "DisruptionAllowed", status: "False", reason: "SyncFailed", message, observedGeneration, lastTransitionTime: formatTime(now) };
  return { ...pdb.status, disruptionsAllowed: 0, conditions: [...conditions, condition] } as PodDisruptionBudget["status"];
}

/** Milliseconds since the epoch when the pod's announced disruption is given up; undefined when none is announced. */
function staleAt(pod: Pod): number | undefined {
  const condition = pod.status?.conditions?.find((c) => c.type === "DisruptionTarget" && c.status === "True");
  if (!condition?.lastTransitionTime || pod.metadata.deletionTimestamp || ["Succeeded", "Failed"].includes(pod.status?.phase ?? "")) return undefined;
  return parseTime(condition.lastTransitionTime) + deletionTimeout;
}

/** How many pods the controllers of some pods want in sum; each controller counts once. */
function scales(context: ControllerContext): (pods: readonly Pod[]) => Promise<{ scale: number; unmanaged: number }> {
  const { client, informers, signal } = context;
  const sets = informers.informer(replicasets);
  const deploys = informers.informer(deployments);
  const stateful = informers.informer(statefulsets);
  const controllers = informers.informer(replicationcontrollers);

  const scaleOf = async (namespace: string, ref: OwnerReference): Promise<{ uid: string; replicas: number } | undefined> => {
    const { kind, name, uid } = ref;
    const { group, version } = groupVersionOf(ref.apiVersion);
    const own = (object: { metadata: { uid: string }; spec: { replicas?: number } } | undefined) =>
      object?.metadata.uid === uid ? { uid, replicas: object.spec.replicas ?? 1 } : undefined;
    if (group === "apps" && kind === "ReplicaSet") {
      const set = sets.get(namespace, name);
      const parent = set?.metadata.uid === uid ? controllerOf(set) : undefined;
      if (parent?.kind !== "Deployment") return own(set);
      const d = deploys.get(namespace, parent.name);
      return d?.metadata.uid === parent.uid ? { uid: parent.uid, replicas: d.spec.replicas ?? 1 } : undefined;
    }
    if (group === "apps" && kind === "StatefulSet") return own(stateful.get(namespace, name));
    if (group === "" && kind === "ReplicationController") return own(controllers.get(namespace, name));
    const { resources } = await discover(client.transport, signal);
    const resource = resources.find((r) => r.group === group && r.version === version && r.kind === kind);
    if (!resource) throw new Error(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`);
    try {
      const scale = await client
        .resource(resource)
        .subresource<{ metadata: { uid: string }; spec?: { replicas?: number } }>("GET", namespace, name, "scale", undefined, signal);
      return scale.metadata.uid === uid ? { uid, replicas: scale.spec?.replicas ?? 0 } : undefined;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      throw new Error(`${resource.resource}.${group} does not implement the scale subresource`, { cause: error });
    }
  };

  return async (pods) => {
    const found = new Map<string, number>();
    const seen = new Set<string>();
    let unmanaged = 0;
    for (const pod of pods) {
      const ref = controllerOf(pod);
      if (!ref) unmanaged++;
      if (!ref || seen.has(ref.uid)) continue;
      seen.add(ref.uid);
      const scale = await scaleOf(pod.metadata.namespace as string, ref);
      if (!scale) throw new Error(`found no controllers for pod ${JSON.stringify(pod.metadata.name)}`);
      found.set(scale.uid, scale.replicas);
    }
    return { scale: [...found.values()].reduce((sum, n) => sum + n, 0), unmanaged };
  };
}
