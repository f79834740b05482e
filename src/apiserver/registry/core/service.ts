/** Services get their addresses and ports when they are written (pkg/registry/core/service/storage). */
import { type FieldError, invalidValue, path } from "../../../api/field.ts";
import type { KubeObject } from "../../../api/object.ts";
import {
  initIpFamilies,
  isExternalName,
  keepAllocatedValues,
  needsHealthCheck,
  normalizeClusterIPs,
  needsNodePorts,
  usesNodePorts,
} from "../../../api/core/service-addresses.ts";
import { isHeadless } from "../../../api/core/service-cluster-ips.ts";
import { internalError, invalid, StatusError } from "../../../api/status.ts";
import type { Service } from "../../../api/types/core-v1.gen.ts";
import type { Call, Registry, Reservation } from "../../rest/call.ts";
import type { AddressAllocator } from "./service-addresses.ts";
import { type NodePortAllocator, portIsAllocated } from "./service-node-ports.ts";

export interface ServiceAllocation {
  addresses: AddressAllocator;
  nodePorts: NodePortAllocator;
}

const needsAddress = (service: Service): boolean => !isExternalName(service) && !isHeadless(service);
const addressesOf = (service: Service): string[] => (needsAddress(service) ? (service.spec.clusterIPs ?? []).filter((ip) => ip !== "None") : []);

/** What a write took; given back when it fails. What the old object had alone is given back when it succeeds. */
class Taken implements Reservation {
  readonly addresses: string[] = [];
  readonly ports: number[] = [];
  /** Ports that a dry run makes up. */
  readonly guessed: number[] = [];
  released: { addresses: string[]; ports: number[] } = { addresses: [], ports: [] };
  readonly #allocation: ServiceAllocation;
  readonly dryRun: boolean;
  #settled = false;
  constructor(allocation: ServiceAllocation, dryRun: boolean) {
    this.#allocation = allocation;
    this.dryRun = dryRun;
  }
  async commit(): Promise<void> {
    if (this.#settled) return;
    this.#settled = true;
    this.#allocation.nodePorts.settle(this.ports);
    for (const ip of this.released.addresses) await this.#allocation.addresses.release(ip);
  }
  async rollback(): Promise<void> {
    if (this.#settled) return;
    this.#settled = true;
    this.#allocation.nodePorts.settle(this.ports);
    if (!this.dryRun) for (const ip of this.addresses) await this.#allocation.addresses.release(ip);
  }
}

async function allocate(allocation: ServiceAllocation, call: Call, service: Service, old: Service | undefined, dryRun: boolean): Promise<Taken> {
  const { name } = service.metadata;
  const fail = (errors: FieldError[]): void => {
    if (errors.length) throw invalid("Service", name ?? "", errors);
  };
  fail(initIpFamilies(service, old, allocation.addresses.families()));
  const taken = new Taken(allocation, dryRun);
  try {
    if (needsAddress(service)) fail(await allocateAddresses(allocation, call, service, old, taken, dryRun));
    fail(allocatePorts(allocation, service, old, taken));
  } catch (error) {
    await taken.rollback();
    throw error;
  }
  if (old) {
    const now = new Set(addressesOf(service));
    taken.released = { addresses: addressesOf(old).filter((ip) => !now.has(ip)), ports: [] };
  }
  return taken;
}

/** An update takes all addresses of what had none, or the second of what had one: others that differ are for validation to refuse. */
function firstToAllocate({ spec }: Service, old: Service | undefined): number | undefined {
  if (!old || isExternalName(old)) return 0;
  const upgraded = !isHeadless(old) && old.spec.ipFamilies?.length === 1 && spec.ipFamilies?.length === 2;
  return upgraded ? 1 : undefined;
}

async function allocateAddresses(
  { addresses }: ServiceAllocation,
  call: Call,
  service: Service,
  old: Service | undefined,
  taken: Taken,
  dryRun: boolean,
): Promise<FieldError[]> {
  const from = firstToAllocate(service, old);
  if (from === undefined) return [];
  const { spec } = service;
  const ips = [...(spec.clusterIPs ?? [])];
  const shown = spec.clusterIPs?.length ? [...spec.clusterIPs] : [spec.clusterIP ?? ""];
  for (const [i, family] of (spec.ipFamilies ?? []).entries()) {
    if (i < from) continue;
    const got = await addresses.allocate(call, service, ips[i] ?? "", family, dryRun);
    if ("why" in got) return [invalidValue(path("spec", "clusterIPs"), shown, got.why)];
    if (!dryRun) taken.addresses.push(got.ip);
    ips[i] = got.ip;
  }
  if (ips.length) {
    spec.clusterIPs = ips;
    spec.clusterIP = ips[0];
  }
  return [];
}

/** Ports of one service with the same number share a node port, whatever their protocols. */
function createPorts({ nodePorts }: ServiceAllocation, { spec }: Service, taken: Taken, automatic: boolean): FieldError[] {
  const given = new Map<number, number>();
  for (const [i, port] of (spec.ports ?? []).entries()) {
    if (!port.nodePort && !automatic) continue;
    const shared = given.get(port.port);
    const wanted = shared === undefined ? spec.ports?.find((other) => other.port === port.port && other.nodePort)?.nodePort : port.nodePort;
    if (shared !== undefined && (!wanted || wanted === shared)) {
      port.nodePort = shared;
      continue;
    }
    if (wanted) {
      const why = takePort(nodePorts, wanted, taken);
      if (why) return [invalidValue(path("spec", "ports").index(i).child("nodePort"), wanted, why)];
      port.nodePort = wanted;
    } else port.nodePort = anyPort(nodePorts, taken);
    if (shared === undefined) given.set(port.port, port.nodePort);
  }
  return [];
}

function updatePorts({ nodePorts }: ServiceAllocation, { spec }: Service, old: Service, taken: Taken, automatic: boolean): FieldError[] {
  const had = new Set((old.spec.ports ?? []).map((port) => port.nodePort));
  const now = new Set<string>();
  for (const [i, port] of (spec.ports ?? []).entries()) {
    if (!port.nodePort && !automatic) continue;
    if (!port.nodePort) port.nodePort = anyPort(nodePorts, taken);
    else if (!had.has(port.nodePort) && !taken.ports.includes(port.nodePort)) {
      const why = takePort(nodePorts, port.nodePort, taken);
      if (why) return [invalidValue(path("spec", "ports").index(i).child("nodePort"), port.nodePort, why)];
    }
    const text = `{${port.protocol ?? "TCP"} ${port.nodePort}}`;
    if (now.has(text)) throw new StatusError({ code: 500, message: `duplicate nodePort: ${text}` });
    now.add(text);
  }
  return [];
}

function takePort(nodePorts: NodePortAllocator, port: number, taken: Taken): string | undefined {
  const why = taken.guessed.includes(port) ? portIsAllocated : nodePorts.take(port, taken.dryRun);
  if (!why) taken.ports.push(port);
  return why;
}

/** What a dry run is given first. */
const firstGuess = 32_769;

/** `what` it is for. A dry run takes none: it guesses the one after those that it has (portallocator's PortAllocationOperation). */
function anyPort(nodePorts: NodePortAllocator, taken: Taken, what = "nodePort"): number {
  if (taken.dryRun) {
    const before = [...taken.ports, ...taken.guessed];
    const guess = before.length ? Math.max(...before) + 1 : firstGuess;
    taken.guessed.push(guess);
    return guess;
  }
  const number = nodePorts.takeAny();
  if (number === undefined) throw internalError(`failed to allocate a ${what}: range is full`);
  taken.ports.push(number);
  return number;
}

function allocatePorts(allocation: ServiceAllocation, service: Service, old: Service | undefined, taken: Taken): FieldError[] {
  const { nodePorts } = allocation;
  const { spec } = service;
  if (usesNodePorts(service)) {
    const automatic = needsNodePorts(service);
    const errors = old ? updatePorts(allocation, service, old, taken, automatic) : createPorts(allocation, service, taken, automatic);
    if (errors.length) return errors;
  }
  // That it stays as it is is said when all is judged.
  if (needsHealthCheck(service) && !(old && needsHealthCheck(old))) {
    const number = spec.healthCheckNodePort;
    const why = number ? takePort(nodePorts, number, taken) : undefined;
    if (why) throw internalError(`failed to allocate requested HealthCheck NodePort ${number}: ${why}`);
    if (!number) spec.healthCheckNodePort = anyPort(nodePorts, taken, "HealthCheck NodePort 0");
  }
  return [];
}

export const serviceRegistry = (allocation: ServiceAllocation): Registry => ({
  beginCreate(call, object, dryRun) {
    const service = object as KubeObject as Service;
    normalizeClusterIPs(service);
    return allocate(allocation, call, service, undefined, dryRun);
  },
  beginUpdate(call, object, old, dryRun) {
    const service = object as KubeObject as Service;
    const before = old as KubeObject as Service;
    keepAllocatedValues(service, before);
    normalizeClusterIPs(service, before);
    return allocate(allocation, call, service, before, dryRun);
  },
  async afterDelete(_call, old) {
    for (const ip of addressesOf(old as KubeObject as Service)) await allocation.addresses.release(ip);
  },
});
