/** Tells agents of the node what pods were given (KEP-606, KEP-2403, KEP-3695; pkg/kubelet/apis/podresources). */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { status } from "@grpc/grpc-js";
import type { Container, Pod } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import { GrpcError } from "../../base/grpc/error.ts";
import { protocolOf, type Sent } from "../../base/grpc/protocol.ts";
import { type GrpcServer, implement, serveGrpc } from "../../base/grpc/server.ts";
import { isSidecar } from "../pod.ts";
import facts from "./facts.json" with { type: "json" };
import type { AllocatableResourcesResponse, ContainerResources, PodResources, PodResourcesListerMethods } from "./types.gen.ts";

export const podResources = protocolOf<PodResourcesListerMethods>(facts);

export interface PodResourcesOptions {
  /** `<rootDir>/pod-resources/kubelet.sock` */
  socket: string;
  clock: Clock;
  /** Pods that are here and not over. */
  pods(): Iterable<Pod>;
  resourcesOf(pod: Pod, container: Container): Sent<Omit<ContainerResources, "name">>;
  allocatable(): Sent<AllocatableResourcesResponse>;
}

/** Calls per second, and how many may come at once. */
const rate = 100;
const burst = 10;

function limiter(clock: Clock): () => void {
  let tokens = burst;
  let at = clock.monotonic();
  return () => {
    const now = clock.monotonic();
    tokens = Math.min(burst, tokens + ((now - at) * rate) / 1000);
    at = now;
    if (tokens < 1) throw new GrpcError(status.RESOURCE_EXHAUSTED, "rejected by rate limit");
    tokens--;
  };
}

export async function servePodResources(options: PodResourcesOptions): Promise<GrpcServer> {
  const allow = limiter(options.clock);
  const tell = (pod: Pod): Sent<PodResources> => ({
    name: pod.metadata.name,
    namespace: pod.metadata.namespace ?? "",
    containers: [...(pod.spec.initContainers ?? []).filter(isSidecar), ...pod.spec.containers].map((container) => ({
      name: container.name,
      ...options.resourcesOf(pod, container),
    })),
  });
  await mkdir(dirname(options.socket), { recursive: true, mode: 0o750 });
  return serveGrpc(
    options.socket,
    implement(podResources, {
      async List() {
        allow();
        return { podResources: [...options.pods()].map(tell) };
      },
      async GetAllocatableResources() {
        allow();
        return options.allocatable();
      },
      async Get({ podName, podNamespace }) {
        allow();
        const pod = [...options.pods()].find(({ metadata }) => metadata.name === podName && metadata.namespace === podNamespace);
        if (!pod) throw new Error(`pod ${podName} in namespace ${podNamespace} not found`);
        return { podResources: tell(pod) };
      },
    }),
  );
}

/** One entry per device, and per node where it lies on several. */
export const devicesOf = (devices: Iterable<{ resource: string; id: string; nodes: number[] }>): Sent<ContainerResources["devices"]> =>
  [...devices].flatMap(({ resource, id, nodes }) => {
    const device = { resourceName: resource, deviceIds: [id] };
    return nodes.length ? nodes.map((ID) => ({ ...device, topology: { nodes: [{ ID }] } })) : [device];
  });
