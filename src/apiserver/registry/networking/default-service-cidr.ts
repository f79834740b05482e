/**
 * The ServiceCIDR `kubernetes` says which ranges the server was started with: made again when it is gone, given the second
 * family when the server has one, and never changed otherwise (pkg/controlplane/controller/defaultservicecidr).
 */
import { findCondition } from "../../../api/meta/conditions.ts";
import type { KubeObject } from "../../../api/object.ts";
import { formatTime } from "../../../api/time.ts";
import type { ServiceCIDR } from "../../../api/types/networking-v1.gen.ts";
import type { Clock } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import type { Reader, ResourceCache } from "../../../cache/cache.ts";
import { ExistsError, RevisionMismatchError } from "../../../store/store.ts";
import { completeObject } from "../../rest/wire.ts";
import type { ServerEvents } from "../core/server-events.ts";

const name = "kubernetes";
const resource = "servicecidrs.networking.k8s.io";
const apiVersion = "networking.k8s.io/v1";

export type Step = { act: "create" | "widen" | "ready" } | { warn: { reason: string; message: string } } | undefined;

/** Pure. */
export function nextStep(cidr: ServiceCIDR | undefined, ranges: readonly string[]): Step {
  if (!cidr) return { act: "create" };
  if (cidr.metadata.deletionTimestamp) return undefined;
  const cidrs = cidr.spec.cidrs ?? [];
  if (ranges.length === 2 && cidrs.length === 1 && cidrs[0] === ranges[0]) return { act: "widen" };
  const list = (texts: readonly string[]): string => `[${texts.join(" ")}]`;
  if (cidrs.length !== ranges.length || cidrs.some((one, i) => one !== ranges[i])) {
    const message = `The default ServiceCIDR ${list(cidrs)} does not match the controller flag configurations ${list(ranges)}`;
    return { warn: { reason: "KubernetesDefaultServiceCIDRInconsistent", message } };
  }
  const ready = findCondition(cidr.status?.conditions, "Ready");
  if (ready?.status === "False") return { warn: { reason: ready.reason ?? "", message: `Configuration matches, but ${ready.message}` } };
  return ready?.status === "True" ? undefined : { act: "ready" };
}

export interface DefaultServiceCIDROptions {
  reader: Reader;
  /** Of `servicecidrs.networking.k8s.io`. */
  cidrs: ResourceCache;
  events: ServerEvents;
  clock: Clock;
  random: Random;
  /** `--service-cluster-ip-range`, the default family first. */
  ranges: readonly string[];
}

/** Brings it one step on; to be called again and again. */
export async function keepDefaultServiceCIDR({ reader, cidrs, events, clock, random, ranges }: DefaultServiceCIDROptions): Promise<void> {
  const found = reader.get<ServiceCIDR & KubeObject>(resource, "", name);
  const step = nextStep(found, ranges);
  if (!step) return;
  if ("warn" in step) {
    const controller = "kubernetes-service-cidr-controller";
    return events.warn("ServiceCIDR", apiVersion, found as KubeObject, { controller, action: "", ...step.warn });
  }
  const now = formatTime(clock.now());
  const ready = { type: "Ready", status: "True", reason: "", message: "Kubernetes default Service CIDR is ready", lastTransitionTime: now };
  try {
    if (!found) {
      const metadata = { name, uid: random.uuid(), creationTimestamp: now };
      const draft = { kind: "ServiceCIDR", apiVersion, metadata, spec: { cidrs: [...ranges] }, status: { conditions: [ready] } };
      await cidrs.create(completeObject(apiVersion, "ServiceCIDR", draft));
      return;
    }
    const changed = step.act === "widen" ? { ...found, spec: { cidrs: [...ranges] } } : { ...found, status: { conditions: [ready] } };
    await cidrs.update(completeObject(apiVersion, "ServiceCIDR", changed), Number(found.metadata.resourceVersion));
  } catch (error) {
    // Another server was quicker.
    if (!(error instanceof ExistsError) && !(error instanceof RevisionMismatchError)) throw error;
  }
}
