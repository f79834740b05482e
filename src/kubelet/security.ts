/** Security settings of containers and sandboxes as the runtime takes them (upstream's kuberuntime/security_context.go). Pure. */
import type { Container, Pod, SeccompProfile, SecurityContext } from "../api/types/core-v1.gen.ts";
import type { Sent } from "../cri/client.ts";
import type { LinuxContainerSecurityContext, LinuxSandboxSecurityContext, NamespaceOption, SecurityProfile } from "../cri/types.gen.ts";
import { formatPod, isHostNetwork, isPrivileged } from "./pod.ts";

export interface ImageUser {
  uid?: number;
  username?: string;
}

/** The container's settings over the pod's. */
export function effective(pod: Pod, container: Container): SecurityContext {
  const shared = pod.spec.securityContext ?? {};
  const fromPod: SecurityContext = {};
  for (const field of ["runAsUser", "runAsGroup", "runAsNonRoot", "seLinuxOptions", "seccompProfile", "appArmorProfile"] as const)
    if (shared[field] !== undefined) Object.assign(fromPod, { [field]: shared[field] });
  return { ...fromPod, ...container.securityContext };
}

/** Throws with upstream's text when the container would run as root although it must not. */
export function verifyNonRoot(pod: Pod, container: Container, image: ImageUser): void {
  const settings = effective(pod, container);
  if (!settings.runAsNonRoot) return;
  const where = `(pod: ${JSON.stringify(formatPod(pod))}, container: ${container.name})`;
  if (settings.runAsUser !== undefined) {
    if (settings.runAsUser === 0) throw new Error(`container's runAsUser breaks non-root policy ${where}`);
  } else if (image.uid === undefined && image.username)
    throw new Error(`container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${where}`);
  else if (image.uid === 0) throw new Error(`container has runAsNonRoot and image will run as root ${where}`);
}

function seccomp(profile: SeccompProfile | undefined, directory: string, runtimeDefault: boolean): Sent<SecurityProfile> {
  if (!profile) return { profileType: runtimeDefault ? "RuntimeDefault" : "Unconfined" };
  if (profile.type === "RuntimeDefault") return { profileType: "RuntimeDefault" };
  if (profile.type !== "Localhost") return { profileType: "Unconfined" };
  if (!profile.localhostProfile) throw new Error("localhostProfile must be set if seccompProfile type is Localhost.");
  return { profileType: "Localhost", localhostRef: `${directory}/${profile.localhostProfile}` };
}

function namespaces(pod: Pod): Sent<NamespaceOption> {
  return {
    network: isHostNetwork(pod) ? "NODE" : "POD",
    pid: pod.spec.hostPID ? "NODE" : pod.spec.shareProcessNamespace ? "POD" : "CONTAINER",
    ipc: pod.spec.hostIPC ? "NODE" : "POD",
  };
}

const maskedPaths = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
const readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

const int64 = (value: number | undefined): { value: number } | undefined => (value === undefined ? undefined : { value });

function supplementalGroups(pod: Pod): number[] {
  const shared = pod.spec.securityContext;
  return [...(shared?.fsGroup === undefined ? [] : [shared.fsGroup]), ...(shared?.supplementalGroups ?? [])];
}

export interface SecurityOptions {
  seccompDir: string;
  seccompDefault: boolean;
  /** A container whose process namespace an ephemeral container joins. */
  targetId?: string;
}

/** Throws with upstream's text for what the node cannot do. */
export function containerSecurity(pod: Pod, container: Container, image: ImageUser, options: SecurityOptions): Sent<LinuxContainerSecurityContext> {
  const settings = effective(pod, container);
  const policy = pod.spec.securityContext?.supplementalGroupsPolicy;
  const namespaceOptions = namespaces(pod);
  if (options.targetId && namespaceOptions.pid === "CONTAINER") Object.assign(namespaceOptions, { pid: "TARGET", targetId: options.targetId });
  const unmasked = settings.procMount === "Unmasked";
  const own = settings.runAsUser === undefined;
  return {
    capabilities: settings.capabilities && { addCapabilities: settings.capabilities.add ?? [], dropCapabilities: settings.capabilities.drop ?? [] },
    privileged: settings.privileged ?? false,
    namespaceOptions,
    selinuxOptions: settings.seLinuxOptions,
    runAsUser: int64(settings.runAsUser ?? image.uid),
    runAsUsername: own ? (image.username ?? "") : "",
    runAsGroup: int64(settings.runAsGroup),
    readonlyRootfs: settings.readOnlyRootFilesystem ?? false,
    supplementalGroups: supplementalGroups(pod),
    ...(policy ? { supplementalGroupsPolicy: policy as "Merge" | "Strict" } : {}),
    noNewPrivs: settings.allowPrivilegeEscalation === false,
    maskedPaths: unmasked ? [] : maskedPaths,
    readonlyPaths: unmasked ? [] : readonlyPaths,
    // A privileged container is confined by nothing.
    seccomp: settings.privileged ? { profileType: "Unconfined" } : seccomp(settings.seccompProfile, options.seccompDir, options.seccompDefault),
  };
}

export function sandboxSecurity(pod: Pod): Sent<LinuxSandboxSecurityContext> {
  const shared = pod.spec.securityContext;
  return {
    privileged: isPrivileged(pod),
    seccomp: { profileType: "RuntimeDefault" },
    namespaceOptions: namespaces(pod),
    runAsUser: int64(shared?.runAsUser),
    runAsGroup: int64(shared?.runAsGroup),
    supplementalGroups: supplementalGroups(pod),
    selinuxOptions: shared?.seLinuxOptions,
  };
}
