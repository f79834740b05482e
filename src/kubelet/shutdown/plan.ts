/** In which order pods end when their node is shut down, and how much time they have (upstream's pkg/kubelet/nodeshutdown). Pure. */
import type { Pod } from "../../api/types/core-v1.gen.ts";

/** Pods of this priority, and of those above up to the next one, have so many seconds. */
export interface ShutdownPeriod {
  priority: number;
  shutdownGracePeriodSeconds: number;
}

export interface ShutdownSettings {
  /** Milliseconds: of all pods, and the last part of them for critical ones. */
  shutdownGracePeriod: number;
  shutdownGracePeriodCriticalPods: number;
  shutdownGracePeriodByPodPriority: readonly ShutdownPeriod[];
}

const systemCritical = 2_000_000_000;

/** From the lowest priority to the highest; empty: pods are not ended when the node is shut down. */
export function shutdownPeriods(settings: ShutdownSettings): ShutdownPeriod[] {
  const { shutdownGracePeriod: all, shutdownGracePeriodCriticalPods: critical, shutdownGracePeriodByPodPriority: given } = settings;
  if (given.length) return [...given].sort((a, b) => a.priority - b.priority);
  if (all === 0 || critical > all) return [];
  return [
    { priority: 0, shutdownGracePeriodSeconds: Math.floor((all - critical) / 1000) },
    { priority: systemCritical, shutdownGracePeriodSeconds: Math.floor(critical / 1000) },
  ];
}

export interface ShutdownGroup<P> extends ShutdownPeriod {
  pods: P[];
}

/** `periods` from the lowest priority to the highest, one at least. Below the lowest is in the lowest. */
export function shutdownGroups<P extends { readonly pod: Pod }>(periods: readonly ShutdownPeriod[], pods: readonly P[]): ShutdownGroup<P>[] {
  const groups = periods.map((period): ShutdownGroup<P> => ({ ...period, pods: [] }));
  for (const one of pods) (groups.findLast((group) => group.priority <= (one.pod.spec.priority ?? 0)) ?? groups[0])?.pods.push(one);
  return groups;
}

/** Seconds. */
export const shutdownGrace = ({ shutdownGracePeriodSeconds }: ShutdownPeriod, pod: Pod): number =>
  Math.max(1, Math.min(pod.spec.terminationGracePeriodSeconds ?? shutdownGracePeriodSeconds, shutdownGracePeriodSeconds));
