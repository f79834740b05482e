/** What a request, or one of its alternatives, asks for; and which devices meet it. */
import type { Value } from "../../api/cel/values.ts";
import { compileDeviceSelector, type DeviceSelectorProgram, deviceValue, selects } from "../../api/resource/device-cel.ts";
import type {
  CapacityRequirements,
  Device,
  DeviceClass,
  DeviceRequest,
  DeviceSelector,
  DeviceTaint,
  DeviceToleration,
  ResourceClaim,
  ResourceSlice,
} from "../../api/types/resource-v1.gen.ts";

export interface Wanted {
  readonly claim: ResourceClaim;
  /** As the claim's constraints name it. */
  readonly request: string;
  /** "" where the request has none. */
  readonly alternative: string;
  readonly class: DeviceClass;
  readonly mode: string;
  readonly count: number;
  readonly adminAccess: boolean;
  readonly selectors: readonly DeviceSelector[];
  readonly tolerations: DeviceToleration[] | undefined;
  readonly capacity: CapacityRequirements | undefined;
  /** Devices that were looked at already: whether the selectors take them. */
  readonly known: Map<Device, boolean>;
}

export const claimKey = ({ metadata }: ResourceClaim): string => `${metadata.namespace}/${metadata.name}`;
export const nameOf = ({ request, alternative }: Wanted): string => (alternative ? `${request}/${alternative}` : request);
export const shortName = ({ request, alternative }: Wanted): string => alternative || request;

/** The alternatives of a request, or itself alone. Throws in upstream's words. */
export function wantedOf(claim: ResourceClaim, { name, exactly, firstAvailable }: DeviceRequest, classOf: (name: string) => DeviceClass | undefined): Wanted[] {
  const list = firstAvailable?.length ? firstAvailable.map((one) => ({ ...one, adminAccess: undefined })) : exactly ? [{ ...exactly, name: "" }] : [];
  return list.map((one): Wanted => {
    const where = `claim ${claimKey(claim)}, request ${one.name || name}`;
    for (const [i, { cel }] of (one.selectors ?? []).entries()) {
      if (!cel) throw new Error(`${where}, selector #${i}: CEL expression empty (unsupported selector type?)`);
    }
    const found = classOf(one.deviceClassName);
    if (!found) {
      const why = `deviceclass.resource.k8s.io ${JSON.stringify(one.deviceClassName)} not found`;
      throw new Error(`${where}: could not retrieve device class ${one.deviceClassName}: ${why}`);
    }
    const mode = one.allocationMode ?? "";
    if (mode !== "ExactCount" && mode !== "All") throw new Error(`${where}: unsupported count mode ${mode}`);
    return {
      claim,
      request: name,
      alternative: one.name,
      class: found,
      mode,
      count: one.count ?? 0,
      adminAccess: one.adminAccess ?? false,
      selectors: one.selectors ?? [],
      tolerations: one.tolerations,
      capacity: one.capacity,
      known: new Map(),
    };
  });
}

class CompileError extends Error {}

const programs = new Map<string, ReturnType<typeof compileDeviceSelector>>();
const maxPrograms = 1000;

function programOf(expression: string): DeviceSelectorProgram {
  let program = programs.get(expression);
  if (!program) {
    program = compileDeviceSelector(expression);
    if (programs.size >= maxPrograms) programs.clear();
    programs.set(expression, program);
  }
  if ("program" in program) return program;
  throw new CompileError(program.detail);
}

const values = new WeakMap<Device, Value>();
function celValue(device: Device, driver: string): Value {
  let value = values.get(device);
  if (!value) {
    value = deviceValue(device, driver);
    values.set(device, value);
  }
  return value;
}

export function meets(selectors: readonly DeviceSelector[] | undefined, device: Device, driver: string, whose: string): boolean {
  return (selectors ?? []).every(({ cel }, i) => {
    try {
      return selects(programOf(cel?.expression ?? ""), celValue(device, driver));
    } catch (error) {
      const kind = error instanceof CompileError ? "compile" : "runtime";
      throw new Error(`${whose}: selector #${i}: CEL ${kind} error: ${(error as Error).message}`);
    }
  });
}

/** Throws where a selector fails. */
export function takes({ claim, known, selectors, class: of }: Wanted, slice: ResourceSlice, device: Device): boolean {
  const answer = known.get(device);
  if (answer !== undefined) return answer;
  const { driver } = slice.spec;
  const met = meets(of.spec.selectors, device, driver, `class ${of.metadata.name}`) && meets(selectors, device, driver, `claim ${claimKey(claim)}`);
  known.set(device, met);
  return met;
}

function tolerates({ key, operator, value = "", effect }: DeviceToleration, taint: DeviceTaint): boolean {
  if ((effect && effect !== taint.effect) || (key && key !== taint.key)) return false;
  return operator === "Exists" || ((!operator || operator === "Equal") && value === (taint.value ?? ""));
}

export const keepsAway = ({ taints = [] }: Device, { tolerations = [] }: Wanted): boolean =>
  taints.some((taint) => (taint.effect === "NoExecute" || taint.effect === "NoSchedule") && !tolerations.some((one) => tolerates(one, taint)));
