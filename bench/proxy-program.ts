/** Our Service proxy and upstream's kube-proxy in nftables mode as programs, with the same flags. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { root } from "./machine.ts";
import { node, type ServiceWorld } from "./service-world.ts";

export interface ProxyProgram {
  world: ServiceWorld;
  /** Where upstream's programs are. */
  bin: string;
  /** Of two free ports the first: metrics, health. */
  port: number;
}

/** Its log is `<name>.log` in the world's directory. */
export function startProxy(ours: boolean, name: string, { world, bin, port }: ProxyProgram): ChildProcess {
  const [program, ...args] = ours
    ? [join(root, "k8ts"), "proxy"]
    : [
        join(bin, "kube-proxy"),
        "--proxy-mode=nftables",
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0",
        "--conntrack-tcp-timeout-close-wait=0",
      ];
  const log = openSync(join(world.directory, `${name}.log`), "w");
  const common = ["--cluster-cidr=10.128.0.0/9", `--hostname-override=${node}`, `--kubeconfig=${world.kubeconfig("proxy")}`];
  const ports = [`--metrics-bind-address=127.0.0.1:${port}`, `--healthz-bind-address=127.0.0.1:${port + 1}`];
  const child = spawn(program as string, [...args, ...common, ...ports], { stdio: ["ignore", log, log] });
  closeSync(log);
  return child;
}

/** By the proxy's own word: a sync after the caches were filled. Rejects after `patience` milliseconds. */
export async function proxySynced(child: ChildProcess, { world, port }: ProxyProgram, patience: number): Promise<void> {
  const deadline = systemClock.monotonic() + patience;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the proxy ended: see ${world.directory}`);
    if (systemClock.monotonic() > deadline) throw new Error(`no sync within ${patience / 1000} s: see ${world.directory}`);
    const text = await fetch(`http://127.0.0.1:${port}/metrics`).then(
      (response) => response.text(),
      () => "",
    );
    if (/^kubeproxy_sync_proxy_rules_last_timestamp_seconds\{ip_family="IPv4"\} [1-9]/m.test(text)) return;
    await systemClock.sleep(50);
  }
}
