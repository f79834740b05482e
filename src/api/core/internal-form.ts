/**
 * Values as upstream's error messages print them where they hold its internal types: every field, under its Go name,
 * with null for what is not set.
 */
import type { Capabilities, PodResourceClaim, SeccompProfile, SecurityContext } from "../types/core-v1.gen.ts";

const capabilities = (value: Capabilities | undefined): object | null => (value ? { Add: value.add ?? null, Drop: value.drop ?? null } : null);

export const internalSeccompProfile = (profile: SeccompProfile | undefined): object | null =>
  profile ? { Type: profile.type, LocalhostProfile: profile.localhostProfile ?? null } : null;

export function internalSecurityContext(context: SecurityContext): object {
  const { seLinuxOptions: se, windowsOptions: windows, appArmorProfile: armor } = context;
  return {
    Capabilities: capabilities(context.capabilities),
    Privileged: context.privileged ?? null,
    SELinuxOptions: se ? { User: se.user ?? "", Role: se.role ?? "", Type: se.type ?? "", Level: se.level ?? "" } : null,
    WindowsOptions: windows
      ? {
          GMSACredentialSpecName: windows.gmsaCredentialSpecName ?? null,
          GMSACredentialSpec: windows.gmsaCredentialSpec ?? null,
          RunAsUserName: windows.runAsUserName ?? null,
          HostProcess: windows.hostProcess ?? null,
        }
      : null,
    RunAsUser: context.runAsUser ?? null,
    RunAsGroup: context.runAsGroup ?? null,
    RunAsNonRoot: context.runAsNonRoot ?? null,
    ReadOnlyRootFilesystem: context.readOnlyRootFilesystem ?? null,
    AllowPrivilegeEscalation: context.allowPrivilegeEscalation ?? null,
    ProcMount: context.procMount ?? null,
    SeccompProfile: internalSeccompProfile(context.seccompProfile),
    AppArmorProfile: armor ? { Type: armor.type, LocalhostProfile: armor.localhostProfile ?? null } : null,
  };
}

export const internalPodResourceClaim = (claim: PodResourceClaim): object => ({
  Name: claim.name ?? "",
  ResourceClaimName: claim.resourceClaimName ?? null,
  ResourceClaimTemplateName: claim.resourceClaimTemplateName ?? null,
});
