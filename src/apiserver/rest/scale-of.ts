/** The Scale of an object that has replicas (pkg/registry/apps/deployment/storage). */
import type { KubeObject } from "../../api/object.ts";
import { formatLabelSelector } from "../../api/selectors/labels.ts";
import type { Scale } from "../../api/types/autoscaling-v1.gen.ts";
import type { LabelSelector } from "../../api/types/meta-v1.gen.ts";

export interface Scalable extends KubeObject {
  spec: { replicas?: number; selector?: LabelSelector | Record<string, string> };
  status?: { replicas?: number };
}

function selectorText(object: Scalable): string {
  const { selector } = object.spec;
  if (!selector) return "";
  const labels = selector as LabelSelector;
  if (labels.matchLabels || labels.matchExpressions) return formatLabelSelector(labels);
  return formatLabelSelector({ matchLabels: selector as Record<string, string> });
}

/** And not a custom resource of that name, whose group has a dot. */
export const isScale = ({ kind, apiVersion }: KubeObject): boolean => kind === "Scale" && apiVersion === "autoscaling/v1";

/** Without managedFields, which only a write of it knows. */
export function scaleOf(object: KubeObject): Scale {
  const scalable = object as Scalable;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = selectorText(scalable);
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: scalable.spec.replicas ? { replicas: scalable.spec.replicas } : {},
    status: { replicas: scalable.status?.replicas ?? 0, ...(selector && selector !== "<none>" ? { selector } : {}) },
  } as Scale;
}
