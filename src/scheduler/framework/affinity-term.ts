/** Terms of inter-pod affinity, compiled (k8s.io/kubernetes/pkg/scheduler/framework: AffinityTerm). */
import { everything, type LabelSelector, nothing, selectorOf } from "../../api/selectors/labels.ts";
import type { Pod, PodAffinityTerm } from "../../api/types/core-v1.gen.ts";

export interface AffinityTerm {
  /** Equal for terms that select the same pods by the same topology. */
  readonly id: string;
  /** Namespaces by name; those that `namespaceSelector` selects come on top. */
  readonly namespaces: readonly string[];
  readonly namespaceSelector: LabelSelector;
  readonly selector: LabelSelector;
  readonly topologyKey: string;
}
export interface WeightedTerm {
  readonly term: AffinityTerm;
  readonly weight: number;
}
export interface AffinityTerms {
  readonly affinity: readonly AffinityTerm[];
  readonly antiAffinity: readonly AffinityTerm[];
  readonly preferred: readonly WeightedTerm[];
  readonly preferredAnti: readonly WeightedTerm[];
}

export const noTerms: AffinityTerms = { affinity: [], antiAffinity: [], preferred: [], preferredAnti: [] };

const compiled = new Map<string, AffinityTerm>();
const compiledLimit = 8192;

/** matchLabelKeys have been merged into the selector by the API server when the pod was created. */
function termOf(pod: Pod, spec: PodAffinityTerm): AffinityTerm {
  const namespaces = spec.namespaces?.length || spec.namespaceSelector ? (spec.namespaces ?? []) : [pod.metadata.namespace ?? ""];
  const id = JSON.stringify([spec.topologyKey, namespaces, spec.namespaceSelector, spec.labelSelector]);
  const known = compiled.get(id);
  if (known) return known;
  const term: AffinityTerm = {
    id,
    namespaces,
    namespaceSelector: spec.namespaceSelector ? selectorOf(spec.namespaceSelector) : nothing,
    selector: selectorOf(spec.labelSelector),
    topologyKey: spec.topologyKey,
  };
  if (compiled.size >= compiledLimit) compiled.clear();
  compiled.set(id, term);
  return term;
}

export function affinityTermsOf(pod: Pod): AffinityTerms {
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {};
  const one = (spec: PodAffinityTerm): AffinityTerm => termOf(pod, spec);
  return {
    affinity: (podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(one),
    antiAffinity: (podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(one),
    preferred: (podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((w) => ({ term: one(w.podAffinityTerm), weight: w.weight })),
    preferredAnti: (podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((w) => ({ term: one(w.podAffinityTerm), weight: w.weight })),
  };
}

export type NamespaceLabels = (namespace: string) => Readonly<Record<string, string>> | undefined;

/** Whether the term selects a pod of this namespace with these labels. */
export function termMatches(
  term: AffinityTerm,
  namespace: string,
  labels: Readonly<Record<string, string>> | undefined,
  namespaceLabels: NamespaceLabels,
): boolean {
  if (!term.selector.matches(labels)) return false;
  if (term.namespaces.includes(namespace) || term.namespaceSelector === everything) return true;
  return !term.namespaceSelector.nothing && term.namespaceSelector.matches(namespaceLabels(namespace));
}
