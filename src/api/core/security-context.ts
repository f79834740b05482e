/** Security contexts of pods and containers: users, profiles, sysctls, Windows options. */
import { type FieldError, forbiddenField, invalidValue, notSupported, type Path, required, duplicate, tooLong, invalidNamed } from "../field.ts";
import { isDNS1123Subdomain, isValidGroupID, isValidUserID } from "../names.ts";
import type { AppArmorProfile, PodSecurityContext, PodSpec, SeccompProfile, SecurityContext, WindowsSecurityContextOptions } from "../types/core-v1.gen.ts";
import { exceeds, invalidAll, invalidAllNamed, oneOf, validateLocalDescendingPath } from "./checks.ts";
import { internalForm } from "./internal-types.ts";

const profileTypes = ["Localhost", "RuntimeDefault", "Unconfined"];

function validateSeccompProfile(profile: SeccompProfile | undefined, at: Path): FieldError[] {
  if (!profile) return [];
  const errors: FieldError[] = profile.type
    ? oneOf(profile.type, profileTypes, at.child("type"))
    : [required(at.child("type"), "type is required when seccompProfile is set")];
  const here = at.child("localhostProfile");
  if (profile.type === "Localhost") {
    if (profile.localhostProfile === undefined) errors.push(required(here, "must be set when seccomp type is Localhost"));
    else errors.push(...validateLocalDescendingPath(profile.localhostProfile, here));
  } else if (profile.localhostProfile !== undefined)
    errors.push(invalidValue(here, internalForm("SeccompProfile", profile), "can only be set when seccomp type is Localhost"));
  return errors;
}

const maxLocalhostProfileLength = 4095;

export function validateAppArmorProfile(profile: AppArmorProfile | undefined, at: Path): FieldError[] {
  if (!profile) return [];
  const here = at.child("localhostProfile");
  const name = profile.localhostProfile;
  if (profile.type === "Localhost") {
    if (name === undefined) return [required(here, "must be set when AppArmor type is Localhost")];
    const errors: FieldError[] = [];
    if (name.trim() !== name) errors.push(invalidValue(here, name, "must not be padded with whitespace"));
    else if (!name) errors.push(required(here, "must be set when AppArmor type is Localhost"));
    if (exceeds(name, maxLocalhostProfileLength)) errors.push(tooLong(here, maxLocalhostProfileLength));
    return errors;
  }
  if (!profile.type) return [required(at.child("type"), "type is required when appArmorProfile is set")];
  if (!profileTypes.includes(profile.type)) return [notSupported(at.child("type"), profile.type, profileTypes)];
  return name === undefined ? [] : [invalidNamed(here, name, "can only be set when AppArmor type is Localhost")];
}

const maxCredentialSpec = 64 * 1024;
const netBios = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const windowsDomain = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/;

function windowsUserErrors(name: string): string[] {
  if (!name) return ["runAsUserName cannot be an empty string"];
  if ([...name].some((c) => c < " " || c === "\u007f")) return ["runAsUserName cannot contain control characters"];
  const parts = name.split("\\");
  if (parts.length > 2) return ["runAsUserName cannot contain more than one backslash"];
  const [domain, user] = parts.length === 2 ? (parts as [string, string]) : [undefined, parts[0]!];
  const errors: string[] = [];
  if (domain !== undefined && Buffer.byteLength(domain) >= 256) errors.push("runAsUserName's Domain length must be under 256 characters");
  if (domain !== undefined && !netBios.test(domain) && !windowsDomain.test(domain))
    errors.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  if (!user) errors.push("runAsUserName's User cannot be empty");
  else if (Buffer.byteLength(user) > 104) errors.push("runAsUserName's User length must not be longer than 104 characters");
  if (/^[. ]+$/.test(user)) errors.push("runAsUserName's User cannot contain only periods or spaces");
  if (/["/\\:;|=,+*?<>@[\]]/.test(user)) errors.push("runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]");
  return errors;
}

function validateWindowsOptions(options: WindowsSecurityContextOptions | undefined, at: Path): FieldError[] {
  if (!options) return [];
  const errors: FieldError[] = [];
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName: user } = options;
  if (name !== undefined) errors.push(...invalidAllNamed(at.child("gmsaCredentialSpecName"), name, isDNS1123Subdomain(name)));
  if (spec === "") errors.push(invalidNamed(at.child("gmsaCredentialSpec"), spec, "gmsaCredentialSpec cannot be an empty string"));
  else if (spec !== undefined && exceeds(spec, maxCredentialSpec))
    errors.push(invalidNamed(at.child("gmsaCredentialSpec"), spec, "gmsaCredentialSpec size must be under 64 KiB"));
  if (user !== undefined) errors.push(...invalidAllNamed(at.child("runAsUserName"), user, windowsUserErrors(user)));
  return errors;
}

/** `hostUsers`: the pod runs in the host's user namespace. */
export function validateSecurityContext(context: SecurityContext | undefined, at: Path, hostUsers: boolean): FieldError[] {
  if (!context) return [];
  const errors: FieldError[] = [];
  if (context.runAsUser !== undefined) errors.push(...invalidAll(at.child("runAsUser"), context.runAsUser, isValidUserID(context.runAsUser)));
  if (context.runAsGroup !== undefined) errors.push(...invalidAll(at.child("runAsGroup"), context.runAsGroup, isValidGroupID(context.runAsGroup)));
  if (context.procMount !== undefined) {
    errors.push(...oneOf(context.procMount, ["Default", "Unmasked"], at.child("procMount")));
    if (hostUsers && context.procMount === "Unmasked")
      errors.push(invalidValue(at.child("procMount"), context.procMount, "`hostUsers` must be false to use `Unmasked`"));
  }
  errors.push(...validateSeccompProfile(context.seccompProfile, at.child("seccompProfile")));
  if (context.allowPrivilegeEscalation === false) {
    const conflict = (what: string): void => {
      errors.push(invalidValue(at, internalForm("SecurityContext", context), `cannot set \`allowPrivilegeEscalation\` to false and ${what}`));
    };
    if (context.privileged) conflict("`privileged` to true");
    for (const capability of context.capabilities?.add ?? []) if (capability === "CAP_SYS_ADMIN") conflict("`capabilities.Add` CAP_SYS_ADMIN");
  }
  errors.push(...validateWindowsOptions(context.windowsOptions, at.child("windowsOptions")));
  errors.push(...validateAppArmorProfile(context.appArmorProfile, at.child("appArmorProfile")));
  return errors;
}

const ipcSysctls = /^(?:kernel\.(?:sem|shmall|shmmax|shmmni|shm_rmid_forced|shm|msgmax|msgmnb|msgmni|msg)$|fs\.mqueue\.)/;
const sysctlFormat = "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
const sysctlName = new RegExp(sysctlFormat);

/** Sysctls with slashes have dots and slashes swapped where a slash comes first. */
function normalizedSysctl(name: string): string {
  const first = /[./]/.exec(name)?.[0];
  if (first !== "/") return name;
  return name.replace(/[./]/g, (c) => (c === "/" ? "." : "/"));
}

/** A sysctl of a namespace that the pod shares with the host may not be set. */
export function validateHostSysctl(sysctl: string, spec: Pick<PodSpec, "hostNetwork" | "hostIPC">, at: Path): FieldError[] {
  const name = normalizedSysctl(sysctl).split("*")[0]!;
  if (spec.hostNetwork && name.startsWith("net.")) return [invalidValue(at, sysctl, "may not be specified when 'hostNetwork' is true")];
  if (spec.hostIPC && ipcSysctls.test(name)) return [invalidValue(at, sysctl, "may not be specified when 'hostIPC' is true")];
  return [];
}

function validateSysctls(spec: PodSpec, at: Path, allowHost: boolean | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const sysctls = spec.securityContext?.sysctls;
  if (!sysctls) return errors;
  const seen = new Set<string>();
  for (const [i, { name }] of sysctls.entries()) {
    const here = at.index(i).child("name");
    if (!name) errors.push(required(here));
    else if (name.length > 253 || !sysctlName.test(name))
      errors.push(invalidValue(here, name, `must have at most 253 characters and match regex ${sysctlFormat}`));
    else if (seen.has(name)) errors.push(duplicate(here, name));
    if (!allowHost) errors.push(...validateHostSysctl(name ?? "", spec, here));
    seen.add(name);
  }
  return errors;
}

export interface PodSecurityOptions {
  allowHostNamespacedSysctls?: boolean;
  allowAnySELinuxChangePolicy?: boolean;
}

export function validatePodSecurityContext(context: PodSecurityContext | undefined, spec: PodSpec, at: Path, options: PodSecurityOptions): FieldError[] {
  if (!context) return [];
  const errors: FieldError[] = [];
  if (context.fsGroup !== undefined) errors.push(...invalidAll(at.child("fsGroup"), context.fsGroup, isValidGroupID(context.fsGroup)));
  if (context.runAsUser !== undefined) errors.push(...invalidAll(at.child("runAsUser"), context.runAsUser, isValidUserID(context.runAsUser)));
  if (context.runAsGroup !== undefined) errors.push(...invalidAll(at.child("runAsGroup"), context.runAsGroup, isValidGroupID(context.runAsGroup)));
  for (const [i, gid] of (context.supplementalGroups ?? []).entries()) {
    errors.push(...invalidAll(at.child("supplementalGroups").index(i), gid, isValidGroupID(gid)));
  }
  if (spec.shareProcessNamespace && spec.hostPID)
    errors.push(invalidValue(at.child("shareProcessNamespace"), true, "ShareProcessNamespace and HostPID cannot both be enabled"));
  errors.push(...validateSysctls(spec, at.child("sysctls"), options.allowHostNamespacedSysctls));
  if (context.fsGroupChangePolicy !== undefined)
    errors.push(...oneOf(context.fsGroupChangePolicy, ["Always", "OnRootMismatch"], at.child("fsGroupChangePolicy")));
  errors.push(...validateSeccompProfile(context.seccompProfile, at.child("seccompProfile")));
  errors.push(...validateWindowsOptions(context.windowsOptions, at.child("windowsOptions")));
  errors.push(...validateAppArmorProfile(context.appArmorProfile, at.child("appArmorProfile")));
  if (context.supplementalGroupsPolicy !== undefined)
    errors.push(...oneOf(context.supplementalGroupsPolicy, ["Merge", "Strict"], at.child("supplementalGroupsPolicy")));
  if (context.seLinuxChangePolicy !== undefined) {
    const allowed = options.allowAnySELinuxChangePolicy ? ["MountOption", "Recursive"] : ["Recursive"];
    errors.push(...oneOf(context.seLinuxChangePolicy, allowed, at.child("seLinuxChangePolicy")));
  }
  return errors;
}

const forbidFields = (object: object, fields: readonly string[], at: Path, why: string): FieldError[] =>
  fields.filter((name) => (object as Record<string, unknown>)[name] !== undefined).map((name) => forbiddenField(at.child(name), why));

const windowsPod = "cannot be set for a windows pod";

/** What makes no sense on the operating system that the pod names; `containers` with their paths. */
export function validateForOs(spec: PodSpec, specPath: Path, containers: [SecurityContext | undefined, Path][]): FieldError[] {
  const context = spec.securityContext ?? {};
  const at = specPath.child("securityContext");
  const errors: FieldError[] = [];
  if (spec.os?.name === "linux") {
    const why = "windows options cannot be set for a linux pod";
    errors.push(...forbidFields(context, ["windowsOptions"], at, why));
    for (const [own, path] of containers) if (own) errors.push(...forbidFields(own, ["windowsOptions"], path.child("securityContext"), why));
    return errors;
  }
  errors.push(...forbidFields(context, ["appArmorProfile", "seLinuxOptions"], at, windowsPod));
  if (spec.hostUsers !== undefined) errors.push(forbiddenField(specPath.child("hostUsers"), windowsPod));
  if (spec.hostPID) errors.push(forbiddenField(specPath.child("hostPID"), windowsPod));
  if (spec.hostIPC) errors.push(forbiddenField(specPath.child("hostIPC"), windowsPod));
  errors.push(...forbidFields(context, ["seccompProfile", "fsGroup", "fsGroupChangePolicy"], at, windowsPod));
  if (context.sysctls?.length) errors.push(forbiddenField(at.child("sysctls"), windowsPod));
  if (spec.shareProcessNamespace !== undefined) errors.push(forbiddenField(specPath.child("shareProcessNamespace"), windowsPod));
  const last = ["runAsUser", "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy", "seLinuxChangePolicy"];
  errors.push(...forbidFields(context, last, at, windowsPod));
  const ofContainer = [
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
  ];
  for (const [own, path] of containers) if (own) errors.push(...forbidFields(own, ofContainer, path.child("securityContext"), windowsPod));
  return errors;
}
