/** Which kernel parameters pods may set (upstream's pkg/kubelet/sysctl). Pure. */
import type { Pod } from "../api/types/core-v1.gen.ts";

/** Known to be confined to the pod. */
const safe = [
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.ping_group_range",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_wmem",
];

const dotted = (name: string): string => name.replaceAll("/", ".");
const ofIpc = (name: string): boolean => /^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/.test(name);

/** Why the pod may not set what it wants to; undefined when it may. `allowed`: further names, or prefixes that end with `*`. */
export function forbiddenSysctl(pod: Pod, allowed: readonly string[]): string | undefined {
  for (const { name } of pod.spec.securityContext?.sysctls ?? []) {
    const plain = dotted(name);
    const quoted = JSON.stringify(name);
    if (pod.spec.hostNetwork && plain.startsWith("net.")) return `forbidden sysctl: ${quoted} not allowed with host net enabled`;
    if (pod.spec.hostIPC && ofIpc(plain)) return `forbidden sysctl: ${quoted} not allowed with host ipc enabled`;
    const listed = [...safe, ...allowed.map(dotted)].some((entry) => (entry.endsWith("*") ? plain.startsWith(entry.slice(0, -1)) : entry === plain));
    if (!listed) return `forbidden sysctl: ${quoted} not allowlisted`;
  }
  return undefined;
}
