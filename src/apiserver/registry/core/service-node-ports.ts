/** Node ports: which ones the services have, followed as they change (pkg/registry/core/service/portallocator). */
import type { KubeObject } from "../../../api/object.ts";
import type { Service } from "../../../api/types/core-v1.gen.ts";
import type { Random } from "../../../base/random.ts";
import type { Reader } from "../../../cache/cache.ts";

/** Both inclusive. */
export const defaultNodePorts = { first: 30000, last: 32767 };

export const portIsAllocated = "provided port is already allocated";

export interface NodePortOptions {
  reader: Reader;
  random: Random;
  /** Both inclusive. @default 30000 and 32767 */
  first?: number;
  last?: number;
}

export class NodePortAllocator {
  readonly #random: Random;
  readonly #first: number;
  readonly #last: number;
  readonly #byService = new Map<string, number[]>();
  readonly #used = new Map<number, number>();
  /** Taken by writes that are under way. */
  readonly #pending = new Set<number>();

  constructor({ reader, random, first = defaultNodePorts.first, last = defaultNodePorts.last }: NodePortOptions) {
    this.#random = random;
    this.#first = first;
    this.#last = last;
    const note = (namespace: string, name: string): void => {
      const service = reader.get<Service & KubeObject>("services", namespace, name);
      const key = `${namespace}/${name}`;
      for (const port of this.#byService.get(key) ?? []) this.#count(port, -1);
      const ports = service
        ? [
            ...new Set([
              ...(service.spec.ports ?? []).flatMap((p) => p.nodePort || []),
              ...(service.spec.healthCheckNodePort ? [service.spec.healthCheckNodePort] : []),
            ]),
          ]
        : [];
      if (ports.length) this.#byService.set(key, ports);
      else this.#byService.delete(key);
      for (const port of ports) this.#count(port, 1);
    };
    reader.onChange("services", note);
    for (const service of reader.list<Service & KubeObject>("services")) note(service.metadata.namespace ?? "", service.metadata.name);
  }
  #count(port: number, by: number): void {
    const now = (this.#used.get(port) ?? 0) + by;
    if (now > 0) this.#used.set(port, now);
    else this.#used.delete(port);
  }
  #free(port: number): boolean {
    return !this.#used.has(port) && !this.#pending.has(port);
  }

  /** Why not, or undefined. What is only tried may be out of the range, as upstream lets it. */
  take(port: number, dryRun: boolean): string | undefined {
    if (!dryRun && (port < this.#first || port > this.#last))
      return `provided port is not in the valid range. The range of valid ports is ${this.#first}-${this.#last}`;
    if (!this.#free(port)) return portIsAllocated;
    this.#pending.add(port);
    return undefined;
  }
  /** Undefined when all are taken. The lowest 86 are kept for those who ask for one, as upstream keeps them. */
  takeAny(): number | undefined {
    const size = this.#last - this.#first + 1;
    const reserved = size < 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 32)), 128);
    const upper = size - reserved;
    const start = this.#random.int(upper);
    for (let i = 0; i < size; i++) {
      const port = this.#first + (i < upper ? reserved + ((start + i) % upper) : i - upper);
      if (!this.#free(port)) continue;
      this.#pending.add(port);
      return port;
    }
    return undefined;
  }
  /** The write is over: the services tell what is used. */
  settle(ports: readonly number[]): void {
    for (const port of ports) this.#pending.delete(port);
  }
}
