/** A control plane put together from programs of either side, on an address that pods reach. */
import { join, resolve } from "node:path";
import type { PKI } from "../../src/distro/pki.ts";
import type { Side } from "../interchange/world.ts";
import { etcdFlags } from "../pair/etcd-flags.ts";

export type Command = [name: string, command: string, args: string[]];

export interface PlaneOptions {
  server: Side;
  directory: string;
  /** Where upstream's programs are. */
  bin: string;
  /** Of this machine; the API server listens there and on loopback. */
  address: string;
}

export const entry = resolve(import.meta.dirname, "../../src/distro/main.ts");
export const apiPort = 6443;
export const podCIDR = "10.244.0.0/24";
export const serviceCIDR = "10.96.0.0/16";
const etcdPort = 2379;

export interface Plane {
  /** The API server; for upstream's an etcd before it. */
  api: Command[];
  /** Controllers and scheduler: upstream's end when they start before the API server is ready. */
  others: Command[];
}

export function planePrograms({ server, directory, bin, address }: PlaneOptions, pki: PKI): Plane {
  const conf = (user: string): string => join(directory, `${user}.conf`);
  const api = [
    `--secure-port=${apiPort}`,
    "--bind-address=0.0.0.0",
    `--advertise-address=${address}`,
    `--client-ca-file=${pki.certificatePath("ca")}`,
    `--tls-cert-file=${pki.certificatePath("apiserver")}`,
    `--tls-private-key-file=${pki.keyPath("apiserver")}`,
    `--kubelet-certificate-authority=${pki.certificatePath("ca")}`,
    `--kubelet-client-certificate=${pki.certificatePath("apiserver-kubelet-client")}`,
    `--kubelet-client-key=${pki.keyPath("apiserver-kubelet-client")}`,
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    `--service-account-signing-key-file=${pki.keyPath("sa")}`,
    `--service-account-key-file=${join(pki.directory, "sa.pub")}`,
    `--service-cluster-ip-range=${serviceCIDR}`,
    `--requestheader-client-ca-file=${pki.certificatePath("front-proxy-ca")}`,
    "--requestheader-allowed-names=front-proxy-client",
    "--requestheader-username-headers=X-Remote-User",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    "--enable-admission-plugins=NodeRestriction",
    "--authorization-mode=Node,RBAC",
  ];
  const manager = [
    `--kubeconfig=${conf("controller-manager")}`,
    "--bind-address=127.0.0.1",
    "--use-service-account-credentials=true",
    `--root-ca-file=${pki.certificatePath("ca")}`,
    `--cluster-signing-cert-file=${pki.certificatePath("ca")}`,
    `--cluster-signing-key-file=${pki.keyPath("ca")}`,
    `--service-account-private-key-file=${pki.keyPath("sa")}`,
  ];
  const scheduler = [`--kubeconfig=${conf("scheduler")}`, "--bind-address=127.0.0.1"];
  if (server === "ours")
    return {
      api: [["apiserver", process.execPath, [entry, "apiserver", `--data-dir=${join(directory, "data")}`, ...api]]],
      others: [
        ["controller-manager", process.execPath, [entry, "controller-manager", ...manager]],
        ["scheduler", process.execPath, [entry, "scheduler", ...scheduler]],
      ],
    };
  const client = `http://127.0.0.1:${etcdPort}`;
  const as = (user: string): string[] => [`--authentication-kubeconfig=${conf(user)}`, `--authorization-kubeconfig=${conf(user)}`];
  return {
    api: [
      ["etcd", join(bin, "etcd"), etcdFlags(directory, etcdPort, etcdPort + 1)],
      [
        "apiserver",
        join(bin, "kube-apiserver"),
        [
          `--etcd-servers=${client}`,
          "--allow-privileged=true",
          "--kubelet-preferred-address-types=InternalIP",
          `--proxy-client-cert-file=${pki.certificatePath("front-proxy-client")}`,
          `--proxy-client-key-file=${pki.keyPath("front-proxy-client")}`,
          "--enable-aggregator-routing=true",
          ...api,
        ],
      ],
    ],
    others: [
      // The folder for plug-ins would otherwise lie outside of this one.
      [
        "controller-manager",
        join(bin, "kube-controller-manager"),
        [...manager, ...as("controller-manager"), `--flex-volume-plugin-dir=${join(directory, "flex")}`],
      ],
      ["scheduler", join(bin, "kube-scheduler"), [...scheduler, ...as("scheduler")]],
    ],
  };
}
