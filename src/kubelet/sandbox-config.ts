/** The configuration of a pod's sandbox (upstream's generatePodSandboxConfig). Pure. */
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { Sent } from "../cri/client.ts";
import type { PodSandboxConfig, PortMapping } from "../cri/types.gen.ts";
import type { DnsConfig, PodHostname } from "./dns.ts";
import { isHostNetwork } from "./pod.ts";
import { labels } from "./runtime-pod.ts";
import { sandboxSecurity } from "./security.ts";

export interface SandboxFacts {
  attempt: number;
  dns: DnsConfig;
  name: PodHostname;
  logDirectory: string;
  cgroupParent: string;
}

export const podLogDirectory = (root: string, pod: Pod): string => `${root}/${pod.metadata.namespace}_${pod.metadata.name}_${pod.metadata.uid}`;

function portMappings(pod: Pod): Sent<PortMapping>[] {
  if (isHostNetwork(pod)) return [];
  const sidecars = (pod.spec.initContainers ?? []).filter((c) => c.restartPolicy === "Always");
  return [...pod.spec.containers, ...sidecars].flatMap((container) =>
    (container.ports ?? [])
      .filter((port) => port.hostPort)
      .map((port) => ({
        protocol: (port.protocol || "TCP") as PortMapping["protocol"],
        containerPort: port.containerPort,
        hostPort: port.hostPort ?? 0,
        hostIp: port.hostIP ?? "",
      })),
  );
}

export function sandboxConfig(pod: Pod, facts: SandboxFacts): Sent<PodSandboxConfig> {
  const { metadata, spec } = pod;
  return {
    metadata: { name: metadata.name, namespace: metadata.namespace ?? "", uid: metadata.uid, attempt: facts.attempt },
    hostname: isHostNetwork(pod) ? "" : facts.name.nodename,
    logDirectory: facts.logDirectory,
    dnsConfig: facts.dns,
    portMappings: portMappings(pod),
    labels: { ...metadata.labels, [labels.podName]: metadata.name, [labels.podNamespace]: metadata.namespace ?? "", [labels.podUid]: metadata.uid },
    annotations: metadata.annotations ?? {},
    linux: {
      cgroupParent: facts.cgroupParent,
      securityContext: sandboxSecurity(pod),
      sysctls: Object.fromEntries((spec.securityContext?.sysctls ?? []).map((s) => [s.name, s.value])),
    },
  };
}
