/** The configuration of one container (upstream's generateContainerConfig). Pure. */
import type { Container, Pod } from "../api/types/core-v1.gen.ts";
import type { Sent } from "../cri/client.ts";
import type { ContainerConfig, Mount } from "../cri/types.gen.ts";
import { containerHash } from "./actions.ts";
import { expand } from "./expansion.ts";
import type { ContainerAdditions } from "./lifecycle.ts";
import { containerResources, type ResourceLimits } from "./resources.ts";
import { annotations, labels } from "./runtime-pod.ts";
import { containerSecurity, type ImageUser, type SecurityOptions, verifyNonRoot } from "./security.ts";

export interface ContainerFacts {
  restartCount: number;
  /** What the runtime knows the image by. */
  imageRef: string;
  imageUser: ImageUser;
  env: ReadonlyMap<string, string>;
  mounts: Sent<Mount>[];
  security: SecurityOptions;
  limits: ResourceLimits;
  additions: readonly ContainerAdditions[];
}

function containerAnnotations(pod: Pod, container: Container, restartCount: number): Record<string, string> {
  const { metadata, spec } = pod;
  return {
    [annotations.hash]: containerHash(container),
    [annotations.restartCount]: String(restartCount),
    [annotations.terminationMessagePath]: container.terminationMessagePath ?? "",
    [annotations.terminationMessagePolicy]: container.terminationMessagePolicy ?? "",
    ...(metadata.deletionGracePeriodSeconds === undefined ? {} : { [annotations.deletionGracePeriod]: String(metadata.deletionGracePeriodSeconds) }),
    ...(spec.terminationGracePeriodSeconds === undefined ? {} : { [annotations.terminationGracePeriod]: String(spec.terminationGracePeriodSeconds) }),
    ...(container.lifecycle?.preStop ? { [annotations.preStopHandler]: JSON.stringify(container.lifecycle.preStop) } : {}),
    ...(container.ports?.length ? { [annotations.ports]: JSON.stringify(container.ports) } : {}),
  };
}

function cpuset(additions: readonly ContainerAdditions[]): { cpusetCpus?: string; cpusetMems?: string; cpuQuota?: number } {
  const cpus = additions.findLast((a) => a.cpuset?.cpus)?.cpuset?.cpus;
  const mems = additions.findLast((a) => a.cpuset?.mems)?.cpuset?.mems;
  return { ...(cpus ? { cpusetCpus: cpus } : {}), ...(mems ? { cpusetMems: mems } : {}), ...(additions.some((a) => a.exclusiveCpus) ? { cpuQuota: -1 } : {}) };
}

/** Throws with upstream's text for settings that cannot be satisfied. */
export function containerConfig(pod: Pod, container: Container, facts: ContainerFacts): Sent<ContainerConfig> {
  verifyNonRoot(pod, container, facts.imageUser);
  const lookup = (name: string): string | undefined => facts.env.get(name);
  const { metadata } = pod;
  const stopSignal = container.lifecycle?.stopSignal;
  const { additions } = facts;
  // What the spec says goes before what the node adds.
  const env = new Map([...additions.flatMap((a) => Object.entries(a.env ?? {})), ...facts.env]);
  return {
    metadata: { name: container.name, attempt: facts.restartCount },
    image: { image: facts.imageRef, userSpecifiedImage: container.image ?? "" },
    command: (container.command ?? []).map((part) => expand(part, lookup)),
    args: (container.args ?? []).map((part) => expand(part, lookup)),
    workingDir: container.workingDir ?? "",
    envs: [...env].map(([key, value]) => ({ key, value: Buffer.from(value) })),
    mounts: [...facts.mounts, ...additions.flatMap((a) => a.mounts ?? [])],
    devices: additions.flatMap((a) => a.devices ?? []),
    CDIDevices: additions.flatMap((a) => a.cdiDevices ?? []),
    labels: {
      [labels.podName]: metadata.name,
      [labels.podNamespace]: metadata.namespace ?? "",
      [labels.podUid]: metadata.uid,
      [labels.containerName]: container.name,
    },
    annotations: Object.assign({}, ...additions.map((a) => a.annotations), containerAnnotations(pod, container, facts.restartCount)),
    logPath: `${container.name}/${facts.restartCount}.log`,
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    ...(stopSignal ? { stopSignal: stopSignal as ContainerConfig["stopSignal"] } : {}),
    linux: {
      resources: { ...containerResources(pod, container, facts.limits), ...cpuset(additions) },
      securityContext: containerSecurity(pod, container, facts.imageUser, facts.security),
    },
  };
}
