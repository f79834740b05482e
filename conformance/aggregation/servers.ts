/** kube-apiserver over etcd and ours, both with a front proxy's certificate, each with a sample-apiserver of its own. */
import { join } from "node:path";
import { type Ports as PairPorts, type RunningPair, startPair } from "../pair/start.ts";

export interface Ports extends PairPorts {
  samples: { peer: number; ours: number };
  backend: number;
}
export interface AggregatedPair extends RunningPair {
  /** Addresses of the sample-apiservers come with their APIServices. */
  startSamples(): void;
}

export const sampleService = "wardle";
export const backendService = "backend";

export async function startServers(bin: string, ports: Ports): Promise<AggregatedPair> {
  const pair = await startPair({
    name: "aggregation",
    bin,
    ports,
    async certificates(pki) {
      await pki.ensureCA("front-proxy-ca", "front-proxy-ca");
      await pki.ensure({ file: "front-proxy-client", commonName: "front-proxy-client", ca: "front-proxy-ca", usages: ["client"] });
      for (const name of [sampleService, backendService])
        await pki.ensure({ file: name, commonName: name, ca: "ca", usages: ["server"], dns: [`${name}.default.svc`] });
    },
    flags: (path) => [
      "--authorization-mode=Node,RBAC",
      `--requestheader-client-ca-file=${path("front-proxy-ca.crt")}`,
      "--requestheader-allowed-names=front-proxy-client",
      "--requestheader-username-headers=X-Remote-User",
      "--requestheader-uid-headers=X-Remote-Uid",
      "--requestheader-group-headers=X-Remote-Group",
      "--requestheader-extra-headers-prefix=X-Remote-Extra-",
      `--proxy-client-cert-file=${path("front-proxy-client.crt")}`,
      `--proxy-client-key-file=${path("front-proxy-client.key")}`,
    ],
  });
  const { processes } = pair;
  return {
    ...pair,
    startSamples() {
      for (const side of ["peer", "ours"] as const) {
        const access = ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"].map((flag) => `--${flag}=${processes.path(`${side}.conf`)}`);
        processes.start(`sample-${side}`, join(bin, "sample-apiserver"), [
          `--secure-port=${ports.samples[side]}`,
          "--bind-address=127.0.0.1",
          ...access,
          `--tls-cert-file=${processes.path(`${sampleService}.crt`)}`,
          `--tls-private-key-file=${processes.path(`${sampleService}.key`)}`,
          `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
          `--etcd-prefix=/wardle-${side}`,
        ]);
      }
    },
    [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
  };
}
