/** Single changes of a pod, or of a node's marks as the pod sees them, that might give it a place. Pure. */
import { parseQuantity } from "../api/quantity.ts";
import type { Node, Pod, PodSpec, Taint } from "../api/types/core-v1.gen.ts";

export interface Change {
  /** What to do, in words. */
  what: string;
  /** 0 to 1: how much of what was asked for is given up. */
  cost: number;
  pod: Pod;
}

const withSpec = (pod: Pod, spec: Partial<PodSpec>): Pod => ({ ...pod, spec: { ...pod.spec, ...spec } });
const without = <T>(list: readonly T[], index: number): T[] => list.filter((_, i) => i !== index);
const shown = ({ key, value, effect }: Taint): string => `${key}${value ? `=${value}` : ""}:${effect}`;
const unschedulableKey = "node.kubernetes.io/unschedulable";

/** All but lowered requests. */
export function changesOf(pod: Pod, nodes: readonly Node[]): Change[] {
  return [gates, tolerations, selectors, nodeAffinity, podTerms, spreading, hostPorts].flatMap((kind) =>
    kind(pod, nodes).map(([what, spec]) => ({ what, cost: 1, pod: withSpec(pod, spec) })),
  );
}

type Found = [what: string, spec: Partial<PodSpec>][];

function gates({ spec }: Pod): Found {
  const names = (spec.schedulingGates ?? []).map(({ name }) => name);
  return names.length ? [[`remove the scheduling gate${names.length > 1 ? "s" : ""} ${names.join(", ")}`, { schedulingGates: [] }]] : [];
}

function tolerations({ spec }: Pod, nodes: readonly Node[]): Found {
  const taints = new Map<string, Taint>();
  for (const { spec: { taints: list = [] } = {} } of nodes) for (const taint of list) if (taint.effect !== "PreferNoSchedule") taints.set(shown(taint), taint);
  const tolerated = (taint: Taint): Partial<PodSpec> => {
    const { key, value, effect } = taint;
    return { tolerations: [...(spec.tolerations ?? []), { key, operator: value ? "Equal" : "Exists", ...(value ? { value } : {}), effect }] };
  };
  const found: Found = [...taints].filter(([, { key }]) => key !== unschedulableKey).map(([text, taint]) => [`tolerate the taint ${text}`, tolerated(taint)]);
  const cordoned = nodes.filter((node) => node.spec?.unschedulable).map((node) => node.metadata.name);
  if (cordoned.length) found.push([`uncordon a node (kubectl uncordon ${cordoned[0]})`, tolerated({ key: unschedulableKey, effect: "NoSchedule" } as Taint)]);
  return found;
}

const selectors = ({ spec }: Pod): Found =>
  Object.entries(spec.nodeSelector ?? {}).map(([key, value]) => {
    const { [key]: _, ...rest } = spec.nodeSelector ?? {};
    return [`remove the node selector ${key}=${value}`, { nodeSelector: rest }];
  });

function nodeAffinity({ spec }: Pod): Found {
  const { affinity } = spec;
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return (required?.nodeSelectorTerms ?? []).flatMap((term, at) =>
    (["matchExpressions", "matchFields"] as const).flatMap((field) =>
      (term[field] ?? []).map((expression, i): Found[number] => {
        const left = { ...term, [field]: without(term[field] ?? [], i) };
        const empty = !left.matchExpressions?.length && !left.matchFields?.length;
        const terms = (required?.nodeSelectorTerms ?? []).map((one, j) => (j === at ? left : one));
        // A term that asks for nothing matches no node: without its only requirement the whole affinity goes.
        const { requiredDuringSchedulingIgnoredDuringExecution: _, ...preferred } = affinity?.nodeAffinity ?? {};
        const next = empty ? preferred : { ...preferred, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } };
        const { key, operator, values } = expression;
        const text = [key, operator, ...(values?.length ? [`[${values.join(" ")}]`] : [])].join(" ");
        return [`remove the node affinity ${text}`, { affinity: { ...affinity, nodeAffinity: next } }];
      }),
    ),
  );
}

const podTerms = ({ spec }: Pod): Found =>
  (["podAffinity", "podAntiAffinity"] as const).flatMap((field) => {
    const terms = spec.affinity?.[field]?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    return terms.map((term, i): Found[number] => [
      `remove the required pod ${field === "podAffinity" ? "affinity" : "anti-affinity"} over ${term.topologyKey}`,
      { affinity: { ...spec.affinity, [field]: { ...spec.affinity?.[field], requiredDuringSchedulingIgnoredDuringExecution: without(terms, i) } } },
    ]);
  });

const spreading = ({ spec }: Pod): Found =>
  (spec.topologySpreadConstraints ?? []).flatMap(
    (constraint, i, all): Found =>
      constraint.whenUnsatisfiable === "DoNotSchedule"
        ? [
            [
              `let the spread over ${constraint.topologyKey} be ScheduleAnyway`,
              { topologySpreadConstraints: all.map((c, j) => (i === j ? { ...c, whenUnsatisfiable: "ScheduleAnyway" } : c)) },
            ],
          ]
        : [],
  );

const hostPorts = ({ spec }: Pod): Found =>
  spec.containers.flatMap((container, at) =>
    (container.ports ?? []).flatMap(
      (port, i, all): Found =>
        port.hostPort
          ? [
              [
                `give up host port ${port.hostPort} of container ${container.name}`,
                { containers: spec.containers.map((c, j) => (j === at ? { ...c, ports: without(all, i) } : c)) },
              ],
            ]
          : [],
    ),
  );

/**
 * The least that one container must ask for less of one resource; `fits` says whether a pod has a place. Found by halving,
 * in thousandths of a CPU, mebibytes of memory and storage, and whole units of anything else.
 */
export function loweredRequests(pod: Pod, fits: (pod: Pod) => boolean): Change[] {
  const { containers } = pod.spec;
  return containers.flatMap((container, at) =>
    Object.entries(container.resources?.requests ?? {}).flatMap(([resource, asked]): Change[] => {
      const unit = unitOf(resource);
      const now = unit.count(asked);
      const asking = (count: number): Pod => {
        const requests = { ...container.resources?.requests, [resource]: unit.text(count) };
        const limits = unit.both ? { limits: { ...container.resources?.limits, [resource]: unit.text(count) } } : {};
        return withSpec(pod, { containers: containers.map((c, i) => (i === at ? { ...c, resources: { ...c.resources, requests, ...limits } } : c)) });
      };
      if (now <= 0 || !fits(asking(0))) return [];
      let [low, high] = [0, now];
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2);
        if (fits(asking(middle))) low = middle;
        else high = middle;
      }
      return [
        { what: `lower the ${resource} request of container ${container.name} from ${asked} to ${unit.text(low)}`, cost: (now - low) / now, pod: asking(low) },
      ];
    }),
  );
}

interface Unit {
  count(quantity: string): number;
  text(count: number): string;
  /** Requests and limits are the same. */
  both: boolean;
}

const mebi = 1024 * 1024;
function unitOf(resource: string): Unit {
  if (resource === "cpu") return { count: (q) => Number(parseQuantity(q).milliValue()), text: (n) => (n % 1000 ? `${n}m` : String(n / 1000)), both: false };
  if (resource === "memory" || resource === "ephemeral-storage")
    return { count: (q) => Math.ceil(Number(parseQuantity(q).value()) / mebi), text: (n) => (n ? `${n}Mi` : "0"), both: false };
  return { count: (q) => Number(parseQuantity(q).value()), text: String, both: true };
}
