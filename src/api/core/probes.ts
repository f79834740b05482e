/** Probes, lifecycle hooks and what they do. */
import { type FieldError, forbiddenField, invalidValue, notSupported, type Path, required } from "../field.ts";
import { isHTTPHeaderName } from "../names.ts";
import type { HTTPGetAction, Lifecycle, LifecycleHandler, Probe } from "../types/core-v1.gen.ts";
import { type Integer, invalidAll, oneOf, validateNonNegative, validatePortNumOrName } from "./checks.ts";

export type GracePeriod = Integer | undefined;

function validateHttpGet(action: HTTPGetAction, at: Path): FieldError[] {
  const errors: FieldError[] = action.path ? [] : [required(at.child("path"))];
  errors.push(...validatePortNumOrName(action.port, at.child("port")), ...oneOf(action.scheme, ["HTTP", "HTTPS"], at.child("scheme")));
  for (const header of action.httpHeaders ?? []) errors.push(...invalidAll(at.child("httpHeaders"), header.name, isHTTPHeaderName(header.name)));
  return errors;
}

function validateHandler(handler: Probe & LifecycleHandler, grace: GracePeriod, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  let handlers = 0;
  const one = (name: string, present: unknown, check: (at: Path) => FieldError[]): void => {
    if (!present) return;
    if (handlers++ > 0) errors.push(forbiddenField(at.child(name), "may not specify more than 1 handler type"));
    else errors.push(...check(at.child(name)));
  };
  one("exec", handler.exec, (here) => (handler.exec!.command?.length ? [] : [required(here.child("command"))]));
  one("httpGet", handler.httpGet, (here) => validateHttpGet(handler.httpGet!, here));
  one("tcpSocket", handler.tcpSocket, (here) => validatePortNumOrName(handler.tcpSocket!.port, here.child("port")));
  one("grpc", handler.grpc, (here) => validatePortNumOrName(handler.grpc!.port, here.child("port")));
  one("sleep", handler.sleep, (here) => {
    const seconds = handler.sleep!.seconds ?? 0;
    if (grace === undefined || (seconds >= 0 && seconds <= grace)) return [];
    return [invalidValue(here, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${grace})`)];
  });
  if (handlers === 0) errors.push(required(at, "must specify a handler type"));
  return errors;
}

function validateProbe(probe: Probe, grace: GracePeriod, at: Path): FieldError[] {
  const errors = validateHandler(probe, grace, at);
  for (const name of ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] as const) {
    errors.push(...validateNonNegative(probe[name], at.child(name)));
  }
  const own = probe.terminationGracePeriodSeconds;
  if (own !== undefined && own <= 0) errors.push(invalidValue(at.child("terminationGracePeriodSeconds"), own, "must be greater than 0"));
  return errors;
}

/** Liveness and startup probes need one success, readiness probes cannot kill. */
export function validateProbes(container: { livenessProbe?: Probe; readinessProbe?: Probe; startupProbe?: Probe }, grace: GracePeriod, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of ["livenessProbe", "readinessProbe", "startupProbe"] as const) {
    const probe = container[name];
    if (!probe) continue;
    const here = at.child(name);
    errors.push(...validateProbe(probe, grace, here));
    if (name === "readinessProbe") {
      const own = probe.terminationGracePeriodSeconds;
      if (own !== undefined) errors.push(invalidValue(here.child("terminationGracePeriodSeconds"), own, "must not be set for readinessProbes"));
    } else if (probe.successThreshold !== 1) errors.push(invalidValue(here.child("successThreshold"), probe.successThreshold ?? 0, "must be 1"));
  }
  return errors;
}

const realTime = [...Array(16).keys()]
  .map((i) => (i ? `SIGRTMIN+${i}` : "SIGRTMIN"))
  .concat([...Array(15).keys()].map((i) => (i ? `SIGRTMAX-${i}` : "SIGRTMAX")));
const linuxSignals = [
  ..."ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ"
    .split(" ")
    .map((name) => `SIG${name}`),
  ...realTime,
].sort();

function validateStopSignal(signal: string, at: Path, os: string | undefined): FieldError[] {
  if (os === undefined) return [forbiddenField(at, "may not be set for containers with empty `spec.os.name`")];
  const supported = os === "windows" ? ["SIGKILL", "SIGTERM"] : os === "linux" ? linuxSignals : undefined;
  return supported && !supported.includes(signal) ? [notSupported(at, signal, supported)] : [];
}

/** `os`: spec.os.name where spec.os is set. */
export function validateLifecycle(lifecycle: Lifecycle, grace: GracePeriod, at: Path, os: string | undefined): FieldError[] {
  const errors: FieldError[] = [];
  if (lifecycle.postStart) errors.push(...validateHandler(lifecycle.postStart, grace, at.child("postStart")));
  if (lifecycle.preStop) errors.push(...validateHandler(lifecycle.preStop, grace, at.child("preStop")));
  if (lifecycle.stopSignal !== undefined) errors.push(...validateStopSignal(lifecycle.stopSignal, at.child("stopSignal"), os));
  return errors;
}
