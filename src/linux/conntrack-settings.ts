/** Sizes and timeouts of connection tracking (k8s.io/kubernetes/pkg/proxy/conntrack/sysctls.go). */
import { readFileSync, writeFileSync } from "node:fs";
import { readSysctl, writeSysctl } from "./sysctl.ts";

/** Times in milliseconds; 0 and false leave the kernel's setting. */
export interface ConntrackSettings {
  maxPerCore: number;
  min: number;
  cpus: number;
  tcpEstablished: number;
  tcpCloseWait: number;
  tcpBeLiberal: boolean;
  udp: number;
  udpStream: number;
}

/** More would take too much memory on machines with many cores. */
const most = 1048576;

/** Kernel parameters below net.netfilter. Pure. */
export function conntrackSysctls(settings: ConntrackSettings): Record<string, number> {
  const seconds = (ms: number): number => Math.trunc(ms / 1000);
  const { maxPerCore, min, cpus } = settings;
  const all: Record<string, number> = {
    nf_conntrack_max: maxPerCore <= 0 ? 0 : maxPerCore * cpus > most ? most : Math.max(maxPerCore * cpus, min),
    nf_conntrack_tcp_timeout_established: seconds(settings.tcpEstablished),
    nf_conntrack_tcp_timeout_close_wait: seconds(settings.tcpCloseWait),
    nf_conntrack_tcp_be_liberal: settings.tcpBeLiberal ? 1 : 0,
    nf_conntrack_udp_timeout: seconds(settings.udp),
    nf_conntrack_udp_timeout_stream: seconds(settings.udpStream),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value > 0));
}

const hashSize = "/sys/module/nf_conntrack/parameters/hashsize";

/** Throws when the kernel refuses. */
export function setConntrack(settings: ConntrackSettings): void {
  const values = conntrackSysctls(settings);
  for (const [name, value] of Object.entries(values)) {
    if (readSysctl(`net.netfilter.${name}`) !== String(value)) writeSysctl(`net.netfilter.${name}`, String(value));
  }
  const buckets = (values.nf_conntrack_max ?? 0) / 4;
  if (buckets && Number(readFileSync(hashSize, "utf8")) < buckets) writeFileSync(hashSize, String(buckets));
}
