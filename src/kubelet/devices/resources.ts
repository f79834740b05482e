/** What the plugins list, by resource (pkg/kubelet/cm/devicemanager). */
import type { Clock } from "../../base/clock.ts";
import { type Devices, nodesOfDevice } from "./placement.ts";
import type { Plugin } from "./plugin.ts";
import type { Device } from "./types.gen.ts";

/** Milliseconds for which the devices of a plugin that went still count: it may come back. */
const stopGrace = 5 * 60_000;

interface Resource {
  devices: Map<string, Device>;
  healthy: Set<string>;
  unhealthy: Set<string>;
  plugin?: Plugin;
  /** Monotonic, when the plugin went. */
  stoppedAt?: number;
}

export class Resources {
  readonly #clock: Clock;
  readonly #resources = new Map<string, Resource>();
  constructor(clock: Clock) {
    this.#clock = clock;
  }
  has(resource: string): boolean {
    return this.#resources.has(resource);
  }
  plugin(resource: string): Plugin | undefined {
    return this.#resources.get(resource)?.plugin;
  }
  devices(resource: string): Devices {
    return this.#resources.get(resource)?.devices ?? new Map();
  }
  /** Undefined: nobody has registered the resource. */
  healthy(resource: string): ReadonlySet<string> | undefined {
    return this.#resources.get(resource)?.healthy;
  }
  /** What was registered before the kubelet started: nothing of it is there until its plugin registers again. */
  expect(resource: string): void {
    this.#resources.set(resource, { devices: new Map(), healthy: new Set(), unhealthy: new Set(), stoppedAt: this.#clock.monotonic() });
  }
  connected(resource: string, plugin: Plugin): void {
    const known = this.#resources.get(resource);
    if (known) {
      known.plugin = plugin;
      known.stoppedAt = undefined;
    } else this.#resources.set(resource, { devices: new Map(), healthy: new Set(), unhealthy: new Set(), plugin });
  }
  /** Nothing happens when another plugin has taken its place. */
  disconnected(resource: string, plugin: Plugin): boolean {
    const known = this.#resources.get(resource);
    if (known?.plugin !== plugin) return false;
    for (const id of known.healthy) known.unhealthy.add(id);
    known.healthy = new Set();
    known.stoppedAt = this.#clock.monotonic();
    return true;
  }
  /** Gives the devices whose health changed, or that have come back. */
  list(resource: string, devices: readonly Device[]): string[] {
    const known = this.#resources.get(resource);
    if (!known) return [];
    const changed = devices.filter(({ ID, health }) => known.devices.get(ID)?.health !== health).map(({ ID }) => ID);
    known.devices = new Map(devices.map((device) => [device.ID, device]));
    known.healthy = new Set(devices.filter((d) => d.health === "Healthy").map((d) => d.ID));
    known.unhealthy = new Set(devices.filter((d) => d.health !== "Healthy").map((d) => d.ID));
    return changed;
  }
  /** Drops what has been without its plugin for too long, and gives its names. */
  expire(): string[] {
    const now = this.#clock.monotonic();
    const expired = [...this.#resources].filter(([, r]) => r.stoppedAt !== undefined && now - r.stoppedAt > stopGrace).map(([name]) => name);
    for (const name of expired) this.#resources.delete(name);
    return expired;
  }
  /** How many there are, and how many of them can be used. */
  counts(): { capacity: Record<string, string>; allocatable: Record<string, string> } {
    const entries = [...this.#resources];
    return {
      capacity: Object.fromEntries(entries.map(([name, r]) => [name, String(r.healthy.size + r.unhealthy.size)])),
      allocatable: Object.fromEntries(entries.map(([name, r]) => [name, String(r.healthy.size)])),
    };
  }
  registered(): Record<string, string[]> {
    return Object.fromEntries([...this.#resources].map(([name, r]) => [name, [...r.healthy]]));
  }
  /** Devices that can be used, with where they lie. */
  *usable(): Generator<{ resource: string; id: string; nodes: number[] }> {
    for (const [resource, { devices, healthy }] of this.#resources)
      for (const [id, device] of devices) if (healthy.has(id)) yield { resource, id, nodes: nodesOfDevice(device) };
  }
  plugins(): Plugin[] {
    return [...this.#resources.values()].flatMap(({ plugin }) => plugin ?? []);
  }
}
