/** Pods reach the world under the node's address: what leaves the cluster's networks is masqueraded. */

export const table = "k8ts_network";

export interface MasqueradeOptions {
  podCIDR: string;
  bridge: string;
}

/** One transaction that makes the table anew. */
export const masqueradeRules = ({ podCIDR, bridge }: MasqueradeOptions): string => `add table ip ${table}
delete table ip ${table}
table ip ${table} {
  comment "Pod network of k8ts";
  chain postrouting {
    type nat hook postrouting priority srcnat + 10;
    ip saddr ${podCIDR} ip daddr != ${podCIDR} oifname != "${bridge}" masquerade fully-random
  }
}
`;
