/** topologyManagerPolicyOptions (pkg/kubelet/cm/topologymanager/policy_options.go). */
import type { NumaNode } from "../../linux/topology.ts";
import { booleanOption } from "../policy-options.ts";
import type { TopologyPolicy, TopologyPolicyName } from "./merge.ts";

/** More make too many places to choose from, unless somebody says that they do not. */
const mostNodes = 8;

/** Undefined for `none`. Throws, in upstream's words, for what it refuses or this machine cannot have. */
export function topologyPolicy(name: TopologyPolicyName, options: Readonly<Record<string, string>>, nodes: readonly NumaNode[]): TopologyPolicy | undefined {
  if (name === "none") return undefined;
  let preferClosest = false;
  let most = mostNodes;
  for (const [option, value] of Object.entries(options)) {
    if (option === "prefer-closest-numa-nodes") preferClosest = booleanOption(option, value);
    else if (option === "max-allowable-numa-nodes") {
      if (!/^[+-]?\d+$/.test(value))
        throw new Error(`unable to convert policy option to integer ${JSON.stringify(option)}: strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
      most = Number(value);
      if (most < mostNodes) throw new Error(`the minimum value of ${JSON.stringify(option)} should not be less than ${mostNodes}`);
    } else throw new Error(`unknown Topology Manager Policy option: ${JSON.stringify(option)}`);
  }
  if (preferClosest && nodes.some((node) => !node.distances.length))
    throw new Error("cannot discover NUMA topology: error getting NUMA distances from cadvisor");
  if (nodes.length > most) throw new Error(`unsupported on machines with more than ${most} NUMA Nodes`);
  return { name, numa: { nodes: nodes.map((node) => node.id), distances: nodes.map((node) => node.distances) }, preferClosest };
}
