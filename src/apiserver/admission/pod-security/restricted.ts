/** The restricted level: what hardened pods look like (k8s.io/pod-security-admission/policy). */
import type { Volume } from "../../../api/types/core-v1.gen.ts";
import { procMount, seccompFields } from "./baseline.ts";
import {
  badContainers,
  type Check,
  type CheckFunction,
  containersOf,
  namedContainers,
  plural,
  quoteAll,
  setters,
  sorted,
  unlessUserNamespace,
  unlessWindows,
} from "./check.ts";

const allowPrivilegeEscalation: CheckFunction = ({ spec }) => {
  const names = badContainers(spec, ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false);
  if (!names.length) return undefined;
  return { reason: "allowPrivilegeEscalation != false", detail: `${namedContainers(names)} must set securityContext.allowPrivilegeEscalation=false` };
};

const capabilities: CheckFunction = ({ spec }) => {
  const added = (container: ReturnType<typeof containersOf>[number]): string[] =>
    (container.securityContext?.capabilities?.add ?? []).filter((name) => name !== "NET_BIND_SERVICE");
  const keeping = badContainers(spec, ({ securityContext }) => !securityContext?.capabilities?.drop?.includes("ALL"));
  const adding = badContainers(spec, (container) => added(container).length > 0);
  const details = [
    ...(keeping.length ? [`${namedContainers(keeping)} must set securityContext.capabilities.drop=["ALL"]`] : []),
    ...(adding.length
      ? [`${namedContainers(adding)} must not include ${quoteAll(sorted(containersOf(spec).flatMap(added)))} in securityContext.capabilities.add`]
      : []),
  ];
  return details.length ? { reason: "unrestricted capabilities", detail: details.join("; ") } : undefined;
};

const allowedVolumes: (keyof Volume)[] = ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret"];
const otherVolumes: (keyof Volume)[] = [
  "hostPath",
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "gitRepo",
  "nfs",
  "iscsi",
  "glusterfs",
  "rbd",
  "flexVolume",
  "cinder",
  "cephfs",
  "flocker",
  "fc",
  "azureFile",
  "vsphereVolume",
  "quobyte",
  "azureDisk",
  "photonPersistentDisk",
  "portworxVolume",
  "scaleIO",
  "storageos",
];
const volumes: CheckFunction = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter((volume) => !allowedVolumes.some((type) => volume[type]));
  if (!bad.length) return undefined;
  const types = sorted(bad.map((volume) => otherVolumes.find((type) => volume[type]) ?? "unknown"));
  const names = bad.map(({ name }) => name);
  return {
    reason: "restricted volume types",
    detail: `${plural(names.length, "volume")} ${quoteAll(names)} ${plural(names.length, "uses", "use")} ${plural(types.length, "restricted volume type")} ${quoteAll(types)}`,
  };
};

const runAsNonRoot: CheckFunction = ({ spec }) => {
  const reason = "runAsNonRoot != true";
  const who = setters(spec, (context) => context.runAsNonRoot === false);
  if (who) return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` };
  if (spec.securityContext?.runAsNonRoot) return undefined;
  const names = badContainers(spec, ({ securityContext }) => securityContext?.runAsNonRoot === undefined);
  return names.length ? { reason, detail: `pod or ${namedContainers(names)} must set securityContext.runAsNonRoot=true` } : undefined;
};

const runAsUser: CheckFunction = ({ spec }) => {
  const who = setters(spec, (context) => context.runAsUser === 0);
  return who ? { reason: "runAsUser=0", detail: `${who} must not set runAsUser=0` } : undefined;
};

const seccomp: CheckFunction = (subject) => {
  const bad = seccompFields(subject);
  if (bad) return bad;
  const { spec } = subject;
  if (spec.securityContext?.seccompProfile) return undefined;
  const names = badContainers(spec, ({ securityContext }) => !securityContext?.seccompProfile);
  if (!names.length) return undefined;
  const detail = `pod or ${namedContainers(names)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`;
  return { reason: "seccompProfile", detail };
};

const noBaselineCapabilities = ["capabilities_baseline"];
const noBaselineSeccomp = ["seccompProfile_baseline"];

export const restrictedChecks: readonly Check[] = [
  {
    id: "allowPrivilegeEscalation",
    level: "restricted",
    versions: [
      { from: 8, check: allowPrivilegeEscalation },
      { from: 25, check: unlessWindows(allowPrivilegeEscalation) },
    ],
  },
  {
    id: "capabilities_restricted",
    level: "restricted",
    versions: [
      { from: 22, check: capabilities, overrides: noBaselineCapabilities },
      { from: 25, check: unlessWindows(capabilities), overrides: noBaselineCapabilities },
    ],
  },
  { id: "procMount_restricted", level: "restricted", versions: [{ from: 35, check: procMount, overrides: ["procMount"] }] },
  { id: "restrictedVolumes", level: "restricted", versions: [{ from: 0, check: volumes, overrides: ["hostPathVolumes"] }] },
  {
    id: "runAsNonRoot",
    level: "restricted",
    versions: [
      { from: 0, check: runAsNonRoot },
      { from: 35, check: unlessUserNamespace(runAsNonRoot) },
    ],
  },
  {
    id: "runAsUser",
    level: "restricted",
    versions: [
      { from: 23, check: runAsUser },
      { from: 35, check: unlessUserNamespace(runAsUser) },
    ],
  },
  {
    id: "seccompProfile_restricted",
    level: "restricted",
    versions: [
      { from: 19, check: seccomp, overrides: noBaselineSeccomp },
      { from: 25, check: unlessWindows(seccomp), overrides: noBaselineSeccomp },
    ],
  },
];
