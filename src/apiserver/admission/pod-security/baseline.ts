/** The baseline level: nothing by which a pod is known to get out of its container (k8s.io/pod-security-admission/policy). */
import { goQuote } from "../../../api/go-quote.ts";
import type { LifecycleHandler, Probe } from "../../../api/types/core-v1.gen.ts";
import {
  badContainers,
  type Check,
  type CheckFunction,
  containersOf,
  type Finding,
  namedContainers,
  plural,
  quoteAll,
  setters,
  sorted,
  unlessUserNamespace,
} from "./check.ts";

const appArmorPrefix = "container.apparmor.security.beta.kubernetes.io/";
const seccompPod = "seccomp.security.alpha.kubernetes.io/pod";
const seccompPrefix = "container.seccomp.security.alpha.kubernetes.io/";

const appArmor: CheckFunction = ({ metadata, spec }) => {
  const values = new Set<string>();
  const who = setters(spec, ({ appArmorProfile: profile }) => {
    const bad = profile !== undefined && profile.type !== "RuntimeDefault" && profile.type !== "Localhost";
    if (bad) values.add(profile.type);
    return bad;
  });
  const annotations = Object.entries(metadata.annotations ?? {})
    .filter(([key, value]) => key.startsWith(appArmorPrefix) && value && value !== "runtime/default" && !value.startsWith("localhost/"))
    .map(([key, value]) => `${key}=${goQuote(value)}`)
    .sort();
  const all = [...(who ? [who] : []), ...(annotations.length ? [plural(annotations.length, "annotation")] : [])];
  if (!all.length) return undefined;
  const list = [...sorted(values), ...annotations];
  return { reason: plural(list.length, "forbidden AppArmor profile"), detail: `${all.join(" and ")} must not set AppArmor profile type to ${quoteAll(list)}` };
};

const defaultCapabilities = new Set(
  "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT".split(" "),
);
const capabilities: CheckFunction = ({ spec }) => {
  const added = (container: ReturnType<typeof containersOf>[number]): string[] =>
    (container.securityContext?.capabilities?.add ?? []).filter((name) => !defaultCapabilities.has(name));
  const names = badContainers(spec, (container) => added(container).length > 0);
  if (!names.length) return undefined;
  const detail = `${namedContainers(names)} must not include ${quoteAll(sorted(containersOf(spec).flatMap(added)))} in securityContext.capabilities.add`;
  return { reason: "non-default capabilities", detail };
};

const hostNamespaces: CheckFunction = ({ spec }) => {
  const used = [...(spec.hostNetwork ? ["hostNetwork=true"] : []), ...(spec.hostPID ? ["hostPID=true"] : []), ...(spec.hostIPC ? ["hostIPC=true"] : [])];
  return used.length ? { reason: "host namespaces", detail: used.join(", ") } : undefined;
};

const hostPathVolumes: CheckFunction = ({ spec }) => {
  const names = (spec.volumes ?? []).filter((volume) => volume.hostPath).map(({ name }) => name);
  return names.length ? { reason: "hostPath volumes", detail: `${plural(names.length, "volume")} ${quoteAll(names)}` } : undefined;
};

const hostPorts: CheckFunction = ({ spec }) => {
  const names = badContainers(spec, ({ ports }) => ports?.some((port) => port.hostPort) ?? false);
  if (!names.length) return undefined;
  const used = sorted(containersOf(spec).flatMap(({ ports }) => (ports ?? []).filter((p) => p.hostPort).map((p) => String(p.hostPort))));
  const detail = `${namedContainers(names)} ${plural(names.length, "uses", "use")} ${plural(used.length, "hostPort")} ${used.join(", ")}`;
  return { reason: "hostPort", detail };
};

const hostsOf = (handler: Probe | LifecycleHandler | undefined): string[] =>
  [handler?.httpGet?.host, handler?.tcpSocket?.host].filter((host): host is string => !!host);
const probeHosts: CheckFunction = ({ spec }) => {
  const hosts = (c: ReturnType<typeof containersOf>[number]): string[] =>
    [c.livenessProbe, c.readinessProbe, c.startupProbe, c.lifecycle?.postStart, c.lifecycle?.preStop].flatMap(hostsOf);
  const names = sorted(badContainers(spec, (container) => hosts(container).length > 0));
  if (!names.length) return undefined;
  const used = sorted(containersOf(spec).flatMap(hosts));
  const what = plural(used.length, "probe or lifecycle host");
  return { reason: "probe or lifecycle host", detail: `${namedContainers(names)} ${plural(names.length, "uses", "use")} ${what} ${quoteAll(used)}` };
};

const privileged: CheckFunction = ({ spec }) => {
  const names = badContainers(spec, ({ securityContext }) => securityContext?.privileged === true);
  return names.length ? { reason: "privileged", detail: `${namedContainers(names)} must not set securityContext.privileged=true` } : undefined;
};

export const procMount: CheckFunction = ({ spec }) => {
  const mount = (container: ReturnType<typeof containersOf>[number]): string | undefined => {
    const value = container.securityContext?.procMount;
    return value !== undefined && value !== "Default" ? value : undefined;
  };
  const names = badContainers(spec, (container) => mount(container) !== undefined);
  if (!names.length) return undefined;
  const values = sorted(containersOf(spec).flatMap((container) => mount(container) ?? []));
  return { reason: "procMount", detail: `${namedContainers(names)} must not set securityContext.procMount to ${quoteAll(values)}` };
};

function seLinux(allowed: readonly string[]): CheckFunction {
  return ({ spec }) => {
    const types = new Set<string>();
    let user = false;
    let role = false;
    const who = setters(spec, ({ seLinuxOptions: options }) => {
      if (!options) return false;
      const badType = !allowed.includes(options.type ?? "");
      if (badType) types.add(options.type ?? "");
      user ||= !!options.user;
      role ||= !!options.role;
      return badType || !!options.user || !!options.role;
    });
    if (!who) return undefined;
    const data = [
      ...(types.size ? [`${plural(types.size, "type")} ${quoteAll(sorted(types))}`] : []),
      ...(user ? ["user may not be set"] : []),
      ...(role ? ["role may not be set"] : []),
    ];
    return { reason: "seLinuxOptions", detail: `${who} set forbidden securityContext.seLinuxOptions: ${data.join("; ")}` };
  };
}

const seccompAnnotations: CheckFunction = ({ metadata, spec }) => {
  const keys = [seccompPod, ...containersOf(spec).map(({ name }) => seccompPrefix + name)];
  const bad = keys.flatMap((key) => {
    const value = metadata.annotations?.[key];
    const fine = value === undefined || value === "runtime/default" || value === "docker/default" || value.startsWith("localhost/");
    return fine ? [] : [`${key}=${goQuote(value)}`];
  });
  const list = sorted(bad);
  return list.length ? { reason: "seccompProfile", detail: `forbidden ${plural(list.length, "annotation")} ${list.join(", ")}` } : undefined;
};

export const seccompFields: CheckFunction = ({ spec }): Finding | undefined => {
  const values = new Set<string>();
  const who = setters(spec, ({ seccompProfile: profile }) => {
    const bad = profile !== undefined && profile.type !== "Localhost" && profile.type !== "RuntimeDefault";
    if (bad) values.add(profile.type);
    return bad;
  });
  return who ? { reason: "seccompProfile", detail: `${who} must not set securityContext.seccompProfile.type to ${quoteAll(sorted(values))}` } : undefined;
};

function sysctls(allowed: readonly string[]): CheckFunction {
  return ({ spec }) => {
    const bad = (spec.securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !allowed.includes(name));
    return bad.length ? { reason: "forbidden sysctls", detail: bad.join(", ") } : undefined;
  };
}
const sysctls0 = [
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.ping_group_range",
  "net.ipv4.ip_unprivileged_port_start",
];
const sysctls27 = [...sysctls0, "net.ipv4.ip_local_reserved_ports"];
const sysctls29 = [...sysctls27, "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes"];
const sysctls32 = [...sysctls29, "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"];

const windowsHostProcess: CheckFunction = ({ spec }) => {
  const who = setters(spec, ({ windowsOptions }) => windowsOptions?.hostProcess === true);
  return who ? { reason: "hostProcess", detail: `${who} must not set securityContext.windowsOptions.hostProcess=true` } : undefined;
};

const seLinuxTypes = ["", "container_t", "container_init_t", "container_kvm_t"];
const always = (check: CheckFunction): Check["versions"] => [{ from: 0, check }];

export const baselineChecks: readonly Check[] = [
  { id: "appArmorProfile", level: "baseline", versions: always(appArmor) },
  { id: "capabilities_baseline", level: "baseline", versions: always(capabilities) },
  { id: "hostNamespaces", level: "baseline", versions: always(hostNamespaces) },
  { id: "hostPathVolumes", level: "baseline", versions: always(hostPathVolumes) },
  { id: "hostPorts", level: "baseline", versions: always(hostPorts) },
  { id: "hostProbesAndHostLifecycle", level: "baseline", versions: [{ from: 34, check: probeHosts }] },
  { id: "privileged", level: "baseline", versions: always(privileged) },
  { id: "procMount", level: "baseline", versions: [...always(procMount), { from: 35, check: unlessUserNamespace(procMount) }] },
  {
    id: "seLinuxOptions",
    level: "baseline",
    versions: [...always(seLinux(seLinuxTypes)), { from: 31, check: seLinux([...seLinuxTypes, "container_engine_t"]) }],
  },
  { id: "seccompProfile_baseline", level: "baseline", versions: [...always(seccompAnnotations), { from: 19, check: seccompFields }] },
  {
    id: "sysctls",
    level: "baseline",
    versions: [
      ...always(sysctls(sysctls0)),
      { from: 27, check: sysctls(sysctls27) },
      { from: 29, check: sysctls(sysctls29) },
      { from: 32, check: sysctls(sysctls32) },
    ],
  },
  { id: "windowsHostProcess", level: "baseline", versions: always(windowsHostProcess) },
];
