/**
 * The network of this node's pods as a CNI configuration (https://www.cni.dev/docs/spec/): a bridge, addresses from the
 * node's own range, host ports. The runtime calls the plugins; containerd reads the newest file by itself.
 */

export interface PodNetworkOptions {
  /** Names the network, too. */
  bridge: string;
  podCIDR: string;
  /** Where host-local keeps which address is whose. */
  stateDirectory: string;
  mtu?: number;
}

export function conflist({ bridge, podCIDR, stateDirectory, mtu }: PodNetworkOptions): string {
  const config = {
    cniVersion: "0.4.0",
    name: bridge,
    plugins: [
      {
        type: "bridge",
        bridge,
        isGateway: true,
        ipMasq: false,
        // A pod may reach itself through its Service.
        hairpinMode: true,
        ...(mtu ? { mtu } : {}),
        ipam: { type: "host-local", dataDir: stateDirectory, ranges: [[{ subnet: podCIDR }]], routes: [{ dst: "0.0.0.0/0" }] },
      },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
