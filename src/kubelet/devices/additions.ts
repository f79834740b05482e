/** What plugins answered, put together for one container (pkg/kubelet/cm/devicemanager/pod_devices.go). Pure but for the log. */
import type { Logger } from "../../base/logger.ts";
import type { ContainerAdditions } from "../lifecycle.ts";
import type { Allocation } from "./pod-devices.ts";

/** Where two resources want different things under one name, the first has it. */
export function containerAdditions(allocations: ReadonlyMap<string, Allocation>, logger: Logger): ContainerAdditions {
  const env = new Map<string, string>();
  const annotations = new Map<string, string>();
  const devices = new Map<string, { hostPath: string; containerPath: string; permissions: string }>();
  const mounts = new Map<string, { hostPath: string; containerPath: string; readonly: boolean }>();
  const cdi = new Set<string>();
  const put = <V>(into: Map<string, V>, key: string, value: V, of: (value: V) => unknown): void => {
    const before = into.get(key);
    if (before === undefined) into.set(key, value);
    else if (of(before) !== of(value)) logger.warn("device plugins contradict one another", { key, got: of(before), refused: of(value) });
  };
  for (const { response } of allocations.values()) {
    for (const [key, value] of Object.entries(response.envs)) put(env, key, value, String);
    for (const [key, value] of Object.entries(response.annotations)) put(annotations, key, value, String);
    for (const { hostPath, containerPath, permissions } of response.devices)
      put(devices, containerPath, { hostPath, containerPath, permissions }, (d) => d.hostPath);
    for (const { hostPath, containerPath, readOnly } of response.mounts)
      put(mounts, containerPath, { hostPath, containerPath, readonly: readOnly }, (m) => m.hostPath);
    for (const { name } of response.cdiDevices) cdi.add(name);
  }
  return {
    env: Object.fromEntries(env),
    annotations: Object.fromEntries(annotations),
    devices: [...devices.values()],
    mounts: [...mounts.values()],
    cdiDevices: [...cdi].map((name) => ({ name })),
  };
}
