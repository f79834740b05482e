/** The kernel as the Service proxy needs it: nftables and connection tracking of this machine. */
import { existsSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { CommandError } from "../linux/command.ts";
import { forgetUDPFlow, udpFlows } from "../linux/conntrack.ts";
import { applyRuleset, tableObjects } from "../linux/nft.ts";
import { readSysctl } from "../linux/sysctl.ts";
import { words } from "../proxy/frame.ts";
import type { Family } from "../proxy/packed-slice.ts";
import type { Dataplane } from "../proxy/proxy.ts";
import { rangeContains } from "../proxy/service-port.ts";

export const kernelDataplane: Dataplane = { apply: applyRuleset, objects: tableObjects, udpFlows, forgetUDPFlow };

/** Takes away all rules of Services, in both families. */
export async function removeServiceRules(): Promise<void> {
  for (const { table } of Object.values(words)) {
    try {
      await applyRuleset(`delete table ${table}\n`);
    } catch (error) {
      if (!(error instanceof CommandError && /No such file/.test(error.stderr))) throw error;
    }
  }
}

/** Address families that this kernel speaks. */
export function families(): Family[] {
  const v6 = existsSync("/proc/net/if_inet6") && readSysctl("net.ipv6.conf.all.disable_ipv6") !== "1";
  return v6 ? ["IPv4", "IPv6"] : ["IPv4"];
}

/** This machine's addresses in the networks, without loopback. */
export function addressesWithin(networks: readonly string[], family: Family): string[] {
  const own = Object.values(networkInterfaces()).flatMap((all) =>
    (all ?? []).filter((one) => one.family === family && !one.internal).map((one) => one.address),
  );
  return [...new Set(own.filter((address) => networks.some((network) => rangeContains(network, address))))].sort();
}
