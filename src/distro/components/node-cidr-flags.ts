/** --cluster-cidr and the sizes of what nodes get of it (cmd/kube-controller-manager/app/core.go). */
import { isIPv6CIDR } from "../../api/ip.ts";
import { CIDRSet } from "../../controllers/node/cidr-set.ts";
import type { ControllerOptions } from "../../controllers/runtime/options.ts";
import { FlagError } from "./flag-error.ts";

export interface NodeCIDRFlags {
  readonly "allocate-node-cidrs": boolean;
  readonly "cluster-cidr": readonly string[];
  readonly "node-cidr-mask-size": number;
  readonly "node-cidr-mask-size-ipv4": number;
  readonly "node-cidr-mask-size-ipv6": number;
  readonly "service-cluster-ip-range": readonly string[];
}

/** 0 is a mask that was not given. Throws FlagError for ranges and sizes that contradict each other. */
export function nodeCIDRs(flags: NodeCIDRFlags): Pick<ControllerOptions, "nodeCIDRs"> {
  if (!flags["allocate-node-cidrs"]) return {};
  const { "cluster-cidr": ranges, "service-cluster-ip-range": reserved } = flags;
  const both = ranges.length === 2 && isIPv6CIDR(ranges[0] as string) !== isIPv6CIDR(ranges[1] as string);
  if (!ranges.length) throw new FlagError(["must specify --cluster-cidr if --allocate-node-cidrs is set"]);
  if (ranges.length > 2) throw new FlagError([`length of clusterCIDRs is:${ranges.length} more than max allowed of 2`]);
  if (ranges.length === 2 && !both) throw new FlagError(["--cluster-cidr: two ranges must be of different families"]);
  if (reserved.length > 2) throw new FlagError(["--service-cluster-ip-range can not contain more than two entries"]);
  if (reserved.length === 2 && isIPv6CIDR(reserved[0] as string) === isIPv6CIDR(reserved[1] as string))
    throw new FlagError(["serviceCIDR and secondaryServiceCIDR are not dualstack (from different IPfamiles)"]);
  const pools = ranges.map((cidr) => ({ cidr, mask: maskOf(flags, isIPv6CIDR(cidr), both) }));
  for (const { cidr, mask } of pools) {
    try {
      new CIDRSet(cidr, mask);
    } catch (error) {
      throw new FlagError([(error as Error).message]);
    }
  }
  return { nodeCIDRs: { pools, reserved } };
}

function maskOf(flags: NodeCIDRFlags, six: boolean, both: boolean): number {
  const { "node-cidr-mask-size": any, "node-cidr-mask-size-ipv4": v4, "node-cidr-mask-size-ipv6": v6 } = flags;
  const fail = (message: string): never => {
    throw new FlagError([message]);
  };
  if (any && both) fail("usage of --node-cidr-mask-size is not allowed with dual-stack clusters");
  if (any && (v4 || v6))
    fail(
      "usage of --node-cidr-mask-size-ipv4 and --node-cidr-mask-size-ipv6 is not allowed if --node-cidr-mask-size is set. For dual-stack clusters please unset it and use IPFamily specific flags",
    );
  if (!both && v4 && six) fail("usage of --node-cidr-mask-size-ipv4 is not allowed for a single-stack IPv6 cluster");
  if (!both && v6 && !six) fail("usage of --node-cidr-mask-size-ipv6 is not allowed for a single-stack IPv4 cluster");
  return any || (six ? v6 || 64 : v4 || 24);
}
