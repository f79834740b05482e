/**
 * Selectors of devices in CEL: `device.attributes["gpu.example.com"].model == "A100"`
 * (k8s.io/dynamic-resource-allocation/cel/compile.go). What an unknown domain holds is an empty map.
 */
import type { Struct } from "../cel/declarations.ts";
import { CELCompileError } from "../cel/errors.ts";
import type { Program } from "../cel/interpreter.ts";
import { kubernetesEnvironment } from "../cel/kubernetes.ts";
import { estimateKubernetesCost } from "../cel/kubernetes-estimate.ts";
import { bindings } from "../cel/library/bindings.ts";
import { QuantityValue, quantityType } from "../cel/library/quantity.ts";
import { parseVersion } from "../cel/library/semver.ts";
import { PlanError } from "../cel/plan-error.ts";
import { type Range, range } from "../cel/sizes.ts";
import type { Sized } from "../cel/static-cost.ts";
import { mapOf, struct, type Type, types } from "../cel/types.ts";
import { CelError, MapValue, ObjectValue, typeOfValue, type Value } from "../cel/values.ts";
import { quantityOf } from "./device-capacity.ts";
import type { Device, DeviceAttribute } from "../types/resource-v1.gen.ts";
import { table } from "../../base/table.ts";

/** Of the worst case, and while it runs. */
export const selectorCostLimit = 1_000_000;
const [maxEntries, maxDomain, maxId, maxDriver, maxValue] = [32, 63, 32, 63, 64];

const deviceType = struct("kubernetes.DRADevice");
const fields = table<Type>({
  driver: types.string,
  allowMultipleAllocations: types.bool,
  attributes: mapOf(types.string, mapOf(types.string, types.any)),
  capacity: mapOf(types.string, mapOf(types.string, quantityType)),
});
const device: Struct = { type: deviceType, field: (name) => fields[name] };
const environment = kubernetesEnvironment.extend({
  libraries: [bindings, { structs: { [deviceType.name]: device } }],
  variables: { device: deviceType },
});

/** How large what is on the way from the device may be. */
interface Bound {
  readonly max: number;
  readonly key?: Bound;
  readonly element?: Bound;
  readonly fields?: Readonly<Record<string, Bound>>;
}
const leaf = (max: number): Bound => ({ max });
const map = (key: Bound, element: Bound): Bound => ({ max: maxEntries, key, element });
const attribute = leaf(maxValue);
const bounds: Bound = {
  max: 0,
  fields: {
    driver: leaf(maxDriver),
    allowMultipleAllocations: leaf(1),
    attributes: map(leaf(maxDomain), map(leaf(maxId), attribute)),
    capacity: map(leaf(maxDomain), map(leaf(maxId), leaf(0))),
  },
};
function sizeOf({ path = [] }: Sized): Range | undefined {
  const [root, ...rest] = path;
  if (root !== "device") return undefined;
  let at: Bound | undefined = bounds;
  for (const name of rest) {
    if (name === "@items" || name === "@values") at = at.element;
    else if (name === "@keys") at = at.key;
    else at = at.fields?.[name] ?? (at.element === attribute ? attribute : undefined);
    if (!at) return undefined;
  }
  return range(0, at.max);
}

export interface DeviceSelectorProgram {
  readonly maxCost: number;
  readonly program: Program;
}
/** Why an expression is no selector. */
export interface SelectorMistake {
  readonly kind: "invalid" | "internal";
  readonly detail: string;
}

export function compileDeviceSelector(expression: string): DeviceSelectorProgram | SelectorMistake {
  try {
    const checked = environment.check(expression);
    const type = checked.type as Type;
    if (type.kind !== "bool" && type.kind !== "any")
      return { kind: "invalid", detail: `must evaluate to bool or the unknown type, not ${type.kind === "null" ? type.name : type}` };
    const program = environment.plan(checked);
    return { program, maxCost: estimateKubernetesCost(checked, sizeOf).max };
  } catch (error) {
    if (error instanceof CELCompileError) return { kind: "invalid", detail: `compilation failed: ${error.message}` };
    if (error instanceof PlanError) return { kind: "internal", detail: `program instantiation failed: ${error.message}` };
    throw error;
  }
}

/** By domain, then by id. */
class Domains extends MapValue {
  readonly #inner: ReadonlyMap<string, MapValue>;
  constructor(inner: ReadonlyMap<string, MapValue>) {
    super();
    this.#inner = inner;
  }
  get size(): number {
    return this.#inner.size;
  }
  get(key: Value): Value {
    return (typeof key === "string" ? this.#inner.get(key) : undefined) ?? noEntries;
  }
  override has(key: Value): boolean {
    return typeof key === "string" && this.#inner.has(key);
  }
  keys(): Iterable<string> {
    return this.#inner.keys();
  }
}
class Entries extends MapValue {
  readonly values = new Map<string, Value>();
  get size(): number {
    return this.values.size;
  }
  get(key: Value): Value | undefined {
    return typeof key === "string" ? this.values.get(key) : undefined;
  }
  keys(): Iterable<string> {
    return this.values.keys();
  }
}
const noEntries = new Entries();

class DeviceValue extends ObjectValue {
  readonly type = deviceType;
  readonly #fields: Readonly<Record<string, Value>>;
  constructor(fields: Readonly<Record<string, Value>>) {
    super();
    this.#fields = fields;
  }
  override get(field: string): Value | undefined {
    return this.#fields[field];
  }
  override has(field: string): boolean {
    return Object.hasOwn(this.#fields, field);
  }
  equals(other: Value): boolean {
    return other === this;
  }
}

/** Domain and id; a name without a domain is in the driver's. */
export function qualified(name: string, driver: string): [domain: string, id: string] {
  const slash = name.indexOf("/");
  return slash < 0 ? [driver, name] : [name.slice(0, slash), name.slice(slash + 1)];
}
function byDomain<T>(entries: Readonly<Record<string, T>>, driver: string, of: (entry: T, name: string) => Value): Domains {
  const domains = new Map<string, Entries>();
  for (const [name, entry] of Object.entries(entries)) {
    const [domain, id] = qualified(name, driver);
    let inner = domains.get(domain);
    if (!inner) {
      inner = new Entries();
      domains.set(domain, inner);
    }
    inner.values.set(id, of(entry, name));
  }
  return new Domains(domains);
}

export class SelectorError extends Error {}

function attributeValue({ int, bool, string, version }: DeviceAttribute, name: string): Value {
  if (int !== undefined) return BigInt(int);
  if (bool !== undefined) return bool;
  if (string !== undefined) return string;
  const parsed = version === undefined ? new CelError("unsupported attribute value") : parseVersion(version);
  if (!(parsed instanceof CelError)) return parsed;
  throw new SelectorError(`attribute ${name}: ${version === undefined ? parsed.message : `parse semantic version: ${parsed.message}`}`);
}

/** The value of `device`; made once for a device however many selectors look at it. Throws SelectorError. */
export function deviceValue({ attributes = {}, capacity = {}, allowMultipleAllocations = false }: Device, driver: string): Value {
  return new DeviceValue({
    driver,
    allowMultipleAllocations,
    attributes: byDomain(attributes, driver, attributeValue),
    capacity: byDomain(capacity, driver, ({ value }) => new QuantityValue(quantityOf(value))),
  });
}

/** Throws SelectorError where it fails, CostLimitExceeded where it costs too much. */
export function selects({ program }: DeviceSelectorProgram, value: Value): boolean {
  const { value: result } = program.evaluate((name) => (name === "device" ? value : undefined), selectorCostLimit);
  if (result instanceof CelError) throw new SelectorError(result.message);
  if (typeof result === "boolean") return result;
  throw new SelectorError(
    `CEL result of type ${typeOfValue(result).name} could not be converted to bool: type conversion error from '${typeOfValue(result).name}' to 'bool'`,
  );
}
