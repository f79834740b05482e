/** A running pod grows only as far as its node can hold it (plugin/pkg/admission/podresize, KEP-1287). */
import { goQuote } from "../../api/go-quote.ts";
import { podRequests } from "../../api/core/pod-resources.ts";
import { parseQuantity } from "../../api/quantity.ts";
import type { Node, Pod } from "../../api/types/core-v1.gen.ts";
import type { Reader } from "../../cache/cache.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { concerns, refuse } from "./refuse.ts";

export function podResizeValidator({ reader }: { reader: Reader }): AdmissionPlugin {
  return {
    name: "PodResizeValidator",
    validate(attributes) {
      if (attributes.subresource !== "resize" || !concerns(attributes, "pods", "resize")) return;
      const pod = attributes.object as Pod;
      const name = pod.spec.nodeName;
      if (!name || attributes.old?.metadata.generation === pod.metadata.generation) return;
      const node = reader.get<Node>("nodes", "", name);
      if (!node) throw refuse(attributes, `node ${goQuote(name)} not found`);
      const os = node.metadata.labels?.["kubernetes.io/os"];
      if (os !== undefined && os !== "linux")
        throw because(attributes, "UnsupportedPlatform", `pod resize is only supported on linux nodes, node ${goQuote(name)} is ${goQuote(os)}`);
      const requests = podRequests(pod.spec);
      const quantity = (list: Record<string, string> | undefined, resource: string) => parseQuantity(list?.[resource] ?? "0");
      const [cpu, cpuLimit] = [quantity(requests, "cpu"), quantity(node.status?.allocatable, "cpu")];
      const [memory, memoryLimit] = [quantity(requests, "memory"), quantity(node.status?.allocatable, "memory")];
      const lacks: string[] = [];
      if (cpu.cmp(cpuLimit) > 0) lacks.push(`cpu, requested: ${cpu.milliValue()}, allocatable: ${cpuLimit.milliValue()}`);
      if (memory.cmp(memoryLimit) > 0) lacks.push(`memory, requested: ${memory.value()}, allocatable: ${memoryLimit.value()}`);
      if (lacks.length) throw because(attributes, "NodeCapacity", `node didn't have enough allocatable resources: ${lacks.join("; ")}`);
    },
  };
}

function because(attributes: AdmissionAttributes, reason: string, message: string) {
  const error = refuse(attributes, message);
  error.status.details = { ...error.status.details, causes: [{ reason }] };
  return error;
}
