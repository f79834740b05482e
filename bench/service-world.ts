/** An API server of ours with many Services and endpoints, for the programs that watch them: proxies and DNS servers. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import type { Client } from "../src/client/client.ts";
import { endpointslices, nodes, services } from "../src/client/resources.gen.ts";
import { readAdminClient } from "../src/distro/admin-client.ts";
import { kubeconfig } from "../src/distro/identities.ts";
import { makePKI, startOurs } from "./servers.ts";

export const node = "n1";

export interface ServiceWorld extends AsyncDisposable {
  readonly client: Client;
  /** Kubeconfig file of a user; `dns` may read what a DNS server reads. */
  kubeconfig(user: "proxy" | "dns"): string;
  readonly directory: string;
}

/** `endpoints` addresses for each of `count` Services `s0`, `s1`, ... in the namespace default, port 80 named http. */
export async function serviceWorld(options: { directory: string; port: number; bin: string; count: number; endpoints: number }): Promise<ServiceWorld> {
  const { directory, port, bin, count, endpoints } = options;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const pki = await makePKI(join(directory, "pki"));
  await pki.ensure({ file: "proxy", commonName: "system:kube-proxy", ca: "ca", usages: ["client"] });
  const server = await startOurs({ directory: join(directory, "server"), pki, port, bin });
  const write = (user: string): string => {
    const file = join(directory, `${user}.conf`);
    writeFileSync(file, kubeconfig(pki, user, server.url), { mode: 0o600 });
    return file;
  };
  const client = readAdminClient(write("admin"), systemClock);
  await client.resource(nodes).create("", { metadata: { name: node } });
  await client.resource(nodes).patch("", node, "merge", { status: { addresses: [{ type: "InternalIP", address: "10.250.0.1" }] } }, { subresource: "status" });
  await inParallel(count, 32, async (i) => {
    await client.resource(services).create("default", { metadata: { name: `s${i}` }, spec: { ports: [{ name: "http", port: 80, targetPort: 8080 }] } });
    const addresses = Array.from({ length: endpoints }, (_, e) => address(i * endpoints + e));
    await client.resource(endpointslices).create("default", sliceOf(`s${i}`, addresses));
  });
  return {
    client,
    directory,
    kubeconfig: (user) => (user === "dns" ? join(directory, "admin.conf") : write(user)),
    async [Symbol.asyncDispose]() {
      await client.transport[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Distinct pod addresses below 10.128.0.0/9. */
const address = (i: number): string => `10.${128 + Math.floor(i / 62500)}.${Math.floor(i / 250) % 250}.${(i % 250) + 1}`;

export function sliceOf(service: string, addresses: readonly string[]) {
  return {
    metadata: { name: `${service}-x`, labels: { "kubernetes.io/service-name": service } },
    addressType: "IPv4",
    endpoints: addresses.map((ip, i) => ({
      addresses: [ip],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: `other-${i}`,
      targetRef: { kind: "Pod", namespace: "default", name: `${service}-${i}`, uid: `00000000-0000-4000-8000-${String(i).padStart(12, "0")}` },
    })),
    ports: [{ name: "http", protocol: "TCP", port: 8080 }],
  };
}

async function inParallel(count: number, width: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < count) await work(next++);
    }),
  );
}
