/** Where everything of one cluster lies: one data directory, so that `reset` can take it away and tests can have many. */
import { join } from "node:path";

export interface Paths {
  data: string;
  pki: string;
  kubeconfigs: string;
  store: string;
  /** EncryptionConfiguration, where somebody put one. */
  encryption: string;
  logs: string;
  /** Pid files and the record of what was changed on the machine. */
  run: string;
  containerd: string;
  /** Short: a Unix socket's path is at most 108 bytes. */
  containerdSocket: string;
  containerdState: string;
  kubelet: string;
  /** Manifests of pods that run without being in the API. */
  staticPods: string;
  cni: string;
  images: string;
  /** Content of the optional registry. */
  registry: string;
  /** Directories of the local-path class. */
  volumes: string;
}

export function pathsOf(data: string): Paths {
  return {
    data,
    pki: join(data, "pki"),
    kubeconfigs: join(data, "kubeconfig"),
    store: join(data, "store"),
    encryption: join(data, "encryption.yaml"),
    logs: join(data, "logs"),
    run: join(data, "run"),
    containerd: join(data, "containerd"),
    containerdSocket: join(data, "run", "containerd.sock"),
    containerdState: join(data, "run", "containerd"),
    kubelet: join(data, "kubelet"),
    staticPods: join(data, "static-pods"),
    cni: join(data, "cni"),
    images: join(data, "images"),
    registry: join(data, "registry"),
    volumes: join(data, "volumes"),
  };
}

export const kubeconfigPath = (paths: Paths, user: string): string => join(paths.kubeconfigs, `${user}.conf`);
