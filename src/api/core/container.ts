/** Containers of a pod: regular, init, ephemeral. */
import {
  duplicate,
  duplicateNamed,
  type FieldError,
  forbiddenField,
  invalidNamed,
  invalidValue,
  notFoundValue,
  type Path,
  required,
  tooMany,
} from "../field.ts";
import { isValidPortName, isValidPortNum } from "../names.ts";
import type { Container, ContainerPort, ContainerResizePolicy, EphemeralContainer, Volume } from "../types/core-v1.gen.ts";
import { invalidAll, oneOf, requiredOneOf, validateDNSLabel } from "./checks.ts";
import { validateEnv, validateEnvFrom } from "./env.ts";
import { isSidecar } from "./pod-resources.ts";
import { type GracePeriod, validateLifecycle, validateProbes } from "./probes.ts";
import { type RequirementOptions, validateContainerResources } from "./resources.ts";
import { validateSecurityContext } from "./security-context.ts";
import { pullPolicies, validateVolumeDevices, validateVolumeMounts } from "./volumes.ts";

export interface ContainerOptions extends RequirementOptions {
  allowRestartContainerForInit?: boolean;
}

/** What the containers of one pod share. */
export interface ContainerContext {
  volumes: Map<string, Volume>;
  podClaims: Set<string>;
  grace: GracePeriod;
  os: string | undefined;
  restartPolicy: string;
  hostUsers: boolean;
  options: ContainerOptions;
}

function validatePorts(ports: ContainerPort[] | undefined, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [i, port] of (ports ?? []).entries()) {
    const here = at.index(i);
    if (port.name) {
      const wrong = isValidPortName(port.name);
      errors.push(...invalidAll(here.child("name"), port.name, wrong));
      if (!wrong.length && names.has(port.name)) errors.push(duplicate(here.child("name"), port.name));
      if (!wrong.length) names.add(port.name);
    }
    if (!port.containerPort) errors.push(required(here.child("containerPort")));
    else errors.push(...invalidAll(here.child("containerPort"), port.containerPort, isValidPortNum(port.containerPort)));
    if (port.hostPort) errors.push(...invalidAll(here.child("hostPort"), port.hostPort, isValidPortNum(port.hostPort)));
    errors.push(...requiredOneOf(port.protocol, ["SCTP", "TCP", "UDP"], here.child("protocol")));
  }
  return errors;
}

function validateResizePolicy(policies: ContainerResizePolicy[] | undefined, at: Path, podPolicy: string): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, { resourceName = "", restartPolicy = "" }] of (policies ?? []).entries()) {
    if (seen.has(resourceName)) errors.push(duplicateNamed(at.index(i), resourceName));
    seen.add(resourceName);
    errors.push(...requiredOneOf(resourceName, ["cpu", "memory"], at), ...requiredOneOf(restartPolicy, ["NotRequired", "RestartContainer"], at));
    if (podPolicy === "Never" && restartPolicy !== "NotRequired")
      errors.push(invalidNamed(at, restartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'"));
  }
  return errors;
}

const maxRestartRules = 20;
const maxExitCodes = 255;

function validateRestartRules(container: Container, at: Path): FieldError[] {
  const { restartPolicy: policy, restartPolicyRules: rules = [] } = container;
  const errors: FieldError[] = [];
  const here = at.child("restartPolicy");
  if (policy !== undefined) errors.push(...oneOf(policy, ["Always", "Never", "OnFailure"], here));
  else if (rules.length) errors.push(required(here, "must specify restartPolicy when restart rules are used"));
  if (rules.length > maxRestartRules) errors.push(tooMany(at.child("restartPolicyRules"), rules.length, maxRestartRules));
  for (const [i, rule] of rules.entries()) {
    const own = at.child("restartPolicyRules").index(i);
    errors.push(...oneOf(rule.action, ["Restart", "RestartAllContainers"], own.child("action")));
    if (!rule.exitCodes) {
      errors.push(required(own.child("exitCodes"), "must be specified"));
      continue;
    }
    errors.push(...oneOf(rule.exitCodes.operator, ["In", "NotIn"], own.child("exitCodes", "operator")));
    const codes = rule.exitCodes.values?.length ?? 0;
    if (codes > maxExitCodes) errors.push(tooMany(own.child("exitCodes", "values"), codes, maxExitCodes));
  }
  return errors;
}

/** Without a policy nobody looks at the rules themselves. */
const validateInitRestartRules = (container: Container, at: Path): FieldError[] =>
  container.restartPolicy === undefined ? validateRestartRules(container, at).slice(0, 1) : validateRestartRules(container, at);

function validateCommon(container: Container, at: Path, context: ContainerContext): FieldError[] {
  const name = at.child("name");
  const errors = container.name ? validateDNSLabel(container.name, name) : [required(name)];
  if (!container.image) errors.push(required(at.child("image")));
  errors.push(...requiredOneOf(container.terminationMessagePolicy, ["File", "FallbackToLogsOnError"], at.child("terminationMessagePolicy")));
  if (container.ports) errors.push(...validatePorts(container.ports, at.child("ports")));
  if (container.env) errors.push(...validateEnv(container.env, at.child("env")));
  if (container.envFrom) errors.push(...validateEnvFrom(container.envFrom, at.child("envFrom")));
  if (container.volumeMounts) errors.push(...validateVolumeMounts(container, context.volumes, at.child("volumeMounts")));
  if (container.volumeDevices) errors.push(...validateVolumeDevices(container, context.volumes, at.child("volumeDevices")));
  errors.push(...requiredOneOf(container.imagePullPolicy, pullPolicies, at.child("imagePullPolicy")));
  errors.push(...validateContainerResources(container.resources ?? {}, context.podClaims, at.child("resources"), context.options));
  if (container.resizePolicy) errors.push(...validateResizePolicy(container.resizePolicy, at.child("resizePolicy"), context.restartPolicy));
  errors.push(...validateSecurityContext(container.securityContext, at.child("securityContext"), context.hostUsers));
  return errors;
}

function validateHostPorts(containers: Container[], at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (!containers.some(({ ports }) => ports?.some((port) => port.hostPort))) return errors;
  const seen = new Set<string>();
  for (const [i, container] of containers.entries()) {
    for (const [j, port] of (container.ports ?? []).entries()) {
      if (!port.hostPort) continue;
      const key = `${port.protocol ?? ""}/${port.hostIP ?? ""}/${port.hostPort}`;
      if (seen.has(key)) errors.push(duplicate(at.index(i).child("ports").index(j).child("hostPort"), key));
      seen.add(key);
    }
  }
  return errors;
}

export function validateContainers(containers: Container[] | undefined, at: Path, context: ContainerContext): FieldError[] {
  if (!containers?.length) return [required(at)];
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [i, container] of containers.entries()) {
    const here = at.index(i);
    errors.push(...validateCommon(container, here, context));
    const name = container.name ?? "";
    if (names.has(name)) errors.push(duplicate(here.child("name"), name));
    names.add(name);
    if (container.lifecycle) errors.push(...validateLifecycle(container.lifecycle, context.grace, here.child("lifecycle"), context.os));
    errors.push(...validateProbes(container, context.grace, here), ...validateRestartRules(container, here));
  }
  return [...errors, ...validateHostPorts(containers, at)];
}

const onlySidecars = "may not be set for init containers without restartPolicy=Always";

export function validateInitContainers(containers: Container[] | undefined, regular: Container[], at: Path, context: ContainerContext): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set(regular.map((container) => container.name ?? ""));
  for (const [i, container] of (containers ?? []).entries()) {
    const here = at.index(i);
    errors.push(...validateCommon(container, here, context), ...validateInitRestartRules(container, here));
    const name = container.name ?? "";
    if (names.has(name)) errors.push(duplicate(here.child("name"), name));
    else if (name) names.add(name);
    errors.push(...validateHostPorts([container], at));
    if (isSidecar(container)) {
      if (container.lifecycle) errors.push(...validateLifecycle(container.lifecycle, context.grace, here.child("lifecycle"), context.os));
      errors.push(...validateProbes(container, context.grace, here));
      continue;
    }
    for (const field of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const) {
      if (container[field]) errors.push(forbiddenField(here.child(field), onlySidecars));
    }
    if (context.options.allowRestartContainerForInit) continue;
    for (const [j, policy] of (container.resizePolicy ?? []).entries()) {
      if (policy.restartPolicy !== "RestartContainer") continue;
      const why = "must not be set to 'RestartContainer' for non-sidecar initContainers";
      errors.push(invalidValue(here.child("resizePolicy").index(j).child("restartPolicy"), policy.restartPolicy, why));
    }
  }
  return errors;
}

const notForEphemeral = [
  "ports",
  "resources",
  "resizePolicy",
  "restartPolicy",
  "restartPolicyRules",
  "livenessProbe",
  "readinessProbe",
  "startupProbe",
  "lifecycle",
] as const;
/** Resources are a struct, which is there in any case; whatever else is there was set. */
const isSet = (field: (typeof notForEphemeral)[number], value: unknown): boolean =>
  value !== undefined && value !== null && (field !== "resources" || Object.keys(value).length > 0);

export const validateImageBlanks = (container: Container, at: Path): FieldError[] =>
  (container.image ?? "").trim() === (container.image ?? "")
    ? []
    : [invalidValue(at.child("image"), container.image, "must not have leading or trailing whitespace")];

export function validateEphemeralContainers(
  ephemeral: EphemeralContainer[] | undefined,
  others: Container[],
  at: Path,
  context: ContainerContext,
): FieldError[] {
  const errors: FieldError[] = [];
  const targets = new Set(others.map((container) => container.name ?? ""));
  const names = new Set(targets);
  const why = "cannot be set for an Ephemeral Container";
  for (const [i, container] of (ephemeral ?? []).entries()) {
    const here = at.index(i);
    errors.push(...validateCommon(container, here, context), ...validateImageBlanks(container, here));
    const name = container.name ?? "";
    if (names.has(name)) errors.push(duplicate(here.child("name"), name));
    names.add(name);
    const target = container.targetContainerName;
    if (target && !targets.has(target)) errors.push(notFoundValue(here.child("targetContainerName"), target));
    for (const field of notForEphemeral) if (isSet(field, container[field])) errors.push(forbiddenField(here.child(field), why));
    for (const [j, mount] of (container.volumeMounts ?? []).entries()) {
      for (const field of ["subPath", "subPathExpr"] as const)
        if (mount[field]) errors.push(forbiddenField(here.child("volumeMounts").index(j).child(field), why));
    }
  }
  return errors;
}
